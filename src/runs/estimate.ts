/**
 * When the first copies will be complete, and what binds: one of Microsoft's budgets, or our own
 * pace. Honest rather than precise: from what sources said of their size when they were first
 * read, and from what is held of them by now. Pure.
 *
 * Budgets: facts of Graph 2.2 (SharePoint and OneDrive: resource units a minute and a day, bytes an
 * hour; Outlook: requests of each mailbox).
 */
import type { BudgetLimits, FirstCopyEstimate, Owner } from '../catalogue/types.ts'

/** SharePoint sends so much to one app of a tenant in an hour. */
const EGRESS_BYTES_PER_HOUR = 400 * 1000 ** 3
/** Outlook takes so many requests for one mailbox in a minute. */
const MAILBOX_REQUESTS_PER_MINUTE = 1000
/** A download is one unit; pages of changes add a few of a hundred. */
const UNITS_PER_FILE = 1.05
/** Requests for one message: its content, and its share of the pages. */
const REQUESTS_PER_MESSAGE = 1.05
/** Of a library of which nothing is held yet: an ordinary document. */
const FILE_BYTES = 1_000_000
/** Fewer items say nothing of how large the others are. */
const ITEMS_MIN = 100
/** A pace that was measured for less than this is none. */
const MEASURED_MS = 60_000
const MINUTE_MS = 60_000
const HOUR_MS = 3_600_000
const DAY_MS = 86_400_000

export interface EstimateInput {
  /** Owners that are protected now. */
  owners: readonly Owner[]
  limits: BudgetLimits
  /** Units that were claimed in the last 24 hours. */
  claimedToday: number
  /** What the run has stored so far, in how long. */
  done: { bytes: number; ms: number }
  now: number
}

/** Undefined where every owner has its first copy. */
export function estimateFirstCopies(input: EstimateInput): FirstCopyEstimate | undefined {
  const open = input.owners.filter(({ completeAt }) => completeAt === undefined)
  if (open.length === 0) return undefined
  const known = open.filter(({ source }) => source !== undefined)
  const left = known.map(leftOf)
  const files = left.filter(({ service }) => service === 'sharepoint')
  const units = Math.ceil(sum(files, ({ items }) => items) * UNITS_PER_FILE)
  const bytes = sum(left, (of) => of.bytes)
  const largestMailbox = Math.max(0, ...left.map((of) => (of.service === 'outlook' ? of.items : 0)))
  const budgets: [FirstCopyEstimate['binds'], number][] = [
    ['sharepoint-units-a-minute', (units / input.limits.perMinute) * MINUTE_MS],
    ['sharepoint-units-a-day', dayMs(units, input)],
    ['sharepoint-bytes-an-hour', (sum(files, (of) => of.bytes) / EGRESS_BYTES_PER_HOUR) * HOUR_MS],
    [
      'mailbox-requests',
      ((largestMailbox * REQUESTS_PER_MESSAGE) / MAILBOX_REQUESTS_PER_MINUTE) * MINUTE_MS,
    ],
    ['own-pace', paceMs(bytes, input.done)],
  ]
  const [binds, ms] = budgets.reduce((longest, next) => (next[1] > longest[1] ? next : longest))
  return {
    owners: open.length,
    unknown: open.length - known.length,
    items: Math.round(sum(left, ({ items }) => items)),
    bytes: Math.round(bytes),
    units,
    binds,
    completeAt: new Date(input.now + ms).toISOString(),
  }
}

/** Units beyond what is left of today wait for the days to come. */
function dayMs(units: number, { limits, claimedToday }: EstimateInput): number {
  const leftToday = Math.max(0, limits.perDay - claimedToday)
  return units <= leftToday ? 0 : (units / limits.perDay) * DAY_MS
}

function paceMs(bytes: number, done: EstimateInput['done']): number {
  if (done.ms < MEASURED_MS || done.bytes === 0) return 0
  return (bytes / done.bytes) * done.ms
}

interface Left {
  service: 'outlook' | 'sharepoint'
  items: number
  bytes: number
}

/** Where a source says only one of items and bytes, the other follows from what is held. */
function leftOf({ workloads, source, held }: Owner): Left {
  const service = workloads.includes('mail') ? 'outlook' : 'sharepoint'
  const { items: heldItems = 0, bytes: heldBytes = 0 } = held ?? {}
  const itemBytes = heldItems >= ITEMS_MIN ? Math.max(1, heldBytes / heldItems) : FILE_BYTES
  const bytes = source?.bytes === undefined ? undefined : Math.max(0, source.bytes - heldBytes)
  const items = source?.items === undefined ? undefined : Math.max(0, source.items - heldItems)
  return {
    service,
    items: items ?? (bytes ?? 0) / itemBytes,
    bytes: bytes ?? (items ?? 0) * itemBytes,
  }
}

function sum<T>(list: readonly T[], of: (one: T) => number): number {
  return list.reduce((total, one) => total + of(one), 0)
}
