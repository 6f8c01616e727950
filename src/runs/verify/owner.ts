/** The verification of one owner, as far as a step comes with it. */
import type { OpenVerification, Verification } from '../../catalogue/types.ts'
import type { BlobVersions } from '../../ports.ts'
import { isErased } from '../../vault/retention/index.ts'
import {
  reportOf,
  type VerifyProgress,
  verifyOwnerStart,
  verifyProgressSchema,
  verifyStart,
  verifyVault,
} from '../../vault/verify/index.ts'
import { type Ending, saved, seenOwners } from './verification.ts'
import { change, type Step, versionsOf } from './work.ts'

/** How often a step tells how far it is: so much is done again after a crash. */
const SAVE_MS = 15_000

/** The reason that ends a run of `verifyVault` at the deadline, and no trouble. */
const PAUSED = new Error('The step is over; the next one goes on.')
/** Thrown: what this step finds counts no more. */
export const SUPERSEDED = new Error('Another step works this owner.')

/** Throws SUPERSEDED, and what keeps it from looking. */
export async function lookAt(
  step: Step,
  row: Verification,
  open: OpenVerification,
): Promise<Ending | 'paused'> {
  const { deps, signal } = step
  const { store, keys, ops } = deps
  const { owner } = open
  if (await isErased(ops, owner, signal)) return { as: 'erased' }
  const versions = versionsOf(step, row)
  const from = progressOf(row, open, versions)
  const pause = new AbortController()
  const onProgress = keeping(step, () => pause.abort(PAUSED))
  const of = { store, keys, ...(versions && { versions }) }
  try {
    const both = AbortSignal.any([signal, pause.signal])
    const report = reportOf(await verifyVault(of, from, { onProgress }, both))
    // Erased meanwhile, its keys are missing: that is no finding.
    return (await isErased(ops, owner, signal)) ? { as: 'erased' } : { as: 'seen', report }
  } catch (error) {
    if (error === PAUSED) return 'paused'
    throw error
  }
}

/**
 * Where the owner is gone on with. Begun anew: what an older version of Holdfast left, and what
 * would look at locks where the settings say no more that it does.
 */
function progressOf(
  row: Verification,
  { owner, progress }: OpenVerification,
  versions: BlobVersions | undefined,
): VerifyProgress {
  const kept = verifyProgressSchema.safeParse(progress)
  if (kept.success && (versions || !kept.data.plan.locks)) return kept.data
  const { openPercent, seed, locks } = row
  const plan = { owner, openPercent, seed, ...(locks && versions && { locks }) }
  return seenOwners(row) === 0 ? verifyStart(plan) : verifyOwnerStart(plan)
}

/** Saves every so often, and at the deadline, which ends the step. Throws SUPERSEDED. */
function keeping(step: Step, pause: () => void) {
  const { clock } = step.deps
  let savedAt = clock.now()
  return async (progress: VerifyProgress): Promise<void> => {
    const at = clock.now()
    const isLate = at >= step.deadline
    if (!isLate && at - savedAt < SAVE_MS) return
    savedAt = at
    const left = { progress, tries: 0, trouble: '', at, ...(isLate && { worker: '' }) }
    const row = await change(step, (now) => saved(now, step.worker, left))
    if (row?.open?.worker !== (isLate ? '' : step.worker)) throw SUPERSEDED
    if (isLate) pause()
  }
}
