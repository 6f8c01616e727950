/** Rows that are lost, and a rebuild in steps that die: the tables are those of a clean run. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { StreamTables } from '../catalogue/index.ts'
import { randomStreams } from '../catalogue/testing/commit-streams.ts'
import { LATER } from '../catalogue/testing/fixtures.ts'
import type { MemoryTableStore } from '../catalogue/testing/memory-table-store.ts'
import type { TableName } from '../ports.ts'
import {
  REBUILD_START,
  type RebuildProgress,
  rebuildProgressSchema,
  rebuildStream,
} from './rebuild.ts'
import { type ChainInVault, emptyChain, extend, tablesFor } from './testing/chains.ts'
import { collect, never } from './testing/fixture.ts'

const FROM_COMMITS = ['heads', 'commits', 'items', 'listing', 'ledger', 'cursors'] as const
/** More steps than any of these rebuilds takes. */
const STEPS_MAX = 100

/** What P6 names: rows of commits, open ledger, committed cursors. */
async function truth(chain: ChainInVault, of: { tables: StreamTables; store: MemoryTableStore }) {
  const rows = (['heads', 'commits', 'items', 'listing'] as const).map((t) => of.store.dump(t))
  const open = await collect(of.tables.open(never))
  return { rows, open, cursors: await of.tables.cursors(chain.stream.secret, never) }
}

/** Rows that go, each by a chance of its own: whole tables at 1. */
async function loseRows(
  store: MemoryTableStore,
  chances: Readonly<Record<(typeof FROM_COMMITS)[number], number>>,
  draw: () => number,
): Promise<void> {
  for (const table of FROM_COMMITS) {
    for (const [key] of store.dump(table)) {
      const [partition = '', row = ''] = key.split('|')
      if (draw() >= chances[table]) continue
      await store.batch(table as TableName, partition, [{ op: 'remove', row }], never)
    }
  }
}

const chance = fc.constantFrom(0, 0, 0.3, 1)
const losses = fc.record({
  ...{ heads: chance, commits: chance, items: chance },
  ...{ listing: chance, ledger: chance, cursors: chance },
})

test('whatever rows are lost, a rebuild in any number of steps makes those of a clean run', async () => {
  const plan = fc.record({ losses, rolls: fc.infiniteStream(fc.double({ min: 0, max: 0.999 })) })
  const steps = fc.infiniteStream(fc.record({ commits: fc.nat(4), dies: fc.boolean() }))
  await fc.assert(
    fc.asyncProperty(randomStreams, plan, steps, async ({ commits }, { losses, rolls }, steps) => {
      const chain = await emptyChain()
      const [clean, spoilt] = [tablesFor(chain), tablesFor(chain)]
      const options = { secret: chain.stream.secret, notAfter: LATER }
      for (const commit of commits) {
        const written = await extend(chain, commit)
        await clean.tables.apply(written, options, never)
        await spoilt.tables.apply(written, options, never)
      }
      await loseRows(spoilt.store, losses, () => rolls.next().value ?? 0)
      let kept: RebuildProgress = REBUILD_START
      for (let n = 0; n < STEPS_MAX && kept.phase !== 'done'; n += 1) {
        const step = steps.next().value ?? { commits: 1, dies: false }
        let left = step.commits
        const mayGoOn = () => {
          left -= 1
          return left > 0
        }
        const reached = await rebuildStream(
          chain.stream,
          spoilt.tables,
          kept,
          { notAfter: LATER, mayGoOn },
          never,
        )
        // A step that dies is done again from what was kept; what is kept goes through a row.
        const dies = step.dies && n < STEPS_MAX / 2
        if (!dies) kept = rebuildProgressSchema.parse(JSON.parse(JSON.stringify(reached)))
        // Nobody sees a part: either nothing is shown, or all of it.
        const head = kept.phase === 'apply' ? await spoilt.tables.head(never) : undefined
        assert.ok(head === undefined || head.seq === commits.length)
      }
      assert.equal(kept.phase, 'done')
      assert.equal(kept.applied, commits.length)
      assert.deepEqual(await truth(chain, spoilt), await truth(chain, clean))
    }),
    { numRuns: 40 },
  )
})
