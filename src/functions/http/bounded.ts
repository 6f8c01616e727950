/** Look-ups side by side, a few at a time, in the order of the inputs. */

/** Table requests that one API call has open at once. */
const AT_ONCE = 12

/** Stops at the first failure: nothing new begins, and it throws once the others have ended. */
export async function eachBounded<T, R>(
  inputs: readonly T[],
  work: (input: T) => Promise<R>,
): Promise<R[]> {
  const results: R[] = []
  for (let start = 0; start < inputs.length; start += AT_ONCE) {
    const outcomes = await Promise.allSettled(inputs.slice(start, start + AT_ONCE).map(work))
    for (const outcome of outcomes) {
      if (outcome.status === 'rejected') throw outcome.reason
      results.push(outcome.value)
    }
  }
  return results
}
