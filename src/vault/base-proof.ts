/**
 * Whether a base says what the commits before it say. A base that did not would hand a wrong state
 * to every later reader, and let time destroy what it left out.
 *
 * Costs what building a base costs: the commits since the state that is begun with are read once
 * for each shard.
 */
import { isDeepStrictEqual } from 'node:util'
import type { CarriedBase } from './beginning.ts'
import { openState, readShardOnce, type StateSource } from './stream-state.ts'
import type { BaseIndex, StateCursor, StreamReader } from './types.ts'

/**
 * Compares it with the commits since the beginning of the stream, and with no other base than the
 * one there (`begin`: the seq of its commit), because any of them may be forged. Answers what
 * differs, as a phrase; undefined: nothing. Throws `BaseDamaged`, `CommitDamaged`, `ChainGap`.
 */
export async function proveBase(
  reader: StreamReader,
  { seq, index }: CarriedBase,
  begin: number | undefined,
  signal: AbortSignal,
): Promise<string | undefined> {
  const without: number[] = []
  for await (const other of reader.baseSeqs(signal)) if (other !== begin) without.push(other)
  const told = await openState(reader, index.asOf, { without }, signal)
  return await differenceOf(told, { base: index, seq }, signal)
}

/** What differs, as a phrase; undefined: nothing. */
export async function differenceOf(
  told: StateSource,
  { base, seq }: { base: BaseIndex; seq: number },
  signal: AbortSignal,
): Promise<string | undefined> {
  const restated: StateSource = { ...told, base, baseSeq: seq }
  for (let shard = 0; shard < told.shards; shard += 1) {
    const mine = await readShardOnce(restated, shard, signal)
    const theirs = await readShardOnce(told, shard, signal)
    if (!isDeepStrictEqual(mine, theirs)) return 'a base has the items of its commits'
  }
  const cursors = await cursorsOf(base, told.stream, signal)
  if (!isDeepStrictEqual(cursors, told.cursors)) return 'a base has the cursors of its commits'
  return isDeepStrictEqual(base.round, told.round)
    ? undefined
    : 'a base has the round of its commits'
}

async function cursorsOf(
  base: BaseIndex,
  reader: StreamReader,
  signal: AbortSignal,
): Promise<StateCursor[]> {
  const lines: StateCursor[] = []
  for (const part of base.parts) {
    if (part.holds !== 'cursors') continue
    for (const line of await reader.readBasePart(base, part, signal)) {
      if (line.is === 'cursor') lines.push(line)
    }
  }
  return lines
}
