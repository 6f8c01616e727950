import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { graphId, NEVER, OWNER } from '../catalogue/testing/fixtures.ts'
import { AppError } from '../model/errors.ts'
import { keyHash } from '../model/ids.ts'
import type { CheckOutcome } from '../workloads/workload.ts'
import type { StepOutcome } from './index.ts'
import { decodePlan } from './job-document.ts'
import { CREATE_ATTEMPTS_MAX, JOB_LIFE_MS, LOST_STEPS_MAX } from './limits.ts'
import { drive, planned, replayed, STEPS_MAX, wholeReport } from './testing/drive.ts'
import { Process, ProcessDied } from './testing/process.ts'
import { newId, trouble } from './testing/scripted-mailbox.ts'
import { LAG_MS, LEASE_MARGIN_MS, makeWorld, SLICE_MS, type World } from './testing/world.ts'

const INBOX = graphId('f-inbox')
const OWNER_STREAM = [OWNER, 'mail'] as const

/** An inbox whose `count` mails are held and gone from the target. */
async function emptied(count: number): Promise<World> {
  const world = await makeWorld()
  const mails = Array.from({ length: count }, (_, n) => world.mail(`m${n}`, 'f-inbox'))
  await world.commit([world.folder({ id: 'f-inbox', name: 'Inbox' }), ...mails])
  world.mailbox.folders.push({ id: INBOX, name: 'Inbox' })
  return world
}

async function started(world: World) {
  const plan = await planned(world)
  await plan.restore.start(plan.job, plan.report.planHash, 'operator', NEVER)
  return plan
}

const step = (world: World, plan: Awaited<ReturnType<typeof started>>) =>
  plan.restore.step(plan.job, { deadline: world.clock.now() + SLICE_MS }, NEVER)

const items = (report: Awaited<ReturnType<typeof wholeReport>>) =>
  report.lines.filter((line) => line.kind === 'item')

describe('the replay of a slot', () => {
  it('creates once, reads back, and says what the check found', async () => {
    const world = await emptied(3)
    const answers: CheckOutcome[] = [
      { outcome: 'verified' },
      { outcome: 'differs', fields: ['subject'] },
      { outcome: 'could-not-check', code: 'ItemGone' },
    ]
    const byId = new Map<string, CheckOutcome>()
    world.mailbox.check = (id) => {
      const answer = byId.get(id) ?? answers[byId.size] ?? { outcome: 'verified' }
      byId.set(id, answer)
      return answer
    }
    const report = await replayed(world, await planned(world))
    assert.equal(world.mailbox.mails.length, 3)
    const { restored, verified, differs, couldNotCheck } = report.counts
    assert.deepEqual([restored, verified, differs, couldNotCheck], [3, 1, 1, 1])
    assert.deepEqual(items(report).find((l) => l.check === 'differs')?.fields, ['subject'])
    assert.ok(items(report).every((l) => l.newId !== undefined))
  })

  it('examines a lost create only after the lag, and keeps what it finds', async () => {
    const world = await emptied(1)
    world.mailbox.creates.push('applied-lost')
    world.mailbox.delaysMs.push(LAG_MS)
    const plan = await started(world)
    const outcome = await step(world, plan)
    assert.deepEqual(outcome, { state: 'wait', waitMs: LAG_MS, code: 'AnswerLost' })
    world.clock.advance(LAG_MS - 1)
    assert.equal((await step(world, plan)).state, 'wait')
    world.clock.advance(1)
    assert.deepEqual(await step(world, plan), { state: 'done' })
    assert.equal(world.mailbox.sent.length, 1)
    assert.equal(world.mailbox.mails.length, 1)
  })

  it('looks for doubles of a repeated create a lag after its answer, not after the slice', async () => {
    const world = await emptied(1)
    world.mailbox.creates.push('lost')
    const plan = await started(world)
    const first = await step(world, plan)
    assert.deepEqual(first, { state: 'wait', waitMs: LAG_MS, code: 'AnswerLost' })
    world.clock.advance(LAG_MS)
    const again = await step(world, plan)
    assert.deepEqual(again, { state: 'wait', waitMs: LAG_MS, code: 'AnswerLost' })
    world.clock.advance(LAG_MS)
    assert.deepEqual(await step(world, plan), { state: 'done' })
    assert.equal(world.mailbox.mails.length, 1)
  })

  it('counts the lag of a vanished step from its last possible send', async () => {
    const world = await emptied(1)
    // Sent late in its slice, and visible only after another step may have taken over.
    world.mailbox.delaysMs.push(SLICE_MS + LEASE_MARGIN_MS + 30_000)
    const plan = await started(world)
    const process = new Process()
    world.mailbox.onCreate = () => Promise.resolve(process.kill())
    const deadline = world.clock.now() + SLICE_MS
    const dying = world.restore(process).step(plan.job, { deadline }, NEVER)
    await assert.rejects(dying, ProcessDied)
    world.clock.advance(SLICE_MS + LEASE_MARGIN_MS)
    assert.equal((await step(world, plan)).state, 'wait')
    await drive(world, plan.restore, plan.job)
    assert.equal(world.mailbox.sent.length, 1)
    assert.equal(world.mailbox.mails.length, 1)
  })

  it('checks again after the lag what was not visible yet', async () => {
    const world = await emptied(1)
    world.mailbox.delaysMs.push(1_000)
    const report = await replayed(world, await planned(world))
    assert.equal(report.counts.verified, 1)
  })

  it('stops where another one wrote its slot', async () => {
    const world = await emptied(1)
    const plan = await started(world)
    const { slots } = world.catalogue
    world.mailbox.onCreate = async () => {
      const slot = await slots.get(plan.job, 1, NEVER)
      assert.ok(slot)
      await slots.replace(plan.job, slot, slot.etag, NEVER)
    }
    const outcome = await step(world, plan)
    assert.deepEqual([outcome.state, 'code' in outcome && outcome.code], ['wait', 'SlotTaken'])
    assert.equal((await slots.get(plan.job, 1, NEVER))?.state, 'doing')
    await drive(world, plan.restore, plan.job)
    assert.equal(world.mailbox.mails.length, 1)
  })

  it('sends again under the same mark what was lost before it was made', async () => {
    const world = await emptied(1)
    world.mailbox.creates.push('lost')
    const report = await replayed(world, await planned(world))
    assert.equal(world.mailbox.sent.length, 2)
    assert.equal(new Set(world.mailbox.sent.map((s) => s.mark)).size, 1)
    assert.equal(world.mailbox.mails.length, 1)
    assert.equal(report.counts.restored, 1)
  })

  it('gives up after so many lost answers, and nothing was made', async () => {
    const world = await emptied(1)
    world.mailbox.creates.push(...Array.from({ length: 20 }, () => 'lost' as const))
    const report = await replayed(world, await planned(world))
    assert.equal(world.mailbox.sent.length, CREATE_ATTEMPTS_MAX)
    assert.equal(items(report)[0]?.outcome, 'failed')
    assert.equal(items(report)[0]?.code, 'CreateUnanswered')
  })

  it('keeps one and removes the others where the service made several', async () => {
    const world = await emptied(1)
    world.mailbox.creates.push('applied-lost')
    world.mailbox.onCreate = () => {
      const [made] = world.mailbox.mails
      if (made) world.mailbox.mails.push({ ...made, id: newId('double') })
      return Promise.resolve()
    }
    const report = await replayed(world, await planned(world))
    assert.equal(world.mailbox.mails.length, 1)
    assert.equal(items(report)[0]?.doubles, 1)
    assert.equal(report.counts.doubles, 1)
  })

  it('removes a first send that shows up later than the lag, after the second', async () => {
    const world = await emptied(1)
    world.mailbox.creates.push('applied-lost')
    world.mailbox.delaysMs.push(LAG_MS + 60_000)
    const report = await replayed(world, await planned(world))
    assert.equal(world.mailbox.sent.length, 2)
    assert.equal(world.mailbox.mails.length, 1)
    assert.equal(items(report)[0]?.newId, world.mailbox.mails[0]?.id)
    assert.equal(items(report)[0]?.doubles, 1)
  })

  it('ends as unknown where the search cannot tell, and creates nothing again', async () => {
    const world = await emptied(1)
    world.mailbox.creates.push('lost')
    world.mailbox.failures.set('find', [trouble('AccessDenied', 'denied')])
    const report = await replayed(world, await planned(world))
    assert.equal(items(report)[0]?.outcome, 'unknown')
    assert.equal(items(report)[0]?.code, 'AccessDenied')
    assert.equal(world.mailbox.sent.length, 1)
  })

  it('tells item by item what is refused, what is damaged and what was made', async () => {
    const world = await emptied(3)
    world.mailbox.creates.push('refused')
    const plan = await started(world)
    const rows = await world.catalogue.stream(...OWNER_STREAM).item(keyHash('m2'), 1, NEVER)
    world.damaged.add(rows?.representations[0]?.sha256 ?? '')
    await drive(world, plan.restore, plan.job)
    const report = await wholeReport(plan.restore, plan.job)
    const { restored, refused, failed, pending } = report.counts
    assert.deepEqual([restored, refused, failed, pending], [1, 1, 1, 0])
    assert.deepEqual(
      items(report)
        .flatMap((l) => l.code ?? [])
        .sort(),
      ['SegmentDamaged', 'needs-exact-lane'],
    )
  })

  it('never reads a damaged version into a send', async () => {
    const world = await emptied(1)
    const held = await world.catalogue.stream(...OWNER_STREAM).item(keyHash('m0'), 1, NEVER)
    const plan = await started(world)
    world.damaged.add(held?.representations[0]?.sha256 ?? '')
    await drive(world, plan.restore, plan.job)
    assert.equal(world.mailbox.sent.length, 0)
  })
})

describe('a step', () => {
  it('waits for the mailbox and puts nothing into slots', async () => {
    const world = await emptied(2)
    world.mailbox.creates.push('throttled', 'throttled')
    const plan = await started(world)
    const told = () => plan.restore.report(plan.job, { max: 9 }, NEVER)
    assert.deepEqual(await step(world, plan), { state: 'wait', waitMs: 5_000, code: 'Throttled' })
    const { counts, trouble, nextAt } = await told()
    assert.deepEqual([counts.pending, trouble], [2, 'Throttled'])
    assert.equal(Date.parse(nextAt ?? '') - world.clock.now(), 5_000, 'it says when it goes on')
    world.clock.advance(5_000)
    assert.deepEqual(await step(world, plan), { state: 'done' })
    const after = await told()
    assert.deepEqual([after.trouble, after.nextAt], ['', undefined])
    assert.equal(world.mailbox.mails.length, 2)
  })

  it('sends nothing after its deadline, and goes on in the next', async () => {
    const world = await emptied(6)
    const deadlines: number[] = []
    world.mailbox.onCreate = () => {
      world.clock.advance(SLICE_MS * 0.4)
      return Promise.resolve()
    }
    const plan = await started(world)
    let outcome: StepOutcome | undefined
    while (outcome?.state !== 'done') {
      assert.ok(deadlines.length < STEPS_MAX, 'the job never came to its end')
      deadlines.push(world.clock.now() + SLICE_MS)
      const { length } = world.mailbox.sent
      outcome = await step(world, plan)
      const sent = world.mailbox.sent.slice(length)
      assert.ok(sent.every((s) => s.at < (deadlines.at(-1) ?? 0)))
      if (outcome.state === 'wait') world.clock.advance(outcome.waitMs)
    }
    assert.ok(deadlines.length > 1)
    assert.equal(world.mailbox.mails.length, 6)
  })

  it('lets only one of two work, and the other waits', async () => {
    const world = await emptied(4)
    const plan = await started(world)
    const outcomes = await Promise.all([step(world, plan), step(world, plan)])
    assert.deepEqual(outcomes.map((o) => o.state).sort(), ['done', 'wait'])
    assert.equal(world.mailbox.sent.length, 4)
  })

  it('takes over from one that vanished only after its lease', async () => {
    const world = await emptied(1)
    const plan = await started(world)
    const dying = world.restore(new Process(30))
    const deadline = world.clock.now() + SLICE_MS
    await assert.rejects(dying.step(plan.job, { deadline }, NEVER), ProcessDied)
    assert.equal((await step(world, plan)).state, 'wait')
    world.clock.advance(SLICE_MS + LEASE_MARGIN_MS)
    assert.notEqual((await step(world, plan)).state, 'failed')
    await drive(world, plan.restore, plan.job)
    assert.equal(world.mailbox.mails.length, 1)
  })

  it('cancels: sends nothing more, and finds out what became of what was sent', async () => {
    const world = await emptied(5)
    world.mailbox.creates.push('applied-lost')
    const plan = await started(world)
    world.mailbox.onCreate = async () => {
      await plan.restore.cancel(plan.job, NEVER)
      const { state, cancelling } = await plan.restore.report(plan.job, { max: 1 }, NEVER)
      assert.deepEqual(
        [state, cancelling],
        ['running', true],
        'whoever cancelled sees that it counts',
      )
      world.clock.advance(11_000)
    }
    await drive(world, plan.restore, plan.job)
    const report = await wholeReport(plan.restore, plan.job)
    assert.deepEqual([report.state, report.cancelling], ['cancelled', undefined])
    assert.equal(report.counts.restored, world.mailbox.mails.length)
    assert.ok(report.counts.pending > 0)
    assert.equal(report.counts.restored + report.counts.pending, 5)
  })

  it('ends a job that takes too long, and tells each slot as it stands', async () => {
    const world = await emptied(2)
    world.mailbox.creates.push('applied-lost')
    const plan = await started(world)
    await step(world, plan)
    world.clock.advance(JOB_LIFE_MS + 1)
    assert.deepEqual(await step(world, plan), { state: 'failed', code: 'RestoreOutOfTime' })
    const report = await wholeReport(plan.restore, plan.job)
    assert.deepEqual([report.counts.unknown, report.counts.restored], [1, 1])
  })

  it('throws a bug, and ends a job whose steps never answer', async () => {
    const world = await emptied(1)
    const plan = await started(world)
    world.mailbox.check = () => {
      throw new AppError({ code: 'Odd', kind: 'bug', message: 'A defect.' })
    }
    for (let n = 0; n < LOST_STEPS_MAX; n += 1) {
      await assert.rejects(step(world, plan), { code: 'Odd' })
      world.clock.advance(SLICE_MS + LEASE_MARGIN_MS)
    }
    assert.deepEqual(await step(world, plan), { state: 'failed', code: 'RestorePoisoned' })
    const report = await wholeReport(plan.restore, plan.job)
    assert.deepEqual([report.counts.restored, report.counts.couldNotCheck], [1, 1])
  })

  it('fails the items of a folder that cannot be made', async () => {
    const world = await emptied(2)
    world.mailbox.folders.length = 0
    const plan = await started(world)
    world.mailbox.failures.set('createContainer', [trouble('AccessDenied', 'denied')])
    await drive(world, plan.restore, plan.job)
    const report = await wholeReport(plan.restore, plan.job)
    assert.deepEqual([report.counts.foldersFailed, report.counts.failed], [1, 2])
    assert.ok(items(report).every((l) => l.code === 'FolderNotMade'))
  })

  it('takes the folder that is there where making one lost its answer', async () => {
    const world = await emptied(1)
    world.mailbox.folders.length = 0
    const plan = await started(world)
    world.mailbox.failures.set('createContainer', [trouble('AnswerLost', 'transient')])
    world.mailbox.folders.push({ id: newId('came'), name: 'Inbox' })
    await drive(world, plan.restore, plan.job)
    assert.equal(world.mailbox.folders.length, 1)
    assert.equal(world.mailbox.mails[0]?.container, newId('came'))
  })

  it('gives its lease back', async () => {
    const world = await emptied(1)
    const plan = await started(world)
    await step(world, plan)
    const job = await world.catalogue.jobs.get(plan.job, NEVER)
    assert.ok(job)
    assert.equal(decodePlan(job).lease, undefined)
    assert.equal(decodePlan(job).lostSteps, 0)
    // The attempt belongs to those who start orchestrations: it names the instance.
    assert.equal(job.attempt, 0)
  })
})
