/** Rows that are lost, and a rebuild in steps that die: the tables are those of a clean run. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { StreamTables } from '../catalogue/index.ts'
import { type RandomStream, randomStreams } from '../catalogue/testing/commit-streams.ts'
import { LATER, messageId } from '../catalogue/testing/fixtures.ts'
import type { MemoryTableStore } from '../catalogue/testing/memory-table-store.ts'
import type { Cursor } from '../model/events.ts'
import {
  REBUILD_START,
  type RebuildProgress,
  rebuildProgressSchema,
  rebuildStream,
} from './rebuild.ts'
import { type ChainInVault, emptyChain, extend, tablesFor } from './testing/chains.ts'
import { collect, never } from './testing/fixture.ts'
import { baseOf, wholeState } from './testing/states.ts'

const FROM_COMMITS = ['heads', 'commits', 'items', 'listing', 'ledger', 'cursors'] as const
const LOST = [...FROM_COMMITS, 'scans'] as const
/** More steps than any of these rebuilds takes. */
const STEPS_MAX = 100
/** Few, so that a base has several shards. */
const SHARD_ITEMS = 2

interface Tables {
  tables: StreamTables
  store: MemoryTableStore
}

/** What P6 names: rows of commits, open ledger, committed cursors and how old they are. */
async function truth(chain: ChainInVault, { tables, store }: Tables) {
  return {
    rows: (['heads', 'commits', 'items', 'listing'] as const).map((table) => store.dump(table)),
    open: await collect(tables.open(never)),
    cursors: await tables.heldCursors(chain.stream.secret, never),
    base: await tables.newestBase(never),
    measured: store.dump('scans'),
  }
}

/** Rows that go, each by a chance of its own: whole tables at 1. */
async function loseRows(
  store: MemoryTableStore,
  chances: Readonly<Record<(typeof LOST)[number], number>>,
  draw: () => number,
): Promise<void> {
  for (const table of LOST) {
    for (const [key] of store.dump(table)) {
      const [partition = '', row = ''] = key.split('|')
      if (draw() >= chances[table]) continue
      await store.batch(table, partition, [{ op: 'remove', row }], never)
    }
  }
}

const chance = fc.constantFrom(0, 0, 0.3, 1)
const losses = fc.record({
  ...{ heads: chance, commits: chance, items: chance, scans: chance },
  ...{ listing: chance, ledger: chance, cursors: chance },
})

/** What stands beside the events of a commit, and what its slice leaves in rows alone. */
interface Beside {
  /** It carries a base of so many commits before. */
  baseLag: number | undefined
  /** Its cursors are in the middle of a full comparison. */
  compares: boolean
  /** A quiet round follows, and a base is begun: only rows know. */
  readsOn: boolean
}
const beside: fc.Arbitrary<Beside> = fc.record({
  baseLag: fc.option(fc.nat(2), { nil: undefined }),
  compares: fc.boolean(),
  readsOn: fc.boolean(),
})

/** The commits in the vault, `clean` tables, and `spoilt` ones that also hold what is measured. */
async function lived({ commits }: RandomStream, asides: Iterator<Beside>) {
  const chain = await emptyChain()
  const [clean, spoilt] = [tablesFor(chain), tablesFor(chain)]
  const { secret } = chain.stream
  for (const [n, commit] of commits.entries()) {
    const aside = asides.next().value
    const asOf = aside?.baseLag === undefined ? undefined : chain.refs[n - 1 - aside.baseLag]
    const base = asOf && (await baseOf(chain.stream, asOf, SHARD_ITEMS))
    const cursors = aside?.compares
      ? await comparing(spoilt.tables, commit.cursors)
      : commit.cursors
    const written = await extend(chain, { ...commit, cursors }, base)
    const options = { secret, notAfter: LATER }
    await clean.tables.apply(written, options, never)
    await spoilt.tables.apply(written, options, never)
    if (!aside?.readsOn) continue
    const ahead = cursors.map((cursor) => ({ ...cursor, start: 'newer', position: null }))
    await spoilt.tables.saveCursors(ahead, { ...options, seq: written.seq }, never)
    await spoilt.tables.work.save(`shard.${n}`, 'written', options, never)
  }
  return { chain, clean, spoilt }
}

/** A scan is open for each, with an id in it, and is given back. */
async function comparing({ scans }: StreamTables, cursors: readonly Cursor[]): Promise<Cursor[]> {
  const open: Cursor[] = []
  for (const cursor of cursors) {
    const { container } = cursor
    const scan = await scans.open(container, 'held', never)
    await scans.add({ container, id: scan }, [messageId(1)], never)
    await scans.giveBack({ container, id: scan }, never)
    open.push({ ...cursor, scan })
  }
  return open
}

/** A reader that begins at the newest base, and reads the commits after it, finds the same state. */
async function isAsTheVaultSays(chain: ChainInVault, { tables }: Tables): Promise<void> {
  const last = chain.refs.at(-1)
  assert.ok(last)
  const { lines, cursors, base } = await wholeState(chain.stream, last, { shardItems: SHARD_ITEMS })
  assert.equal((await tables.newestBase(never))?.asOf, base)
  const items = lines.flatMap((line) => (line.is === 'item' ? [line] : []))
  const held = await tables.current(
    items.map(({ item }) => item),
    last.seq,
    never,
  )
  for (const { is: _, ...item } of items) {
    const { key: __, deleted, ...row } = held.get(item.item) ?? assert.fail('it is held')
    assert.deepEqual([row, deleted], [item, false])
  }
  const entries = lines.flatMap((line) => (line.is === 'entry' ? [line] : []))
  const open = (await collect(tables.open(never))).map(({ event, seq }) => ({ event, seq }))
  const byItem = (a: { event: { item: string } }, b: { event: { item: string } }) =>
    a.event.item < b.event.item ? -1 : 1
  assert.deepEqual(
    open.sort(byItem),
    entries.map(({ event, seq }) => ({ event, seq })).sort(byItem),
  )
  const known = await tables.cursors(chain.stream.secret, never)
  assert.deepEqual(
    new Set(known.map((cursor) => JSON.stringify(cursor))),
    new Set(cursors.map(({ cursor }) => JSON.stringify(cursor))),
  )
}

test('whatever rows are lost, a rebuild in any number of steps makes those of a clean run', async () => {
  const plan = fc.record({ losses, rolls: fc.infiniteStream(fc.double({ min: 0, max: 0.999 })) })
  const asides = fc.infiniteStream(beside)
  const steps = fc.infiniteStream(fc.record({ commits: fc.nat(4), dies: fc.boolean() }))
  const met = { bases: 0, scans: 0 }
  await fc.assert(
    fc.asyncProperty(randomStreams, asides, plan, steps, async (random, asides, plan, steps) => {
      const { chain, clean, spoilt } = await lived(random, asides)
      met.scans += spoilt.store.dump('scans').length
      await loseRows(spoilt.store, plan.losses, () => plan.rolls.next().value ?? 0)
      let kept: RebuildProgress = REBUILD_START
      for (let n = 0; n < STEPS_MAX && kept.phase !== 'done'; n += 1) {
        const step = steps.next().value ?? { commits: 1, dies: false }
        let left = step.commits
        const mayGoOn = () => {
          left -= 1
          return left > 0
        }
        const options = { notAfter: LATER, mayGoOn }
        const reached = await rebuildStream(chain.stream, spoilt.tables, kept, options, never)
        // A step that dies is done again from what was kept; what is kept goes through a row.
        const dies = step.dies && n < STEPS_MAX / 2
        if (!dies) kept = rebuildProgressSchema.parse(JSON.parse(JSON.stringify(reached)))
        // Nobody sees a part: either nothing is shown, or all of it.
        const head = kept.phase === 'apply' ? await spoilt.tables.head(never) : undefined
        assert.ok(head === undefined || head.seq === random.commits.length)
      }
      assert.equal(kept.phase, 'done')
      assert.equal(kept.applied, random.commits.length)
      const rebuilt = await truth(chain, spoilt)
      assert.deepEqual(rebuilt, await truth(chain, clean))
      assert.deepEqual(rebuilt.measured, [], 'nothing is left of a comparison or a base')
      if (rebuilt.base) met.bases += 1
      await isAsTheVaultSays(chain, spoilt)
    }),
    { numRuns: 40 },
  )
  assert.ok(met.bases > 10 && met.scans > 100, `the worlds have both: ${JSON.stringify(met)}`)
})
