/**
 * A tick of the backup role by hand, with the requests that the tenant saw of its run. For an app
 * whose own timer is disabled (NO_TICKS), so that nothing comes between.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import { type ApiClient, hasEnded, type Run } from './api-client.ts'
import { type BackupResult, resultOf } from './backup.ts'
import type { Stack } from './stack.ts'
import { Trouble } from './trouble.ts'

/** No verification begins by itself: it would read all that is held beside what is looked at. */
export const NO_VERIFICATION = { 'AzureWebJobs.beginVerification.Disabled': 'true' } as const
/** Settings of an app that ticks only when it is told to. */
export const NO_TICKS = { 'AzureWebJobs.tick.Disabled': 'true', ...NO_VERIFICATION } as const

const MINUTE_MS = 60_000
const POLL_MS = 200
const RUN_LIMIT_MS = 30 * MINUTE_MS

/** Starts a tick in a minute of its own, and waits for the end of the run that it makes. */
export async function tick(
  stack: Stack,
  api: ApiClient,
  signal: AbortSignal,
): Promise<BackupResult> {
  const [last] = await api.runs(1)
  // Of a minute there is one run of ticks.
  const lastMinute = last ? minuteOf(Date.parse(last.createdAt)) : 0
  while (minuteOf(Date.now()) === lastMinute) await sleep(POLL_MS, undefined, { signal })
  await stack.control.resetCounts({})
  const startedMs = performance.now()
  const answer = await fetch(`${stack.apiUrl}/admin/functions/tick`, { method: 'POST', body: '{}' })
  if (!answer.ok) {
    const hint = 'The log of the host may say why.'
    throw new Trouble(`The host answered ${answer.status} to a tick.`, { hint })
  }
  const run = await newRun(api, last?.id, signal)
  return await resultOf(run, stack.control, startedMs)
}

const minuteOf = (ms: number): number => Math.floor(ms / MINUTE_MS)

async function newRun(
  api: ApiClient,
  before: string | undefined,
  signal: AbortSignal,
): Promise<Run> {
  const until = Date.now() + RUN_LIMIT_MS
  while (Date.now() < until) {
    const [newest] = await api.runs(1)
    if (newest && hasEnded(newest) && newest.id !== before) return await api.run(newest.id)
    await sleep(POLL_MS, undefined, { signal })
  }
  throw new Trouble('The tick made no run, or its run did not end.', {
    hint: 'The log of the host may say why.',
  })
}
