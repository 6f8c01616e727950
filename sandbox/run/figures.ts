/**
 * The figures of a bench, their limits, and how they are shown. Pure but for the core count.
 */
import { availableParallelism } from 'node:os'
import pc from 'picocolors'
import type { RequestCounts } from '../tenant/index.ts'
import { type BackupResult, requestsOf } from './backup.ts'
import { countText, durationText } from './progress.ts'

const MB = 1e6
export const REQUESTS_PER_MESSAGE_MAX = 1.1
export const WORKER_MB_MAX = 400

interface RunFigures {
  requests: number
  requestsByKind: Readonly<Record<string, number>>
  throttled: number
  seconds: number
}

export interface Figures {
  ok: boolean
  /** Limits that are exceeded, in sentences. */
  exceeded: string[]
  messages: number
  mailboxes: number
  cores: number
  first: RunFigures & {
    items: number
    requestsPerMessage: number
    itemsPerSecond: number
    mbPerSecond: number
    mb: number
  }
  quiet: RunFigures
  workerPeakMb: number | undefined
  /** Workers that ended and were replaced: their work was done twice. */
  workerDeaths: number
}

export function figuresOf(given: {
  first: BackupResult
  quiet: BackupResult
  messages: number
  mailboxes: number
  mb: number | undefined
  workerDeaths: number
}): Figures {
  const { first, quiet, messages, mailboxes, mb, workerDeaths } = given
  const items = first.counts.stored
  const requestsPerMessage = requestsOf(first.requests) / messages
  const exceeded = exceededBy({
    ...{ requestsPerMessage, workerPeakMb: mb, items, messages, workerDeaths },
  })
  return {
    ...{ ok: exceeded.length === 0, exceeded, messages, mailboxes, cores: availableParallelism() },
    first: {
      ...runFigures(first),
      ...{
        items,
        requestsPerMessage: rounded(requestsPerMessage, 4),
        mb: rounded(first.bytes / MB),
      },
      itemsPerSecond: rounded(items / first.seconds),
      mbPerSecond: rounded(first.bytes / MB / first.seconds, 2),
    },
    quiet: runFigures(quiet),
    workerPeakMb: mb === undefined ? undefined : rounded(mb),
    workerDeaths,
  }
}

/** Every limit that does not hold. What could not be measured does not hold either. */
export function exceededBy(measured: {
  requestsPerMessage: number
  workerPeakMb: number | undefined
  items: number
  messages: number
  workerDeaths: number
}): string[] {
  const { requestsPerMessage, workerPeakMb, items, messages, workerDeaths } = measured
  const exceeded: string[] = []
  if (items < messages) exceeded.push(`only ${items} of ${messages} messages were stored`)
  if (requestsPerMessage > REQUESTS_PER_MESSAGE_MAX) {
    const cost = requestsPerMessage.toFixed(3)
    exceeded.push(`${cost} requests for a message, ${REQUESTS_PER_MESSAGE_MAX} are allowed`)
  }
  if (workerDeaths > 0) exceeded.push(`${workerDeaths} workers died and were replaced`)
  if (workerPeakMb === undefined) exceeded.push("the worker's memory could not be measured")
  else if (workerPeakMb >= WORKER_MB_MAX) {
    exceeded.push(`the worker took ${Math.round(workerPeakMb)} MB, ${WORKER_MB_MAX} are allowed`)
  }
  return exceeded
}

function runFigures({ requests, seconds }: BackupResult): RunFigures {
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

function rounded(value: number, digits = 1): number {
  return Number(value.toFixed(digits))
}

export function figuresText(figures: Figures): string {
  const { first, quiet, workerPeakMb, cores, exceeded } = figures
  const kinds = (run: RunFigures) =>
    Object.entries(run.requestsByKind)
      .toSorted(([, a], [, b]) => b - a)
      .map(([kind, count]) => `    ${kind.padEnd(24)}${countText(count).padStart(9)}`)
  const lines = [
    pc.bold('First run'),
    `  requests for a message    ${first.requestsPerMessage} (limit ${REQUESTS_PER_MESSAGE_MAX})`,
    `  requests                  ${countText(first.requests)}, ${first.throttled} of them throttled`,
    ...kinds(first),
    `  items                     ${countText(first.items)} in ${durationText(first.seconds)}`,
    `  speed                     ${first.itemsPerSecond} items/s, ${first.mbPerSecond} MB/s`,
    pc.bold('Quiet run (nothing had changed)'),
    `  requests                  ${countText(quiet.requests)} in ${durationText(quiet.seconds)}`,
    ...kinds(quiet),
    pc.bold('Worker'),
    `  peak memory               ${workerPeakMb ?? 'not measured'} MB (limit ${WORKER_MB_MAX})`,
    `On ${cores} cores, shared by worker, host, tenant and Azurite.`,
    ...exceeded.map((sentence) => pc.red(`Exceeded: ${sentence}.`)),
  ]
  return lines.join('\n')
}
