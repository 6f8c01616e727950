/**
 * The time of a commit (DESIGN 5): what it says, unless storage's own clock contradicts it.
 *
 * A writer states storage's `Date` of a moment before. Where that differs from the creation time
 * of the blob by more than five minutes, the writer was slow or lies, and the creation time
 * counts: no writer can put a commit into a past or future that is not its own.
 */

export const COMMIT_TIME_TOLERANCE_MS = 5 * 60 * 1000

/** ISO time with milliseconds. */
export function effectiveTime(stated: string, createdAt: Date): string {
  const differs = Math.abs(Date.parse(stated) - createdAt.getTime()) > COMMIT_TIME_TOLERANCE_MS
  return differs ? createdAt.toISOString() : stated
}

/** Strictly later than the commit before, however coarse storage's clock is. */
export function statedTime(storageTime: Date, previous: string | undefined): string {
  const least = previous === undefined ? 0 : Date.parse(previous) + 1
  return new Date(Math.max(storageTime.getTime(), least)).toISOString()
}
