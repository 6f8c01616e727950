/**
 * The row of a verification, and how it moves on. Pure; every change may run several times and
 * beside another step's, so each looks at what is there.
 */
import type {
  OpenVerification,
  Verification,
  VerificationCounts,
  Verified,
} from '../../catalogue/types.ts'
import type { OwnerId } from '../../model/ids.ts'
import { iso } from '../../model/time.ts'
import type { ReportedFinding, VerifyReport } from '../../vault/verify/index.ts'

/** Findings that a report names, of all owners and of one; all are counted. */
export const FINDINGS_KEPT_MAX = 100
export const FINDINGS_OF_OWNER_MAX = 10
/**
 * What a commit's time may lack of the moment at which it was there: five minutes by the format
 * (docs/format.md, 8.2), and as much between the clock of this machine and that of storage.
 */
export const SEEN_LATE_MS = 10 * 60_000

const NO_OWNERS: VerificationCounts = {
  ...{ owners: 0, opened: 0, sampled: 0, hashes: 0 },
  ...{ damaged: 0, nothing: 0, failed: 0, erased: 0 },
}

export function newVerification(
  given: Pick<Verification, 'id' | 'openPercent' | 'seed'> &
    Partial<Pick<Verification, 'locks' | 'firstAt'>>,
  now: number,
): Verification {
  return {
    ...{ firstAt: iso(now), ...given },
    ...{ state: 'queued', createdAt: iso(now), heartbeatAt: iso(now), attempt: 1, position: '' },
    ...{ counts: NO_OWNERS, sums: {}, found: {}, findings: [], troubles: {} },
    severities: { error: 0, warning: 0, notice: 0 },
  }
}

export function begun(now: Verification, at: number): Verification {
  if (now.state === 'done') return now
  return { ...now, state: 'running', startedAt: now.startedAt ?? iso(at), heartbeatAt: iso(at) }
}

interface Taking {
  worker: string
  /** Ms: then the worker has ended, or has vanished. */
  until: number
  /** Ms. */
  at: number
  /** The next one, where none is open. */
  owner: OwnerId | undefined
}

/** Takes the owner under work, or the next one, unless another step may be at work. */
export function taken(now: Verification, { worker, until, at, owner }: Taking): Verification {
  const { open } = now
  if (now.state === 'done' || isWorked(open, at)) return now
  if (open) {
    const mine = { ...open, worker, until: iso(until), tries: open.tries + 1 }
    return { ...now, open: mine, heartbeatAt: iso(at) }
  }
  if (owner === undefined || owner <= now.position || now.endedAt) return now
  const fresh = { owner, began: iso(at), worker, until: iso(until), tries: 1, trouble: '' }
  return { ...now, open: fresh, heartbeatAt: iso(at) }
}

export function isWorked(open: OpenVerification | undefined, at: number): boolean {
  return open !== undefined && open.worker !== '' && Date.parse(open.until) > at
}

/** What a step leaves for the next one; `worker` empty: it has ended. */
export function saved(
  now: Verification,
  worker: string,
  changes: Partial<OpenVerification> & { at: number; heartbeatAt?: number },
): Verification {
  const { at, heartbeatAt = at, ...rest } = changes
  if (!now.open || now.open.worker !== worker) return now
  return { ...now, open: { ...now.open, ...rest }, heartbeatAt: iso(heartbeatAt) }
}

/**
 * What is lost of an owner is looked for once more, from the beginning, before it is said: what a
 * verification needs may expire, and be removed, while it looks (decision 019).
 */
export function lookedTwice(now: Verification, worker: string, at: number): Verification {
  const { open } = now
  if (open === undefined || open.worker !== worker) return now
  const { progress: _first, ...rest } = open
  const anew = { ...rest, began: iso(at), worker: '', tries: 0, trouble: '', again: true } as const
  return { ...now, open: anew, heartbeatAt: iso(at) }
}

/** All owners are done with, unless another step has taken one meanwhile. */
export function closed(now: Verification, at: number): Verification {
  return now.open || now.endedAt ? now : { ...now, endedAt: iso(at) }
}

/** Owners that were looked at, whatever was found. */
export const seenOwners = ({ counts }: Verification): number =>
  counts.owners - counts.failed - counts.erased

/** How an owner ended; counted once, by the step that has it. */
export type Ending =
  | { as: 'seen'; report: VerifyReport }
  | { as: 'failed'; trouble: string }
  | { as: 'erased' }

export function ended(
  now: Verification,
  { owner, worker, at }: { owner: OwnerId; worker: string; at: number },
  ending: Ending,
): Verification {
  const { open, ...rest } = now
  if (open?.owner !== owner || open.worker !== worker) return now
  const next = { ...rest, position: owner, heartbeatAt: iso(at) }
  const kind = ending.as === 'seen' ? kindOf(ending.report) : ending.as
  const counts = { ...now.counts, owners: now.counts.owners + 1, [kind]: now.counts[kind] + 1 }
  if (ending.as === 'failed') {
    const { trouble } = ending
    return { ...next, counts, troubles: summed(now.troubles, { [trouble]: 1 }) }
  }
  return ending.as === 'seen'
    ? { ...next, counts, ...withReport(now, ending.report) }
    : { ...next, counts }
}

/**
 * What may be said of an owner. Warnings and notices are no loss; what was to be opened and was not
 * counts as hashed. Who has commits and no segment (an empty drive) is opened with them.
 */
export function kindOf({ outcome, severities, counts, plan }: VerifyReport) {
  if (severities.error > 0) return 'damaged'
  if (outcome === 'nothing' || counts.commits + counts.packs === 0) return 'nothing'
  const isUnopened = counts.segments > 0 && counts.opened === 0
  if (plan.openPercent === 0 || isUnopened) return 'hashes'
  if (plan.openPercent < 100) return 'sampled'
  return counts.opened === counts.segments ? 'opened' : 'hashes'
}

function withReport(now: Verification, { counts, found, severities, findings }: VerifyReport) {
  const { error, warning, notice } = now.severities
  return {
    sums: summed(now.sums, { ...counts }),
    found: summed(now.found, found),
    severities: {
      error: error + severities.error,
      warning: warning + severities.warning,
      notice: notice + severities.notice,
    },
    findings: [...now.findings, ...findings.slice(0, FINDINGS_OF_OWNER_MAX).map(kept)]
      .sort(byGravity)
      .slice(0, FINDINGS_KEPT_MAX),
  }
}

function kept({ what: _what, todo: _todo, ...finding }: ReportedFinding) {
  const given = Object.entries(finding).filter(([, value]) => value !== undefined)
  return Object.fromEntries(given) as Record<string, string | number>
}

const ORDER = ['error', 'warning', 'notice']

function byGravity(a: Record<string, string | number>, b: Record<string, string | number>): number {
  const placeOf = (f: typeof a) => ORDER.indexOf(String(f['severity']))
  return placeOf(a) - placeOf(b)
}

function summed(
  a: Readonly<Record<string, number>>,
  b: Readonly<Record<string, number | undefined>>,
): Record<string, number> {
  const sum = { ...a }
  for (const [name, more = 0] of Object.entries(b)) sum[name] = (sum[name] ?? 0) + more
  return sum
}

/** What the owner row says afterwards. Idempotent, and never earlier than before. */
export function verifiedBy(
  before: Verified | undefined,
  report: VerifyReport,
  { began, at }: { began: string; at: number },
): Verified {
  const kind = kindOf(report)
  const until = iso(Date.parse(began) - SEEN_LATE_MS)
  const isOpened = kind === 'opened'
  const isSampled = isOpened || kind === 'sampled'
  const opened = later(before?.opened, isOpened ? until : undefined)
  const sampled = later(before?.sampled, isSampled ? until : undefined)
  const hashes = later(before?.hashes, isSampled || kind === 'hashes' ? until : undefined)
  return {
    ...{ at: iso(at), errors: report.severities.error },
    ...(opened !== undefined && { opened }),
    ...(sampled !== undefined && { sampled }),
    ...(hashes !== undefined && { hashes }),
  }
}

function later(a: string | undefined, b: string | undefined): string | undefined {
  if (a === undefined || b === undefined) return a ?? b
  return a > b ? a : b
}

/** The report, from the row alone: whoever writes it again writes the same bytes. */
export function reportDocument(row: Verification, endedAt: string) {
  const { id, createdAt, startedAt, openPercent, seed, locks } = row
  const { counts, sums, found, severities, troubles, findings } = row
  return {
    ...{ holdfast: 1, verification: id, createdAt, startedAt, endedAt },
    plan: { openPercent, seed, ...(locks && { locks }) },
    ...{ owners: counts, counts: sums, found, severities, troubles, findings },
  }
}

/** In `ops`. Only what verifies may create there. */
export const reportName = (id: string, endedAt: string): string =>
  `verify/${endedAt.slice(0, 10)}/${id}.json`
