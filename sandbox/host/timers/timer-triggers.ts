/**
 * Timer triggers: runs each function at its next occurrence and remembers when it ran.
 *
 * The status is kept in the state file, unless `useMonitor` is false or the schedule comes more
 * than once a minute, so that an occurrence missed while the host was down runs at the start with
 * `IsPastDue`. It is written after the run: a host that dies under it runs it again. A function
 * never overlaps itself, and a run that fails is not repeated. With the app setting
 * `AzureWebJobs.<name>.Disabled` a function runs only when it is told to.
 */
import type { DatabaseSync } from 'node:sqlite'
import { AbandonedError, errorText } from '../errors.ts'
import type { AppFunction } from '../functions.ts'
import type { HostLog } from '../log.ts'
import type { RunFunction } from '../run-function.ts'
import { resolveSettingNames } from '../settings.ts'
import { isBelowMinute, parseSchedule, type Schedule } from './ncrontab.ts'
import {
  type RunReason,
  type ScheduleStatus,
  statusAfterRun,
  statusAtStart,
} from './schedule-status.ts'
import { offsetText, type TimeZone, timeZone } from './time-zone.ts'

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
  status: ScheduleStatus
  timer: NodeJS.Timeout | undefined
  busy: boolean
}

export class TimerTriggers {
  readonly #options: TimerTriggersOptions
  readonly #entries: readonly Entry[]
  readonly #zone: TimeZone
  #running = false

  /** Throws `bad-setting` when a schedule cannot be read. */
  constructor(options: TimerTriggersOptions) {
    this.#options = options
    this.#zone = timeZone(options.env['WEBSITE_TIME_ZONE'])
    const nowMs = Date.now()
    this.#entries = options.functions.map((appFunction) => {
      const { binding } = appFunction.trigger
      const text = resolveSettingNames(String(binding['schedule'] ?? ''), options.env)
      const schedule = parseSchedule(text, this.#zone)
      return {
        appFunction,
        schedule,
        monitored: binding['useMonitor'] !== false && !isBelowMinute(schedule, nowMs),
        runOnStartup: binding['runOnStartup'] === true,
        disabled: isDisabled(options.env, appFunction.name),
        status: { lastMs: undefined, nextMs: schedule.next(nowMs), updatedMs: nowMs },
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
      const kept = entry.monitored ? this.#read(entry.appFunction.name) : undefined
      const { status, pastDue } = statusAtStart(kept, entry.schedule, nowMs)
      this.#keep(entry, status)
      if (pastDue) this.#fire(entry, 'past-due')
      else if (entry.runOnStartup) this.#fire(entry, 'startup')
      else this.#arm(entry)
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
    this.#fire(entry, 'told')
    return true
  }

  /** No run begins any more; the host's drain waits for those that run. */
  stop(): void {
    this.#running = false
    for (const entry of this.#entries) clearTimeout(entry.timer)
  }

  #arm(entry: Entry): void {
    if (!this.#running || entry.disabled) return
    const delayMs = Math.max(0, entry.status.nextMs - Date.now())
    entry.timer = setTimeout(
      () => {
        // Too far for one timer of Node: wait in pieces.
        if (delayMs > timeoutMsMax) this.#arm(entry)
        else this.#fire(entry, 'scheduled')
      },
      Math.min(delayMs, timeoutMsMax),
    )
  }

  #fire(entry: Entry, reason: RunReason): void {
    entry.busy = true
    this.#runOnce(entry, reason)
      .catch((error: unknown) => {
        this.#options.log('critical', errorText(error), entry.appFunction.name)
      })
      .finally(() => {
        entry.busy = false
      })
  }

  async #runOnce(entry: Entry, reason: RunReason): Promise<void> {
    const startedMs = Date.now()
    const payload = {
      Schedule: { AdjustForDST: true },
      ScheduleStatus: entry.monitored ? this.#statusValue(entry.status) : null,
      IsPastDue: reason === 'past-due',
    }
    try {
      const value = { json: JSON.stringify(payload) }
      await this.#options.run(entry.appFunction, { value, metadata: {} })
    } catch (error) {
      if (error instanceof AbandonedError) return
      const text = `the timer run failed: ${errorText(error)}`
      this.#options.log('error', text, entry.appFunction.name)
    }
    this.#keep(entry, statusAfterRun(entry.status, entry.schedule, { startedMs, reason }))
    this.#arm(entry)
  }

  #statusValue({ lastMs, nextMs, updatedMs }: ScheduleStatus): Record<string, string> {
    const text = (timeMs: number): string => offsetText(timeMs, this.#zone)
    const never = '0001-01-01T00:00:00+00:00'
    return {
      Last: lastMs === undefined ? never : text(lastMs),
      Next: text(nextMs),
      LastUpdated: lastMs === undefined ? never : text(updatedMs),
    }
  }

  #keep(entry: Entry, status: ScheduleStatus): void {
    entry.status = status
    if (!entry.monitored) return
    this.#options.database
      .prepare('INSERT OR REPLACE INTO timer_triggers VALUES (?, ?, ?, ?)')
      .run(entry.appFunction.name, status.lastMs ?? null, status.nextMs, status.updatedMs)
  }

  #read(name: string): ScheduleStatus | undefined {
    const row = this.#options.database
      .prepare('SELECT * FROM timer_triggers WHERE function_name = ?')
      .get(name)
    if (row === undefined) return undefined
    const last = row['last_ms']
    const lastMs = typeof last === 'number' ? last : undefined
    return { lastMs, nextMs: Number(row['next_ms']), updatedMs: Number(row['updated_ms']) }
  }
}

/** As an app setting says it: `true` or `1`. */
function isDisabled(env: Readonly<Record<string, string>>, name: string): boolean {
  return /^(true|1)$/i.test(env[`AzureWebJobs.${name}.Disabled`] ?? '')
}
