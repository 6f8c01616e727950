/**
 * Deadlines that can be asked how much time is left.
 *
 * An AbortSignal only says that time is up. The governor must know beforehand, so that it says
 * `Throttled` instead of sleeping through the end of a slice. Signals that were not made here
 * (or were combined with others) have no known end; the governor then uses its longest nap.
 */
import { AppError } from '../model/errors.ts'
import type { Clock } from '../ports.ts'

const ends = new WeakMap<AbortSignal, number>()

export interface Deadline extends Disposable {
  readonly signal: AbortSignal
}

/** Fires `ms` from now, or when the parent does. Dispose it to stop its timer. */
export function deadline(clock: Clock, ms: number, parent?: AbortSignal): Deadline {
  const stop = new AbortController()
  const end = new AbortController()
  const over = new AppError({
    code: 'DeadlineReached',
    kind: 'transient',
    message: 'The time for this slice is over.',
    hint: 'Nothing to do: the work goes on in the next slice.',
  })
  clock.sleep(ms, stop.signal).then(
    () => end.abort(over),
    // The only way for this sleep to fail is our own stop.
    () => undefined,
  )
  const signal = parent === undefined ? end.signal : AbortSignal.any([end.signal, parent])
  const endsAt = clock.now() + ms
  const parentEnd = parent === undefined ? undefined : ends.get(parent)
  ends.set(signal, Math.min(endsAt, parentEnd ?? endsAt))
  return { signal, [Symbol.dispose]: () => stop.abort() }
}

/** Milliseconds until the signal fires; undefined where nobody knows. */
export function timeLeft(signal: AbortSignal, clock: Clock): number | undefined {
  if (signal.aborted) return 0
  const endsAt = ends.get(signal)
  return endsAt === undefined ? undefined : Math.max(0, endsAt - clock.now())
}
