/**
 * One stream of a comparison: where its commits begin, what they say, and the rows held against it.
 *
 * The catalogue knows how rows are compared; here is what they are compared with, as a rebuild
 * would walk it.
 */
import type { StreamComparison, StreamTruth } from '../../catalogue/index.ts'
import type { Catalogue } from '../../catalogue/types.ts'
import { type AppError, isLasting } from '../../model/errors.ts'
import type { Commit } from '../../model/events.ts'
import type { OwnerId, WorkloadName } from '../../model/ids.ts'
import {
  type Beginning,
  beginningOf,
  checkNoGap,
  followChain,
  restated,
} from '../../vault/index.ts'
import type { ChainEnd, StreamVault, VaultApi } from '../../vault/types.ts'
import { type CompareTally, DIFFERENCES_NAMED_MAX } from './compare-report.ts'
import type { Erasures } from './identify.ts'

export interface CompareDeps {
  catalogue: Pick<Catalogue, 'owners' | 'resources' | 'stream'>
  vault: Pick<VaultApi, 'owners' | 'ownerRecord' | 'stream'>
  erasures: Erasures
  tenantId: string
  /** See CompareOptions of the catalogue. */
  rowsAtOnce?: number
}

/** What is compared of one owner, and where it is counted. */
export interface OwnerWork {
  deps: CompareDeps
  owner: OwnerId
  tally: CompareTally
  signal: AbortSignal
}

/** Of one stream. */
const TRIES_MAX = 9
const NO_SECRET = new Uint8Array(32)

/** Every row is one too many. */
export async function compareWithNothing(work: OwnerWork, workload: WorkloadName): Promise<void> {
  const truth: StreamTruth = { secret: NO_SECRET, commits: () => nothing() }
  tallyRows(work.tally, await rowsCompared(work, workload, truth))
}

async function* nothing(): AsyncGenerator<Commit> {}

/**
 * An expirer may take the beginning of a stream away meanwhile: then it is compared once more. A
 * base that turns out to be damaged is passed, as a rebuild passes it.
 */
export async function compareStream(work: OwnerWork, workload: WorkloadName): Promise<void> {
  const { deps, owner, tally, signal } = work
  const stream = await deps.vault.stream(owner, workload, signal)
  const without: number[] = []
  for (let n = 1; ; n += 1) {
    const beginning = await beginningOf(stream, signal, without)
    const result = await compareFrom(work, stream, beginning)
    if (n < TRIES_MAX && (await isBetterAgain({ stream, beginning, result, without }, signal))) {
      continue
    }
    if (typeof result === 'string') tally.uncompared({ owner, workload, code: result })
    else tallyRows(tally, result)
    return
  }
}

interface Tried {
  stream: StreamVault
  beginning: Beginning
  result: StreamComparison | string
  /** Seqs of bases that are damaged. */
  without: number[]
}

async function isBetterAgain(
  { stream, beginning, result, without }: Tried,
  signal: AbortSignal,
): Promise<boolean> {
  if (result === 'BaseDamaged' && beginning.base) {
    without.push(beginning.base.seq)
    return true
  }
  const isEqual = typeof result !== 'string' && result.differences.length === 0
  if (isEqual) return false
  const now = await beginningOf(stream, signal, without)
  return now.end.last?.hash !== beginning.end.last?.hash
}

/** The code of what keeps the stream from being compared. */
async function compareFrom(
  work: OwnerWork,
  stream: StreamVault,
  beginning: Beginning,
): Promise<StreamComparison | string> {
  const { signal } = work
  const truth: StreamTruth = {
    secret: stream.secret,
    commits: (upTo) => commitsOf(stream, { from: beginning.end, upTo }, signal),
    ...(beginning.base && { state: () => restated(stream, beginning, signal) }),
  }
  try {
    return await rowsCompared(work, stream.workload, truth)
  } catch (error) {
    if (!isItsOwn(error)) throw error
    return error.code
  }
}

async function rowsCompared(
  { deps, owner, signal }: OwnerWork,
  workload: WorkloadName,
  truth: StreamTruth,
): Promise<StreamComparison> {
  const { rowsAtOnce } = deps
  const options = { namedMax: DIFFERENCES_NAMED_MAX, ...(rowsAtOnce && { rowsAtOnce }) }
  return await deps.catalogue.stream(owner, workload).compare(truth, options, signal)
}

function tallyRows(tally: CompareTally, found: StreamComparison): void {
  tally.count({ streams: found.upTo ? 1 : 0, commits: found.commits })
  tally.rows(found.tables)
  tally.name(found.differences)
}

/** Asking again does not help, and others may be without it. */
export function isItsOwn(error: unknown): error is AppError {
  return isLasting(error) && error.code !== 'TablesMissing'
}

/** Those that a rebuild would apply. A damaged one leaves it to chance what the rows should be. */
async function* commitsOf(
  stream: StreamVault,
  { from, upTo }: { from: ChainEnd; upTo: number },
  signal: AbortSignal,
): AsyncGenerator<Commit> {
  let walked = from
  for await (const { step, end } of followChain(stream, from, signal)) {
    walked = end
    if (step.is === 'void') continue
    const { seq } = step.is === 'commit' ? step.commit : step.ref
    if (seq > upTo) return
    if (step.is === 'damaged') throw step.cause
    yield step.commit
    if (seq === upTo) return
  }
  await checkNoGap(stream, walked, signal)
}
