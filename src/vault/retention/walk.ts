/**
 * One stream, from where it begins to its end, as retention needs to know it. Reads every commit
 * once; some 100 bytes of memory for a commit, and for a pack.
 *
 * Nothing is guessed: what is damaged, missing or of an unknown format is thrown, and whoever asks
 * takes it for a reason to keep everything.
 */
import { AppError } from '../../model/errors.ts'
import type { CommitRef, StreamEvent } from '../../model/events.ts'
import type { PackId } from '../../model/ids.ts'
import { packsOf } from '../../model/representation.ts'
import { type Beginning, beginningOf, type CarriedBase } from '../beginning.ts'
import { followChain } from '../chain.ts'
import type { StateLine, StreamReader } from '../types.ts'

export interface WalkedStream {
  reader: StreamReader
  beginning: Beginning
  /** Every commit. */
  points: (CommitRef & { complete: boolean })[]
  /** Bases that commits of the chain carry. */
  bases: { seq: number; asOf: number; hash: string }[]
  /** The last commit that names the pack. */
  lastUse: ReadonlyMap<PackId, number>
}

/** Throws `ChainGap`, `ChainBlocked`, `CommitDamaged`, `FormatUnknown`. */
export async function walkStream(reader: StreamReader, signal: AbortSignal): Promise<WalkedStream> {
  const beginning = await beginningOf(reader, signal)
  const points: WalkedStream['points'] = []
  const bases: WalkedStream['bases'] = []
  const lastUse = new Map<PackId, number>()
  let { end } = beginning
  for await (const next of followChain(reader, end, signal)) {
    end = next.end
    const { step } = next
    if (step.is === 'damaged') throw step.cause
    if (step.is === 'void') continue
    const { seq, hash, time, complete, base, packs, events } = step.commit
    points.push({ seq, hash, time, complete })
    if (base) bases.push({ seq, asOf: base.asOf, hash: base.hash })
    for (const { id } of packs) lastUse.set(id, seq)
    for (const event of events) for (const pack of packsOfEvent(event)) lastUse.set(pack, seq)
  }
  const walked = (end.last?.seq ?? 0) + end.voids.length
  for (const { seq } of await reader.commitBlobs(signal)) {
    // The next one may have been written since.
    if (seq > walked + 1) throw chainGap(reader, walked + 1)
  }
  return { reader, beginning, points, bases, lastUse }
}

function packsOfEvent(event: StreamEvent): PackId[] {
  if (event.op === 'put') return packsOf(event.representations)
  return event.op === 'ledger' && event.progress ? packsOf([event.progress.content]) : []
}

/** The index of a base that a commit of the chain carries. Throws `BaseDamaged`. */
export async function carriedBase(
  { reader }: WalkedStream,
  seq: number,
  signal: AbortSignal,
): Promise<CarriedBase | undefined> {
  const commit = await reader.readCommit(seq, signal)
  const index = commit && (await reader.base(commit, signal))
  return index && { seq, index }
}

/** What a state of a stream uses. Reads every part of the base. Throws `BaseDamaged`. */
export async function packsOfBase(
  reader: StreamReader,
  { index }: CarriedBase,
  signal: AbortSignal,
): Promise<Set<PackId>> {
  const packs = new Set<PackId>()
  for (const part of index.parts) {
    if (part.holds !== 'state') continue
    for (const line of await reader.readBasePart(index, part, signal)) {
      for (const pack of packsOfLine(line)) packs.add(pack)
    }
  }
  return packs
}

function packsOfLine(line: StateLine): PackId[] {
  if (line.is === 'item') return packsOf(line.representations)
  return line.is === 'entry' ? packsOfEvent(line.event) : []
}

function chainGap({ owner, workload }: StreamReader, missing: number): AppError {
  return new AppError({
    code: 'ChainGap',
    kind: 'corrupt',
    message: 'A commit of a stream is missing, and later ones are there.',
    hint: 'Look for the missing blob among deleted and older versions.',
    context: { owner, workload, missing },
  })
}
