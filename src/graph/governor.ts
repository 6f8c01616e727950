/**
 * The governor: what spends Microsoft's budgets.
 *
 * A budget's key is app + service + the scope that the limit names (a mailbox, or the tenant).
 * Invariants: at most `slots` permits of one key are out at once; no window holds more units than
 * its limit; a key that was told to pause starts nothing until then, and no other key is touched;
 * a permit is given back exactly once, however the call ended. It never sleeps past a deadline:
 * then it throws `Throttled`, or the code of what the service paused it for, and the slice answers
 * `wait`.
 *
 * Slots and pauses are local to a process, because all streams of a mailbox are worked under one
 * lease; what may be spent stands behind a purse. It reads no answers: the client tells it how
 * calls ended and what they cost.
 */
import { invariant } from '../model/errors.ts'
import type { Clock, Randomness } from '../ports.ts'
import { backoffMs } from './backoff.ts'
import { timeLeft } from './deadline.ts'
import { deadlineReached, throttled } from './errors.ts'
import { type Purse, windowedPurse } from './purse.ts'
import type { RateLimit } from './rate-limit.ts'
import type { WindowLimit } from './unit-window.ts'

export type Service = 'outlook' | 'directory' | 'sharepoint'

export interface BudgetKey {
  /** Client id of the app: the limits are for each app. */
  app: string
  service: Service
  /** What the limit names: the mailbox's user, or the tenant. */
  scope: string
}

export interface ServiceLimits {
  /** Calls at once. */
  slots: number
  /** All of them hold. */
  windows: readonly WindowLimit[]
}

const MINUTE_MS = 60_000
const DAY_MS = 24 * 60 * MINUTE_MS

/** SharePoint's units for the smallest tenants (up to 1,000 licences); larger ones have more. */
export const SHAREPOINT_UNITS = { perMinute: 1_250, perDay: 1_200_000 } as const

/** Microsoft names no limit for calls at once; this many keep the slice of one site busy. */
export const SHAREPOINT_CONCURRENCY = 8

/** Of all sites that a worker reads: a long download keeps its slot, and must not stop the others. */
const SHAREPOINT_SLOTS = 4 * SHAREPOINT_CONCURRENCY

/** SharePoint's limits for a tenant that is granted so many units. */
export function sharePointLimits(units: { perMinute: number; perDay: number }): ServiceLimits {
  return {
    slots: SHAREPOINT_SLOTS,
    windows: [
      { unitsMax: units.perMinute, windowMs: MINUTE_MS },
      { unitsMax: units.perDay, windowMs: DAY_MS },
    ],
  }
}

/** Outlook: 4 at once and 10,000 in 10 minutes for each app and mailbox. */
export const SERVICE_LIMITS: Readonly<Record<Service, ServiceLimits>> = {
  outlook: { slots: 4, windows: [{ unitsMax: 10_000, windowMs: 10 * MINUTE_MS }] },
  // The directory counts resource units of the whole tenant; a few readers stay far below.
  directory: { slots: 4, windows: [{ unitsMax: 3_000, windowMs: 10_000 }] },
  sharepoint: sharePointLimits(SHAREPOINT_UNITS),
}

/** Longest wait inside a call whose deadline is not known. */
const NAP_MAX_MS = 20_000
/** Waits for one permit; each one ends where the budget looked free again. */
const NAPS_MAX = 100
/** Keys that are remembered before idle ones are forgotten. */
const KEYS_MAX = 10_000

export interface Permit {
  /** Gives the slot back. Idempotent. */
  release(): void
}

export interface Governor {
  /**
   * Waits for a slot and for budget. Throws `Throttled` where that would take longer than the
   * signal's deadline allows, `DeadlineReached` where the signal fired. `units`: what the call
   * will cost by rule; one where the service counts requests.
   */
  enter(key: BudgetKey, call: string, signal: AbortSignal, units?: number): Promise<Permit>
  /**
   * The service asked for a pause; without a time, one that grows while it keeps asking. `why` is
   * the code of what it answered: whoever has to wait for the pause is told the same.
   */
  pause(key: BudgetKey, retryAfterMs: number | undefined, why: string): void
  /** A call of this key went well. */
  succeeded(key: BudgetKey): void
  /** The service charged so many more units (or fewer) than the call entered with. */
  correct(key: BudgetKey, units: number): void
  /** The service said what is left of its budget: no more than that is spent until its reset. */
  limited(key: BudgetKey, limit: RateLimit): void
}

interface Waiter {
  granted: boolean
  grant: () => void
}

interface Budget {
  limits: ServiceLimits
  active: number
  waiting: Waiter[]
  purse: Purse
  /** What the service said last of its own count. */
  left: { units: number; until: number }
  pausedUntil: number
  /** Code of what the pause is for. */
  pausedFor: string
  /** Pauses in a row for which the service named no time. */
  unnamedPauses: number
}

interface Wait {
  call: string
  units: number
  giveUpAt: number
  signal: AbortSignal
}

export interface GovernorOptions {
  clock: Clock
  random: Randomness
  limits?: Readonly<Record<Service, ServiceLimits>>
  /** Where what a budget may spend is counted; by default in this process. */
  purseOf?: (key: BudgetKey, limits: ServiceLimits) => Purse
}

export function createGovernor(options: GovernorOptions): Governor {
  const { clock, random, limits = SERVICE_LIMITS } = options
  const purseOf = options.purseOf ?? ((_, { windows }) => windowedPurse(windows))
  const budgets = new Map<string, Budget>()

  function budgetOf(key: BudgetKey): Budget {
    const name = JSON.stringify([key.app, key.service, key.scope])
    const known = budgets.get(name)
    if (known !== undefined) return known
    if (budgets.size >= KEYS_MAX) forgetIdle(budgets, clock.now())
    const made: Budget = {
      limits: limits[key.service],
      active: 0,
      waiting: [],
      purse: purseOf(key, limits[key.service]),
      left: { units: 0, until: 0 },
      pausedUntil: 0,
      pausedFor: '',
      unnamedPauses: 0,
    }
    budgets.set(name, made)
    return made
  }

  async function enter(
    key: BudgetKey,
    call: string,
    signal: AbortSignal,
    units = 1,
  ): Promise<Permit> {
    if (signal.aborted) throw deadlineReached(call)
    const budget = budgetOf(key)
    const patienceMs = Math.min(timeLeft(signal, clock) ?? NAP_MAX_MS, NAP_MAX_MS)
    const wait = { call, units, giveUpAt: clock.now() + patienceMs, signal }
    await takeSlot(clock, budget, wait)
    try {
      await waitForBudget(clock, budget, wait)
    } catch (error) {
      freeSlot(budget)
      throw error
    }
    let out = true
    return {
      release() {
        if (out) freeSlot(budget)
        out = false
      },
    }
  }

  return {
    enter,
    pause(key, retryAfterMs, why) {
      const budget = budgetOf(key)
      if (retryAfterMs === undefined) budget.unnamedPauses += 1
      const until = clock.now() + (retryAfterMs ?? backoffMs(random, budget.unnamedPauses + 1))
      if (until <= budget.pausedUntil) return
      budget.pausedUntil = until
      budget.pausedFor = why
      budget.purse.pause?.(until)
    },
    succeeded(key) {
      budgetOf(key).unnamedPauses = 0
    },
    correct(key, units) {
      if (units !== 0) budgetOf(key).purse.correct(units, clock.now())
    },
    limited(key, { remaining, resetMs }) {
      budgetOf(key).left = { units: remaining, until: clock.now() + resetMs }
    },
  }
}

/** First come, first served; a slot that is freed goes straight to the next who waits. */
async function takeSlot(clock: Clock, budget: Budget, wait: Wait): Promise<void> {
  if (budget.active < budget.limits.slots) {
    budget.active += 1
    return
  }
  const { promise, resolve } = Promise.withResolvers<'granted'>()
  const waiter: Waiter = { granted: false, grant: () => resolve('granted') }
  budget.waiting.push(waiter)
  const stop = new AbortController()
  const patience = clock
    .sleep(Math.max(0, wait.giveUpAt - clock.now()), AbortSignal.any([wait.signal, stop.signal]))
    .then(
      () => 'late' as const,
      () => 'aborted' as const,
    )
  const ended = await Promise.race([promise, patience])
  stop.abort()
  if (ended === 'granted') return
  // The slot may have been handed over in the same moment in which we gave up.
  if (waiter.granted) {
    if (ended === 'late') return
    freeSlot(budget)
  } else {
    budget.waiting.splice(budget.waiting.indexOf(waiter), 1)
  }
  if (ended === 'aborted') throw deadlineReached(wait.call)
  throw throttled({ call: wait.call, retryAfterMs: 1000 })
}

function freeSlot(budget: Budget): void {
  const next = budget.waiting.shift()
  if (next === undefined) {
    budget.active -= 1
    invariant(budget.active >= 0, 'a slot is given back once')
    return
  }
  next.granted = true
  next.grant()
}

/** Takes the units from the budget. */
async function waitForBudget(clock: Clock, budget: Budget, wait: Wait): Promise<void> {
  let ms = 0
  for (let nap = 0; nap < NAPS_MAX; nap += 1) {
    if (wait.signal.aborted) throw deadlineReached(wait.call)
    const now = clock.now()
    ms = await takeUnits(budget, wait.units, now)
    if (ms <= 0) return
    if (now + ms > wait.giveUpAt) break
    try {
      await clock.sleep(ms, wait.signal)
    } catch {
      // A sleep is only ended early by its signal.
      throw deadlineReached(wait.call)
    }
  }
  const isPaused = budget.pausedUntil > clock.now()
  throw throttled({
    ...{ call: wait.call, retryAfterMs: ms },
    ...(isPaused && { why: budget.pausedFor }),
  })
}

/** 0: taken. Otherwise milliseconds after which it is worth asking again. */
async function takeUnits(budget: Budget, units: number, now: number): Promise<number> {
  const { left } = budget
  const isShort = now < left.until && left.units < units
  const pauseMs = Math.max(budget.pausedUntil, isShort ? left.until : 0) - now
  if (pauseMs > 0) return pauseMs
  const waitMs = await budget.purse.take(units, now)
  if (waitMs <= 0) left.units -= units
  return waitMs
}

function forgetIdle(budgets: Map<string, Budget>, now: number): void {
  for (const [name, budget] of budgets) {
    const idle = budget.active === 0 && budget.waiting.length === 0 && budget.purse.isEmpty(now)
    if (idle && budget.pausedUntil <= now) budgets.delete(name)
  }
}
