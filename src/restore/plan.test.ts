import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { graphId, NEVER, placeOf } from '../catalogue/testing/fixtures.ts'
import { keyHash } from '../model/ids.ts'
import type { TargetContainer } from '../workloads/workload.ts'
import type { RestoreReport } from './index.ts'
import { SLOT_PAGE } from './limits.ts'
import { drive, ORIGINAL, planned, replayed } from './testing/drive.ts'
import { newId, trouble } from './testing/scripted-mailbox.ts'
import { makeWorld, OTHER, SLICE_MS, sampleWorld, type World } from './testing/world.ts'

const target = (
  id: string,
  name: string,
  more: Partial<TargetContainer> = {},
): TargetContainer => ({
  id: graphId(id),
  name,
  ...more,
})
const INBOX = target('f-inbox', 'Inbox', { wellKnownName: 'inbox' })

const madeFolders = (report: RestoreReport) =>
  report.lines.filter((l) => l.kind === 'folder').map((l) => l.name)
const itemsIn = (report: RestoreReport, container: string) =>
  report.lines.filter((l) => l.container === container).map((l) => l.name)
/** Where each mail stands in the target, by the path of its folder. */
function standing(world: World): string[] {
  const path = (id: string | undefined): string => {
    const folder = world.mailbox.folders.find((f) => f.id === id)
    return folder ? `${path(folder.parent)}/${folder.name}` : ''
  }
  return world.mailbox.mails.map((m) => `${path(m.container)} ${m.identity}`).sort()
}

describe('a plan for the original place', () => {
  it('makes deleted folders anew, parents first, with their items', async () => {
    const world = await sampleWorld()
    world.mailbox.folders.push(INBOX)
    const plan = await planned(world, {
      selection: { containers: [keyHash('f-alpha'), 'f-projects'] },
    })
    assert.deepEqual(madeFolders(plan.report), ['Projects', 'Alpha'])
    assert.equal(plan.report.totals.items, 2)
    assert.equal(plan.report.totals.folders, 2)
    await replayed(world, plan)
    assert.deepEqual(standing(world), ['/Projects <m3>', '/Projects/Alpha <m4>'])
  })

  it('follows a folder that was renamed and moved since', async () => {
    const world = await sampleWorld()
    const moved = target('f-alpha', 'Beta', { parent: INBOX.id })
    world.mailbox.folders.push(INBOX, moved)
    const plan = await planned(world, { selection: { containers: ['f-alpha'] } })
    assert.deepEqual(madeFolders(plan.report), [])
    await replayed(world, plan)
    assert.deepEqual(standing(world), ['/Inbox/Beta <m4>'])
  })

  it('takes a folder of the same name and parent where the old one is gone', async () => {
    const world = await sampleWorld()
    world.mailbox.folders.push(INBOX, target('n-projects', 'PROJECTS'))
    const plan = await planned(world, { selection: { containers: ['f-projects'] } })
    assert.deepEqual(madeFolders(plan.report), ['Alpha'])
    await replayed(world, plan)
    assert.deepEqual(standing(world), ['/PROJECTS <m3>', '/PROJECTS/Alpha <m4>'])
  })

  it('never merges two held folders of one name', async () => {
    const world = await makeWorld()
    await world.commit([
      world.folder({ id: 'f-a', name: 'Bills' }),
      world.folder({ id: 'f-b', name: 'Bills' }),
      world.folder({ id: 'f-c', name: 'bills' }),
      world.mail('a', 'f-a'),
      world.mail('b', 'f-b'),
      world.mail('c', 'f-c'),
    ])
    world.mailbox.folders.push(target('f-b', 'Bills'))
    await replayed(world, await planned(world))
    const folders = standing(world).map((line) => line.split(' <')[0]?.toLowerCase())
    assert.equal(new Set(folders).size, 3)
    assert.ok(standing(world).includes('/Bills <b>'))
  })

  it('restores an item where it stood at that time, not where it was moved later', async () => {
    const world = await makeWorld()
    const mail = world.mail('m1', 'f-a')
    const folders = [world.folder({ id: 'f-a', name: 'A' }), world.folder({ id: 'f-b', name: 'B' })]
    const before = await world.commit([...folders, mail])
    const moved = { ...mail, why: 'moved', place: { ...mail.place, container: graphId('f-b') } }
    await world.commit([{ ...moved, why: 'moved', leaves: placeOf(mail, before) }])
    world.mailbox.folders.push(target('f-a', 'A'), target('f-b', 'B'))
    const then = await planned(world, {
      at: { seq: before },
      selection: { items: [keyHash('m1')] },
    })
    assert.deepEqual(itemsIn(then.report, 'A'), ['Subject of m1'])
    const now = await planned(world, { selection: { items: [keyHash('m1')] } })
    assert.deepEqual(itemsIn(now.report, 'B'), ['Subject of m1'])
  })

  it('does not make folders that hold nothing of ours', async () => {
    const world = await makeWorld()
    await world.commit([
      world.folder({ id: 'f-search', name: 'Unread', excluded: 'search-folder' }),
      world.folder({ id: 'f-a', name: 'A' }),
    ])
    const { report } = await planned(world)
    assert.deepEqual(madeFolders(report), ['A'])
  })
})

describe('a plan for another place', () => {
  const elsewhere = { kind: 'resource', resource: keyHash(OTHER) }

  it('maps fixed names to fixed names and the rest by path', async () => {
    const world = await sampleWorld()
    world.mailbox.folders.push(target('o-in', 'Posteingang', { wellKnownName: 'inbox' }))
    await replayed(world, await planned(world, { destination: elsewhere }))
    assert.deepEqual(standing(world), [
      '/Posteingang <m1>',
      '/Posteingang <m2>',
      '/Projects <m3>',
      '/Projects/Alpha <m4>',
    ])
  })

  it('puts everything below the folder that was named', async () => {
    const world = await sampleWorld()
    world.mailbox.folders.push(target('o-in', 'Posteingang', { wellKnownName: 'inbox' }))
    const destination = { ...elsewhere, folder: 'From Adele' }
    await replayed(world, await planned(world, { destination }))
    assert.deepEqual(standing(world), [
      '/From Adele/Inbox <m1>',
      '/From Adele/Inbox <m2>',
      '/From Adele/Projects <m3>',
      '/From Adele/Projects/Alpha <m4>',
    ])
  })

  it('finds again what it made of folders of one name, so that nothing is restored twice', async () => {
    const world = await makeWorld()
    const twins = ['f-1', 'f-2', 'f-3']
    await world.commit([
      ...twins.map((id) => world.folder({ id, name: 'Twins' })),
      ...twins.map((id) => world.mail(`in ${id}`, id)),
    ])
    for (const place of [elsewhere, { ...elsewhere, folder: 'From Adele' }, ORIGINAL]) {
      await replayed(world, await planned(world, { destination: place }))
      const stood = standing(world)
      const { report } = await planned(world, { destination: place })
      assert.deepEqual([report.totals.folders, report.totals.create], [0, 0], JSON.stringify(place))
      assert.deepEqual(standing(world), stood)
    }
    assert.ok(standing(world).some((path) => path.startsWith('/From Adele/Twins (3) ')))
  })

  it('makes the ancestors of a selected subfolder and nothing beside them', async () => {
    const world = await sampleWorld()
    const selection = { containers: ['f-alpha'] }
    const plan = await planned(world, { destination: elsewhere, selection })
    assert.deepEqual(madeFolders(plan.report), ['Projects', 'Alpha'])
    assert.equal(plan.report.totals.items, 1)
  })
})

describe('planning', () => {
  it('goes on where the slice ended, and counts what it took before', async () => {
    const world = await makeWorld()
    const count = 250
    const mails = Array.from({ length: count }, (_, n) => world.mail(`m${n}`, 'f-inbox', '<same>'))
    await world.commit([world.folder({ id: 'f-inbox', name: 'Inbox' }), ...mails])
    world.mailbox.folders.push(INBOX)
    for (let n = 0; n < count / 2; n += 1) {
      const id = newId(`there ${n}`)
      world.mailbox.mails.push({
        id,
        container: INBOX.id,
        identity: '<same>',
        mark: '',
        visibleAt: 0,
      })
    }
    const restore = world.restore()
    const at = new Date(world.clock.now()).toISOString()
    const body = { resource: world.key, at, selection: { all: true }, destination: ORIGINAL }
    const { id } = await restore.create(body, 'operator', NEVER)
    let steps = 0
    const slow = world.restore()
    // Each look at the target takes most of a slice, so that each step plans one page.
    const writer = world.mailbox.writer({ graphId: graphId('user-1') })
    world.mailbox.writer = () => ({
      ...writer,
      async *existing(container, signal) {
        steps += 1
        yield* writer.existing(container, signal)
        world.clock.advance(SLICE_MS * 0.97)
      },
    })
    await drive(world, slow, id)
    const { totals } = await restore.report(id, { max: 1 }, NEVER)
    assert.ok(steps >= 2, 'it took several slices')
    assert.deepEqual(
      [totals.items, totals.alreadyThere, totals.restore],
      [count, count / 2, count / 2],
    )
  })

  it('makes no plan for a mailbox that is not there, and says why', async () => {
    const world = await sampleWorld()
    const gone = trouble('MailboxNotAvailable', 'permanent')
    world.mailbox.failures.set('containers', [gone])
    const { report } = await planned(world)
    assert.equal(report.state, 'failed')
    assert.equal(report.trouble, 'MailboxNotAvailable')
  })

  it('says of a target folder that cannot be listed that it is a folder, and what helps', async () => {
    const world = await sampleWorld()
    world.mailbox.folders.push(INBOX)
    world.mailbox.failures.set('existing', [trouble('ItemCorrupt', 'corrupt')])
    const { report } = await planned(world)
    assert.deepEqual([report.state, report.trouble], ['failed', 'TargetFolderUnreadable'])
    assert.match(
      report.problem?.message ?? '',
      /folder of the target cannot be listed \(ItemCorrupt\)/,
    )
    assert.match(report.problem?.hint ?? '', /into another mailbox/)
  })

  it('waits as long as the service asks', async () => {
    const world = await sampleWorld()
    world.mailbox.failures.set('containers', [trouble('Throttled', 'throttled', 7_000)])
    const restore = world.restore()
    const at = new Date(world.clock.now()).toISOString()
    const body = { resource: world.key, at, selection: { all: true }, destination: ORIGINAL }
    const { id } = await restore.create(body, 'operator', NEVER)
    const outcomes = await drive(world, restore, id)
    assert.deepEqual(outcomes[0], { state: 'wait', waitMs: 7_000, code: 'Throttled' })
    assert.deepEqual(outcomes.at(-1), { state: 'done' })
  })

  it('is bound by its hash: another hash or a changed row does not start', async () => {
    const world = await sampleWorld()
    const { job, restore, report } = await planned(world)
    await assert.rejects(restore.start(job, 'f'.repeat(64), 'x', NEVER), { code: 'PlanChanged' })
    const slots = world.catalogue.slots
    const slot = await slots.get(job, report.lines.at(-1)?.n ?? 0, NEVER)
    assert.ok(slot)
    const forged = { ...slot, body: slot.body.replace('Subject', 'subject') }
    await slots.replace(job, forged, slot.etag, NEVER)
    await assert.rejects(restore.start(job, report.planHash, 'x', NEVER), { code: 'PlanChanged' })
  })

  it('does not replay rows that were changed after the start', async () => {
    const world = await sampleWorld()
    const { job, restore, report } = await planned(world)
    await restore.start(job, report.planHash, 'x', NEVER)
    const slots = world.catalogue.slots
    const slot = await slots.get(job, report.lines.at(-1)?.n ?? 0, NEVER)
    assert.ok(slot)
    await slots.replace(job, { ...slot, state: 'done' }, slot.etag, NEVER)
    assert.deepEqual(await drive(world, restore, job), [{ state: 'failed', code: 'PlanChanged' }])
    assert.equal(world.mailbox.sent.length, 0)
  })

  it('spans several pages of slots', async () => {
    const world = await makeWorld()
    const count = SLOT_PAGE + 50
    const mails = Array.from({ length: count }, (_, n) => world.mail(`m${n}`, 'f-inbox'))
    await world.commit([world.folder({ id: 'f-inbox', name: 'Inbox' }), ...mails])
    const report = await replayed(world, await planned(world))
    assert.equal(report.counts.verified, count)
    assert.equal(report.counts.pending, 0)
    assert.equal(world.mailbox.mails.length, count)
  })
})
