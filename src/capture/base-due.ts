/**
 * When a stream needs a base (DESIGN 5): after its first complete round, then when the newest one
 * is old or many commits behind. It is asked when a round is complete.
 *
 * The catalogue's word is enough here: a wrong answer costs a base too many or one too late, and
 * no state is read from it.
 */
import type { KnownBase, Point, StreamTables } from '../catalogue/types.ts'
import type { CaptureLimits } from './stream-capture.ts'

const POINTS_PAGE = 200

export type BaseDue =
  | { is: 'due'; newest: KnownBase | undefined }
  /** Not before this (ms since 1970); infinity: not before something is committed. */
  | { is: 'later'; nextAt: number }

interface DueDeps {
  tables: StreamTables
  limits: Pick<CaptureLimits, 'baseAgeMs' | 'baseCommits'>
  now: number
  signal: AbortSignal
}

export async function baseDue(headSeq: number, deps: DueDeps): Promise<BaseDue> {
  const { tables, limits, now, signal } = deps
  if (headSeq === 0) return { is: 'later', nextAt: Number.POSITIVE_INFINITY }
  const newest = await tables.newestBase(signal)
  if (!newest) return { is: 'due', newest }
  const oldAt = nextBaseAt(newest, limits)
  const isBehind = headSeq - newest.asOf >= limits.baseCommits
  if (now < oldAt && !isBehind) return { is: 'later', nextAt: oldAt }
  // Bases and cursors alone are commits too, and no reason to restate everything.
  if (await hasChangedSince(newest.asOf, deps)) return { is: 'due', newest }
  return { is: 'later', nextAt: now < oldAt ? oldAt : Number.POSITIVE_INFINITY }
}

/** When a base of this state is old. */
export function nextBaseAt(
  { time }: Pick<KnownBase, 'time'>,
  { baseAgeMs }: Pick<CaptureLimits, 'baseAgeMs'>,
): number {
  return Date.parse(time) + baseAgeMs
}

/** Newest first, so that it ends at the first look for a stream that is in use. */
async function hasChangedSince(seq: number, { tables, signal }: DueDeps): Promise<boolean> {
  let continuation: string | undefined
  do {
    const query = { max: POINTS_PAGE, ...(continuation !== undefined && { continuation }) }
    const page = await tables.points(query, signal)
    for (const point of page.items) {
      if (point.seq <= seq) return false
      if (hasChanges(point)) return true
    }
    continuation = page.continuation
  } while (continuation !== undefined)
  return false
}

function hasChanges({ counts, complete }: Point): boolean {
  // Amid a round, or with how far long content has come, which is in no count.
  if (!complete) return true
  const { stored, restated, left, deleted, ledger, excluded } = counts
  return stored + restated + left + deleted + ledger + excluded > 0
}
