/** Figures that mail and files have in common, and the worker's limits. Pure. */
import type { RequestCounts } from '../../tenant/index.ts'
import { type BackupResult, requestsOf } from '../backup.ts'

export const WORKER_MB_MAX = 400
export const MB = 1e6

export interface RunFigures {
  requests: number
  requestsByKind: Readonly<Record<string, number>>
  throttled: number
  seconds: number
}

export function runFigures({
  requests,
  seconds,
}: Pick<BackupResult, 'requests' | 'seconds'>): RunFigures {
  return {
    requests: requestsOf(requests),
    requestsByKind: requests.requests,
    throttled: throttledOf(requests),
    seconds: rounded(seconds),
  }
}

function throttledOf({ throttled }: RequestCounts): number {
  return Object.values(throttled).reduce((sum, count) => sum + count, 0)
}

/** What could not be measured is not within its limit either. */
export function workerExceeds(peakMb: number | undefined, deaths: number): string[] {
  const exceeded: string[] = []
  if (deaths > 0) exceeded.push(`${deaths} workers died and were replaced`)
  if (peakMb === undefined) exceeded.push("the worker's memory could not be measured")
  else if (peakMb >= WORKER_MB_MAX) {
    exceeded.push(`the worker took ${Math.round(peakMb)} MB, ${WORKER_MB_MAX} are allowed`)
  }
  return exceeded
}

export function rounded(value: number, digits = 1): number {
  return Number(value.toFixed(digits))
}
