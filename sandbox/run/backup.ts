/**
 * Asks for a backup run, watches it to its end, and says what it did: the app's own counts beside
 * the requests that the tenant saw.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { ControlClient, RequestCounts } from '../tenant/index.ts'
import { type ApiClient, type Counts, hasEnded, type Run } from './api-client.ts'
import { Progress } from './progress.ts'
import { openView } from './progress-view.ts'
import { Trouble } from './trouble.ts'

const POLL_MS = 300
/** A run that does not end within this is reported, whatever it says of itself. */
const RUN_LIMIT_MS = 4 * 3_600_000

export interface BackupOptions {
  api: ApiClient
  control: ControlClient
  title: string
  /** Items that are to be read; undefined: nobody knows. */
  total: number | undefined
  out: NodeJS.WriteStream
  signal: AbortSignal
}

export interface BackupResult {
  run: Run
  counts: Counts
  /** Plain bytes that were stored. */
  bytes: number
  seconds: number
  /** As counted by the tenant, by kind; throttled ones included. */
  requests: RequestCounts
}

/** Throws a Trouble where the run failed or a mailbox did. */
export async function backUp(options: BackupOptions): Promise<BackupResult> {
  const { api, control } = options
  await control.resetCounts({})
  const startedMs = performance.now()
  const run = await watch(await api.startRun(), options)
  return await resultOf(run, control, startedMs)
}

/** What a run that is over did since `startedMs` (of `performance`). Throws where it failed. */
export async function resultOf(
  run: Run,
  control: ControlClient,
  startedMs: number,
): Promise<BackupResult> {
  const seconds = (performance.now() - startedMs) / 1000
  if (run.state !== 'done' || run.owners.failed > 0 || run.owners.wait > 0) throw failed(run)
  const requests = await control.counts({})
  return { run, counts: run.counts, bytes: run.bytes, seconds, requests }
}

export function requestsOf(counts: RequestCounts): number {
  return Object.values(counts.requests).reduce((sum, count) => sum + count, 0)
}

async function watch(id: string, options: BackupOptions): Promise<Run> {
  const { api, title, total, out, signal } = options
  const view = openView({ title, total, out })
  const progress = new Progress(total ?? 0)
  const until = Date.now() + RUN_LIMIT_MS
  try {
    while (Date.now() < until) {
      const run = await api.run(id)
      const { bytes, requests } = run
      const items = run.counts.stored + run.counts.restated + run.counts.ledger
      view.update(progress.add({ atMs: performance.now(), items, bytes, requests }))
      if (hasEnded(run)) return run
      await sleep(POLL_MS, undefined, { signal })
    }
  } finally {
    view.end()
  }
  throw new Trouble('The run did not end.', { hint: 'The log of the host may say why.' })
}

function failed(run: Run): Trouble {
  const codes = [run.trouble ?? '', ...Object.keys(run.troubles)].filter((code) => code !== '')
  const { failed: failedOwners, wait, total } = run.owners
  const who = `${failedOwners} of ${total} mailboxes failed, ${wait} are waiting`
  const why = codes.length === 0 ? '' : ` (${codes.join(', ')})`
  return new Trouble(`The backup run ended as "${run.state}": ${who}${why}.`, {
    hint: 'docs/errors.md explains the codes; the log of the host has one line for each slice.',
  })
}
