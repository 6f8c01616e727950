import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { graphId } from '../catalogue/testing/fixtures.ts'
import { keyHash } from '../model/ids.ts'
import { planned, replayed, type wholeReport } from './testing/drive.ts'
import { BIN, change, type TargetMail } from './testing/scripted-mailbox.ts'
import { makeWorld, OTHER, type World } from './testing/world.ts'

const INBOX = graphId('f-inbox')

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
