import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { graphId, iso, NEVER } from '../catalogue/testing/fixtures.ts'
import type { LeftEvent, PastPlace, PutEvent } from '../model/events.ts'
import { keyHash } from '../model/ids.ts'
import { PLAN_PAGE } from './limits.ts'
import { ALL, drive, ORIGINAL, planned, replayed, wholeReport } from './testing/drive.ts'
import { Process, ProcessDied } from './testing/process.ts'
import { BIN, change, type TargetMail } from './testing/scripted-mailbox.ts'
import { LEASE_MARGIN_MS, makeWorld, OTHER, SLICE_MS, type World } from './testing/world.ts'

const INBOX = graphId('f-inbox')
/** Steps of one plan that die, each a few items later than the one before. */
const DEATHS = 5
const POINTS_BETWEEN_DEATHS = 200

/** An inbox of which `ids` are held, as they were when their change keys were `<id> 0`. */
async function heldInbox(ids: readonly string[]): Promise<World> {
  const world = await makeWorld()
  await world.commit([
    world.folder({ id: 'f-inbox', name: 'Inbox', wellKnownName: 'inbox' }),
    ...ids.map((id) => world.mail(id, 'f-inbox', `<${id}>`, { change: `${id} 0` })),
  ])
  world.mailbox.folders.push({ id: INBOX, name: 'Inbox', wellKnownName: 'inbox' })
  return world
}

/** A mail of the target: the original of that id, or a copy of it under an id of its own. */
function mail(id: string, more: Partial<TargetMail> = {}): TargetMail {
  return { id: graphId(id), container: INBOX, identity: `<${id}>`, mark: '', visibleAt: 0, ...more }
}

const stood = (event: PutEvent, from: number): PastPlace => ({ ...event.place, from })

/** Half a minute before the next commit. */
const leftAt = (from: number): string => iso(from * 60_000 + 30_000)

/** The commit of a round that lacks it. */
const left = (event: PutEvent, from: number): LeftEvent => {
  const { kind, item } = event
  return { op: 'left', kind, item, place: stood(event, from), at: leftAt(from), round: 1 }
}

/**
 * All of them are the same mail, or those of one number. One whole round has seen `gone` leave and `back` come, which an
 * earlier restore made; `back` is there, and so is whatever else is in the target.
 */
async function restoredBefore(of: {
  gone: readonly string[]
  stays?: readonly string[]
  back: readonly string[]
  identity?: (id: string) => string
}): Promise<World> {
  const world = await makeWorld()
  const { gone, stays = [], back, identity = () => '<twin>' } = of
  const twin = (id: string) => world.mail(id, 'f-inbox', identity(id), { change: `${id} 0` })
  const inbox = world.folder({ id: 'f-inbox', name: 'Inbox', wellKnownName: 'inbox' })
  await world.commit([inbox, ...[...gone, ...stays].map(twin)])
  await world.commit([...gone.map((id) => left(twin(id), 1)), ...back.map(twin)])
  world.mailbox.folders.push({ id: INBOX, name: 'Inbox', wellKnownName: 'inbox' })
  const there = [...stays, ...back].map((id) => mail(id, { identity: identity(id) }))
  world.mailbox.mails.push(...there)
  return world
}

const actions = (report: Awaited<ReturnType<typeof wholeReport>>) =>
  report.lines.flatMap((line) => (line.kind === 'item' ? [line.action] : [])).sort()

/** The sizes of the parts of the plan. */
async function parts(world: World, request: Readonly<Record<string, unknown>> = {}) {
  const { totals } = (await planned(world, request)).report
  const { items, create, restore, copy, skip, alreadyThere, conflicts, missing } = totals
  assert.equal(items, create + skip + alreadyThere + missing)
  assert.equal(create, restore + copy)
  assert.equal(conflicts, skip + copy)
  return { alreadyThere, conflicts, create }
}

describe('an item with the content of the version, in its folder', () => {
  it('is already there: it is never copied, and nothing is read where the backup knows it', async () => {
    const world = await heldInbox(['m1', 'm2'])
    world.mailbox.mails.push(mail('m1'), mail('m2'))
    const plan = await planned(world, { conflict: 'copy' })
    assert.deepEqual(actions(plan.report), ['there', 'there'])
    assert.deepEqual(world.mailbox.read, [])
    const report = await replayed(world, plan)
    assert.deepEqual([report.counts.alreadyThere, report.counts.restored], [2, 0])
    assert.equal(world.mailbox.sent.length, 0)
  })

  it('may have been read or flagged since', async () => {
    const world = await heldInbox(['m1'])
    world.mailbox.mails.push(mail('m1'))
    change(world.mailbox.mails[0], { flags: 'flagged' })
    assert.deepEqual(await parts(world), { alreadyThere: 1, conflicts: 0, create: 0 })
    assert.deepEqual(world.mailbox.read, [graphId('m1')])
  })

  it('may be a copy that an earlier restore made', async () => {
    const world = await heldInbox(['m1'])
    const first = await replayed(world, await planned(world))
    assert.equal(first.counts.restored, 1)
    const again = await replayed(world, await planned(world, { conflict: 'copy' }))
    assert.deepEqual([again.counts.alreadyThere, again.counts.restored], [1, 0])
  })

  it('may be a copy that stands beside the item itself, which somebody changed', async () => {
    const world = await heldInbox(['m1'])
    world.mailbox.mails.push(mail('m1', { text: 'encrypted', revision: 1 }))
    const copied = await replayed(world, await planned(world, { conflict: 'copy' }))
    assert.equal(copied.counts.restored, 1)
    const again = { alreadyThere: 1, conflicts: 0, create: 0 }
    assert.deepEqual(await parts(world, { conflict: 'copy' }), again)
  })

  it('may be in another mailbox, where ids mean nothing', async () => {
    const world = await heldInbox(['m1', 'm2'])
    world.mailbox.mails.push(mail('x', { identity: '<m1>' }))
    const destination = { kind: 'resource', resource: keyHash(OTHER) }
    assert.deepEqual(await parts(world, { destination }), {
      alreadyThere: 1,
      conflicts: 0,
      create: 1,
    })
  })
})

describe('an item that is there with other content', () => {
  it('is a conflict: it is skipped by default, counted, and told', async () => {
    const world = await heldInbox(['m1', 'm2'])
    world.mailbox.mails.push(mail('m1', { text: 'encrypted', revision: 1 }))
    const plan = await planned(world)
    assert.deepEqual(actions(plan.report), ['restore', 'skip'])
    const report = await replayed(world, plan)
    assert.deepEqual([report.counts.skipped, report.counts.restored], [1, 1])
    assert.equal(world.mailbox.mails.length, 2)
  })

  it('gets the version beside it when copies are asked for', async () => {
    const world = await heldInbox(['m1', 'm2', 'm3'])
    world.mailbox.mails.push(mail('m1', { text: 'encrypted', revision: 1 }), mail('m2'))
    const request = { conflict: 'copy' }
    const report = await replayed(world, await planned(world, request))
    const { restored, alreadyThere, skipped } = report.counts
    assert.deepEqual([restored, alreadyThere, skipped], [2, 1, 0])
    const texts = world.mailbox.mails.filter((m) => m.identity === '<m1>').map((m) => m.text)
    assert.deepEqual(texts.sort(), ['Text of <m1>.', 'encrypted'])
  })

  it('is one although the backup holds the change already', async () => {
    const world = await heldInbox(['m1'])
    const spec = { text: 'encrypted', change: 'm1 1' }
    const edited = world.mail('m1', 'f-inbox', '<m1>', spec)
    await world.commit([{ ...edited, why: 'content', leaves: { ...edited.place, from: 1 } }])
    world.mailbox.mails.push(mail('m1', { text: 'encrypted', revision: 1 }))
    assert.deepEqual(await parts(world, { at: { seq: 1 } }), {
      alreadyThere: 0,
      conflicts: 1,
      create: 0,
    })
  })

  it('is one where a new change key may hide a replaced attachment', async () => {
    const world = await heldInbox(['m1'])
    const held = mail('m1', { attached: true, text: 'Text of <m1>.' })
    world.mailbox.mails.push(held)
    const { writer } = world.mailbox
    world.mailbox.writer = (owner) => ({
      ...writer(owner),
      // The fields are those of the version, and the bytes are not.
      matches: () => Promise.resolve('other'),
      async present(id, signal) {
        const now = await writer(owner).present(id, signal)
        return now && { ...now, marker: { ...now.marker, decoration: '' } }
      },
    })
    change(world.mailbox.mails[0], {})
    assert.deepEqual(await parts(world), { alreadyThere: 0, conflicts: 1, create: 0 })
  })
})

describe('a missing item', () => {
  it('is created also where its twin is there: each answers for one only', async () => {
    const world = await makeWorld()
    await world.commit([
      world.folder({ id: 'f-inbox', name: 'Inbox' }),
      world.mail('m1', 'f-inbox', '<twin>'),
      world.mail('m2', 'f-inbox', '<twin>'),
    ])
    world.mailbox.folders.push({ id: INBOX, name: 'Inbox' })
    world.mailbox.mails.push(mail('m2', { identity: '<twin>' }))
    // Only the lost one is asked for: what is there is the other one, not this one.
    const selection = { items: [keyHash('m1')] }
    assert.deepEqual(await parts(world, { selection }), {
      alreadyThere: 0,
      conflicts: 0,
      create: 1,
    })
    assert.deepEqual(await parts(world), { alreadyThere: 1, conflicts: 0, create: 1 })
  })

  it('is one that stands in another folder now', async () => {
    const world = await heldInbox(['m1'])
    world.mailbox.mails.push(mail('m1', { container: BIN }))
    assert.deepEqual(await parts(world), { alreadyThere: 0, conflicts: 0, create: 1 })
  })

  it('is one that goes while the plan is made', async () => {
    const world = await heldInbox(['m1'])
    world.mailbox.mails.push(mail('m1', { revision: 1 }))
    const { writer } = world.mailbox
    world.mailbox.writer = (owner) => ({
      ...writer(owner),
      present: () => Promise.resolve(undefined),
    })
    assert.deepEqual(await parts(world), { alreadyThere: 0, conflicts: 0, create: 1 })
  })
})

describe('an item that had left by the point, of which a copy came back', () => {
  const none = { conflicts: 0, create: 0 }

  it('is already there, and makes no double, whatever is asked for conflicts', async () => {
    const world = await restoredBefore({ gone: ['m1'], back: ['r1'] })
    for (const conflict of ['skip', 'copy']) {
      const plan = await planned(world, { conflict })
      assert.deepEqual(actions(plan.report), ['there', 'there'])
      await replayed(world, plan)
      assert.equal(world.mailbox.mails.length, 1)
    }
  })

  it('is answered for by one copy, and that one by itself: copies that lack are made', async () => {
    const gone = ['m1', 'm2', 'm3']
    const world = await restoredBefore({ gone, back: ['r1', 'r2'] })
    assert.deepEqual(await parts(world), { alreadyThere: 4, conflicts: 0, create: 1 })
    await replayed(world, await planned(world))
    assert.equal(world.mailbox.mails.length, 3)
  })

  it('leaves a copy that was made since to a twin that stood there and is gone', async () => {
    const world = await restoredBefore({ gone: ['m1'], stays: ['m2'], back: ['r1'] })
    world.mailbox.mails.splice(0, 1, mail('r2', { identity: '<twin>' }))
    assert.deepEqual(await parts(world), { ...none, alreadyThere: 3 })
  })

  it('is missing where the copy has other content by now', async () => {
    const world = await restoredBefore({ gone: ['m1'], back: ['r1'] })
    change(world.mailbox.mails[0], { text: 'encrypted' })
    assert.deepEqual(await parts(world), { alreadyThere: 0, conflicts: 1, create: 1 })
  })

  it('is missing where its twin only seems to have stayed: that one had left, too', async () => {
    const world = await restoredBefore({ gone: ['m1', 'm2'], back: [] })
    world.mailbox.mails.push(mail('m2', { identity: '<twin>' }))
    assert.deepEqual(await parts(world), { ...none, alreadyThere: 1, create: 1 })
  })

  it('is an item like any other at a point before it left, and once it was found again', async () => {
    const world = await makeWorld()
    const twin = (id: string) => world.mail(id, 'f-inbox', '<twin>', { change: `${id} 0` })
    await world.commit([world.folder({ id: 'f-inbox', name: 'Inbox' }), twin('m1'), twin('r1')])
    await world.commit([left(twin('m1'), 1)])
    await world.commit([{ ...twin('m1'), leaves: stood(twin('m1'), 1) }])
    await world.commit([left(twin('m1'), 3)])
    world.mailbox.folders.push({ id: INBOX, name: 'Inbox' })
    world.mailbox.mails.push(mail('r1', { identity: '<twin>' }))
    const created = async (seq: number) => (await parts(world, { at: { seq } })).create
    assert.deepEqual(await Promise.all([1, 3, 4].map(created)), [1, 1, 0])
    const { kind, item } = twin('m1')
    const leaves = stood(twin('m1'), 3)
    await world.commit([{ op: 'deleted', kind, item, leaves, leftAt: leftAt(3) }])
    assert.deepEqual(await Promise.all([1, 3, 4, 5].map(created)), [1, 1, 0, 0])
  })

  it('is so over pages of a plan, and over steps that die', async () => {
    const ids = (name: string) => Array.from({ length: PLAN_PAGE }, (_, n) => `${name}${n}`)
    const identity = (id: string) => `<${id.slice(1)}>`
    const world = await restoredBefore({ gone: ids('m'), back: ids('r'), identity })
    const request = { resource: world.key, at: { seq: 2 }, selection: ALL, destination: ORIGINAL }
    const { id } = await world.restore().create(request, 'operator', NEVER)
    for (let n = 1; n <= DEATHS; n += 1) {
      const step = world.restore(new Process(n * POINTS_BETWEEN_DEATHS))
      const deadline = world.clock.now() + SLICE_MS
      await assert.rejects(step.step(id, { deadline }, NEVER), ProcessDied)
      world.clock.advance(SLICE_MS + LEASE_MARGIN_MS)
    }
    await drive(world, world.restore(), id)
    const { totals } = await wholeReport(world.restore(), id)
    assert.deepEqual([totals.alreadyThere, totals.create], [2 * PLAN_PAGE, 0])
  })
})
