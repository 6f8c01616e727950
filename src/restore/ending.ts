/**
 * The ends of a job that do not come by themselves, and the exact counts at every end.
 *
 * A job that runs out of time, or whose steps vanish again and again, ends as failed with every
 * slot told as it stands: what was made is restored and not checked, what may have been made is
 * unknown, what was not sent stays pending. Nothing is sent here.
 */
import { addCounts, countSlot, type RestoreCounts, readCounts } from './counting.ts'
import { isFinal, type OpenSlot, type SlotRun, type SlotState } from './documents.ts'
import { JOB_LIFE_MS, LOST_STEPS_MAX, WAIT_DEFAULT_MS } from './limits.ts'
import { permissionsLost } from './permitting.ts'
import type { StepContext, StepOutcome } from './step-context.ts'

const ENDS = {
  RestoreOutOfTime: 'The job did not come to its end in time.',
  RestorePoisoned: 'The job stopped its worker again and again.',
} as const
/** The item is in the target, and something of the slot is still to be done. */
const MADE: readonly SlotState[] = ['created', 'settling', 'replacing', 'renaming', 'permitting']
type EndCode = keyof typeof ENDS

/** Why the job must not go on; undefined where it may. */
export function endOf(context: StepContext): EndCode | undefined {
  const { job, plan } = context.lease
  const begunAt = plan.startedAt ?? Date.parse(job.createdAt)
  if (context.deps.clock.now() > begunAt + JOB_LIFE_MS) return 'RestoreOutOfTime'
  return plan.lostSteps > LOST_STEPS_MAX ? 'RestorePoisoned' : undefined
}

/** Idempotent: a step that dies here is followed by one that comes here again. */
export async function abandon(context: StepContext, code: EndCode): Promise<StepOutcome> {
  const { lease, slots, signal } = context
  const message = 'The job ended before the outcome was known.'
  for await (const slot of slots.all(signal)) {
    const made = MADE.includes(slot.state)
    if (!made && slot.state !== 'doing') continue
    const run = made
      ? { ...slot.run, ...checkOf(slot), ...permissionsLost(slot, { code, message }), code }
      : { ...slot.run, code, message }
    const written = await slots.replace({ ...slot, state: made ? 'done' : 'unknown', run }, signal)
    if (!written) return { state: 'wait', waitMs: WAIT_DEFAULT_MS, code: 'SlotTaken' }
  }
  const hint = 'See the report for what was done, and plan the rest anew.'
  const problem = { message: ENDS[code], hint }
  const { counts } = await recount(context)
  await lease.save({ state: 'failed', trouble: code, counts, plan: { problem } }, signal)
  return { state: 'failed', code }
}

function checkOf({ plan, run }: OpenSlot): Partial<SlotRun> {
  return plan.kind === 'item' ? { check: run.check ?? 'could-not-check' } : {}
}

/** Exact counts from the rows. `sent`: slots whose item may be in the target already. */
export async function recount(
  context: StepContext,
): Promise<{ counts: RestoreCounts; open: { pending: number; sent: number } }> {
  let counts = readCounts({})
  const open = { pending: 0, sent: 0 }
  for await (const slot of context.slots.all(context.signal)) {
    counts = addCounts(counts, countSlot(slot))
    if (slot.state === 'pending') open.pending += 1
    else if (!isFinal(slot.state)) open.sent += 1
  }
  return { counts, open }
}
