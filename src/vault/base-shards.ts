/**
 * The progress of a base, shard by shard: each piece is small enough for a table row, and means
 * the same whoever wrote it, because what a shard holds depends on the commits alone.
 *
 * Pieces may be lost, be of an older build or of another worker's. What counts is the longest run
 * of shards from the first one on, of one state; whether their blobs are there is checked before
 * anything is committed (capture/base.ts).
 */
import { z } from 'zod'
import type { CommitRef } from '../model/events.ts'
import { basePartSchema, stateRefSchema } from './base-format.ts'
import type { BaseProgress } from './base-writer.ts'
import { BASE_PARTS_MAX } from './limits.ts'
import { parseJson } from './sealed-file.ts'
import { SHARDS_MAX } from './stream-state.ts'
import type { BasePart } from './types.ts'

/** One shard that is written. Plain JSON without content. */
export interface BaseShard {
  asOf: CommitRef
  shards: number
  n: number
  parts: BasePart[]
}

const shardSchema: z.ZodType<BaseShard> = z.object({
  asOf: stateRefSchema,
  shards: z.int().positive().max(SHARDS_MAX),
  n: z.int().nonnegative().max(SHARDS_MAX),
  parts: z.array(basePartSchema).max(BASE_PARTS_MAX),
})

/** Undefined where the text is no such piece. */
export function parseBaseShard(text: string): BaseShard | undefined {
  return shardSchema.safeParse(parseJson(text)).data
}

/** The shard that was written last; the progress before it had so many parts. */
export function newestShard(progress: BaseProgress, partsBefore: number): BaseShard {
  const { asOf, shards, done, parts } = progress
  return { asOf, shards, n: done - 1, parts: parts.slice(partsBefore) }
}

/** What can be gone on with: the newest state after the commit `after` of which shard 0 is there. */
export function progressOf(pieces: readonly BaseShard[], after: number): BaseProgress | undefined {
  const firsts = pieces.filter(({ n, asOf }) => n === 0 && asOf.seq > after)
  const first = firsts.sort((a, b) => b.asOf.seq - a.asOf.seq)[0]
  if (!first) return undefined
  const { asOf, shards } = first
  const same = pieces.filter((p) => p.asOf.hash === asOf.hash && p.shards === shards)
  const byNumber = new Map(same.map((piece) => [piece.n, piece]))
  const parts: BasePart[] = []
  let done = 0
  for (let piece = byNumber.get(0); piece && done < shards; piece = byNumber.get(done)) {
    parts.push(...piece.parts)
    done += 1
  }
  return { asOf, shards, done, parts }
}
