/**
 * Asks an owner for a hint: did anything change since its cursors were last read?
 *
 * It reads a link and asks from there; nothing is moved and nothing is written. What nobody can
 * answer for certain counts as a change, so that a round finds out, and says what is wrong.
 */
import type { Owner } from '../catalogue/types.ts'
import { AppError } from '../model/errors.ts'
import { CONTAINERS, isPseudoCursor } from '../model/events.ts'
import type { GraphId, WorkloadName } from '../model/ids.ts'
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
      const links = await readLinks(owner, name, deps, signal)
      if (!links.has(CONTAINERS) || !reader.changedSince) return hint('changed')
      if (await reader.changedSince(links, signal)) return hint('changed')
    }
    return hint('unchanged')
  } catch (error) {
    if (!(error instanceof AppError) || error.kind === 'bug') throw error
    const isOutage = error.kind === 'transient' && error.code !== 'ResyncNeeded'
    if (!isOutage && error.kind !== 'throttled') return hint('changed')
    return hint('unanswered', error.retryAfterMs ?? WAIT_MS, isOutage)
  }
}

/**
 * The links at the ends of the last rounds: of the list of containers, and where that does not
 * tell of what stands in them, of every container that is read. Those that are not at an end, or
 * are closed, have none.
 */
async function readLinks(
  owner: Owner,
  name: WorkloadName,
  { vault, catalogue, workload }: HintDeps,
  signal: AbortSignal,
): Promise<ReadonlyMap<GraphId, string>> {
  const secret = await vault.indexSecret(owner.owner, signal)
  const tables = catalogue.stream(owner.owner, name)
  const cursors = workload(name).cursorOf
    ? await tables.cursors(secret, signal)
    : [await tables.cursor(CONTAINERS, secret, signal)]
  const links = new Map<GraphId, string>()
  for (const cursor of cursors) {
    if (!cursor || isPseudoCursor(cursor) || cursor.closed) continue
    if (cursor.position === null && cursor.start !== null) links.set(cursor.container, cursor.start)
  }
  return links
}
