/**
 * What one budget may still spend: the small door behind which the counting stands.
 *
 * Here it is windows in this process. Where several workers spend one budget (SharePoint's is the
 * whole tenant's), a row that hands out chunks of it can stand behind the same door.
 */
import { UnitWindow, type WindowLimit } from './unit-window.ts'

export interface Purse {
  /**
   * Takes the units and answers 0; or takes nothing and says after how many milliseconds it is
   * worth asking again.
   */
  take(units: number, now: number): number | Promise<number>
  /** The service charged so many more units (or fewer) than were taken. */
  correct(units: number, now: number): void
  /** The service asked for a pause until then (ms since 1970): those who share the purse wait too. */
  pause?(until: number): void
  /** Nothing that was spent counts any more. */
  isEmpty(now: number): boolean
}

/** All of the limits hold. */
export function windowedPurse(limits: readonly WindowLimit[]): Purse {
  const windows = limits.map((limit) => new UnitWindow(limit))
  const count = (units: number, now: number): void => {
    for (const window of windows) window.count(units, now)
  }
  return {
    take(units, now) {
      const waitMs = Math.max(0, ...windows.map((window) => window.waitMs(units, now)))
      if (waitMs === 0) count(units, now)
      return waitMs
    },
    correct: count,
    isEmpty: (now) => windows.every((window) => window.isEmpty(now)),
  }
}
