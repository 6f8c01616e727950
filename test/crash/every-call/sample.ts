/**
 * How many of the points a run takes: all of them with HOLDFAST_CRASH_RUNS, else some of each
 * scenario, spread evenly, and others with each HOLDFAST_CRASH_SEED (default: 1).
 */
import { TAKES_MORE } from '../../level.ts'
import type { Sample } from './points.ts'

const POINTS_MAX = TAKES_MORE ? 10 : 2

const seed = Number(process.env['HOLDFAST_CRASH_SEED'] ?? 1)

/** Undefined: every point. */
export const SAMPLE: Sample | undefined =
  process.env['HOLDFAST_CRASH_RUNS'] === undefined ? { max: POINTS_MAX, seed } : undefined

/** Points that a run takes of so many. */
export function taken(points: number): number {
  return Math.min(points, SAMPLE?.max ?? points)
}
