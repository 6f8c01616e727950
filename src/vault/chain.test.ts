/** Walking chains with void and damaged commits, and rebuilding rows from them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { FOLDER_IDS, randomStreams } from '../catalogue/testing/commit-streams.ts'
import {
  aCommit,
  aCursor,
  aPut,
  folderId,
  LATER,
  messageId,
  placeOf,
} from '../catalogue/testing/fixtures.ts'
import type { MemoryTableStore } from '../catalogue/testing/memory-table-store.ts'
import { hasCode } from '../model/errors.ts'
import type { GraphId } from '../model/ids.ts'
import { CHAIN_START, followChain } from './chain.ts'
import { COMMIT_VOIDS_MAX } from './limits.ts'
import { REBUILD_START, rebuildStream } from './rebuild.ts'
import { type ChainInVault, emptyChain, extend, tablesFor } from './testing/chains.ts'
import { collect, contentOf, never } from './testing/fixture.ts'
import type { ChainEnd } from './types.ts'

const coded = (code: string) => (error: unknown) => hasCode(error, code)
const nameOf = ({ owner }: ChainInVault, seq: number) =>
  `c/${owner}/mail/${String(seq).padStart(10, '0')}/commit.json`
const steps = (chain: ChainInVault) => collect(followChain(chain.stream, CHAIN_START, never))
const endOf = async (chain: ChainInVault): Promise<ChainEnd> =>
  (await steps(chain)).at(-1)?.end ?? CHAIN_START
const garbage = (chain: ChainInVault, seq: number) =>
  chain.on.store.create(nameOf(chain, seq), Buffer.from(`garbage ${seq}`), never)

async function writeAt(chain: ChainInVault, end: ChainEnd) {
  const writer = chain.stream.begin(end.last, end.voids)
  return await writer.commit(contentOf([]), { complete: true }, never)
}

test('a chain goes on over void commits, also before its first and several in a row', async () => {
  const chain = await emptyChain()
  await garbage(chain, 1)
  await garbage(chain, 2)
  const first = await writeAt(chain, await endOf(chain))
  assert.ok(first.outcome === 'committed')
  assert.equal(first.commit.seq, 3)
  assert.equal(first.commit.previous, null)
  await garbage(chain, 4)
  const second = await writeAt(chain, await endOf(chain))
  assert.ok(second.outcome === 'committed')
  assert.equal(second.commit.previous, first.commit.hash)
  const kinds = (await steps(chain)).map(({ step }) => step.is)
  assert.deepEqual(kinds, ['void', 'void', 'commit', 'void', 'commit'])
})

test('a commit that passes a valid one, or misnames a void one, is void', async () => {
  const chain = await emptyChain()
  const first = await extend(chain, aCommit(1, []))
  await extend(chain, aCommit(2, []))
  const passedOver = { seq: 2, sha256: 'ab'.repeat(32) }
  await writeAt(chain, { last: first, voids: [passedOver] })
  assert.deepEqual(
    (await steps(chain)).map(({ step }) => step.is),
    ['commit', 'commit', 'void'],
  )
  const end = await endOf(chain)
  await writeAt(chain, { last: end.last, voids: [{ seq: 3, sha256: 'cd'.repeat(32) }] })
  assert.equal((await steps(chain)).at(-1)?.step.is, 'void')
  await writeAt(chain, await endOf(chain))
  assert.equal((await steps(chain)).at(-1)?.step.is, 'commit')
})

test('a commit that claims a past where there is none is void', async () => {
  const chain = await emptyChain()
  await garbage(chain, 1)
  await writeAt(chain, {
    last: { seq: 1, hash: 'ab'.repeat(32), time: '2026-01-01T00:00:00.000Z' },
    voids: [],
  })
  assert.deepEqual(
    (await steps(chain)).map(({ step }) => step.is),
    ['void', 'void'],
  )
})

test('more void commits in a row than one may pass stop the stream with a code', async () => {
  const chain = await emptyChain()
  for (let seq = 1; seq <= COMMIT_VOIDS_MAX; seq += 1) await garbage(chain, seq)
  assert.equal((await writeAt(chain, await endOf(chain))).outcome, 'committed')
  const blocked = await emptyChain()
  for (let seq = 1; seq <= COMMIT_VOIDS_MAX + 1; seq += 1) await garbage(blocked, seq)
  await assert.rejects(steps(blocked), coded('ChainBlocked'))
})

/** What readers see of a stream, and every row of it. */
function rowsOf(store: MemoryTableStore) {
  const tables = ['heads', 'commits', 'items', 'listing'] as const
  return Object.fromEntries(tables.map((table) => [table, store.dump(table)]))
}

test('rows that come from no commit are gone after a rebuild, the others are as before', async () => {
  await fc.assert(
    fc.asyncProperty(randomStreams, fc.nat(7), async ({ commits }, keep) => {
      const chain = await emptyChain()
      const clean = tablesFor(chain)
      const spoilt = tablesFor(chain)
      for (const [n, commit] of commits.entries()) {
        const written = await extend(chain, commit)
        const options = { secret: chain.stream.secret, notAfter: LATER }
        // The store loses the commits behind `keep`; one catalogue has seen them all.
        await spoilt.tables.apply(written, options, never)
        if (n <= keep) await clean.tables.apply(written, options, never)
        else chain.on.store.blobs.delete(nameOf(chain, n + 1))
      }
      const rebuilt = await rebuildStream(
        chain.stream,
        spoilt.tables,
        REBUILD_START,
        { notAfter: LATER },
        never,
      )
      assert.equal(rebuilt.applied, Math.min(keep + 1, commits.length))
      assert.deepEqual(rowsOf(spoilt.store), rowsOf(clean.store))
      const open = (t: typeof clean) => collect(t.tables.open(never))
      assert.deepEqual(await open(spoilt), await open(clean))
      const cursors = (t: typeof clean) => t.tables.cursors(chain.stream.secret, never)
      assert.deepEqual(await cursors(spoilt), await cursors(clean))
    }),
    { numRuns: 40 },
  )
})

test('a rebuild that dies at any write is finished by the next one', async () => {
  const chain = await emptyChain()
  const first = aPut(messageId(1), folderId(1))
  await extend(chain, aCommit(1, [first, aPut(messageId(2), folderId(2))]))
  await extend(chain, aCommit(2, [aPut(messageId(1), folderId(2), { leaves: placeOf(first, 1) })]))
  const clean = tablesFor(chain)
  await rebuildStream(chain.stream, clean.tables, REBUILD_START, { notAfter: LATER }, never)
  for (let dieAt = 1; dieAt < 60; dieAt += 1) {
    const controller = new AbortController()
    const spoilt = tablesFor(chain)
    await rebuildStream(chain.stream, spoilt.tables, REBUILD_START, { notAfter: LATER }, never)
    const enough = spoilt.store.calls.batch + dieAt
    const clock = chain.on.clock
    const now = clock.now
    clock.now = () => {
      if (spoilt.store.calls.batch >= enough) controller.abort(new Error('killed'))
      return now()
    }
    const died = await rebuildStream(
      chain.stream,
      spoilt.tables,
      REBUILD_START,
      { notAfter: LATER },
      controller.signal,
    )
      .then(() => false)
      .catch(() => true)
    clock.now = now
    if (!died) {
      assert.ok(dieAt > 10)
      return
    }
    await rebuildStream(chain.stream, spoilt.tables, REBUILD_START, { notAfter: LATER }, never)
    assert.deepEqual(rowsOf(spoilt.store), rowsOf(clean.store))
  }
  assert.fail('the rebuild never ended')
})

test('a missing commit in the middle is a gap, never the end of the chain', async () => {
  const chain = await emptyChain()
  for (let seq = 1; seq <= 4; seq += 1) await extend(chain, aCommit(seq, []))
  chain.on.store.blobs.delete(nameOf(chain, 2))
  const { tables } = tablesFor(chain)
  const rebuild = rebuildStream(chain.stream, tables, REBUILD_START, { notAfter: LATER }, never)
  await assert.rejects(rebuild, coded('ChainGap'))
})

test('over a damaged commit only on demand: then no cursor passes what is lost', async () => {
  const chain = await emptyChain()
  const lost = aPut(messageId(1), folderId(1))
  await extend(chain, aCommit(1, []))
  await extend(chain, aCommit(2, [lost], { cursors: [aCursor(folderId(1))] }))
  const moved = aPut(messageId(1), folderId(2), { leaves: placeOf(lost, 2) })
  await extend(chain, aCommit(3, [moved], { cursors: [aCursor(folderId(2))] }))
  for (const name of [...chain.on.store.blobs.keys()]) {
    if (/\/0000000002\/.*\.mf$/.test(name)) chain.on.store.blobs.delete(name)
  }
  const { tables } = tablesFor(chain)
  const strict = rebuildStream(chain.stream, tables, REBUILD_START, { notAfter: LATER }, never)
  await assert.rejects(strict, coded('CommitDamaged'))
  const options = { notAfter: LATER, overDamage: true }
  const again = await rebuildStream(chain.stream, tables, REBUILD_START, options, never)
  assert.deepEqual([again.phase, again.lossy, again.applied], ['clear', true, 0])
  const rebuilt = await rebuildStream(chain.stream, tables, again, options, never)
  assert.equal(rebuilt.phase, 'done')
  assert.deepEqual([rebuilt.damaged, rebuilt.damagedSeqs], [1, [2]])
  assert.equal((await tables.head(never))?.seq, 3)
  const cursors = await tables.cursors(chain.stream.secret, never)
  assert.deepEqual(
    cursors.map(({ start, position }) => [start, position]),
    [[null, null]],
  )
  const held = await tables.current([messageId(1)], 3, never)
  assert.equal(held.get(messageId(1))?.seq, 3)
})

test('over a damaged commit each item stands in one list, and what left can be told deleted', async () => {
  await fc.assert(
    fc.asyncProperty(randomStreams, fc.nat(7), async ({ commits }, nth) => {
      const chain = await emptyChain()
      for (const commit of commits) await extend(chain, commit)
      const lost = String(1 + (nth % (commits.length - 1))).padStart(10, '0')
      for (const name of [...chain.on.store.blobs.keys()]) {
        if (name.includes(`/${lost}/`) && name.endsWith('.mf')) chain.on.store.blobs.delete(name)
      }
      const { tables } = tablesFor(chain)
      const options = { notAfter: LATER, overDamage: true }
      let kept = await rebuildStream(chain.stream, tables, REBUILD_START, options, never)
      kept = await rebuildStream(chain.stream, tables, kept, options, never)
      assert.deepEqual([kept.phase, kept.damaged], ['done', 1])
      const listed: [GraphId, GraphId][] = []
      for (const folder of FOLDER_IDS) {
        const { items } = await tables.list(folder, commits.length, { max: 100 }, never)
        listed.push(...items.map(({ item }): [GraphId, GraphId] => [item, folder]))
      }
      const items = [...new Set(commits.flatMap(({ events }) => events.map(({ item }) => item)))]
      const held = await tables.current(items, commits.length, never)
      const standing = [...held.values()].filter(({ deleted }) => !deleted)
      assert.equal(listed.length, standing.length)
      assert.deepEqual(
        new Map(listed),
        new Map(standing.map(({ item, place }) => [item, place.container])),
      )
      for (const { event } of await collect(tables.open(never))) {
        if (event.op === 'left') assert.deepEqual(held.get(event.item)?.place, event.place)
      }
    }),
    { numRuns: 60 },
  )
})

test('a closed cursor is closed in the commit that is read back', async () => {
  const chain = await emptyChain()
  const cursors = [aCursor(folderId(1), { closed: true }), aCursor(folderId(2))]
  const written = await extend(chain, aCommit(1, [], { cursors }))
  assert.deepEqual(written.cursors, cursors)
  assert.deepEqual((await chain.stream.readCommit(1, never))?.cursors, cursors)
})

test('what could never become rows does not become a commit', async () => {
  const twice = [
    aPut(messageId(1), folderId(1)),
    { ...aPut(messageId(1), folderId(2)), kind: 'container' as const },
  ]
  const badKey = aPut(messageId(1), folderId(1))
  badKey.place.sortKey = 'a/b'
  const ahead = aPut(messageId(1), folderId(1), {
    leaves: { ...badKey.place, sortKey: 'a', from: 7 },
  })
  for (const events of [twice, [badKey], [ahead]]) {
    const chain = await emptyChain()
    await assert.rejects(
      extend(chain, aCommit(1, events)),
      (error) => hasCode(error, 'InvariantBroken') || hasCode(error, 'CommitUnacceptable'),
    )
    assert.deepEqual(await collect(chain.stream.seqs(never)), [])
  }
})
