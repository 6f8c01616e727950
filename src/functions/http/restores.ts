/**
 * Restores: plan one, look at the plan, start or cancel it, read its report; and undo it, which is
 * a job of the same kind of life.
 *
 * This role writes rows and wakes the restore role; it has no right to write to Microsoft 365.
 * A call that fails after its row was written is picked up by the reconciler.
 */
import { z } from 'zod'
import type { AuditAction } from '../../audit/index.ts'
import type { Job } from '../../catalogue/types.ts'
import { hasEnded, restoreRequestSchema, shownCounts } from '../../restore/index.ts'
import { cursorText, positionOf } from './cursor.ts'
import type { HttpDeps } from './deps.ts'
import { jobIdOf, noBody, noQuery, pageQuery } from './input.ts'
import { bodyRoute, type Call, getRoute, type Reply } from './route.ts'
import { wake } from './wake.ts'

const LIST = ['restores']

export const planRestore = bodyRoute({
  name: 'apiPlanRestore',
  method: 'POST',
  path: 'v1/restores',
  right: 'restore',
  query: noQuery,
  // `create` parses again: what this schema gives out, it also takes.
  body: restoreRequestSchema,
  async handle(call, deps) {
    const job = await deps.restore.create(call.body, call.caller.id, call.signal)
    await recordJob('restore-planned', job.id, call, deps)
    return accepted(job, call, deps)
  },
})

export const startRestore = bodyRoute({
  name: 'apiStartRestore',
  method: 'POST',
  path: 'v1/restores/{id}/start',
  right: 'restore',
  query: noQuery,
  body: z
    .strictObject({
      planHash: z
        .string()
        .regex(/^[0-9a-f]{64}$/, 'must be the planHash that the restore shows')
        .optional(),
    })
    .default({}),
  async handle(call, deps) {
    const id = jobIdOf(call.params.id, 'restore')
    await recordJob('restore-started', id, call, deps)
    const { planHash } = call.body
    const job = await deps.restore.start(id, planHash, call.caller.id, call.signal)
    return accepted(job, call, deps)
  },
})

export const cancelRestore = bodyRoute({
  name: 'apiCancelRestore',
  method: 'POST',
  path: 'v1/restores/{id}/cancel',
  right: 'restore',
  query: noQuery,
  body: noBody,
  async handle(call, deps) {
    const id = jobIdOf(call.params.id, 'restore')
    await recordJob('restore-cancelled', id, call, deps)
    const job = await deps.restore.cancel(id, call.signal)
    return accepted(job, call, deps)
  },
})

export const undoRestore = bodyRoute({
  name: 'apiUndoRestore',
  method: 'POST',
  path: 'v1/restores/{id}/undo',
  right: 'restore',
  query: noQuery,
  body: noBody,
  async handle(call, deps) {
    const id = jobIdOf(call.params.id, 'restore')
    await recordJob('restore-undo-planned', id, call, deps)
    const job = await deps.restore.undo(id, call.caller.id, call.signal)
    return accepted(job, call, deps)
  },
})

export const listRestores = getRoute({
  name: 'apiListRestores',
  path: 'v1/restores',
  right: 'status',
  query: pageQuery,
  async handle({ query, signal }, deps) {
    const from = positionOf(LIST, query.cursor)
    const page = await deps.catalogue.jobs.list(
      { max: query.max, ...(from && { continuation: from.next }) },
      signal,
    )
    const items = page.items.map(jobLine)
    const next = page.continuation && cursorText(LIST, { next: page.continuation })
    return { status: 200, json: { items, next } }
  },
})

export const getRestore = getRoute({
  name: 'apiGetRestore',
  path: 'v1/restores/{id}',
  right: 'status',
  query: noQuery,
  async handle({ params, signal }, deps) {
    const id = jobIdOf(params.id, 'restore')
    const report = await deps.restore.report(id, { max: 1 }, signal)
    // The lines hold names: they are another call, with another right.
    const { lines: _lines, continuation: _continuation, undoTotals, ...whole } = report
    const { kind, totals, trouble } = whole
    const shown = kind === 'undo' ? undoTotals : totals
    const counts = shownCounts(kind, whole.counts)
    const json = { ...whole, totals: shown, counts, trouble: trouble || undefined }
    return { status: 200, json }
  },
})

export const listRestoreItems = getRoute({
  name: 'apiListRestoreItems',
  path: 'v1/restores/{id}/items',
  right: 'browse',
  query: pageQuery,
  async handle(call, deps) {
    const { params, query, signal } = call
    const id = jobIdOf(params.id, 'restore')
    const list = ['restore-items', id]
    const from = positionOf(list, query.cursor)
    await recordJob('restore-report-read', id, call, deps)
    const report = await deps.restore.report(
      id,
      { max: query.max, ...(from && { continuation: from.next }) },
      signal,
    )
    const next = report.continuation && cursorText(list, { next: report.continuation })
    return { status: 200, json: { state: report.state, items: report.lines, next } }
  },
})

type AnyCall = Pick<Call<unknown, unknown>, 'caller' | 'signal'>

function recordJob(
  action: AuditAction,
  job: string,
  { caller, signal }: AnyCall,
  deps: HttpDeps,
): Promise<void> {
  return deps.audit.record({ action, by: caller.id, job }, signal)
}

async function accepted(job: Job, { signal }: AnyCall, deps: HttpDeps): Promise<Reply> {
  if (!hasEnded(job)) {
    await wake('restore-jobs', { job: job.id }, deps, signal)
  }
  return {
    status: 202,
    headers: { location: `/api/v1/restores/${job.id}` },
    json: { id: job.id, state: job.state },
  }
}

function jobLine(job: Job) {
  const { id, kind, state, createdAt, updatedAt, by, trouble } = job
  const counts = shownCounts(kind, job.counts)
  return { id, kind, state, createdAt, updatedAt, by, counts, trouble: trouble || undefined }
}
