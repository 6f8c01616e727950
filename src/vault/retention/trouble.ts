/** What retention makes of trouble: waiting, or keeping everything. */
import { AppError } from '../../model/errors.ts'

/**
 * Something of this owner cannot be read, now and the next time: its keys are gone, or what is
 * stored is damaged or not known. Anything else is thrown on.
 */
export function doubtOf(error: unknown): string | undefined {
  if (!(error instanceof AppError)) return undefined
  const isLasting =
    error.kind === 'corrupt' || error.kind === 'permanent' || error.kind === 'denied'
  return isLasting ? error.code : undefined
}

/** Five minutes, as everywhere. */
const CLOCK_SKEW_MS = 5 * 60_000

/** What counts is storage's clock; a machine whose own is wrong would lock for ever, or not at all. */
export function checkClock(own: number, storage: number): void {
  if (Math.abs(own - storage) <= CLOCK_SKEW_MS) return
  throw new AppError({
    code: 'ClockWrong',
    kind: 'permanent',
    message: 'The clock of this machine and that of the storage service differ.',
    hint: 'Set the clock. Until then no lock is extended and nothing expires.',
    context: { differenceMs: own - storage },
  })
}
