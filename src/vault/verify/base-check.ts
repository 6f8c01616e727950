/**
 * The bases of one stream: their blobs, and that each restates what the base before it and the
 * commits since say. A base that did not would hand a wrong state to every later reader.
 *
 * Costs what building a base costs: the commits since the earlier one are read once for each shard.
 */
import { AppError, hasCode } from '../../model/errors.ts'
import { differenceOf } from '../base-proof.ts'
import { isDamage } from '../damage.ts'
import { baseIndexName, type StreamId } from '../names.ts'
import { openState, type StateSource } from '../stream-state.ts'
import type { BaseIndex, BaseLink, StreamReader } from '../types.ts'
import { readerOf } from './chain-check.ts'
import type { FindingCode } from './findings.ts'
import { checkOf } from './findings.ts'
import type { Position } from './progress.ts'
import type { Access, Work } from './work.ts'

type BasesPosition = Extract<Position, { step: 'bases' }>

export async function* checkBases(
  work: Work,
  access: Access,
  position: BasesPosition,
): AsyncGenerator<BasesPosition> {
  const { owner, workload, ends } = position
  const reader = readerOf(work, access, workload)
  const end = ends[workload]
  if (reader === undefined || end === undefined) return
  const seqs: number[] = []
  for await (const seq of reader.baseSeqs(work.signal)) seqs.push(seq)
  for (const seq of seqs) {
    if (seq <= position.after || seq < end.from || seq > end.last.seq) continue
    await checkBase(work, reader, { stream: { owner, workload }, seq, seqs })
    yield { ...position, after: seq }
  }
}

async function checkBase(
  work: Work,
  reader: StreamReader,
  { stream, seq, seqs }: { stream: StreamId; seq: number; seqs: readonly number[] },
): Promise<void> {
  const link = await linkOf(work, reader, seq)
  if (link === undefined) return
  work.tally.add({ bases: 1 })
  const blob = baseIndexName(stream, seq, link.index.sha256)
  const find = (code: FindingCode, check?: string) =>
    work.tally.find({ code, ...stream, seq, blob, check })
  try {
    const base = await readWhole(reader, seq, work.signal)
    if (base === undefined) return
    const told = await toldByCommits(reader, { base, seq, seqs }, work.signal)
    if (typeof told === 'string') return find(told)
    const difference = await differenceOf(told, { base, seq }, work.signal)
    if (difference !== undefined) find('BaseDiffers', difference)
  } catch (error) {
    if (!hasCode(error, 'BaseDamaged')) throw error
    find('BaseDamaged', checkOf(error))
  }
}

/** Undefined where the commit carries none, or is not one: its chain tells of that. */
async function linkOf(
  { signal }: Work,
  reader: StreamReader,
  seq: number,
): Promise<BaseLink | undefined> {
  try {
    return (await reader.readCommit(seq, signal))?.base
  } catch (error) {
    if (!isDamage(error) && !hasCode(error, 'FormatUnknown')) throw error
    return undefined
  }
}

/** Every blob of it read once, so that none is passed over by the comparison. */
async function readWhole(
  reader: StreamReader,
  seq: number,
  signal: AbortSignal,
): Promise<BaseIndex | undefined> {
  const commit = await reader.readCommit(seq, signal)
  const base = commit && (await reader.base(commit, signal))
  for (const part of base?.parts ?? []) {
    if (base) await reader.readBasePart(base, part, signal)
  }
  return base
}

/** The state that the base restates, by what was there before it; a code where that fails. */
async function toldByCommits(
  reader: StreamReader,
  { base, seq, seqs }: { base: BaseIndex; seq: number; seqs: readonly number[] },
  signal: AbortSignal,
): Promise<StateSource | 'BaseDiffers' | 'BaseUnproven'> {
  const without = seqs.filter((other) => other >= seq)
  try {
    return await openState(reader, base.asOf, { without }, signal)
  } catch (error) {
    if (hasCode(error, 'FormatUnknown')) return 'BaseUnproven'
    if (!(error instanceof AppError) || !isDamage(error)) throw error
    if (error.code !== 'ChainGap') return 'BaseUnproven'
    // Either its commit is on no chain, or the beginning of the chain is not there.
    const first = await reader.next({ last: undefined, voids: [] }, signal)
    return first === undefined ? 'BaseUnproven' : 'BaseDiffers'
  }
}
