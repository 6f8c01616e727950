/**
 * Walking a chain of commits (docs/format.md, 8.2).
 *
 * A void commit is passed by every reader and named by the next writer; a damaged one is part of
 * the chain, and what it says is reported as lost. Whoever walks decides what a damaged commit
 * means: nothing here guesses, and nothing is skipped silently.
 */
import { AppError, invariant } from '../model/errors.ts'
import type { CommitRef } from '../model/events.ts'
import { SEQ_MAX } from '../model/ids.ts'
import { COMMIT_VOIDS_MAX } from './limits.ts'
import type { ChainEnd, ChainStep, StreamVault } from './types.ts'

/** A stream as far as its chain goes; `next` as in StreamVault. */
export interface ChainSource<C extends CommitRef> extends Pick<StreamVault, 'owner' | 'workload'> {
  next(end: ChainEnd, signal: AbortSignal): Promise<ChainStep<C> | undefined>
}

/** Before the first commit of a stream. */
export const CHAIN_START: ChainEnd = { last: undefined, voids: [] }

/** The seq at which the chain goes on. */
export function nextSeq({ last, voids }: ChainEnd): number {
  return (last?.seq ?? 0) + voids.length + 1
}

/** The end of the chain after this step. */
export function endAfter(end: ChainEnd, step: ChainStep<CommitRef>): ChainEnd {
  if (step.is === 'void') return { last: end.last, voids: [...end.voids, step.passed] }
  const { seq, hash, time } = step.is === 'commit' ? step.commit : step.ref
  return { last: { seq, hash, time }, voids: [] }
}

/**
 * Every step from `end` to the newest commit, each with the end of the chain after it; the last
 * one given is what begin() needs. Throws `ChainBlocked` where more commits in a row are void
 * than one commit may pass.
 */
export async function* followChain<C extends CommitRef>(
  stream: ChainSource<C>,
  from: ChainEnd,
  signal: AbortSignal,
): AsyncGenerator<{ step: ChainStep<C>; end: ChainEnd }> {
  let end = from
  while (nextSeq(end) <= SEQ_MAX) {
    const step = await stream.next(end, signal)
    if (step === undefined) return
    end = endAfter(end, step)
    if (end.voids.length > COMMIT_VOIDS_MAX) throw chainBlocked(stream, end)
    yield { step, end }
  }
  invariant(false, 'a stream has a seq left')
}

/**
 * A commit that was deleted or hidden ends a walk early; a writer that went on from there would fork
 * the chain. `end`: where the walk ended. Throws `ChainGap`.
 */
export async function checkNoGap(
  stream: Pick<StreamVault, 'owner' | 'workload' | 'seqs'>,
  end: { last?: Pick<CommitRef, 'seq'> | undefined; voids: readonly unknown[] },
  signal: AbortSignal,
): Promise<void> {
  const walked = (end.last?.seq ?? 0) + end.voids.length
  for await (const seq of stream.seqs(signal)) {
    if (seq <= walked) continue
    // Written since the walk ended: the next roll-forward takes it.
    if (seq === walked + 1) return
    throw new AppError({
      code: 'ChainGap',
      kind: 'corrupt',
      message: 'A commit of a stream is missing, and later ones are there.',
      hint: 'Look for the missing blob among deleted and older versions. Nothing is written before.',
      context: { owner: stream.owner, workload: stream.workload, missing: walked + 1, seq },
    })
  }
}

function chainBlocked({ owner, workload }: Pick<StreamVault, 'owner' | 'workload'>, end: ChainEnd) {
  return new AppError({
    code: 'ChainBlocked',
    kind: 'corrupt',
    message: 'More commits in a row are void than one commit may pass.',
    hint: 'Something else writes commits for this owner. Find it; then protect the resource anew.',
    context: { owner, workload, seq: nextSeq(end) - 1, voidsMax: COMMIT_VOIDS_MAX },
  })
}
