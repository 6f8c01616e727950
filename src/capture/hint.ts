/**
 * Asks an owner for a hint: did anything change since its cursors were last read?
 *
 * It reads a link and asks from there; nothing is moved and nothing is written. What nobody can
 * answer for certain counts as a change, so that a round finds out, and says what is wrong.
 */
import type { Owner } from '../catalogue/types.ts'
import { AppError } from '../model/errors.ts'
import { CONTAINERS } from '../model/events.ts'
import type { WorkloadName } from '../model/ids.ts'
import type { StreamReader } from '../workloads/workload.ts'
import type { SliceDeps } from './slice.ts'

export type HintDeps = Pick<SliceDeps, 'vault' | 'catalogue' | 'workload'>

export interface Hint {
  says: 'changed' | 'unchanged' | 'unanswered'
  /** With `unanswered`: when it may be asked again. */
  retryAfterMs: number
  /** `unanswered` for a reason of the service as a whole, and not of this owner's budget. */
  isOutage: boolean
  requests: number
}

/** What is waited where the service names no time. */
const WAIT_MS = 60_000

/** Throws defects only. */
export async function askHint(owner: Owner, deps: HintDeps, signal: AbortSignal): Promise<Hint> {
  const readers: StreamReader[] = []
  const hint = (says: Hint['says'], retryAfterMs = 0, isOutage = false): Hint => {
    const requests = readers.reduce((sum, reader) => sum + reader.requests(), 0)
    return { says, retryAfterMs, isOutage, requests }
  }
  try {
    for (const name of owner.workloads) {
      const reader = deps.workload(name).reader({ graphId: owner.graphId })
      readers.push(reader)
      const link = await readLink(owner, name, deps, signal)
      if (link === undefined || !reader.changedSince) return hint('changed')
      if (await reader.changedSince(link, signal)) return hint('changed')
    }
    return hint('unchanged')
  } catch (error) {
    if (!(error instanceof AppError) || error.kind === 'bug') throw error
    const isOutage = error.kind === 'transient' && error.code !== 'ResyncNeeded'
    if (!isOutage && error.kind !== 'throttled') return hint('changed')
    return hint('unanswered', error.retryAfterMs ?? WAIT_MS, isOutage)
  }
}

/** The link of the container list at the end of the last round; undefined: there is none. */
async function readLink(
  owner: Owner,
  name: WorkloadName,
  { vault, catalogue }: HintDeps,
  signal: AbortSignal,
): Promise<string | undefined> {
  const secret = await vault.indexSecret(owner.owner, signal)
  const cursor = await catalogue.stream(owner.owner, name).cursor(CONTAINERS, secret, signal)
  return cursor?.position === null ? (cursor.start ?? undefined) : undefined
}
