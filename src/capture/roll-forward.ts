/**
 * Roll forward: before anything is captured, the catalogue is brought up to the last commit.
 *
 * A writer may have died between `commit.json` and the rows; the commit is the truth, so its rows
 * are written now, without Graph and without the content key (promises P1, P4). A head row that is
 * lost is made anew by going through the whole chain (P6).
 *
 * Nothing is removed here: a slice that stalls and wakes after its lease would take away rows that
 * another has written meanwhile. Rows that do not fit the vault are for a rebuild, alone.
 */
import type { StreamTables } from '../catalogue/types.ts'
import { AppError } from '../model/errors.ts'
import type { Commit } from '../model/events.ts'
import { beginningOf, CHAIN_START, type ChainEnd, followChain } from '../vault/index.ts'
import type { StreamVault } from '../vault/types.ts'

/** More commits than this behind the head in one slice: the rest is done by the next slice. */
export const ROLL_FORWARD_MAX = 500

export interface RolledForward {
  /** The newest commit of the stream. */
  head: Commit | undefined
  /** Where the chain ends: what the next commit links to and the void commits it passes. */
  end: ChainEnd
  /** False where ROLL_FORWARD_MAX was reached. */
  complete: boolean
}

/** Throws `HeadAheadOfVault`, `CommitDamaged`, `ChainBlocked`: then a person must look. */
export async function rollForward(
  stream: StreamVault,
  tables: StreamTables,
  notAfter: number,
  signal: AbortSignal,
): Promise<RolledForward> {
  let { head, end } = await startOf(stream, tables, signal)
  let applied = 0
  for await (const { step, end: after } of followChain(stream, end, signal)) {
    if (step.is === 'damaged') throw damaged(stream, step.ref.seq)
    if (step.is === 'commit') {
      if (applied >= ROLL_FORWARD_MAX) return { head, end, complete: false }
      await tables.apply(step.commit, { secret: stream.secret, notAfter }, signal)
      head = step.commit
      applied += 1
    }
    end = after
  }
  return { head, end, complete: true }
}

/** The head that the rows name; without a head row, the beginning of the chain. */
async function startOf(
  stream: StreamVault,
  tables: StreamTables,
  signal: AbortSignal,
): Promise<{ head: Commit | undefined; end: ChainEnd }> {
  const row = await tables.head(signal)
  if (!row) {
    await checkBegins(stream, signal)
    return { head: undefined, end: CHAIN_START }
  }
  const head = await stream.readCommit(row.seq, signal)
  if (head?.hash === row.hash) return { head, end: { last: row, voids: [] } }
  throw new AppError({
    code: 'HeadAheadOfVault',
    kind: 'corrupt',
    message: head
      ? 'The head row names another commit than the vault holds at that place.'
      : 'The head row names a commit that the vault does not hold.',
    hint: 'Look for missing blobs among deleted versions; then POST /api/v1/rebuilds for this owner.',
    context: { owner: stream.owner, workload: stream.workload, seq: row.seq },
  })
}

/**
 * Without a head row the chain is applied from its first commit on. Where that one has expired, a
 * stream would seem to be empty, and be forked.
 */
async function checkBegins(stream: StreamVault, signal: AbortSignal): Promise<void> {
  const { end } = await beginningOf(stream, signal)
  if (end.last === undefined) return
  throw new AppError({
    code: 'HeadMissing',
    kind: 'corrupt',
    message: 'The head row of a stream is missing, and its first commits are no longer there.',
    hint: 'POST /api/v1/rebuilds for this owner: its rows are made again from the vault.',
    context: { owner: stream.owner, workload: stream.workload, seq: end.last.seq },
  })
}

function damaged(stream: StreamVault, seq: number): AppError {
  return new AppError({
    code: 'CommitDamaged',
    kind: 'corrupt',
    message: 'A commit is in the chain, and a part of it is missing or changed.',
    hint: 'Verify this owner; nothing is written to the stream until it is looked at.',
    context: { owner: stream.owner, workload: stream.workload, seq },
  })
}
