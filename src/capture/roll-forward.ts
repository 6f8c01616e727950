/**
 * Roll forward: before anything is captured, the catalogue is brought up to the last commit.
 *
 * A writer may have died between `commit.json` and the rows; the commit is the truth, so its rows
 * are written now, without Graph and without the content key (promises P1, P4).
 */
import type { StreamTables } from '../catalogue/types.ts'
import { AppError } from '../model/errors.ts'
import type { Commit, CommitRef } from '../model/events.ts'
import type { StreamVault } from '../vault/types.ts'

/** More commits than this behind the head in one slice: the rest is done by the next slice. */
export const ROLL_FORWARD_MAX = 500

export interface RolledForward {
  /** The newest commit of the stream. */
  head: Commit | undefined
  /** Commits whose rows were missing. */
  applied: number
  /** False where ROLL_FORWARD_MAX was reached. */
  complete: boolean
}

/** Throws `HeadAheadOfVault` and `ChainBroken`: then only a rebuild may work this stream. */
export async function rollForward(
  stream: StreamVault,
  tables: StreamTables,
  notAfter: number,
  signal: AbortSignal,
): Promise<RolledForward> {
  const row = await tables.head(signal)
  let last = row && (await readHead(stream, row, signal))
  let applied = 0
  while (applied < ROLL_FORWARD_MAX) {
    const next = await stream.readCommit((last?.seq ?? 0) + 1, signal)
    if (!next) return { head: last, applied, complete: true }
    checkLink(last, next)
    await tables.apply(next, { secret: stream.secret, notAfter }, signal)
    last = next
    applied += 1
  }
  return { head: last, applied, complete: false }
}

async function readHead(
  stream: StreamVault,
  head: CommitRef,
  signal: AbortSignal,
): Promise<Commit> {
  const commit = await stream.readCommit(head.seq, signal)
  if (commit?.hash === head.hash) return commit
  throw new AppError({
    code: 'HeadAheadOfVault',
    kind: 'corrupt',
    message: commit
      ? 'The head row names another commit than the vault holds at that place.'
      : 'The head row names a commit that the vault does not hold.',
    hint: 'The tables do not fit the blobs. Rebuild the catalogue of this owner from the vault.',
    context: { owner: stream.owner, workload: stream.workload, seq: head.seq },
  })
}

function checkLink(previous: CommitRef | undefined, next: Commit): void {
  if (next.previous === (previous?.hash ?? null)) return
  throw new AppError({
    code: 'ChainBroken',
    kind: 'corrupt',
    message: 'A commit does not continue the chain of its stream.',
    hint: 'Verify this owner; nothing is written to the stream until it is looked at.',
    context: { owner: next.owner, workload: next.workload, seq: next.seq },
  })
}
