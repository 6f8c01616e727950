/**
 * Rebuilds the rows of one stream from its commits (promise P6): for a head row that is missing
 * or does not fit the vault, and for a lost catalogue.
 *
 * Rows that come from no commit are removed, because everything is: the tables are an index. The
 * head moves with every commit, so a rebuild that dies goes on as an ordinary roll-forward. Runs
 * under the owner's lease, without Graph and without a content key. Whether the owner was erased
 * is checked by the caller.
 */
import type { StreamTables } from '../catalogue/index.ts'
import { AppError } from '../model/errors.ts'
import type { CommitRef } from '../model/events.ts'
import { CHAIN_START, endAfter, followChain } from './chain.ts'
import type { ChainEnd, StreamVault, VaultCommit, VoidCommit } from './types.ts'

export interface RebuildOptions {
  /** Ms since 1970: nothing is written after it (`TooLate`, and the next call goes on). */
  notAfter: number
  /**
   * Go on over damaged commits. What they said is lost: their items are not in the rows, and all
   * cursors are left out, so that the next round reads everything anew. Default: throw.
   */
  overDamage?: boolean
}

export interface Rebuilt {
  /** Where the chain ends: begin() takes its `last` and `voids`. */
  end: ChainEnd
  /** The newest commit, unless that one is damaged. */
  head: VaultCommit | undefined
  applied: number
  voids: VoidCommit[]
  /** Commits whose events are lost; empty unless `overDamage`. */
  damaged: CommitRef[]
}

/**
 * Clears the stream's rows and applies every commit in order. Throws `ChainGap` where a seq is
 * missing and a later one is there, `ChainBlocked`, and `CommitDamaged` unless `overDamage`.
 */
export async function rebuildStream(
  stream: StreamVault,
  tables: StreamTables,
  options: RebuildOptions,
  signal: AbortSignal,
): Promise<Rebuilt> {
  const { notAfter } = options
  await tables.clear({ notAfter }, signal)
  const strict = await applyAll(stream, tables, { notAfter, lossy: false }, signal)
  if (strict.damage === undefined) return strict.rebuilt
  if (options.overDamage !== true) throw strict.damage
  await tables.clear({ notAfter }, signal)
  const { rebuilt } = await applyAll(stream, tables, { notAfter, lossy: true }, signal)
  if (rebuilt.end.last !== undefined) {
    await tables.moveHead(rebuilt.end.last, { notAfter }, signal)
  }
  return rebuilt
}

/** Stops at the first damaged commit unless `lossy`. */
async function applyAll(
  stream: StreamVault,
  tables: StreamTables,
  { notAfter, lossy }: { notAfter: number; lossy: boolean },
  signal: AbortSignal,
): Promise<{ rebuilt: Rebuilt; damage?: AppError }> {
  const rebuilt: Rebuilt = {
    end: CHAIN_START,
    head: undefined,
    applied: 0,
    voids: [],
    damaged: [],
  }
  for await (const { step } of followChain(stream, CHAIN_START, signal)) {
    if (step.is === 'damaged' && !lossy) return { rebuilt, damage: step.cause }
    if (step.is === 'commit') {
      await tables.apply(step.commit, { secret: stream.secret, notAfter, lossy }, signal)
      rebuilt.applied += 1
    }
    if (step.is === 'damaged') rebuilt.damaged.push(step.ref)
    if (step.is === 'void') rebuilt.voids.push(step.passed)
    rebuilt.head = step.is === 'void' ? rebuilt.head : headOf(step)
    rebuilt.end = endAfter(rebuilt.end, step)
  }
  await checkNoGap(stream, rebuilt.end, signal)
  return { rebuilt }
}

const headOf = (step: { is: 'commit'; commit: VaultCommit } | { is: 'damaged' }) =>
  step.is === 'commit' ? step.commit : undefined

/**
 * A commit that was deleted or hidden ends the walk early. A writer that went on from there would
 * fork the chain.
 */
async function checkNoGap(
  stream: StreamVault,
  { last, voids }: ChainEnd,
  signal: AbortSignal,
): Promise<void> {
  const walked = (last?.seq ?? 0) + voids.length
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
