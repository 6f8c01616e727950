/**
 * Bounded side-by-side work.
 *
 * The first failure stops the start of further work, waits for what runs (so that nothing goes on
 * behind the caller's back, or after its lease is given back) and is then thrown.
 */
import { invariant } from '../model/errors.ts'

/** Works every item, at most `limit` at once, in the order given, until all are done or `stopped`. */
export async function eachBounded<T>(
  items: readonly T[],
  limit: number,
  work: (item: T) => Promise<void>,
  stopped: () => boolean = () => false,
): Promise<void> {
  invariant(limit >= 1, 'a limit of concurrency is at least 1')
  let next = 0
  const failures: unknown[] = []
  async function lane(): Promise<void> {
    while (next < items.length && failures.length === 0 && !stopped()) {
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

/** Like `Array.map` over promises, at most `limit` at once, in the order of the items. */
export async function mapBounded<T, R>(
  items: readonly T[],
  limit: number,
  work: (item: T) => Promise<R>,
): Promise<R[]> {
  const results = new Map<number, R>()
  await eachBounded([...items.entries()], limit, async ([at, item]) => {
    results.set(at, await work(item))
  })
  return items.map((_, at) => results.get(at) as R)
}
