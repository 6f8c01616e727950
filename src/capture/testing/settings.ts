/** Settings of slices in tests: generous, so that a test names only what it is about. */
import type { SliceSettings } from '../index.ts'

const MIB = 1024 * 1024
const HOUR_MS = 3_600_000
const DAY_MS = 24 * HOUR_MS

export const SLICE_SETTINGS: SliceSettings = {
  commitEvents: 1000,
  packBytes: MIB,
  deletionLagMs: HOUR_MS / 2,
  sliceMs: HOUR_MS,
  leaseSlackMs: 1000,
  intervalMs: HOUR_MS,
  fullReadMs: HOUR_MS,
  protectionDays: 30,
  cursorCommitMs: 3 * DAY_MS,
  baseAgeMs: 30 * DAY_MS,
  baseCommits: 1000,
  permissionsMs: 7 * DAY_MS,
  samplesMs: 7 * DAY_MS,
  samplePercent: 5,
  shardItems: 20_000,
}
