/**
 * Bases against a plain fold of the commits, which shares no code with the reader: what each base
 * restates, and, once the owner is at rest, what a reader finds at every seq.
 */
import assert from 'node:assert/strict'
import type {
  CommitRef,
  LedgerEvent,
  LeftEvent,
  PutEvent,
  RoundState,
} from '../../../src/model/events.ts'
import type { GraphId } from '../../../src/model/ids.ts'
import { stateByCommits, wholeState } from '../../../src/vault/testing/states.ts'
import type { BaseIndex, StateLine, StreamVault, VaultCommit } from '../../../src/vault/types.ts'
import { NEVER } from './capture-world.ts'

/** Few, so that a reader needs several shards. */
const SHARD_ITEMS = 3

interface State {
  items: Map<GraphId, { seq: number; event: PutEvent }>
  entries: Map<GraphId, { seq: number; event: LedgerEvent | LeftEvent }>
  cursors: Map<GraphId, { seq: number; cursor: unknown }>
  round: RoundState | undefined
}

/** The states after each commit; states[seq], and states[0] before the first. */
function fold(commits: readonly VaultCommit[]): State[] {
  const first = { items: new Map(), entries: new Map(), cursors: new Map(), round: undefined }
  const states: State[] = [first]
  for (const { seq, events, cursors, round } of commits) {
    const before = states.at(-1) ?? first
    const now: State = {
      items: new Map(before.items),
      entries: new Map(before.entries),
      cursors: new Map(before.cursors),
      round,
    }
    for (const cursor of cursors) now.cursors.set(cursor.container, { seq, cursor })
    for (const event of events) {
      now.entries.delete(event.item)
      if (event.op === 'put') now.items.set(event.item, { seq, event })
      if (event.op === 'deleted') now.items.delete(event.item)
      if (event.op === 'left' || event.op === 'ledger') now.entries.set(event.item, { seq, event })
    }
    states.push(now)
  }
  return states
}

/** As a base says it, in no order. */
function told({ items, entries, cursors, round }: State) {
  const lines = [
    ...[...items.values()].map(({ seq, event }) => {
      const { item, kind, why, place, marker, display, representations } = event
      const at = { ...place, from: seq }
      return { is: 'item', item, kind, seq, why, place: at, marker, display, representations }
    }),
    ...[...entries.values()].map(({ seq, event }) => ({ is: 'entry', seq, event })),
    ...[...cursors.values()].map(({ seq, cursor }) => ({ is: 'cursor', seq, cursor })),
  ]
  return { lines: new Map(lines.map((line) => [keyOf(line as StateLine), line])), round }
}

function keyOf(line: StateLine): string {
  if (line.is === 'item') return `item ${line.item}`
  return line.is === 'entry' ? `entry ${line.event.item}` : `cursor ${line.cursor.container}`
}

function found(lines: readonly StateLine[], round: RoundState) {
  const byKey = new Map(lines.map((line) => [keyOf(line), line]))
  assert.equal(byKey.size, lines.length, 'a state says each thing once')
  return { lines: byKey, round }
}

/**
 * Every base restates exactly what the commits up to its `asOf` say. `proven`: by the hash of
 * their commits; the hash of a blob names its bytes, and those are looked at each time.
 */
export async function checkBases(
  stream: StreamVault,
  commits: readonly VaultCommit[],
  proven: Set<string>,
): Promise<void> {
  const states = fold(commits)
  for (const commit of commits) {
    if (!commit.base || proven.has(commit.hash)) continue
    proven.add(commit.hash)
    const base = await stream.base(commit, NEVER)
    assert.ok(base, 'a base that a commit names is there')
    assert.equal(base.asOf.hash, commits[base.asOf.seq - 1]?.hash, 'it is of this chain')
    const lines = await linesOf(stream, base)
    const expected = told(states[base.asOf.seq] ?? fold([])[0] ?? assert.fail())
    assert.deepEqual(found(lines, base.round), expected, `the base as of ${base.asOf.seq}`)
  }
}

async function linesOf(stream: StreamVault, base: BaseIndex): Promise<StateLine[]> {
  const lines: StateLine[] = []
  for (const part of base.parts) lines.push(...(await stream.readBasePart(base, part, NEVER)))
  return lines
}

/** The newest base and the commits after it say what all commits say, at every seq. */
export async function checkStates(
  stream: StreamVault,
  commits: readonly VaultCommit[],
  proven: Set<string>,
): Promise<void> {
  const states = fold(commits)
  const bases = commits.filter((commit) => commit.base !== undefined)
  for (const { seq, hash, time } of commits) {
    const newest = bases.findLast((commit) => (commit.base?.asOf ?? seq) <= seq)
    const key = `${hash} ${newest?.hash}`
    if (proven.has(key)) continue
    proven.add(key)
    const state = states[seq]
    assert.ok(state)
    const ref: CommitRef = { seq, hash, time }
    const { base, lines, cursors, round } = await wholeState(stream, ref, {
      shardItems: SHARD_ITEMS,
    })
    assert.deepEqual(found([...lines, ...cursors], round), told(state), `the state at ${seq}`)
    assert.equal(base, newest?.base?.asOf, 'the newest base serves')
  }
  const last = commits.at(-1)
  if (!last) return
  const { lines, cursors, round } = await stateByCommits(stream, last)
  assert.deepEqual(found([...lines, ...cursors], round), told(states[last.seq] ?? assert.fail()))
}
