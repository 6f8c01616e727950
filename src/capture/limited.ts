/**
 * Bounded concurrency for the work of one slice.
 *
 * The first failure stops the start of further work, waits for what runs (so that nothing of the
 * slice goes on behind its back) and is then thrown.
 */
import { invariant } from '../model/errors.ts'

/** Runs `work` for every item, at most `limit` at once, in the order given. */
export async function eachLimited<T>(
  items: readonly T[],
  limit: number,
  work: (item: T) => Promise<void>,
): Promise<void> {
  invariant(limit >= 1, 'a limit of concurrency is at least 1')
  let next = 0
  const failures: unknown[] = []
  async function lane(): Promise<void> {
    while (next < items.length && failures.length === 0) {
      const item = items[next] as T
      next += 1
      try {
        await work(item)
      } catch (error) {
        failures.push(error)
      }
    }
  }
  await Promise.all(Array.from({ length: Math.min(limit, items.length) }, lane))
  if (failures.length > 0) throw failures[0]
}
