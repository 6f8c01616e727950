/** Bounded parallelism. No work outlives the call: after a failure the others end first. */

/** Requests, or partitions, that are worked at once; nested once, so at most 64 requests. */
export const REQUESTS_AT_ONCE = 8

/** At most REQUESTS_AT_ONCE at a time; after the first failure nothing new begins, then it throws. */
export async function eachAtOnce<T>(
  inputs: readonly T[],
  work: (input: T) => Promise<void>,
): Promise<void> {
  const queue = inputs.values()
  let failed = false
  const lane = async () => {
    for (const input of queue) {
      if (failed) return
      try {
        await work(input)
      } catch (error) {
        failed = true
        throw error
      }
    }
  }
  const lanes = Array.from({ length: Math.min(REQUESTS_AT_ONCE, inputs.length) }, lane)
  const outcomes = await Promise.allSettled(lanes)
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
}

/** Like eachAtOnce, with the results in the order of the inputs. */
export async function mapAtOnce<T, R>(
  inputs: readonly T[],
  work: (input: T) => Promise<R>,
): Promise<R[]> {
  const results = new Map<number, R>()
  await eachAtOnce([...inputs.entries()], async ([n, input]) => {
    results.set(n, await work(input))
  })
  return [...results.entries()].sort(([a], [b]) => a - b).map(([, result]) => result)
}
