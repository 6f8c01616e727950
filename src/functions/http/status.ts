/**
 * Coverage in one answer: how many owners are in which state, how old the oldest copy is, what
 * is in the ledger, and the newest runs. Measured when it is asked for, never estimated.
 */
import type { Owner, Run } from '../../catalogue/types.ts'
import type { OwnerId } from '../../model/ids.ts'
import { askedOf } from '../../runs/index.ts'
import type { HttpDeps } from './deps.ts'
import { noQuery } from './input.ts'
import { getRoute } from './route.ts'

const OWNERS_MAX = 500_000
const RESOURCE_PAGE_ROWS = 1000
const RESOURCE_PAGES_MAX = 1000
const RUNS_SHOWN = 5

export const getStatus = getRoute({
  name: 'apiGetStatus',
  path: 'v1/status',
  right: 'status',
  query: noQuery,
  async handle({ signal }, deps) {
    const [ready, found, runs] = await Promise.all([
      deps.catalogue.ready(signal),
      countResources(deps, signal),
      deps.catalogue.runs.list({ max: RUNS_SHOWN }, signal),
    ])
    const { kept, ...resources } = found
    const owners = await countOwners(kept, deps, signal)
    const now = deps.clock.now()
    const time = new Date(now).toISOString()
    const lines = runs.items.map((run) => runLine(run, now))
    return { status: 200, json: { time, ready, resources, owners, runs: lines } }
  },
})

/** One line of a run, without its plan. A beat to come is when the next wave begins. */
export function runLine(run: Run, now: number) {
  const { id, kind, state, createdAt, startedAt, endedAt, heartbeatAt, attempt, wave } = run
  const waits = Date.parse(heartbeatAt) > now
  return {
    id,
    kind,
    state,
    createdAt,
    startedAt,
    endedAt,
    ...(waits ? { nextAt: heartbeatAt } : { heartbeatAt }),
    attempt,
    wave,
    by: run.by,
    trouble: run.trouble || undefined,
    hints: run.hints && { asked: askedOf(run.hints), ...run.hints },
    estimate: run.estimate,
  }
}

/** `kept`: owners whose resource is backed up no more, so their coverage is of another time. */
async function countResources(deps: HttpDeps, signal: AbortSignal) {
  const states: Record<string, number> = {}
  const kept = new Set<OwnerId>()
  let total = 0
  let continuation: string | undefined
  for (let pages = 0; pages < RESOURCE_PAGES_MAX; pages++) {
    const query = { max: RESOURCE_PAGE_ROWS, ...(continuation && { continuation }) }
    const page = await deps.catalogue.resources.list(query, signal)
    for (const { state, owner } of page.items) {
      states[state] = (states[state] ?? 0) + 1
      total += 1
      if (owner && (state === 'gone' || state === 'unprotected')) kept.add(owner)
    }
    continuation = page.continuation
    if (continuation === undefined) return { total, states, kept }
  }
  return { total, states, kept, cut: true }
}

async function countOwners(kept: ReadonlySet<OwnerId>, deps: HttpDeps, signal: AbortSignal) {
  const sums = new OwnerSums()
  for await (const owner of deps.catalogue.owners.all(signal)) {
    if (kept.has(owner.owner)) sums.kept += 1
    else sums.add(owner)
    if (sums.total + sums.kept === OWNERS_MAX) return { ...sums, cut: true }
  }
  return sums
}

class OwnerSums {
  total = 0
  /** Owners that are backed up no more and hold what they held; in none of the other sums. */
  kept = 0
  readonly coverage: Record<string, number> = {}
  /** Codes of the last trouble, each with how many owners have it. */
  readonly trouble: Record<string, number> = {}
  ledgerOpen = 0
  /** Owners without one complete round. */
  neverComplete = 0
  /** ISO time at which the round ended that ended longest ago, of those with one. */
  oldestCompleteAt: string | undefined
  /** ISO time at which the cursors were read that were read longest ago. */
  oldestReadAt: string | undefined
  /** Owners with a complete round of whom nothing was verified by opening it (P10). */
  neverVerified = 0
  /** ISO time up to which the owner is verified who is verified least far, of the others. */
  oldestVerifiedUntil: string | undefined
  /** Owners of whom the last verification found something lost. */
  damaged = 0

  add(owner: Owner): void {
    this.total += 1
    this.coverage[owner.coverage] = (this.coverage[owner.coverage] ?? 0) + 1
    if (owner.trouble !== '') this.trouble[owner.trouble] = (this.trouble[owner.trouble] ?? 0) + 1
    this.ledgerOpen += owner.ledgerOpen
    if (owner.completeAt === undefined) this.neverComplete += 1
    this.oldestCompleteAt = earlier(this.oldestCompleteAt, owner.completeAt)
    this.oldestReadAt = earlier(this.oldestReadAt, owner.readAt)
    const { verified, completeAt } = owner
    if (completeAt !== undefined && verified?.opened === undefined) this.neverVerified += 1
    this.oldestVerifiedUntil = earlier(this.oldestVerifiedUntil, verified?.opened)
    if (verified !== undefined && verified.errors > 0) this.damaged += 1
  }
}

function earlier(a: string | undefined, b: string | undefined): string | undefined {
  if (a === undefined || b === undefined) return a ?? b
  return a < b ? a : b
}
