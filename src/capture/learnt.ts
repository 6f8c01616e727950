/**
 * What a slice learnt about its owner: coverage, trouble, and when it is due again.
 *
 * Measured, not committed (P6): a lost row only means that the owner is looked at again.
 */
import type { Owner } from '../catalogue/types.ts'
import type { SliceDeps, Worked } from './slice.ts'

/** Where discovery finds the source again, the owner is due by then. */
const ABSENT_PAUSE_MS = 15 * 60_000
const FAILED_PAUSE_MS = 3_600_000

/** What the owner row says after this slice: coverage, trouble, and when it is due again. */
export async function learnt(
  owner: Owner,
  worked: Worked,
  deps: SliceDeps,
  signal: AbortSignal,
): Promise<Partial<Owner>> {
  const { result, retryAfterMs, nextAt, hasProgress, source } = worked
  const now = deps.clock.now()
  const follow = followUp(owner, worked, deps)
  const at = (ms: number) => new Date(ms).toISOString()
  // Before that time no hint is asked either: it would only bring the trouble forward.
  const dueAt = (ms: number) => ({ dueAt: at(ms), hintAt: at(ms) })
  // A slice that was refused, or had to wait at once, has read nothing.
  const hasRead = result.state === 'done' || hasProgress
  const base = {
    ...{ trouble: result.trouble, ...(hasRead && { readAt: at(now) }) },
    ...(follow.isNew && { followAt: at(follow.ms) }),
    ...(source && { source }),
    held: {
      items: (owner.held?.items ?? 0) + result.counts.stored,
      bytes: (owner.held?.bytes ?? 0) + result.bytes,
    },
  }
  switch (result.state) {
    case 'done': {
      const open = await openEntries(owner, deps, signal)
      const dueMs = Math.min(open.nextAt, nextAt, now + deps.settings.fullReadMs, follow.ms)
      const times = { dueAt: at(dueMs), hintAt: at(now + deps.settings.intervalMs) }
      const coverage = open.partly > 0 ? 'partial' : 'covered'
      return { ...base, ...times, completeAt: at(now), coverage, ledgerOpen: open.ledger }
    }
    case 'wait':
      return { ...base, ...dueAt(now + retryAfterMs) }
    case 'absent':
      return { ...base, ...dueAt(now + ABSENT_PAUSE_MS), coverage: 'no-source' }
    case 'failed':
      return { ...base, ...dueAt(now + FAILED_PAUSE_MS), coverage: 'failing' }
    default: {
      // Everything was read but for content that takes many slices.
      const isRead = worked.isRead && ({ completeAt: at(now), coverage: 'partial' } as const)
      const coverage = isRead || (owner.completeAt ? {} : { coverage: 'first-copy' as const })
      // `more` without progress counts like a slice that vanished: it must not go on for ever.
      const attempts = hasProgress ? {} : { attempts: owner.attempts }
      return { ...base, ...coverage, ...attempts, ...dueAt(now) }
    }
  }
}

/**
 * When the next round is due that no hint brings forward; infinity where none is owed.
 *
 * What changed while a round was read may stand behind the link that the hint asks from, and lists
 * lag; so a round that was told changes is followed by another one after the lag. A quiet round
 * that comes before that time (after a base, or because a person asks) sees no more, and leaves it
 * owed. Whatever was not a whole settled round counts as told, and so does one after a slice that
 * vanished, or of an owner whose row was lost: nobody knows what that had been told.
 */
function followUp(
  owner: Owner,
  { result, startedAt }: Worked,
  { clock, settings }: Pick<SliceDeps, 'clock' | 'settings'>,
): { ms: number; isNew: boolean } {
  const isSettled = result.state === 'done' && result.isSettled === true
  const isKnown = owner.attempts <= 1 && owner.readAt !== undefined
  if (!isSettled || !isKnown) {
    const { fullReadMs, intervalMs, deletionLagMs } = settings
    const waitMs = Math.min(fullReadMs, Math.max(intervalMs, deletionLagMs))
    return { ms: clock.now() + waitMs, isNew: true }
  }
  const owed = Date.parse(owner.followAt ?? '')
  return { ms: startedAt < owed ? owed : Number.POSITIVE_INFINITY, isNew: false }
}

/**
 * How many ledger entries are open, of them such as make coverage partial, and when an item that left, or a retry, needs a
 * round.
 */
async function openEntries(
  owner: Owner,
  deps: SliceDeps,
  signal: AbortSignal,
): Promise<{ ledger: number; partly: number; nextAt: number }> {
  let ledger = 0
  let partly = 0
  let nextAt = Number.POSITIVE_INFINITY
  for (const name of owner.workloads) {
    for await (const { event } of deps.catalogue.stream(owner.owner, name).open(signal)) {
      if (event.op === 'ledger') {
        ledger += 1
        if (event.kind === 'container' || event.reason === 'in-progress') partly += 1
        if (event.nextTry) nextAt = Math.min(nextAt, Date.parse(event.nextTry))
      } else {
        nextAt = Math.min(nextAt, Date.parse(event.at) + deps.settings.deletionLagMs)
      }
    }
  }
  return { ledger, partly, nextAt }
}
