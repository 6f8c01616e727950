/** The catalogue is lost and rebuilt from the blobs: the rows are those that slices had left. */
import assert from 'node:assert/strict'
import type { StreamTruth } from '../../../src/catalogue/index.ts'
import { assertSameRows } from '../../../src/catalogue/testing/same-rows.ts'
import { rebuildWhole } from '../../../src/vault/testing/rebuild-whole.ts'
import type { VaultCommit } from '../../../src/vault/types.ts'
import { type MailWorld, NEVER, OWNER } from './world.ts'

/** Few, so that it takes several shards. */
const ROWS_AT_ONCE = 200

/** In a copy of the account; the world stays as it is. */
export async function sameWhenRebuilt(
  world: MailWorld,
  commits: readonly VaultCommit[],
): Promise<void> {
  const lost = world.storage.fork()
  lost.tables.clear()
  const { vault, catalogue } = world.built('writer', lost.process('rebuild'), lost)
  const stream = await vault.stream(OWNER, 'mail', NEVER)
  const tables = catalogue.stream(OWNER, 'mail')
  assert.equal(await tables.head(NEVER), undefined, 'every row is lost')
  await rebuildWhole(stream, tables, NEVER)
  assertSameRows({
    live: (table) => world.storage.tables.rows(table),
    rebuilt: (table) => lost.tables.rows(table),
    secretOf: () => stream.secret,
  })
  await sayEqual(world, { secret: stream.secret, commits })
}

/** What the comparison of the product says; it is an identity that only reads. */
async function sayEqual(
  world: MailWorld,
  { secret, commits }: { secret: Uint8Array; commits: readonly VaultCommit[] },
): Promise<void> {
  const truth: StreamTruth = {
    secret,
    async *commits(upTo) {
      yield* commits.filter(({ seq }) => seq <= upTo)
    },
  }
  const options = { namedMax: 10, rowsAtOnce: ROWS_AT_ONCE }
  const found = await world.tables().compare(truth, options, NEVER)
  assert.deepEqual(found.differences, [], 'the comparison finds the rows equal')
  assert.equal(found.upTo?.seq, commits.at(-1)?.seq, 'and has looked at all of them')
}
