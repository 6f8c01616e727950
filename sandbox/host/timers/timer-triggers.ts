/**
 * Timer triggers: runs each function at its next occurrence and remembers when it ran.
 *
 * The last run is kept in the state file (unless `useMonitor` is false), so that an occurrence
 * missed while the host was down runs at the start with `IsPastDue`. A function never overlaps
 * itself: occurrences that pass while it runs are skipped. A run that fails is not repeated.
 * With the app setting `AzureWebJobs.<name>.Disabled` a function runs only when it is told to.
 */
import type { DatabaseSync } from 'node:sqlite'
import { errorText } from '../errors.ts'
import type { AppFunction } from '../functions.ts'
import type { HostLog } from '../log.ts'
import type { RunFunction } from '../run-function.ts'
import { resolveSettingNames } from '../settings.ts'
import { parseSchedule, type Schedule } from './ncrontab.ts'

const timeoutMsMax = 2 ** 31 - 1

export interface TimerTriggersOptions {
  readonly functions: readonly AppFunction[]
  readonly env: Readonly<Record<string, string>>
  readonly run: RunFunction
  readonly log: HostLog
  readonly database: DatabaseSync
}

interface Entry {
  readonly appFunction: AppFunction
  readonly schedule: Schedule
  readonly monitored: boolean
  readonly runOnStartup: boolean
  readonly disabled: boolean
  lastMs: number | undefined
  timer: NodeJS.Timeout | undefined
  busy: boolean
}

export class TimerTriggers {
  readonly #options: TimerTriggersOptions
  readonly #entries: readonly Entry[]
  #running = false

  /** Throws `bad-setting` when a schedule cannot be read. */
  constructor(options: TimerTriggersOptions) {
    this.#options = options
    this.#entries = options.functions.map((appFunction) => {
      const { binding } = appFunction.trigger
      const text = resolveSettingNames(String(binding['schedule'] ?? ''), options.env)
      return {
        appFunction,
        schedule: parseSchedule(text),
        monitored: binding['useMonitor'] !== false,
        runOnStartup: binding['runOnStartup'] === true,
        disabled: isDisabled(options.env, appFunction.name),
        lastMs: undefined,
        timer: undefined,
        busy: false,
      }
    })
  }

  start(): void {
    this.#running = true
    const nowMs = Date.now()
    for (const entry of this.#entries) {
      if (entry.disabled) continue
      const record = entry.monitored ? this.#read(entry.appFunction.name) : undefined
      entry.lastMs = record?.lastMs
      const pastDue = record !== undefined && record.nextMs < nowMs
      if (entry.runOnStartup || pastDue) this.#fire(entry, pastDue)
      else this.#arm(entry, record === undefined ? entry.schedule(nowMs) : record.nextMs)
    }
  }

  /**
   * Runs a function now, as `POST /admin/functions/{name}` of the real host does; one that runs
   * already is left to it. False where there is no such timer.
   */
  runNow(name: string): boolean {
    const entry = this.#entries.find((e) => e.appFunction.name.toLowerCase() === name.toLowerCase())
    if (entry === undefined) return false
    if (entry.busy || !this.#running) return true
    clearTimeout(entry.timer)
    this.#fire(entry, false)
    return true
  }

  /** No run begins any more; the host's drain waits for those that run. */
  stop(): void {
    this.#running = false
    for (const entry of this.#entries) clearTimeout(entry.timer)
  }

  #arm(entry: Entry, nextMs: number): void {
    if (!this.#running || entry.disabled) return
    const { name } = entry.appFunction
    if (entry.monitored) this.#write(name, entry.lastMs ?? null, nextMs)
    const delayMs = Math.max(0, nextMs - Date.now())
    entry.timer = setTimeout(
      () => {
        // Too far for one timer of Node: wait in pieces.
        if (delayMs > timeoutMsMax) this.#arm(entry, nextMs)
        else this.#fire(entry, false)
      },
      Math.min(delayMs, timeoutMsMax),
    )
  }

  #fire(entry: Entry, pastDue: boolean): void {
    entry.busy = true
    this.#runOnce(entry, pastDue)
      .catch((error: unknown) => {
        this.#options.log('critical', errorText(error), entry.appFunction.name)
      })
      .finally(() => {
        entry.busy = false
      })
  }

  async #runOnce(entry: Entry, pastDue: boolean): Promise<void> {
    const startedMs = Date.now()
    const nextMs = entry.schedule(startedMs)
    const iso = (timeMs: number): string => new Date(timeMs).toISOString()
    const status = {
      Last: entry.lastMs === undefined ? '0001-01-01T00:00:00+00:00' : iso(entry.lastMs),
      Next: iso(nextMs),
      LastUpdated: iso(entry.lastMs ?? startedMs),
    }
    entry.lastMs = startedMs
    // Written before the run: a host that dies under it does not run it again at once.
    if (entry.monitored) this.#write(entry.appFunction.name, startedMs, nextMs)
    const payload = {
      Schedule: { AdjustForDST: true },
      ScheduleStatus: entry.monitored ? status : null,
      IsPastDue: pastDue,
    }
    try {
      const value = { json: JSON.stringify(payload) }
      await this.#options.run(entry.appFunction, { value, metadata: {} })
    } catch (error) {
      this.#options.log(
        'error',
        `the timer run failed: ${errorText(error)}`,
        entry.appFunction.name,
      )
    }
    this.#arm(entry, entry.schedule(Date.now()))
  }

  #read(name: string): { lastMs: number | undefined; nextMs: number } | undefined {
    const row = this.#options.database
      .prepare('SELECT * FROM timer_triggers WHERE function_name = ?')
      .get(name)
    if (row === undefined) return undefined
    const last = row['last_ms']
    return { lastMs: typeof last === 'number' ? last : undefined, nextMs: Number(row['next_ms']) }
  }

  #write(name: string, lastMs: number | null, nextMs: number): void {
    this.#options.database
      .prepare('INSERT OR REPLACE INTO timer_triggers VALUES (?, ?, ?, ?)')
      .run(name, lastMs, nextMs, Date.now())
  }
}

/** As an app setting says it: `true` or `1`. */
function isDisabled(env: Readonly<Record<string, string>>, name: string): boolean {
  return /^(true|1)$/i.test(env[`AzureWebJobs.${name}.Disabled`] ?? '')
}
