/**
 * Rebuilds of rows from the vault: ask for one, and see how it goes (decision 012).
 *
 * As with runs, the row is written first and a queue message wakes the backup role.
 */
import { z } from 'zod'
import type { Rebuild } from '../../catalogue/types.ts'
import { invariant } from '../../model/errors.ts'
import type { OwnerId } from '../../model/ids.ts'
import { newRebuild, OPEN_MAX, openRebuild } from '../../runs/rebuild/index.ts'
import { eachBounded } from './bounded.ts'
import { cursorText, positionOf } from './cursor.ts'
import type { HttpDeps } from './deps.ts'
import { jobIdOf, keyOf, noQuery, pageQuery, pastTime } from './input.ts'
import { refusal } from './problems.ts'
import { bodyRoute, getRoute } from './route.ts'
import { wake } from './wake.ts'

const ID_BYTES = 6
const LIST = ['rebuilds']

const rebuildBody = z
  .strictObject({
    /** Absent: the whole catalogue. */
    resources: z
      .array(z.string().max(100))
      .min(1, 'names nothing: leave it out to rebuild the whole catalogue')
      .max(OPEN_MAX, `names more than ${OPEN_MAX}: leave it out to rebuild the whole catalogue`)
      .optional(),
    /** Every worker that ran before this time is known to be stopped: nobody is waited for. */
    stoppedBefore: pastTime.optional(),
  })
  .default({})

export const startRebuild = bodyRoute({
  name: 'apiStartRebuild',
  method: 'POST',
  path: 'v1/rebuilds',
  right: 'administer',
  query: noQuery,
  body: rebuildBody,
  async handle({ body, caller, signal }, deps) {
    const { stoppedBefore } = body
    const now = deps.clock.now()
    if (stoppedBefore !== undefined) refuseLater(stoppedBefore, now)
    const owners = await ownersOf(body.resources ?? [], deps, signal)
    const scope = body.resources ? 'named' : 'all'
    // After a stop of all workers the open one may have to wait for some of them; this one need not.
    if (scope === 'all' && stoppedBefore === undefined) await refuseSecond(deps, signal)
    const given = { id: newId(now, deps), scope, by: caller.id, owners } as const
    const rebuild = newRebuild(given, {
      now,
      ...(stoppedBefore !== undefined && { stoppedBefore }),
    })
    const event = { action: 'rebuild-asked', by: caller.id, job: rebuild.id } as const
    await deps.audit.record({ ...event, count: owners.length }, signal)
    const isNew = await deps.catalogue.rebuilds.insert(rebuild, signal)
    invariant(isNew, 'the id of a new rebuild is new')
    await wake('backup-jobs', { rebuild: rebuild.id }, deps, signal)
    return {
      status: 202,
      headers: { location: `/api/v1/rebuilds/${rebuild.id}` },
      json: { id: rebuild.id, state: rebuild.state },
    }
  },
})

export const listRebuilds = getRoute({
  name: 'apiListRebuilds',
  path: 'v1/rebuilds',
  right: 'status',
  query: pageQuery,
  async handle({ query, signal }, deps) {
    const from = positionOf(LIST, query.cursor)
    const page = await deps.catalogue.rebuilds.list(
      { max: query.max, ...(from && { continuation: from.next }) },
      signal,
    )
    const next = page.continuation && cursorText(LIST, { next: page.continuation })
    return { status: 200, json: { items: page.items.map(rebuildLine), next } }
  },
})

export const getRebuild = getRoute({
  name: 'apiGetRebuild',
  path: 'v1/rebuilds/{id}',
  right: 'status',
  query: noQuery,
  async handle({ params, signal }, deps) {
    const rebuild = await deps.catalogue.rebuilds.get(jobIdOf(params.id, 'rebuild'), signal)
    if (rebuild) return { status: 200, json: rebuildLine(rebuild) }
    throw refusal(
      'RebuildUnknown',
      'There is no rebuild with this id.',
      'GET /api/v1/rebuilds lists them.',
    )
  },
})

function rebuildLine(rebuild: Rebuild) {
  const { id, scope, state, phase, createdAt, startedAt, endedAt, heartbeatAt } = rebuild
  const { attempt, by, stoppedBefore, counts, troubles, open } = rebuild
  const waiting: Record<string, number> = {}
  for (const { trouble } of open) {
    if (trouble !== '') waiting[trouble] = (waiting[trouble] ?? 0) + 1
  }
  return {
    ...{ id, scope, state, phase, createdAt, startedAt, endedAt, heartbeatAt, attempt, by },
    ...{ stoppedBefore, counts, troubles },
    open: open.length,
    nextAt: open.map((entry) => entry.dueAt).toSorted()[0],
    waiting,
  }
}

/** Throws `TimeInFuture`: who is not stopped yet may still write. */
function refuseLater(time: string, now: number): void {
  if (Date.parse(time) <= now) return
  throw refusal(
    'TimeInFuture',
    'The time in "stoppedBefore" lies in the future.',
    'Give the time at which the last worker was stopped, or leave it out.',
  )
}

/** Throws `MalformedId`, `ResourceUnknown`, `NothingHeld`: one wrong id, and nothing is started. */
async function ownersOf(
  ids: readonly string[],
  deps: HttpDeps,
  signal: AbortSignal,
): Promise<OwnerId[]> {
  const keys = [...new Set(ids.map((id) => keyOf(id, 'resource')))]
  const found = await eachBounded(keys, (key) => deps.catalogue.resources.get(key, signal))
  if (found.some((resource) => resource === undefined)) {
    throw refusal(
      'ResourceUnknown',
      'One of the named resources is unknown; nothing was started.',
      'GET /api/v1/resources lists all of them.',
    )
  }
  const owners = found.flatMap((resource) => resource?.owner ?? [])
  if (owners.length === keys.length) return owners
  throw refusal(
    'NothingHeld',
    'Of one of the named resources nothing is held; nothing was started.',
    'Leave it out: there is nothing to rebuild.',
  )
}

/** Throws `RebuildUnderWay`. */
async function refuseSecond(deps: HttpDeps, signal: AbortSignal): Promise<void> {
  const open = await openRebuild(deps.catalogue, signal)
  if (!open) return
  throw refusal(
    'RebuildUnderWay',
    'The whole catalogue is being rebuilt already.',
    `GET /api/v1/rebuilds/${open.id} says how it goes.`,
  )
}

function newId(now: number, deps: HttpDeps): string {
  const tail = Buffer.from(deps.random.bytes(ID_BYTES)).toString('hex')
  return `${new Date(now).toISOString().slice(0, 19).replaceAll(/[-:]/g, '')}Z-${tail}`
}
