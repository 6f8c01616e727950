/**
 * Builds a base: restates a stream as of a commit, from blobs alone (DESIGN 5).
 *
 * It runs over several slices: after each shard it may stop and be gone on with from what was
 * done. A base that is begun anew leaves parts behind that no commit names. Capture decides
 * when to build one, and commits it with any later commit: `begin(...).commit(content, { base })`.
 * Tables are neither read nor written.
 */
import { invariant } from '../model/errors.ts'
import type { CommitRef } from '../model/events.ts'
import { cutLines } from './base-format.ts'
import { openState, readShard, SHARD_ITEMS } from './stream-state.ts'
import type { BaseIndex, BasePart, StreamVault } from './types.ts'

/** How far a build has come. Plain JSON without content: may be kept in a row between slices. */
export interface BaseProgress {
  asOf: CommitRef
  shards: number
  /** Shards that are written. */
  done: number
  parts: BasePart[]
}

export type BaseOutcome =
  | { outcome: 'built'; base: BaseIndex }
  | { outcome: 'more'; progress: BaseProgress }

export interface BaseOptions {
  /** The commit to restate: the newest one, as a rule. */
  asOf: CommitRef
  /** What an earlier call answered; it must be of the same `asOf`. */
  progress?: BaseProgress
  /** Asked after each shard of several, with what is done so far: the moment to keep it. */
  mayGoOn(progress: BaseProgress): boolean | Promise<boolean>
  /** Items in memory at once, about. For tests. */
  shardItems?: number
}

/** Throws `CommitDamaged` where a commit since the last base is: no base may launder a loss. */
export async function buildBase(
  stream: StreamVault,
  options: BaseOptions,
  signal: AbortSignal,
): Promise<BaseOutcome> {
  const { asOf, progress: earlier, mayGoOn, shardItems = SHARD_ITEMS } = options
  const same = earlier === undefined || earlier.asOf.hash === asOf.hash
  invariant(same, 'a base goes on as it was begun')
  const opened = await openState(stream, asOf, { shardItems }, signal)
  const shards = earlier?.shards ?? opened.shards
  const source = { ...opened, shards }
  const parts = [...(earlier?.parts ?? [])]
  for (let done = earlier?.done ?? 0; done < shards; done += 1) {
    for (const lines of cutLines(await readShard(source, done, signal))) {
      parts.push(await stream.writeBasePart(asOf, lines, signal))
    }
    const progress = { asOf, shards, done: done + 1, parts: [...parts] }
    if (shards > 1 && !(await mayGoOn(progress))) return { outcome: 'more', progress }
  }
  for (const lines of cutLines(source.cursors)) {
    parts.push(await stream.writeBasePart(asOf, lines, signal))
  }
  const { seq, hash, time } = asOf
  return { outcome: 'built', base: { asOf: { seq, hash, time }, round: source.round, parts } }
}
