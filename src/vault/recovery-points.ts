/**
 * Recovery points from blobs alone, for who has no catalogue.
 *
 * A point is a sound commit. A damaged one is none, because what it said is lost; the chain goes on
 * over it. Looking for a point begins at the newest base that is not later, so that it costs the
 * commits since then and not all of them.
 */
import { AppError } from '../model/errors.ts'
import type { CommitRef } from '../model/events.ts'
import { beginningOf } from './beginning.ts'
import { followChain } from './chain.ts'
import { isDamage } from './damage.ts'
import type { ChainEnd, StreamReader } from './types.ts'

export interface RecoveryPoint extends CommitRef {
  /** The end of a round. */
  complete: boolean
}

/** Every point, the oldest first: reads every commit. Throws `ChainBlocked`, `ChainGap`. */
export async function* recoveryPoints(
  stream: StreamReader,
  signal: AbortSignal,
): AsyncGenerator<RecoveryPoint> {
  let { end } = await beginningOf(stream, signal)
  for await (const next of followChain(stream, end, signal)) {
    end = next.end
    if (next.step.is === 'commit') {
      const { seq, hash, time, complete } = next.step.commit
      yield { seq, hash, time, complete }
    }
  }
  await checkEnd(stream, end, signal)
}

/**
 * The newest point at or before `at` (ISO time; undefined: of all). Undefined where there is none.
 * Throws `ChainBlocked`, and `ChainGap` where a missing commit hides whether there is a newer one.
 */
export async function pointAt(
  stream: StreamReader,
  at: string | undefined,
  signal: AbortSignal,
): Promise<CommitRef | undefined> {
  const isLater = ({ time }: CommitRef) => at !== undefined && Date.parse(time) > Date.parse(at)
  const from = await newestBase(stream, isLater, signal)
  let found = from
  let end: ChainEnd = from ? { last: from, voids: [] } : (await beginningOf(stream, signal)).end
  for await (const next of followChain(stream, end, signal)) {
    end = next.end
    if (next.step.is !== 'commit') continue
    const { seq, hash, time } = next.step.commit
    if (isLater({ seq, hash, time })) return found
    found = { seq, hash, time }
  }
  await checkEnd(stream, end, signal)
  return found
}

/** Which commit the newest base restates that is not later. */
async function newestBase(
  stream: StreamReader,
  isLater: (ref: CommitRef) => boolean,
  signal: AbortSignal,
): Promise<CommitRef | undefined> {
  const seqs: number[] = []
  for await (const seq of stream.baseSeqs(signal)) seqs.push(seq)
  for (const seq of seqs.reverse()) {
    try {
      const commit = await stream.readCommit(seq, signal)
      const base = commit && (await stream.base(commit, signal))
      if (base !== undefined && !isLater(base.asOf)) return base.asOf
    } catch (error) {
      // An earlier base, or the first commit, serves.
      if (!isDamage(error)) throw error
    }
  }
  return undefined
}

/** Throws `ChainGap` where commits lie beyond the end of the chain that was walked. */
async function checkEnd(
  stream: StreamReader,
  { last, voids }: ChainEnd,
  signal: AbortSignal,
): Promise<void> {
  const walked = (last?.seq ?? 0) + voids.length
  for await (const seq of stream.seqs(signal)) {
    // The next one may have been written since.
    if (seq <= walked + 1) continue
    const until = last?.time ?? ''
    throw new AppError({
      code: 'ChainGap',
      kind: 'corrupt',
      message: 'A commit of a stream is missing, and later ones are there.',
      hint: last
        ? `Bring the missing blob back from its deleted or older versions. Until then everything up to ${until} can be read: ask for that time.`
        : 'Bring the missing blob back from its deleted or older versions.',
      context: { owner: stream.owner, workload: stream.workload, missing: walked + 1, seq, until },
    })
  }
}
