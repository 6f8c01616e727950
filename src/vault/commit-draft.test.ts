/** What a writer puts beside commit.json and into it, and what it refuses to write. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { hasCode } from '../model/errors.ts'
import type { PutEvent, StreamEvent } from '../model/events.ts'
import type { PackId, SegmentId } from '../model/ids.ts'
import { contentOf, memoryVault, never, putEvent, registered, version } from './testing/fixture.ts'
import { baseOf } from './testing/states.ts'

const broken = (error: unknown) => hasCode(error, 'InvariantBroken')

async function world() {
  const on = memoryVault()
  const owner = await registered(on.vault)
  const mail = await on.vault.stream(owner, 'mail', never)
  const kinds = () => on.store.creates.splice(0).map((name) => name.replace(/.*[./]/, ''))
  kinds()
  return { on, mail, kinds }
}

test('a commit is two blobs wherever there is another one to tell its time, and never one', async () => {
  const { mail, kinds } = await world()
  const empty = await mail.begin(undefined).commit(contentOf([]), { complete: true }, never)
  assert.ok(empty.outcome === 'committed')
  assert.deepEqual(kinds(), ['mf', 'json'])
  const stored = mail.begin(empty.commit)
  const event = putEvent('m', await stored.addVersion(version('m', randomBytes(10)), never))
  const second = await stored.commit(contentOf([event]), { complete: true }, never)
  assert.ok(second.outcome === 'committed')
  assert.deepEqual(kinds(), ['pk', 'json'])
  const unnamed = mail.begin(second.commit)
  await unnamed.addVersion(version('n', randomBytes(10)), never)
  const third = await unnamed.commit(contentOf([]), { complete: true }, never)
  assert.ok(third.outcome === 'committed')
  assert.deepEqual(kinds(), ['pk', 'json'])
  const base = await baseOf(mail, third.commit)
  kinds()
  const carries = mail.begin(third.commit)
  const fourth = await carries.commit(contentOf([]), { complete: true, base }, never)
  assert.ok(fourth.outcome === 'committed')
  assert.deepEqual(kinds(), ['bi', 'json'])
  const { asOf, hash } = fourth.commit.base ?? assert.fail('it carries the base')
  assert.deepEqual([asOf, hash], [3, third.commit.hash])
  assert.deepEqual(await mail.readCommit(4, never), fourth.commit)
})

test('a base restates an earlier commit than the one that carries it', async () => {
  const { mail } = await world()
  const first = await mail.begin(undefined).commit(contentOf([]), { complete: true }, never)
  assert.ok(first.outcome === 'committed')
  const base = await baseOf(mail, first.commit)
  for (const seq of [2, 3]) {
    const future = { ...base, asOf: { ...base.asOf, seq } }
    const writing = mail.begin(first.commit)
    await assert.rejects(
      writing.commit(contentOf([]), { complete: true, base: future }, never),
      broken,
    )
  }
})

test('an event names segments of packs that exist: earlier ones, or those of its commit', async () => {
  const { mail } = await world()
  const writer = mail.begin(undefined)
  const event = putEvent('m', await writer.addVersion(version('m', randomBytes(10)), never))
  const strange = structuredClone(event)
  for (const { segments } of strange.representations) {
    for (const ref of segments) ref.id = 'ab'.repeat(32) as SegmentId
  }
  await assert.rejects(writer.commit(contentOf([strange]), { complete: true }, never), broken)
})

/** Events that name so many packs of earlier commits. */
function naming(packs: number): StreamEvent[] {
  const refs = Array.from({ length: packs }, (_, n) => {
    const pack = n.toString(16).padStart(64, '0') as PackId
    const id = 'ab'.repeat(32) as SegmentId
    return { id, pack, offset: 1, sealedBytes: 100, plainBytes: 1 }
  })
  const events: PutEvent[] = []
  for (let at = 0; at < packs; at += 1000) {
    const segments = refs.slice(at, at + 1000)
    const content = { name: 'mime' as const, bytes: 1000, sha256: 'cd'.repeat(32), segments }
    events.push(putEvent(`m${at}`, [content]))
  }
  return events
}

test('a commit names as many packs as the format takes, and no more', async () => {
  const { mail } = await world()
  const most = mail.begin(undefined)
  const result = await most.commit(contentOf(naming(16_384)), { complete: true }, never)
  assert.equal(result.outcome, 'committed')
  const tooMany = mail.begin(undefined)
  await assert.rejects(tooMany.commit(contentOf(naming(16_385)), { complete: true }, never), broken)
  const withOwn = mail.begin(undefined)
  await withOwn.addVersion(version('m', randomBytes(10)), never)
  await assert.rejects(withOwn.commit(contentOf(naming(16_384)), { complete: true }, never), broken)
})

test('the writer tells the time that readers will see, however long the last create takes', async () => {
  for (const seconds of [0, 180, 239, 240, 241, 299, 300, 301, 302, 900]) {
    const { on, mail } = await world()
    on.store.beforeCreate = async (name) => {
      if (name.endsWith('commit.json')) on.clock.advance(seconds * 1000)
    }
    const writing = mail.begin(undefined)
    const result = await writing.commit(contentOf([]), { complete: true }, never)
    assert.ok(result.outcome === 'committed')
    assert.equal(result.commit.time, (await mail.readCommit(1, never))?.time, `${seconds} s`)
  }
})

test('a time that cannot be asked for is the one that is stated', async () => {
  const { on, mail } = await world()
  on.store.beforeCreate = async () => on.clock.advance(600_000)
  on.store.stat = async () => undefined
  const result = await mail.begin(undefined).commit(contentOf([]), { complete: true }, never)
  assert.ok(result.outcome === 'committed')
  assert.equal(result.commit.time, '2026-03-01T10:10:00.000Z')
})
