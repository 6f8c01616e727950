/** Bases: what they restate is what the commits say, from any base, in any shards, for any past. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type RandomStream, randomStreams } from '../catalogue/testing/commit-streams.ts'
import { aCommit, aPut, folderId, messageId } from '../catalogue/testing/fixtures.ts'
import { hasCode } from '../model/errors.ts'
import type { CommitRef } from '../model/events.ts'
import { keyHash } from '../model/ids.ts'
import { type ChainInVault, emptyChain, extend } from './testing/chains.ts'
import { never } from './testing/fixture.ts'
import { baseOf, wholeState } from './testing/states.ts'
import type { BaseIndex, StateLine, StreamVault } from './types.ts'

const stateAt = (stream: StreamVault, ref: CommitRef, shardItems?: number) =>
  wholeState(stream, ref, shardItems === undefined ? {} : { shardItems })

/** The same events with bases in between: each restates the seq `lag` before its own commit. */
async function withBases({ commits }: RandomStream, plan: (number | undefined)[]) {
  const chain = await emptyChain()
  for (const [n, commit] of commits.entries()) {
    const lag = plan[n]
    const asOf = lag === undefined ? undefined : chain.refs[n - 1 - lag]
    await extend(chain, commit, asOf && (await baseOf(chain.stream, asOf)))
  }
  return chain
}

const bare = ({ lines, cursors, round }: Awaited<ReturnType<typeof stateAt>>) => ({
  lines,
  cursors,
  round,
})

test('folding from a base equals folding from the first commit, at every seq', async () => {
  const plans = fc.array(fc.option(fc.nat(3), { nil: undefined }), { minLength: 8, maxLength: 8 })
  let withBase = 0
  await fc.assert(
    fc.asyncProperty(randomStreams, plans, async (random, plan) => {
      const [plain, based] = [await withBases(random, []), await withBases(random, plan)]
      for (const [n, ref] of based.refs.entries()) {
        const expected = plain.refs[n]
        assert.ok(expected !== undefined)
        const state = await stateAt(based.stream, ref)
        if (state.base !== undefined) withBase += 1
        assert.deepEqual(bare(state), bare(await stateAt(plain.stream, expected)))
        assert.deepEqual(bare(await stateAt(based.stream, ref, 1)), bare(state))
        comparesWithModel(state.lines, random, n + 1)
      }
    }),
    { numRuns: 10 },
  )
  assert.ok(withBase > 10, 'bases are used')
})

function comparesWithModel(lines: StateLine[], { states }: RandomStream, seq: number): void {
  const model = states[seq]
  assert.ok(model !== undefined)
  const items = lines.flatMap((l) => (l.is === 'item' ? [[l.item, l.place] as const] : []))
  assert.deepEqual(new Map(items), new Map(model.places))
  const entries = lines.flatMap((l) => (l.is === 'entry' ? [[l.event.item, l.seq] as const] : []))
  assert.deepEqual(new Map(entries), model.open)
}

async function basedChain() {
  const chain = await emptyChain()
  await extend(chain, aCommit(1, [aPut(messageId(1), folderId(1))]))
  await extend(chain, aCommit(2, [aPut(messageId(2), folderId(1))]))
  const asOf = chain.refs[1]
  assert.ok(asOf !== undefined)
  await extend(chain, aCommit(3, []), await baseOf(chain.stream, asOf))
  await extend(chain, aCommit(4, [aPut(messageId(3), folderId(2))]))
  return chain
}

const last = (chain: ChainInVault): CommitRef => {
  const ref = chain.refs.at(-1)
  assert.ok(ref !== undefined)
  return ref
}

test('what precedes a base may be gone: the base and the commits after it are enough', async () => {
  const chain = await basedChain()
  const before = await stateAt(chain.stream, last(chain))
  assert.equal(before.base, 2)
  assert.equal(before.lines.length, 3)
  for (const name of [...chain.on.store.blobs.keys()]) {
    if (/\/000000000[12]\/(commit\.json|.*\.mf)$/.test(name)) chain.on.store.blobs.delete(name)
  }
  assert.deepEqual(await stateAt(chain.stream, last(chain)), before)
})

test('a point of long ago begins at its own base, however many came later', async () => {
  const chain = await basedChain()
  const point = last(chain)
  const expected = await stateAt(chain.stream, point)
  for (let seq = 5; seq < 25; seq += 1) {
    await extend(chain, aCommit(seq, []), await baseOf(chain.stream, last(chain)))
  }
  const state = await stateAt(chain.stream, point)
  assert.deepEqual(state, { ...expected, base: 4 })
  // Once what precedes the base is gone, there is no other way to it.
  for (const name of [...chain.on.store.blobs.keys()]) {
    if (/\/000000000[12]\/(commit\.json|.*\.mf)$/.test(name)) chain.on.store.blobs.delete(name)
  }
  assert.deepEqual(await stateAt(chain.stream, point), state)
})

test('a damaged base is passed for the commits before it', async () => {
  for (const suffix of ['.bi', '.bs']) {
    const chain = await basedChain()
    const expected = bare(await stateAt(chain.stream, last(chain)))
    const names = [...chain.on.store.blobs.keys()].filter((n) => n.endsWith(suffix))
    assert.ok(names.length > 0)
    for (const name of names) chain.on.store.blobs.delete(name)
    const state = await stateAt(chain.stream, last(chain), 1)
    assert.deepEqual(bare(state), expected, suffix)
    assert.equal(state.base, undefined)
  }
})

test('a commit that is damaged later does not hide a state from before it', async () => {
  const chain = await emptyChain()
  await extend(chain, aCommit(1, [aPut(messageId(1), folderId(1))]))
  await extend(chain, aCommit(2, [aPut(messageId(2), folderId(1))]))
  const point = last(chain)
  const base = await baseOf(chain.stream, point)
  await extend(chain, aCommit(3, [aPut(messageId(3), folderId(1))]))
  await extend(chain, aCommit(4, []), base)
  const expected = await stateAt(chain.stream, point)
  assert.equal(expected.base, 2)
  for (const name of [...chain.on.store.blobs.keys()]) {
    if (/\/0000000003\/.*\.mf$/.test(name)) chain.on.store.blobs.delete(name)
  }
  assert.deepEqual(await stateAt(chain.stream, point), expected)
  await assert.rejects(stateAt(chain.stream, last(chain)), (e) => hasCode(e, 'CommitDamaged'))
})

test('a base is not believed where its commit, or what it restates, is not on the chain', async () => {
  const chain = await basedChain()
  const real = last(chain)
  const wrong = { ...real, hash: 'ab'.repeat(32) }
  // A thief of the index secret restates an empty past: of another chain, or in a void commit.
  for (const [asOf, previous] of [
    [wrong, wrong],
    [real, wrong],
  ] as const) {
    const forging = await basedChain()
    const at = (ref: CommitRef) => (ref === real ? last(forging) : ref)
    const round = { id: 9, startedAt: real.time, phase: 'complete' as const }
    const base: BaseIndex = { asOf: at(asOf), round, parts: [] }
    const content = { events: [], cursors: [], round, counts: aCommit(1, []).counts }
    const writer = forging.stream.begin(at(previous))
    const result = await writer.commit(content, { complete: true, base }, never)
    assert.equal(result.outcome, 'committed')
    assert.equal((await stateAt(forging.stream, last(forging))).lines.length, 3)
  }
})

test('no base is built over a damaged commit: it would launder the loss', async () => {
  const chain = await emptyChain()
  await extend(chain, aCommit(1, []))
  await extend(chain, aCommit(2, []))
  for (const name of [...chain.on.store.blobs.keys()]) {
    if (/\/0000000001\/.*\.mf$/.test(name)) chain.on.store.blobs.delete(name)
  }
  await assert.rejects(baseOf(chain.stream, last(chain)), (e) => hasCode(e, 'CommitDamaged'))
})

test('a base part opens for its own state only, and holds its lines in key order', async () => {
  const chain = await basedChain()
  const base = await baseOf(chain.stream, last(chain))
  const [part] = base.parts
  assert.ok(part !== undefined)
  const [line] = await chain.stream.readBasePart(base, part, never)
  assert.equal(line?.is === 'item' && keyHash(line.item), part.first)
  const other = chain.refs[2]
  assert.ok(other !== undefined)
  const blobs = chain.on.store.blobs
  for (const [name, blob] of [...blobs])
    blobs.set(name.replace('/0000000004/', '/0000000003/'), blob)
  const moved = { ...base, asOf: other }
  await assert.rejects(chain.stream.readBasePart(moved, part, never), (e) =>
    hasCode(e, 'BaseDamaged'),
  )
})
