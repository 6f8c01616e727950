/**
 * A recovery point of the past, looked at in the three ways in which a person may reach it: the
 * commits as they were folded here, the vault's own state from blobs, and the tables. They must
 * say the same, whatever came afterwards.
 */
import assert from 'node:assert/strict'
import type { HeldItem, StreamTables } from '../../../src/catalogue/types.ts'
import { CONTAINERS } from '../../../src/model/events.ts'
import type { GraphId } from '../../../src/model/ids.ts'
import { openState, readShard } from '../../../src/vault/index.ts'
import type { Held, PointState, Points } from './points.ts'
import { NEVER } from './world.ts'

const LIST_MAX = 1000
/** Small, so that a state of some dozens of items has several shards. */
const SHARD_ITEMS = 16

type Version = Pick<
  Held,
  'item' | 'kind' | 'why' | 'place' | 'marker' | 'display' | 'representations'
>

const versionOf = (held: Version): Version => {
  const { item, kind, why, place, marker, display, representations } = held
  return { item, kind, why, place, marker, display, representations }
}

const byItem = <T extends { item: GraphId }>(all: Iterable<T>): T[] =>
  [...all].sort((a, b) => (a.item < b.item ? -1 : 1))

/**
 * The state from blobs alone: the newest base that is not after it, though it may have been made
 * later, and the commits after that. `from` the first commit: as if there were no base.
 */
export async function sameFromBlobs(
  points: Points,
  seq: number,
  from: 'base' | 'first commit' = 'base',
): Promise<void> {
  const commit = points.commits[seq - 1]
  assert.ok(commit, 'there is such a point')
  const expected = points.at(seq)
  const bases = points.commits.filter(({ base }) => base).map((each) => each.seq)
  const without = from === 'base' ? [] : bases
  const options = { shardItems: SHARD_ITEMS, without }
  const source = await openState(points.stream, commit, options, NEVER)
  const restated = from === 'base' ? points.restatedBefore(seq) : undefined
  assert.equal(source.base?.asOf.seq, restated, 'the newest base serves')
  const lines = []
  for (let shard = 0; shard < source.shards; shard += 1) {
    lines.push(...(await readShard(source, shard, NEVER)))
  }
  const items = lines.filter((line) => line.is === 'item').map(versionOf)
  assert.deepEqual(byItem(items), byItem([...expected.held.values()].map(versionOf)), 'held')
  const entries = lines.filter((line) => line.is === 'entry').map(({ event }) => event)
  assert.deepEqual(byItem(entries), byItem(expected.open.values()), 'open entries')
  const cursors = source.cursors.map(({ cursor }) => [cursor.container, cursor] as const)
  assert.deepEqual(new Map(cursors), expected.cursors, 'cursors')
  assert.deepEqual(source.round, commit.round, 'the round')
}

/** What the tables say of that point today. `all`: every item that any commit ever named. */
export async function sameFromTables(
  tables: StreamTables,
  expected: PointState,
  all: readonly GraphId[],
): Promise<void> {
  const { seq, held } = expected
  const current = await tables.current(all, seq, NEVER)
  const there = [...current.values()].filter((version) => !version.deleted)
  assert.deepEqual(byItem(there.map(versionOf)), byItem([...held.values()].map(versionOf)), 'held')
  const containers = all.filter((item) => isContainer(held.get(item) ?? current.get(item)))
  for (const container of [CONTAINERS, ...containers]) {
    const { items } = await tables.list(container, seq, { max: LIST_MAX }, NEVER)
    const members = [...held.values()].filter((version) => version.place.container === container)
    assert.deepEqual(
      byItem(items.map(({ item, kind, from, display }) => ({ item, kind, from, display }))),
      byItem(
        members.map(({ item, kind, place, display }) => ({
          ...{ item, kind, from: place.from, display },
        })),
      ),
      'the list of a container',
    )
  }
}

/** Every time up to the head leads to the newest point that is not later; nothing is before all. */
export async function sameByTime(
  tables: StreamTables,
  { commits }: Points,
  head: number,
): Promise<void> {
  const at = async (ms: number) => await tables.pointAt(new Date(ms).toISOString(), NEVER)
  for (const { seq, hash, time, complete } of commits.slice(0, head)) {
    const ms = Date.parse(time)
    const point = await at(ms)
    assert.deepEqual(
      { seq: point?.seq, hash: point?.hash, time: point?.time, complete: point?.complete },
      { seq, hash, time, complete },
      'the point of its own time',
    )
    assert.equal((await at(ms - 1))?.seq ?? 0, seq - 1, 'the point before it')
  }
}

const isContainer = (version: Held | HeldItem | undefined) => version?.kind === 'container'
