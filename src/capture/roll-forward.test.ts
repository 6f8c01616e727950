import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { NO_COUNTS } from '../model/events.ts'
import type { GraphId } from '../model/ids.ts'
import { seqName } from '../model/ids.ts'
import { ROLL_FORWARD_MAX } from './roll-forward.ts'
import { ScriptedMailbox } from './testing/scripted-mailbox.ts'
import { captureWorld, type World } from './testing/world.ts'

const INBOX = 'inbox' as GraphId
const id = (text: string) => text as GraphId

async function worldWithMail(): Promise<World> {
  const box = new ScriptedMailbox()
  box.createContainer(INBOX, 'Inbox')
  const world = await captureWorld(box)
  for (const name of ['a', 'b', 'c']) {
    box.put(id(name), { container: INBOX, content: name })
    await world.untilDone()
  }
  return world
}

async function listed(world: World): Promise<GraphId[]> {
  const head = await world.tables.head(world.signal)
  assert.ok(head)
  const page = await world.tables.list(INBOX, head.seq, { max: 10 }, world.signal)
  return page.items.map((i) => i.item).sort()
}

describe('roll forward', () => {
  test('a head row that is lost is made anew from the commits, and nothing is read again', async () => {
    const world = await worldWithMail()
    const before = world.box.contentRequests
    await world.tables.clear({ notAfter: Number.POSITIVE_INFINITY }, world.signal)
    assert.equal(await world.tables.head(world.signal), undefined)
    const result = await world.slice()
    assert.equal(result.state, 'done')
    assert.deepEqual(await listed(world), ['a', 'b', 'c'])
    assert.equal(world.box.contentRequests, before, 'no content was asked for again')
  })

  test('a head row ahead of the vault stops the stream before anything is written', async () => {
    const world = await worldWithMail()
    const head = await world.tables.head(world.signal)
    assert.ok(head)
    for (const name of [...world.blobs.blobs.keys()]) {
      if (name.includes(`/${seqName(head.seq)}/`)) world.blobs.blobs.delete(name)
    }
    const blobs = world.blobs.blobs.size
    const result = await world.slice()
    assert.equal(result.state, 'failed')
    assert.equal(result.trouble, 'HeadAheadOfVault')
    assert.equal((await world.ownerRow()).coverage, 'failing')
    assert.equal(world.blobs.blobs.size, blobs)
  })

  test('over more commits than one slice takes is no poison: each slice has its progress', async () => {
    const world = await worldWithMail()
    const stream = await world.vault.stream(world.owner, 'mail', world.signal)
    let head = await world.tables.head(world.signal)
    const round = { id: 9, startedAt: head?.time ?? '', phase: 'complete' as const }
    const content = { events: [], cursors: [], round, counts: NO_COUNTS }
    for (let n = 0; n <= ROLL_FORWARD_MAX; n += 1) {
      const result = await stream.begin(head).commit(content, { complete: true }, world.signal)
      assert.ok(result.outcome === 'committed')
      head = result.commit
    }
    assert.equal((await world.slice()).state, 'more')
    assert.equal((await world.ownerRow()).attempts, 0)
    assert.equal((await world.untilDone()).state, 'done')
  })

  test('a commit that is void is passed, and the next one names it', async () => {
    const world = await worldWithMail()
    const head = await world.tables.head(world.signal)
    assert.ok(head)
    const name = `c/${world.owner}/mail/${seqName(head.seq + 1)}/commit.json`
    await world.blobs.create(name, new TextEncoder().encode('no commit'), world.signal)
    world.box.put(id('d'), { container: INBOX, content: 'd' })
    await world.untilDone()
    assert.deepEqual(await listed(world), ['a', 'b', 'c', 'd'])
    const now = await world.tables.head(world.signal)
    assert.equal(now?.seq, head.seq + 2)
  })
})
