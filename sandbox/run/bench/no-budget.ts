/**
 * Microsoft's budget would make everything wait for most of the time, so the bench sets it aside:
 * figures of time say what the programs can do, figures of units what they would be allowed to.
 */
import type { ControlClient } from '../../tenant/index.ts'

/** The most that the app takes as a setting: sixteen thousand a second. */
const UNITS = 1_000_000

/** For the app. */
export const NO_BUDGET = {
  HOLDFAST_SHAREPOINT_UNITS_PER_MINUTE: String(UNITS),
  HOLDFAST_SHAREPOINT_UNITS_PER_DAY: String(UNITS * 100),
} as const

/** For the tenant. */
export async function setBudgetAside(control: ControlClient): Promise<void> {
  await control.settings({ unitsPerMinute: UNITS, unitsPerDay: UNITS * 100 })
}
