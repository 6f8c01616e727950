/**
 * Budgets that all workers of the app spend together (DESIGN 7, governor): one row each, claimed
 * in chunks, so that many workers stay below one limit of the service.
 *
 * What was claimed counts until its window has passed, whether it was spent or not: a worker that
 * dies with a chunk leaves the app more careful, never less. Windows slide by whole steps, so no
 * window of the service's own, wherever it begins, holds more than its limit.
 */
import { z } from 'zod'
import { notePartition, noteRow } from './keys.ts'
import type { Room } from './room.ts'
import { decodeBody, encodeBody } from './rows.ts'
import { changeRow } from './stamped.ts'
import type { BudgetClaim, BudgetLimits, BudgetTable } from './types.ts'

const TABLE = 'resources'
const SECOND_MS = 1000
/** What is claimed is spent within this, so it may burden a window of the service that long after. */
export const SPENT_WITHIN_MS = 5 * SECOND_MS

/** A window and the step by which it slides. */
interface Span {
  limit: 'perMinute' | 'perDay'
  windowMs: number
  stepMs: number
}
const SPANS = {
  minute: { limit: 'perMinute', windowMs: 60 * SECOND_MS + SPENT_WITHIN_MS, stepMs: 5 * SECOND_MS },
  day: { limit: 'perDay', windowMs: 86_400 * SECOND_MS, stepMs: 3600 * SECOND_MS },
} as const satisfies Record<string, Span>

/** What was claimed in each step: its number since 1970, and units. */
const stepsSchema = z.array(z.tuple([z.int().nonnegative(), z.int().nonnegative()]))
type Steps = z.infer<typeof stepsSchema>
const rowSchema = z.object({
  minute: stepsSchema,
  day: stepsSchema,
  /** Ms since 1970: the service asked that nobody begins anything before. */
  pausedUntil: z.number(),
})
type BudgetRow = z.infer<typeof rowSchema>
const EMPTY: BudgetRow = { minute: [], day: [], pausedUntil: 0 }

export function createBudgetTable(room: Room): BudgetTable {
  const placeOf = (name: string) =>
    ({
      table: TABLE,
      partition: notePartition(room.tenantId),
      row: noteRow(`budget-${name}`),
    }) as const
  return {
    async claim(name, wanted, signal) {
      const now = room.clock.now()
      let denied: BudgetClaim | undefined
      const granted = await changeRow<BudgetClaim>(
        room,
        placeOf(name),
        (row) => {
          const { claim, next } = claimed(row ? decodeBody(row, rowSchema) : EMPTY, wanted, now)
          denied = claim.granted === 0 ? claim : undefined
          return next && { values: encodeBody(next), result: claim }
        },
        signal,
      )
      return granted ?? denied ?? { granted: 0, waitMs: SECOND_MS, claimedToday: 0 }
    },
    async pause(name, until, signal) {
      await changeRow(
        room,
        placeOf(name),
        (row) => {
          const held = row ? decodeBody(row, rowSchema) : EMPTY
          if (until <= held.pausedUntil) return undefined
          return { values: encodeBody({ ...held, pausedUntil: until }), result: until }
        },
        signal,
      )
    },
  }
}

/** Pure. `next` is absent where nothing was granted. */
function claimed(
  held: BudgetRow,
  { units, limits }: { units: number; limits: BudgetLimits },
  now: number,
): { claim: BudgetClaim; next?: BudgetRow } {
  const minute = counting(held.minute, SPANS.minute, now)
  const day = counting(held.day, SPANS.day, now)
  const claimedToday = sum(day)
  if (held.pausedUntil > now) {
    return { claim: { granted: 0, waitMs: held.pausedUntil - now, claimedToday } }
  }
  const left = Math.min(limits.perMinute - sum(minute), limits.perDay - claimedToday)
  const granted = Math.max(0, Math.min(units, left))
  if (granted === 0) {
    const isDay = claimedToday >= limits.perDay
    const waitMs = isDay ? freeIn(day, SPANS.day, now) : freeIn(minute, SPANS.minute, now)
    return { claim: { granted, waitMs, claimedToday } }
  }
  return {
    claim: { granted, waitMs: 0, claimedToday: claimedToday + granted },
    next: {
      minute: withUnits(minute, SPANS.minute, granted, now),
      day: withUnits(day, SPANS.day, granted, now),
      pausedUntil: held.pausedUntil,
    },
  }
}

/** Steps of which some moment still lies in the window that ends now. */
function counting(steps: Steps, { windowMs, stepMs }: Span, now: number): Steps {
  return steps.filter(([step]) => (step + 1) * stepMs > now - windowMs)
}

function sum(steps: Steps): number {
  return steps.reduce((total, [, units]) => total + units, 0)
}

function withUnits(steps: Steps, { stepMs }: Span, units: number, now: number): Steps {
  const step = Math.floor(now / stepMs)
  const before = steps.find(([at]) => at === step)?.[1] ?? 0
  return [...steps.filter(([at]) => at !== step), [step, before + units]]
}

/** Until the oldest step has left the window. */
function freeIn(steps: Steps, { windowMs, stepMs }: Span, now: number): number {
  const oldest = Math.min(...steps.map(([step]) => step))
  if (!Number.isFinite(oldest)) return stepMs
  return (oldest + 1) * stepMs + windowMs - now
}
