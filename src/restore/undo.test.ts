import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { graphId, NEVER } from '../catalogue/testing/fixtures.ts'
import { REMOVE_ATTEMPTS_MAX } from './limits.ts'
import { drive, planned, replayed, undone, undoPlanned, wholeReport } from './testing/drive.ts'
import { BIN, change, type TargetMail } from './testing/scripted-mailbox.ts'
import { LAG_MS, makeWorld, SLICE_MS, sampleWorld, type World } from './testing/world.ts'

const INBOX = graphId('f-inbox')

/** Mails m1..m4: two in the inbox, which is there, two in folders that are gone. */
async function lostWorld(): Promise<World> {
  const world = await sampleWorld()
  world.mailbox.folders.push({ id: INBOX, name: 'Inbox', wellKnownName: 'inbox' })
  return world
}

async function restored(world: World) {
  const plan = await planned(world)
  const report = await replayed(world, plan)
  return { ...plan, report }
}

const made = (world: World, identity: string): TargetMail => {
  const mail = world.mailbox.mails.find((m) => m.identity === identity && m.mark !== '')
  assert.ok(mail, `the restore made ${identity}`)
  return mail
}

type Report = Awaited<ReturnType<typeof wholeReport>>
const outcome = (report: Report, name: string) => {
  const line = report.lines.find((each) => each.name === name)
  return line && [line.action, line.outcome, line.code]
}

describe('an undo', () => {
  it('removes what the restore made, items and then folders, and nothing else', async () => {
    const world = await lostWorld()
    const own: TargetMail = {
      id: graphId('own'),
      container: INBOX,
      identity: '<own>',
      mark: '',
      visibleAt: 0,
    }
    world.mailbox.mails.push(own)
    const restore = await restored(world)
    const plan = await undoPlanned(world, restore.job)
    const { remove, left, gone, folders } = plan.report.undoTotals ?? assert.fail('it is planned')
    assert.deepEqual([remove, left, gone, folders], [4, 0, 0, 2])
    assert.equal(world.mailbox.mails.length, 5, 'a plan removes nothing')
    const report = await undone(world, plan)
    assert.equal(report.state, 'done')
    assert.deepEqual([report.counts.removed, report.counts.foldersRemoved], [4, 2])
    assert.deepEqual(world.mailbox.mails, [own])
    assert.deepEqual(
      world.mailbox.folders.map((f) => f.name),
      ['Inbox'],
    )
  })

  it('leaves what was edited since, and the folder in which it stands', async () => {
    const world = await lostWorld()
    const restore = await restored(world)
    change(made(world, '<m4>'), { text: 'edited' })
    const plan = await undoPlanned(world, restore.job)
    assert.deepEqual(outcome(plan.report, 'Subject of m4'), ['leave', 'left', 'EditedSince'])
    const report = await undone(world, plan)
    assert.deepEqual([report.counts.removed, report.counts.left], [3, 1])
    assert.deepEqual(
      world.mailbox.mails.map((m) => m.identity),
      ['<m4>'],
    )
    assert.deepEqual(outcome(report, 'Alpha'), ['remove', 'left', 'FolderNotEmpty'])
    assert.deepEqual(outcome(report, 'Projects'), ['remove', 'left', 'FolderNotEmpty'])
  })

  it('leaves what is edited between its plan and its call', async () => {
    const world = await lostWorld()
    const restore = await restored(world)
    const plan = await undoPlanned(world, restore.job)
    change(made(world, '<m1>'), { text: 'edited' })
    const report = await undone(world, plan)
    assert.deepEqual(outcome(report, 'Subject of m1'), ['remove', 'left', 'EditedSince'])
    assert.deepEqual(
      world.mailbox.mails.map((m) => m.identity),
      ['<m1>'],
    )
  })

  it('takes a read or a flag for no edit', async () => {
    const world = await lostWorld()
    const restore = await restored(world)
    change(made(world, '<m1>'), { flags: 'flagged' })
    // A change key that nothing explains hides no content where there are no attachments.
    change(made(world, '<m2>'), {})
    const report = await undone(world, await undoPlanned(world, restore.job))
    assert.equal(report.counts.removed, 4)
  })

  it('leaves what has attachments and a new change key that no field explains', async () => {
    const world = await lostWorld()
    const restore = await restored(world)
    change(made(world, '<m1>'), { attached: true })
    const report = await undone(world, await undoPlanned(world, restore.job))
    assert.deepEqual(outcome(report, 'Subject of m1'), ['leave', 'left', 'EditedSince'])
  })

  it('leaves what was moved, and counts as gone what was thrown away', async () => {
    const world = await lostWorld()
    world.mailbox.folders.push({ id: graphId('kept'), name: 'Kept' })
    const restore = await restored(world)
    change(made(world, '<m1>'), { container: graphId('kept') })
    change(made(world, '<m2>'), { container: BIN })
    const at = world.mailbox.mails.indexOf(made(world, '<m3>'))
    world.mailbox.mails.splice(at, 1)
    const report = await undone(world, await undoPlanned(world, restore.job))
    assert.deepEqual(outcome(report, 'Subject of m1'), ['leave', 'left', 'MovedSince'])
    assert.deepEqual(outcome(report, 'Subject of m2'), ['leave', 'gone', 'AlreadyGone'])
    assert.deepEqual(outcome(report, 'Subject of m3'), ['leave', 'gone', 'AlreadyGone'])
    const { removed, left, gone } = report.counts
    assert.deepEqual([removed, left, gone], [1, 1, 2])
  })

  it('never touches what the restore skipped or found there', async () => {
    const world = await lostWorld()
    const edited = {
      id: graphId('m1'),
      container: INBOX,
      identity: '<m1>',
      text: 'x',
      mark: '',
      visibleAt: 0,
    }
    const same = { id: graphId('m2'), container: INBOX, identity: '<m2>', mark: '', visibleAt: 0 }
    world.mailbox.mails.push(edited, same)
    const restore = await restored(world)
    assert.deepEqual([restore.report.counts.skipped, restore.report.counts.alreadyThere], [1, 1])
    const report = await undone(world, await undoPlanned(world, restore.job))
    assert.equal(report.counts.removed, 2)
    assert.deepEqual(world.mailbox.mails, [edited, same])
  })

  it('leaves a folder that somebody renamed, moved, or put something in', async () => {
    const world = await lostWorld()
    const restore = await restored(world)
    const folder = (name: string) => {
      const found = world.mailbox.folders.find((f) => f.name === name)
      return found ?? assert.fail(name)
    }
    const own: TargetMail = {
      id: graphId('own'),
      container: folder('Alpha').id,
      identity: '<own>',
      mark: '',
      visibleAt: 0,
    }
    world.mailbox.mails.push(own)
    folder('Projects').name = 'Our projects'
    const report = await undone(world, await undoPlanned(world, restore.job))
    assert.deepEqual(outcome(report, 'Alpha'), ['remove', 'left', 'FolderNotEmpty'])
    assert.deepEqual(outcome(report, 'Projects'), ['remove', 'left', 'FolderChanged'])
    assert.equal(report.counts.foldersLeft, 2)
    assert.deepEqual(world.mailbox.mails, [own])
  })

  it('says what the service refused, and goes on with the others', async () => {
    const world = await lostWorld()
    const restore = await restored(world)
    const plan = await undoPlanned(world, restore.job)
    world.mailbox.removals.push('denied')
    const report = await undone(world, plan)
    assert.deepEqual([report.counts.refused, report.counts.removed], [1, 3])
    assert.equal(report.lines.find((l) => l.outcome === 'refused')?.code, 'AccessDenied')
  })
})

describe('what an undo removes without facts of a read-back', () => {
  /** The only mail of the inbox, whose create lost its answer; the restore never found out. */
  async function unknown(): Promise<{ world: World; job: string; mail: TargetMail }> {
    const world = await makeWorld()
    await world.commit([
      world.folder({ id: 'f-inbox', name: 'Inbox' }),
      world.mail('m1', 'f-inbox'),
    ])
    world.mailbox.folders.push({ id: INBOX, name: 'Inbox' })
    const plan = await planned(world)
    world.mailbox.creates.push('applied-lost')
    await plan.restore.start(plan.job, undefined, 'operator', NEVER)
    await plan.restore.step(plan.job, { deadline: world.clock.now() + SLICE_MS }, NEVER)
    const end = (now: { state: string }) => ({ ...now, state: 'failed' as const })
    await world.catalogue.jobs.update(plan.job, (now) => end(now) as typeof now, NEVER)
    return { world, job: plan.job, mail: made(world, '<m1>') }
  }

  it('is found by its mark, once a search can show it', async () => {
    const { world, job } = await unknown()
    const restore = world.restore()
    const undo = await restore.undo(job, 'operator', NEVER)
    const first = await restore.step(undo.id, { deadline: world.clock.now() + SLICE_MS }, NEVER)
    assert.deepEqual(first, { state: 'wait', waitMs: LAG_MS, code: 'AnswerLost' })
    world.clock.advance(LAG_MS)
    const plan = await undoPlanned(world, job)
    assert.equal(plan.job, undo.id)
    const report = await undone(world, plan)
    assert.deepEqual([report.counts.removed, world.mailbox.mails.length], [1, 0])
  })

  it('is left if it is not, byte for byte, what was restored', async () => {
    const { world, job, mail } = await unknown()
    change(mail, { text: 'edited' })
    const report = await undone(world, await undoPlanned(world, job))
    assert.deepEqual(outcome(report, 'Subject of m1'), ['leave', 'left', 'NotAsRestored'])
    assert.equal(world.mailbox.mails.length, 1)
  })

  it('is told as gone where nothing carries the mark', async () => {
    const { world, job } = await unknown()
    world.mailbox.mails.length = 0
    const report = await undone(world, await undoPlanned(world, job))
    assert.deepEqual(outcome(report, 'Subject of m1'), ['leave', 'gone', 'NotFound'])
  })

  it('is every double of a send, too', async () => {
    const world = await makeWorld()
    await world.commit([
      world.folder({ id: 'f-inbox', name: 'Inbox' }),
      world.mail('m1', 'f-inbox'),
    ])
    world.mailbox.folders.push({ id: INBOX, name: 'Inbox' })
    const plan = await planned(world)
    world.mailbox.creates.push('lost')
    await replayed(world, plan)
    const first = made(world, '<m1>')
    // A send that shows up a day later.
    world.mailbox.mails.push({ ...first, id: graphId('late') })
    const report = await undone(world, await undoPlanned(world, plan.job))
    assert.deepEqual([report.counts.removed, world.mailbox.mails.length], [1, 0])
  })
})

describe('a removal whose answer is lost', () => {
  async function one(): Promise<{ world: World; job: string }> {
    const world = await makeWorld()
    await world.commit([
      world.folder({ id: 'f-inbox', name: 'Inbox' }),
      world.mail('m1', 'f-inbox'),
    ])
    world.mailbox.folders.push({ id: INBOX, name: 'Inbox' })
    return { world, job: (await restored(world)).job }
  }

  it('was done if the item is gone', async () => {
    const { world, job } = await one()
    world.mailbox.removals.push('applied-down')
    const report = await undone(world, await undoPlanned(world, job))
    assert.deepEqual(outcome(report, 'Subject of m1'), ['remove', 'removed', undefined])
  })

  it('keeps the folder open until it is known what became of the item', async () => {
    const world = await makeWorld()
    await world.commit([world.folder({ id: 'f-gone', name: 'Gone' }), world.mail('m1', 'f-gone')])
    const plan = await undoPlanned(world, (await restored(world)).job)
    world.mailbox.removals.push('down')
    const report = await undone(world, plan)
    assert.deepEqual([report.counts.removed, report.counts.foldersRemoved], [1, 1])
    assert.deepEqual(world.mailbox.folders, [])
  })

  it('is sent again while the item is as it was, and not for ever', async () => {
    const { world, job } = await one()
    world.mailbox.removals.push('down', 'throttled', 'down')
    const again = await undone(world, await undoPlanned(world, job))
    assert.equal(again.counts.removed, 1)
    const other = await one()
    const never = Array.from({ length: 20 }, () => 'down' as const)
    other.world.mailbox.removals.push(...never)
    const report = await undone(other.world, await undoPlanned(other.world, other.job))
    assert.deepEqual(outcome(report, 'Subject of m1'), ['remove', 'refused', 'RemovalUnanswered'])
    assert.equal(other.world.mailbox.removals.length, never.length - REMOVE_ATTEMPTS_MAX)
  })

  it('is not sent again where somebody edited the item meanwhile', async () => {
    const { world, job } = await one()
    const plan = await undoPlanned(world, job)
    world.mailbox.removals.push('down')
    world.mailbox.onRemove = () => Promise.resolve(change(made(world, '<m1>'), { text: 'edited' }))
    const report = await undone(world, plan)
    assert.deepEqual(outcome(report, 'Subject of m1'), ['remove', 'left', 'EditedSince'])
    assert.equal(world.mailbox.mails.length, 1)
  })
})

describe('asking for an undo', () => {
  it('is refused while the restore has not ended, and for an undo', async () => {
    const world = await lostWorld()
    const plan = await planned(world)
    const { restore, job } = plan
    const ask = (id: string) => restore.undo(id, 'operator', NEVER)
    await assert.rejects(ask(job), { code: 'RestoreNotEnded' })
    await restore.start(job, undefined, 'operator', NEVER)
    await assert.rejects(ask(job), { code: 'RestoreNotEnded' })
    await drive(world, restore, job)
    const undo = await ask(job)
    await assert.rejects(ask(undo.id), { code: 'UndoOfUndo' })
    await assert.rejects(ask('nothing'), { code: 'JobUnknown' })
  })

  it('is refused while a step of the ended restore may still send', async () => {
    const world = await lostWorld()
    const { restore, job } = await planned(world)
    await restore.start(job, undefined, 'operator', NEVER)
    let asked: Promise<unknown> | undefined
    world.mailbox.onCreate = async () => {
      await world.catalogue.jobs.update(job, (now) => ({ ...now, state: 'failed' }), NEVER)
      asked ??= assert.rejects(restore.undo(job, 'x', NEVER), { code: 'RestoreNotEnded' })
      await asked
    }
    await restore.step(job, { deadline: world.clock.now() + SLICE_MS }, NEVER)
    assert.ok(asked)
  })

  it('twice gives one job, and after its end another one, which finds nothing to do', async () => {
    const world = await lostWorld()
    const { job, restore } = await restored(world)
    const both = await Promise.all([1, 2].map(() => restore.undo(job, 'operator', NEVER)))
    assert.equal(both[0]?.id, both[1]?.id)
    const first = await undone(world, await undoPlanned(world, job))
    assert.equal(first.counts.removed, 4)
    const again = await undoPlanned(world, job)
    assert.notEqual(again.job, first.id)
    const report = await undone(world, again)
    assert.deepEqual([report.counts.removed, report.counts.gone], [0, 4])
    assert.equal(world.mailbox.removed.length, 4 + 2)
  })

  it('undoes the part that a cancelled restore made', async () => {
    const world = await lostWorld()
    const { job, restore } = await planned(world)
    await restore.start(job, undefined, 'operator', NEVER)
    world.mailbox.onCreate = async () => {
      await restore.cancel(job, NEVER)
      world.clock.advance(11_000)
    }
    await drive(world, restore, job)
    const begun = world.mailbox.mails.length
    assert.ok(begun > 0 && begun < 4)
    const report = await undone(world, await undoPlanned(world, job))
    assert.deepEqual([report.counts.removed, world.mailbox.mails.length], [begun, 0])
  })

  it('gives a plan that is bound by its hash', async () => {
    const world = await lostWorld()
    const { job, report, restore } = await undoPlanned(world, (await restored(world)).job)
    await assert.rejects(restore.start(job, 'f'.repeat(64), 'x', NEVER), { code: 'PlanChanged' })
    const { slots } = world.catalogue
    const slot = await slots.get(job, 0, NEVER)
    assert.ok(slot)
    const forged = { ...slot, body: slot.body.replaceAll(/"item":"[^"]+"/g, '"item":"other"') }
    assert.notEqual(forged.body, slot.body)
    await slots.replace(job, forged, slot.etag, NEVER)
    await assert.rejects(restore.start(job, report.planHash, 'x', NEVER), { code: 'PlanChanged' })
  })

  it('may be cancelled: what was removed is told, the rest stays', async () => {
    const world = await lostWorld()
    const { job, restore } = await undoPlanned(world, (await restored(world)).job)
    await restore.start(job, undefined, 'operator', NEVER)
    world.mailbox.onRemove = async () => {
      await restore.cancel(job, NEVER)
      world.clock.advance(11_000)
    }
    await drive(world, restore, job)
    const report = await wholeReport(restore, job)
    assert.equal(report.state, 'cancelled')
    assert.equal(report.counts.removed, 4 - world.mailbox.mails.length)
    assert.equal(report.counts.pending, world.mailbox.mails.length)
    assert.ok(report.counts.pending > 0)
    assert.equal(world.mailbox.folders.length, 3, 'folders are left to the end')
  })
})
