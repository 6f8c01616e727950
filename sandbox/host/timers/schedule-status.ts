/**
 * What is remembered of a timer trigger, and what follows from it: is an occurrence past due, when
 * is the next one. As the real extension's listener and monitor decide it. Pure.
 */
import type { Schedule } from './ncrontab.ts'

export interface ScheduleStatus {
  /** Begin of the last run; undefined before the first one. */
  readonly lastMs: number | undefined
  readonly nextMs: number
  readonly updatedMs: number
}

/** Why a run begins. */
export type RunReason = 'scheduled' | 'past-due' | 'startup' | 'told'

/**
 * The status when the host starts. An occurrence that passed since is past due, unless the schedule
 * was changed meanwhile: then the new one counts from now.
 */
export function statusAtStart(
  kept: ScheduleStatus | undefined,
  schedule: Schedule,
  nowMs: number,
): { readonly status: ScheduleStatus; readonly pastDue: boolean } {
  if (kept === undefined) {
    const status = { lastMs: undefined, nextMs: schedule.next(nowMs), updatedMs: nowMs }
    return { status, pastDue: false }
  }
  const expectedMs = schedule.next(kept.lastMs ?? kept.updatedMs)
  if (expectedMs !== kept.nextMs) {
    const nextMs = expectedMs < nowMs ? schedule.next(nowMs) : expectedMs
    return { status: { lastMs: undefined, nextMs, updatedMs: nowMs }, pastDue: false }
  }
  return { status: kept, pastDue: kept.nextMs < nowMs }
}

/**
 * The status after a run that began at `startedMs`. The next occurrence counts from the begin: one
 * that passed during the run comes at once, the others are left out.
 */
export function statusAfterRun(
  status: ScheduleStatus,
  schedule: Schedule,
  run: { readonly startedMs: number; readonly reason: RunReason },
): ScheduleStatus {
  // A clock that ran early must not find the same occurrence again.
  const early = run.reason === 'scheduled' && status.nextMs > run.startedMs
  const lastMs = early ? status.nextMs : run.startedMs
  return { lastMs, nextMs: schedule.next(lastMs), updatedMs: lastMs }
}
