/**
 * Where a stream begins: at its first commit, or, where that one has expired, at the state that a
 * base restates (docs/format.md, 8.5).
 *
 * Whoever walks a whole chain begins here, so that all readers agree on what is left of a stream. A
 * name that has expired is free again, and who may create can put a commit there: but storage knows
 * that it is younger than those after it.
 */
import type { Restated } from '../catalogue/index.ts'
import { hasCode } from '../model/errors.ts'
import { CHAIN_START, followChain } from './chain.ts'
import { isDamage } from './damage.ts'
import type { BaseIndex, ChainEnd, StateLine, StreamReader } from './types.ts'

export interface Beginning {
  /** What the first commit that is read has to link to. */
  end: ChainEnd
  /** The state before that commit; absent: nothing. */
  base?: CarriedBase
}

export interface CarriedBase {
  /** Seq of the commit that carries it. */
  seq: number
  index: BaseIndex
}

const FIRST_COMMIT: Beginning = { end: CHAIN_START }

/**
 * By the base of the oldest state after which nothing is missing; of several for one state the one
 * that was committed first. Where there is none the beginning is the first commit, and who walks
 * from there finds the gap. `without`: seqs of bases that are not used, because a part of them is
 * damaged, which is not looked at here. Throws `FormatUnknown`.
 */
export async function beginningOf(
  stream: StreamReader,
  signal: AbortSignal,
  without: readonly number[] = [],
): Promise<Beginning> {
  const created = new Map<number, number>()
  for (const { seq, createdAt } of await stream.commitBlobs(signal)) {
    created.set(seq, createdAt?.getTime() ?? 0)
  }
  const first = created.get(1)
  const isOldest = [...created.values()].every((at) => first !== undefined && first <= at)
  if (isOldest) return FIRST_COMMIT
  for (const base of await soundBases(stream, without, signal)) {
    if (!(await leadsTo(stream, base, signal))) continue
    const isPlanted = first === undefined || first > (created.get(base.seq) ?? 0)
    return isPlanted ? { end: { last: base.index.asOf, voids: [] }, base } : FIRST_COMMIT
  }
  return FIRST_COMMIT
}

/** The state with which the stream begins, part by part. Throws `BaseDamaged`. */
export async function* restated(
  stream: StreamReader,
  { base }: Beginning,
  signal: AbortSignal,
): AsyncGenerator<Restated> {
  for (const part of base?.index.parts ?? []) {
    if (base) yield byKind(await stream.readBasePart(base.index, part, signal))
  }
}

export function byKind(lines: readonly StateLine[]): Restated {
  return {
    items: lines.filter((line) => line.is === 'item'),
    entries: lines.filter((line) => line.is === 'entry'),
    cursors: lines.filter((line) => line.is === 'cursor'),
  }
}

/** In the order of the states that they restate, and then of the commits that carry them. */
async function soundBases(
  stream: StreamReader,
  without: readonly number[],
  signal: AbortSignal,
): Promise<CarriedBase[]> {
  const bases: CarriedBase[] = []
  for await (const seq of stream.baseSeqs(signal)) {
    if (without.includes(seq)) continue
    const index = await soundBase(stream, seq, signal)
    if (index !== undefined) bases.push({ seq, index })
  }
  return bases.sort((a, b) => a.index.asOf.seq - b.index.asOf.seq || a.seq - b.seq)
}

/** Undefined where the commit carries none, or is none, or its index is damaged. */
export async function soundBase(
  stream: StreamReader,
  seq: number,
  signal: AbortSignal,
): Promise<BaseIndex | undefined> {
  try {
    const commit = await stream.readCommit(seq, signal)
    return commit && (await stream.base(commit, signal))
  } catch (error) {
    if (!isDamage(error)) throw error
    return undefined
  }
}

/** The chain from the commit that the base restates passes the one that carries it. */
async function leadsTo(
  stream: StreamReader,
  { seq, index: { asOf } }: CarriedBase,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    for await (const { step, end } of followChain(stream, { last: asOf, voids: [] }, signal)) {
      const at = end.last?.seq ?? 0
      if (at > seq) return false
      if (at === seq && step.is === 'commit') return step.commit.base?.hash === asOf.hash
    }
    return false
  } catch (error) {
    if (!hasCode(error, 'ChainBlocked')) throw error
    return false
  }
}
