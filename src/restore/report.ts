/**
 * The report of a restore: state, totals that add up, and a line for each item and made folder.
 *
 * Holds names of folders and items (personal data): it is for people with the right to see it,
 * never for logs.
 */
import type { Job } from '../catalogue/types.ts'
import { type Outcome, outcomeOf, type RestoreCounts, readCounts } from './counting.ts'
import type { CHECKS, ItemPlan, OpenSlot, Permitted, SlotPlan } from './documents.ts'
import { decodePlan, decodeRequest, type PlanTotals, type UndoTotals } from './job-document.ts'
import type { StoredRequest } from './request.ts'
import type { Aspect } from './slot-plans.ts'
import type { JobSlots } from './slots.ts'
import { hasEnded } from './step-context.ts'

export interface ReportLine {
  n: number
  kind: 'item' | 'folder'
  /** The item, or the folder that is made. */
  name: string
  /** Target folder of an item. */
  container?: string
  /** Of an undo: the line of the restore that made it. */
  made?: number
  action: ItemPlan['action'] | 'make' | 'place' | 'remove' | 'leave'
  outcome: Outcome
  /** Read back and compared; absent where nothing was written or it is not checked yet. */
  check?: (typeof CHECKS)[number]
  /** Names of the fields that differ; docs/fidelity.md lists those that the service imposes. */
  fields?: string[]
  /** Of what was changed later: in what it is not as at the second point of the roll back. */
  differs?: Aspect[]
  code?: string
  message?: string
  newId?: string
  /** Copies of the same send that were found and removed. */
  doubles?: number
  /** Of what was made anew and had permissions of its own. Names people. */
  permissions?: Permitted
}

export interface RestoreReport {
  id: string
  kind: Job['kind']
  state: Job['state']
  /** Code of what made the job fail, or of what it waits for; empty otherwise. */
  trouble: string
  /** Somebody cancelled it, and it has not ended yet. */
  cancelling?: true
  /** ISO time at which a job that waits goes on by itself. */
  nextAt?: string
  /** The same for people. */
  problem?: { message: string; hint: string }
  createdAt: string
  updatedAt: string
  by: string
  startedBy?: string
  request: StoredRequest
  /** Present once the plan is complete: give it to `start`. */
  planHash?: string
  totals: PlanTotals
  /** Of an undo, in place of `totals`; present once the plan is complete. */
  undoTotals?: UndoTotals
  /** The outcomes add up to the items of the totals; verified + differs + couldNotCheck to restored. */
  counts: RestoreCounts
  requestsSent: number
  /** Resource units that went to permissions, where the service charges them. */
  permissionUnits?: number
  lines: ReportLine[]
  continuation?: string
}

/** One page of lines; it may hold fewer than `max`, also none, while a continuation follows. */
export async function reportOf(
  job: Job,
  slots: JobSlots,
  query: { max: number; continuation?: string },
  signal: AbortSignal,
): Promise<RestoreReport> {
  const plan = decodePlan(job)
  const page = await slots.page(query, signal)
  const {
    hash,
    problem,
    startedBy,
    totals,
    undoTotals,
    requestsSent,
    waitsUntil,
    permissionUnits,
  } = plan
  return {
    id: job.id,
    kind: job.kind,
    state: job.state,
    trouble: job.trouble,
    createdAt: job.createdAt,
    updatedAt: job.updatedAt,
    by: job.by,
    request: decodeRequest(job),
    totals,
    counts: readCounts(job.counts),
    requestsSent,
    lines: page.slots.flatMap(lineOf),
    ...(job.flags.cancel && !hasEnded(job) ? { cancelling: true as const } : {}),
    ...(waitsUntil === undefined ? {} : { nextAt: new Date(waitsUntil).toISOString() }),
    ...(undoTotals === undefined ? {} : { undoTotals }),
    ...(problem === undefined ? {} : { problem }),
    ...(permissionUnits === undefined ? {} : { permissionUnits }),
    ...(startedBy === undefined ? {} : { startedBy }),
    ...(hash === undefined ? {} : { planHash: hash }),
    ...(page.continuation === undefined ? {} : { continuation: page.continuation }),
  }
}

/** Folders that were there already are not told. */
function lineOf(slot: OpenSlot): ReportLine[] {
  const { n, plan, run } = slot
  const action = actionOf(plan)
  if (action === undefined) return []
  const { check, fields, code, message, newId, doubles, permissions } = run
  const line: ReportLine = {
    n,
    kind: plan.kind === 'folder' || plan.kind === 'clearing' ? 'folder' : 'item',
    name: plan.name,
    action,
    outcome: outcomeOf(slot),
  }
  if ('folderName' in plan) line.container = plan.folderName
  if ('made' in plan && plan.made !== undefined) line.made = plan.made
  if ('differs' in plan && plan.differs !== undefined) line.differs = plan.differs
  if (check !== undefined) line.check = check
  if (fields !== undefined) line.fields = fields
  if (code !== undefined) line.code = code
  if (message !== undefined) line.message = message
  if (newId !== undefined) line.newId = newId
  if (doubles !== undefined) line.doubles = doubles
  if (permissions !== undefined) line.permissions = permissions
  return [line]
}

function actionOf(plan: SlotPlan): ReportLine['action'] | undefined {
  if (plan.kind === 'clearing') return 'remove'
  if (plan.kind !== 'folder') return plan.action
  return plan.action === 'make' ? 'make' : undefined
}
