/**
 * Names, inputs and answers of orchestrations and activities.
 *
 * Inputs and answers are small plain objects of ids and counts: they are kept in Durable's history
 * (P9), are walked at every replay, and must not have a member named `Timestamp`.
 */

export const BACKUP_RUN = 'backupRun'
export const BACKUP_LANE = 'backupLane'
export const RESTORE_RUN = 'restoreRun'
export const REBUILD_RUN = 'rebuildRun'
export const VERIFY_RUN = 'verifyRun'

export const ASK_HINTS = 'askHints'
export const PLAN_RUN = 'planRun'
export const CAPTURE_NEXT = 'captureNext'
export const END_WAVE = 'endWave'
export const RESTORE_STEP = 'restoreStep'
export const REBUILD_STEP = 'rebuildStep'
export const VERIFY_STEP = 'verifyStep'

export interface BackupRunInput {
  run: string
  /** Counts the starts of this run; the reconciler adds one. */
  attempt: number
  /** Counts the waves of a run that was asked for. */
  wave: number
}

export interface HintAnswer {
  /** `more`: owners are left that were not asked yet. */
  state: 'more' | 'done'
  asked: number
  unchanged: number
}

export interface PlanAnswer {
  state: 'more' | 'done' | 'stop'
  /** Lanes to start. */
  lanes: number
  /** ISO time at which lanes stop to claim owners. */
  until: string
}

export interface BackupLaneInput {
  run: string
  until: string
}

export interface CaptureAnswer {
  /** `idle`: nothing is left to claim, or the slot is over. */
  state: 'done' | 'more' | 'wait' | 'failed' | 'idle'
}

export interface WaveAnswer {
  state: 'over' | 'again'
  /** ISO time at which the next wave may begin. */
  nextAt: string
}

export interface RestoreRunInput {
  job: string
  attempt: number
}

export interface RestoreAnswer {
  state: 'more' | 'wait' | 'done' | 'failed'
  /** ISO time, with `wait`. */
  nextAt: string
}

export interface RebuildRunInput {
  rebuild: string
  attempt: number
}

export interface RebuildAnswer {
  state: 'more' | 'wait' | 'done'
  /** ISO time, with `wait`. */
  nextAt: string
}

export interface VerifyRunInput {
  verification: string
  attempt: number
}

export interface VerifyAnswer {
  state: 'more' | 'wait' | 'done'
  /** ISO time, with `wait`. */
  nextAt: string
}

/** Ids must match ^[A-Za-z0-9._-]{1,90}$ (facts/durable.md 5.9, rule 11). */
export function runInstanceId(run: string, attempt: number): string {
  return `run-${run}-a${attempt}`
}

/** A child's id carries run, attempt and wave: two children under one id stall the whole hub. */
export function laneInstanceId(input: BackupRunInput, lane: number): string {
  return `lane-${input.run}-a${input.attempt}-w${input.wave}-l${lane}`
}

export function rebuildInstanceId(rebuild: string, attempt: number): string {
  return `rebuild-${rebuild}-a${attempt}`
}

export function verifyInstanceId(verification: string, attempt: number): string {
  return `verify-${verification}-a${attempt}`
}

/** Planning and replay of one job are two orchestrations: a person decides between them. */
export function jobInstanceId(job: string, phase: 'plan' | 'run', attempt: number): string {
  return `job-${job}-${phase}-a${attempt}`
}
