/**
 * Microsoft's budget would make everything wait for most of the time, so the bench sets it aside:
 * figures of time say what the programs can do, figures of units what they would be allowed to.
 */
import type { ControlClient } from '../../tenant/index.ts'

/** More than anything here can spend. */
const UNITS = 1_000_000_000

/** For the app. */
export const NO_BUDGET = {
  HOLDFAST_SHAREPOINT_UNITS_PER_MINUTE: String(UNITS),
  HOLDFAST_SHAREPOINT_UNITS_PER_DAY: String(UNITS),
} as const

/** For the tenant. */
export async function setBudgetAside(control: ControlClient): Promise<void> {
  await control.settings({ unitsPerMinute: UNITS, unitsPerDay: UNITS })
}
