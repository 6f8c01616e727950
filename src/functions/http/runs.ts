/**
 * Backup runs: ask for one, and see how it goes.
 *
 * The row is written first, then a queue message wakes the backup role. A message that is lost
 * costs time, not the run: the reconciler starts every run whose row says so.
 */
import { z } from 'zod'
import type { PlanEntry, Run } from '../../catalogue/types.ts'
import { invariant } from '../../model/errors.ts'
import { addUnits, type Counts, NO_COUNTS, NO_UNITS, type Units } from '../../model/events.ts'
import type { KeyHash } from '../../model/ids.ts'
import { eachBounded } from './bounded.ts'
import { cursorText, positionOf } from './cursor.ts'
import type { HttpDeps } from './deps.ts'
import { jobIdOf, keyOf, noQuery, pageQuery } from './input.ts'
import { notProtected } from './not-protected.ts'
import { refusal } from './problems.ts'
import { bodyRoute, getRoute } from './route.ts'
import { runLine } from './status.ts'
import { wake } from './wake.ts'

/** Resources named in one call; so many ids still fit into the row of the run. */
export const RESOURCES_MAX = 1000
const ENTRIES_MAX = 200_000
const ID_BYTES = 6
const LIST = ['runs']

const runBody = z
  .strictObject({
    /** Absent: every protected resource that is due. */
    resources: z
      .array(z.string().max(100))
      .min(1, 'names nothing: leave it out to run everything that is protected')
      .max(RESOURCES_MAX, `names more than ${RESOURCES_MAX}: leave it out to run all that is due`)
      .optional(),
  })
  .default({})

export const startRun = bodyRoute({
  name: 'apiStartRun',
  method: 'POST',
  path: 'v1/runs',
  right: 'run',
  query: noQuery,
  body: runBody,
  async handle({ body, caller, signal }, deps) {
    const resources = await protectedKeys(body.resources ?? [], deps, signal)
    await refuseUnready(deps, signal)
    const run = newRun(resources, caller.id, deps)
    const count = resources.length
    await deps.audit.record({ action: 'run-asked', by: caller.id, job: run.id, count }, signal)
    invariant(await deps.catalogue.runs.insert(run, signal), 'the id of a new run is new')
    await wake('backup-jobs', { run: run.id }, deps, signal)
    return {
      status: 202,
      headers: { location: `/api/v1/runs/${run.id}` },
      json: { id: run.id, state: run.state },
    }
  },
})

export const listRuns = getRoute({
  name: 'apiListRuns',
  path: 'v1/runs',
  right: 'status',
  query: pageQuery,
  async handle({ query, signal }, deps) {
    const from = positionOf(LIST, query.cursor)
    const page = await deps.catalogue.runs.list(
      { max: query.max, ...(from && { continuation: from.next }) },
      signal,
    )
    const next = page.continuation && cursorText(LIST, { next: page.continuation })
    const now = deps.clock.now()
    return { status: 200, json: { items: page.items.map((run) => runLine(run, now)), next } }
  },
})

export const getRun = getRoute({
  name: 'apiGetRun',
  path: 'v1/runs/{id}',
  right: 'status',
  query: noQuery,
  async handle({ params, signal }, deps) {
    const id = jobIdOf(params.id, 'run')
    const run = await deps.catalogue.runs.get(id, signal)
    if (run === undefined) {
      throw refusal('RunUnknown', 'There is no run with this id.', 'GET /api/v1/runs lists them.')
    }
    const sums = await sumsOf(run, deps, signal)
    return {
      status: 200,
      json: { ...runLine(run, deps.clock.now()), resources: run.resources, ...sums },
    }
  },
})

/** Throws `MalformedId`, `ResourceUnknown`, `NotProtected`: one wrong id, and nothing is started. */
async function protectedKeys(
  ids: readonly string[],
  deps: HttpDeps,
  signal: AbortSignal,
): Promise<KeyHash[]> {
  const keys = [...new Set(ids.map((id) => keyOf(id, 'resource')))]
  const found = await eachBounded(keys, (key) => deps.catalogue.resources.get(key, signal))
  const unknown = found.filter((resource) => resource === undefined).length
  if (unknown > 0) {
    throw refusal(
      'ResourceUnknown',
      `${unknown} of the ${keys.length} named resources are unknown; nothing was started.`,
      'GET /api/v1/resources lists all of them.',
    )
  }
  const others = found.flatMap((resource) => resource ?? []).filter((r) => r.state !== 'protected')
  const [first] = others
  if (first === undefined) return keys
  const [why, hint] = notProtected(first)
  const text = `${others.length} of the ${keys.length} named resources are not protected; nothing was started.`
  throw refusal(
    'NotProtected',
    others.length === 1 ? `${text} ${why}` : text,
    others.length === 1
      ? hint
      : 'Leave them out, or see why: GET /api/v1/resources has the state of each and the reason.',
  )
}

/** A run would stop at once (DESIGN 4, roll forward); so it is better not begun. */
async function refuseUnready(deps: HttpDeps, signal: AbortSignal): Promise<void> {
  if (await deps.catalogue.ready(signal)) return
  throw refusal(
    'CatalogueNotReady',
    'The catalogue is not ready, so no run may start.',
    'Run the setup (POST /api/v1/setup). Where tables were lost, a rebuild begins by itself; GET /api/v1/rebuilds shows it.',
  )
}

function newRun(resources: KeyHash[], by: string, deps: HttpDeps): Run {
  const now = new Date(deps.clock.now()).toISOString()
  const tail = Buffer.from(deps.random.bytes(ID_BYTES)).toString('hex')
  return {
    id: `${now.slice(0, 19).replaceAll(/[-:]/g, '')}Z-${tail}`,
    kind: 'asked',
    state: 'queued',
    createdAt: now,
    heartbeatAt: now,
    attempt: 1,
    wave: 0,
    resources,
    by,
    flags: { cancel: false, pause: false },
    trouble: '',
  }
}

/** Live: read from the plan at each call. */
async function sumsOf({ id, hints }: Run, deps: HttpDeps, signal: AbortSignal) {
  const sums = new PlanSums(hints?.requests ?? 0)
  for await (const entry of deps.catalogue.runs.entries(id, signal)) {
    sums.add(entry)
    if (sums.owners.total === ENTRIES_MAX) return { ...sums, cut: true }
  }
  return sums
}

class PlanSums {
  readonly owners: Record<'total' | PlanEntry['state'], number> = {
    total: 0,
    queued: 0,
    claimed: 0,
    done: 0,
    wait: 0,
    failed: 0,
  }
  counts: Counts = NO_COUNTS
  requests: number
  /** Of SharePoint's budget. */
  units: Units = NO_UNITS
  bytes = 0
  /** Codes of trouble, each with how many owners have it. */
  readonly troubles: Record<string, number> = {}

  constructor(hintRequests: number) {
    this.requests = hintRequests
  }

  add(entry: PlanEntry): void {
    this.owners.total += 1
    this.owners[entry.state] += 1
    this.counts = added(this.counts, entry.counts)
    this.requests += entry.requests
    this.units = addUnits(this.units, entry.units ?? NO_UNITS)
    this.bytes += entry.bytes
    if (entry.trouble !== '') {
      this.troubles[entry.trouble] = (this.troubles[entry.trouble] ?? 0) + 1
    }
  }
}

function added(a: Counts, b: Counts): Counts {
  return {
    seen: a.seen + b.seen,
    stored: a.stored + b.stored,
    restated: a.restated + b.restated,
    unchanged: a.unchanged + b.unchanged,
    left: a.left + b.left,
    deleted: a.deleted + b.deleted,
    ledger: a.ledger + b.ledger,
    excluded: a.excluded + b.excluded,
  }
}
