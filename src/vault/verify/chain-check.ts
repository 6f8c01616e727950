/**
 * One stream's chain, from its first commit, or from a base where what precedes it is not there:
 * every commit opened as every reader opens it, links, void commits, parts.
 */
import { type AppError, hasCode } from '../../model/errors.ts'
import type { CommitRef } from '../../model/events.ts'
import type { WorkloadName } from '../../model/ids.ts'
import { type Beginning, beginningOf } from '../beginning.ts'
import { CHAIN_START, followChain, nextSeq } from '../chain.ts'
import { parseCommit } from '../commit-format.ts'
import { COMMIT_BYTES_MAX } from '../limits.ts'
import { commitName, commitsPrefix, partName, type StreamId, seqOfCommit } from '../names.ts'
import { createStreamReader } from '../stream-vault.ts'
import type { ChainEnd, ChainStep, StreamReader } from '../types.ts'
import { clearChain } from './clear-chain.ts'
import { checkOf } from './findings.ts'
import type { Ends, Position } from './progress.ts'
import type { Access, Work } from './work.ts'

type ChainPosition = Extract<Position, { step: 'chain' }>

/** Undefined without the index secret. */
export function readerOf(
  { store }: Work,
  { owner, secret }: Access,
  workload: WorkloadName,
): StreamReader | undefined {
  return secret && createStreamReader({ store, stream: { owner, workload }, secret })
}

/**
 * Gives how far it came, each time with everything before it in the tally, and answers where it
 * ended: what is told of the end itself belongs to what comes after it.
 */
export async function* checkChain(
  work: Work,
  access: Access,
  position: ChainPosition,
): AsyncGenerator<ChainPosition, ChainPosition> {
  const { owner, workload } = position
  const stream = { owner, workload }
  const seqs = await seqRange(work, stream)
  if (seqs === undefined) return position
  const reader = readerOf(work, access, workload)
  const begun = position.end
    ? { end: position.end as ChainEnd, from: position.from ?? 1 }
    : await beginning(work, stream, seqs.first, reader)
  if (begun === undefined) return position
  let { end } = begun
  const at = () => ({ ...position, ...placeOf(end), from: begun.from })
  let isStopped = false
  try {
    const source = reader ?? clearChain(work.store, stream)
    for await (const next of followChain(source, end, work.signal)) {
      await tell(work, stream, { step: next.step, before: end })
      end = next.end
      yield at()
    }
  } catch (error) {
    const isUnknown = hasCode(error, 'FormatUnknown')
    if (!isUnknown && !hasCode(error, 'ChainBlocked')) throw error
    const code = isUnknown ? 'FormatUnknown' : 'ChainBlocked'
    const seq = nextSeq(end)
    work.tally.find({ code, ...stream, seq, blob: commitName(stream, seq) })
    isStopped = true
  }
  for (const { seq } of end.voids) {
    work.tally.find({ code: 'CommitVoid', ...stream, seq, blob: commitName(stream, seq) })
  }
  const walked = (end.last?.seq ?? 0) + end.voids.length
  const { last } = await seqRange(work, stream).then((range) => range ?? { last: 0 })
  // The next one may have been written since.
  if (last > walked + 1 && end.voids.length === 0 && !isStopped) {
    const seq = walked + 1
    work.tally.find({ code: 'ChainGap', ...stream, seq, blob: commitName(stream, seq) })
  }
  work.tally.add({ streams: 1 })
  return at()
}

/** What the position says of where the chain ended, for the checks after it. */
export function endsAfter({ ends, workload, end, from = 1 }: ChainPosition): Ends {
  if (end?.last === undefined) return ends
  return { ...ends, [workload]: { last: end.last, from } }
}

function placeOf({ last, voids }: ChainEnd): Pick<ChainPosition, 'end'> {
  const end = { voids: voids.map((v) => ({ ...v })), ...(last && { last: refOf(last) }) }
  return { end }
}

const refOf = ({ seq, hash, time }: CommitRef): CommitRef => ({ seq, hash, time })

async function tell(
  work: Work,
  stream: StreamId,
  { step, before }: { step: ChainStep<CommitRef>; before: ChainEnd },
): Promise<void> {
  if (step.is === 'void') return
  for (const { seq } of before.voids) {
    work.tally.find({ code: 'CommitVoidPassed', ...stream, seq, blob: commitName(stream, seq) })
  }
  work.tally.add({ commits: 1 })
  if (step.is === 'commit') {
    const { commit } = step
    if ('events' in commit && Array.isArray(commit.events)) {
      work.tally.add({ events: commit.events.length })
    }
    return
  }
  const { ref, cause } = step
  const blob = await damagedPart(work, stream, ref.seq, cause)
  work.tally.find({ code: 'CommitDamaged', ...stream, seq: ref.seq, blob, check: checkOf(cause) })
}

/** The name of the part that is missing or changed; inside commit.json none has a name. */
async function damagedPart(
  { store, signal }: Work,
  stream: StreamId,
  seq: number,
  cause: AppError,
): Promise<string> {
  const name = commitName(stream, seq)
  const found = await store.read(name, signal, { offset: 0, bytes: COMMIT_BYTES_MAX })
  const { part } = cause.context
  if (found === undefined || typeof part !== 'number') return name
  const named = parseCommit(found.bytes, stream, seq).envelope.parts[part]
  return named === undefined || named.inline ? name : partName(stream, seq, named.sha256)
}

async function seqRange(
  { store, signal }: Work,
  stream: StreamId,
): Promise<{ first: number; last: number } | undefined> {
  let range: { first: number; last: number } | undefined
  for await (const { name } of store.list(commitsPrefix(stream), signal)) {
    const seq = seqOfCommit(name)
    if (seq !== undefined) range = { first: range?.first ?? seq, last: seq }
  }
  return range
}

const FIRST: Beginning = { end: CHAIN_START }

/** Undefined: what is there cannot be read from anywhere on. */
async function beginning(
  work: Work,
  stream: StreamId,
  first: number,
  reader: StreamReader | undefined,
): Promise<{ end: ChainEnd; from: number } | undefined> {
  if (first === 1) return { end: CHAIN_START, from: 1 }
  const { end, base } = reader ? await beginningOf(reader, work.signal) : FIRST
  if (base === undefined || end.last === undefined) {
    work.tally.find({ code: 'ChainGap', ...stream, seq: 1, blob: commitName(stream, 1) })
    work.tally.add({ streams: 1 })
    return undefined
  }
  work.tally.find({ code: 'ChainBeginsAtBase', ...stream, seq: end.last.seq })
  return { end: { last: refOf(end.last), voids: [] }, from: end.last.seq + 1 }
}
