/**
 * What `npm start` tells while it stays up: one line for each backup that found something, and
 * the table of coverage whenever it says something new. A quiet hour is a quiet terminal.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import pc from 'picocolors'
import { type ApiClient, hasEnded, type Run } from './api-client.ts'
import { coverageSentence, coverageText, readCoverage } from './coverage.ts'
import { plural, sizeText } from './progress.ts'

const POLL_MS = 5_000
/** Runs that may end between two looks. */
const RUNS_SEEN = 5

export interface WatchOptions {
  say(text: string): void
  signal: AbortSignal
}

/** Goes on until the signal, which it throws. */
export async function tellNews(api: ApiClient, options: WatchOptions): Promise<never> {
  const { say, signal } = options
  const told = new Set((await api.runs(RUNS_SEEN)).map(({ id }) => id))
  let shown = stateText(await readCoverage(api))
  for (;;) {
    await sleep(POLL_MS, undefined, { signal })
    const ended = (await api.runs(RUNS_SEEN)).filter(hasEnded)
    for (const { id } of ended.toReversed()) {
      if (told.has(id)) continue
      told.add(id)
      const line = runText(await api.run(id))
      if (line !== undefined) say(line)
    }
    const lines = await readCoverage(api)
    if (stateText(lines) === shown) continue
    shown = stateText(lines)
    say(`\n${coverageText(lines)}\n${pc.dim(coverageSentence(lines))}`)
  }
}

/** What is worth showing the table again for: a new round alone is not. */
function stateText(lines: Parameters<typeof coverageSentence>[0]): string {
  return JSON.stringify(lines.map(({ name, state, ledger }) => [name, state, ledger.length]))
}

/** Undefined: nothing was found. */
function runText(run: Run): string | undefined {
  const { stored, restated, left, deleted, ledger } = run.counts
  const changes = stored + restated + left + deleted + ledger
  if (run.state === 'done' && changes === 0) return undefined
  const time = new Date().toLocaleTimeString('en-GB')
  const many = `${plural(changes, 'change')}, ${sizeText(run.bytes)}`
  return `${time}  backup ${run.state}: ${many}, ${plural(run.requests, 'request')}`
}
