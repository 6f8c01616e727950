/** How many requests the tables get at once. */
import { eachBounded, mapBounded } from '../concurrency/index.ts'

/** Requests, or partitions, that are worked at once; nested once, so at most 64 requests. */
export const REQUESTS_AT_ONCE = 8

/** At most REQUESTS_AT_ONCE at a time; after the first failure nothing new begins, then it throws. */
export async function eachAtOnce<T>(
  inputs: readonly T[],
  work: (input: T) => Promise<void>,
): Promise<void> {
  await eachBounded(inputs, REQUESTS_AT_ONCE, work)
}

/** Like eachAtOnce, with the results in the order of the inputs. */
export async function mapAtOnce<T, R>(
  inputs: readonly T[],
  work: (input: T) => Promise<R>,
): Promise<R[]> {
  return await mapBounded(inputs, REQUESTS_AT_ONCE, work)
}
