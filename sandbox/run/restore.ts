/** Carries out one restore over the API: plan, look at the plan, start, wait, read the report. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { ApiClient, RestoreJob, RestoreLine, RestoreRequest } from './api-client.ts'
import { Trouble } from './trouble.ts'

const POLL_MS = 300
const RESTORE_LIMIT_MS = 4 * 3_600_000
/** Longer than a lost answer makes a restore wait. */
const STANDSTILL_LIMIT_MS = 15 * 60_000

export interface RestoreResult {
  job: RestoreJob
  lines: RestoreLine[]
  seconds: number
}

/** Throws a Trouble where the job as a whole failed; items that failed are in the lines. */
export async function restore(
  api: ApiClient,
  request: RestoreRequest,
  signal: AbortSignal,
): Promise<RestoreResult> {
  return await carryOut(api, await api.planRestore(request), signal)
}

/** Takes back what a restore made, as far as nobody has touched it since. Throws the same. */
export async function undo(
  api: ApiClient,
  restored: string,
  signal: AbortSignal,
): Promise<RestoreResult> {
  return await carryOut(api, await api.planUndo(restored), signal)
}

async function carryOut(api: ApiClient, id: string, signal: AbortSignal): Promise<RestoreResult> {
  const startedMs = performance.now()
  const planned = await settled(api, id, ['planned'], signal)
  await api.startRestore(id, planned.planHash ?? '')
  const job = await settled(api, id, ['done'], signal)
  const lines = await api.restoreLines(id)
  return { job, lines, seconds: (performance.now() - startedMs) / 1000 }
}

async function settled(
  api: ApiClient,
  id: string,
  wanted: readonly RestoreJob['state'][],
  signal: AbortSignal,
): Promise<RestoreJob> {
  const until = Date.now() + RESTORE_LIMIT_MS
  let progress = { text: '', atMs: Date.now() }
  for (;;) {
    const job = await api.restore(id)
    if (wanted.includes(job.state)) return job
    if (job.state === 'failed' || job.state === 'cancelled') throw ended(job)
    const text = JSON.stringify([job.state, job.counts, job.requestsSent])
    if (text !== progress.text) progress = { text, atMs: Date.now() }
    if (Date.now() > Math.min(until, progress.atMs + STANDSTILL_LIMIT_MS)) throw standstill(job)
    await sleep(POLL_MS, undefined, { signal })
  }
}

function standstill({ id, trouble }: RestoreJob): Trouble {
  const why = trouble ? ` It waits because of ${trouble}.` : ''
  return new Trouble(`The restore ${id} did not end.${why}`, {
    hint: 'The log of the host may say more.',
  })
}

function ended(job: RestoreJob): Trouble {
  const why = job.problem?.message ?? job.trouble ?? ''
  return new Trouble(`The restore ${job.id} ended as "${job.state}". ${why}`, {
    hint: job.problem?.hint ?? 'The log of the host may say more.',
  })
}
