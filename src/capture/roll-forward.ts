/**
 * Roll forward: before anything is captured, the catalogue is brought up to the last commit.
 *
 * A writer may have died between `commit.json` and the rows; the commit is the truth, so its rows
 * are written now, without Graph and without the content key (promises P1, P4). Where the head row
 * is missing or does not fit the vault, the stream's rows are rebuilt from its commits (P6).
 */
import type { StreamTables } from '../catalogue/types.ts'
import { AppError } from '../model/errors.ts'
import type { Commit } from '../model/events.ts'
import { CHAIN_START, type ChainEnd, followChain, rebuildStream } from '../vault/index.ts'
import type { StreamVault } from '../vault/types.ts'

/** More commits than this behind the head in one slice: the rest is done by the next slice. */
export const ROLL_FORWARD_MAX = 500

export interface RolledForward {
  /** The newest commit of the stream. */
  head: Commit | undefined
  /** Where the chain ends: what the next commit links to and the void commits it passes. */
  end: ChainEnd
  /** Commits whose rows were missing. */
  applied: number
  /** The rows did not fit the vault and were made anew. */
  rebuilt: boolean
  /** False where ROLL_FORWARD_MAX was reached. */
  complete: boolean
}

/** Throws `CommitDamaged`, `ChainGap` and `ChainBlocked`: then a person must look. */
export async function rollForward(
  stream: StreamVault,
  tables: StreamTables,
  notAfter: number,
  signal: AbortSignal,
): Promise<RolledForward> {
  const start = await startOf(stream, tables, notAfter, signal)
  let { head, end } = start
  let applied = start.applied
  for await (const { step, end: after } of followChain(stream, end, signal)) {
    if (step.is === 'damaged') throw damaged(stream, step.ref.seq)
    if (step.is === 'commit') {
      if (applied >= ROLL_FORWARD_MAX) return { ...start, head, end, applied, complete: false }
      await tables.apply(step.commit, { secret: stream.secret, notAfter }, signal)
      head = step.commit
      applied += 1
    }
    end = after
  }
  return { ...start, head, end, applied, complete: true }
}

type Start = Omit<RolledForward, 'complete'>

/** The head where it fits the vault; else what a rebuild of the rows comes to. */
async function startOf(
  stream: StreamVault,
  tables: StreamTables,
  notAfter: number,
  signal: AbortSignal,
): Promise<Start> {
  const row = await tables.head(signal)
  if (row) {
    const commit = await stream.readCommit(row.seq, signal)
    if (commit?.hash === row.hash) {
      return { head: commit, end: { last: row, voids: [] }, applied: 0, rebuilt: false }
    }
  } else if ((await stream.next(CHAIN_START, signal)) === undefined) {
    return { head: undefined, end: CHAIN_START, applied: 0, rebuilt: false }
  }
  const { head, end, applied } = await rebuildStream(stream, tables, { notAfter }, signal)
  return { head, end, applied, rebuilt: row !== undefined }
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
