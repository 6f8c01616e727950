/**
 * Resource units of SharePoint: each app has so many a minute and a day (facts/graph.md 2.2).
 *
 * Invariants: a refused call is charged too; windows are whole minutes and days of the tenant's
 * clock; from 80 % of the minute on, answers say what is left, and a refusal says when to come
 * back.
 */
import { RATE_LIMIT_SHOWN_FROM } from '../limits.ts'
import type { TenantSettings } from '../state/settings.ts'
import { GraphError } from './errors.ts'

const MINUTE_MS = 60_000
const DAY_MS = 86_400_000

interface Window {
  readonly lengthMs: number
  began: number
  spent: number
}

export interface UnitMeter {
  /** Charges, and answers the headers that the call's answer carries; throws the 429. */
  charge(app: string, units: number): Readonly<Record<string, string>>
  reset(): void
}

export function createUnitMeter(nowMs: () => number, settings: TenantSettings): UnitMeter {
  const apps = new Map<string, { readonly minute: Window; readonly day: Window }>()
  const windowsOf = (app: string) => {
    const windows = apps.get(app) ?? { minute: windowOf(MINUTE_MS), day: windowOf(DAY_MS) }
    apps.set(app, windows)
    return windows
  }
  return {
    charge(app, units) {
      const { minute, day } = windowsOf(app)
      for (const window of [minute, day]) spend(window, units, nowMs())
      const headers = { 'x-ms-resource-unit': String(units) }
      if (!settings.throttling) return headers
      const { unitsPerMinute, unitsPerDay } = settings
      const shown = { ...headers, ...rateLimit(minute, unitsPerMinute, nowMs()) }
      if (day.spent > unitsPerDay) throw refused(day, nowMs(), shown)
      if (minute.spent > unitsPerMinute) throw refused(minute, nowMs(), shown)
      return shown
    },
    reset: () => apps.clear(),
  }
}

function windowOf(lengthMs: number): Window {
  return { lengthMs, began: 0, spent: 0 }
}

function spend(window: Window, units: number, nowMs: number): void {
  const began = Math.floor(nowMs / window.lengthMs) * window.lengthMs
  if (began !== window.began) {
    window.began = began
    window.spent = 0
  }
  window.spent += units
}

function secondsLeft({ began, lengthMs }: Window, nowMs: number): number {
  return Math.max(1, Math.ceil((began + lengthMs - nowMs) / 1_000))
}

function rateLimit(minute: Window, limit: number, nowMs: number): Record<string, string> {
  if (minute.spent < limit * RATE_LIMIT_SHOWN_FROM) return {}
  return {
    'ratelimit-limit': String(limit),
    'ratelimit-remaining': String(Math.max(0, limit - minute.spent)),
    'ratelimit-reset': String(secondsLeft(minute, nowMs)),
  }
}

function refused(window: Window, nowMs: number, headers: Record<string, string>): GraphError {
  return new GraphError(429, 'activityLimitReached', 'The request has been throttled', {
    ...headers,
    'retry-after': String(secondsLeft(window, nowMs)),
  })
}
