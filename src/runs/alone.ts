/**
 * An owner with which two workers vanished is worked alone (DESIGN 4, lease and poison): if it
 * happens again, nobody else's slice is lost with it, and it has all the memory there is.
 */
import type { Catalogue } from '../catalogue/types.ts'
import type { Clock } from '../ports.ts'
import type { Share } from './share.ts'

export type PlanClaim = NonNullable<Awaited<ReturnType<Catalogue['runs']['claim']>>>

/** Slices that run side by side are over by then, and the wait and a slice fit functionTimeout. */
export const ALONE_WAIT_MS = 5 * 60_000

export interface AloneDeps {
  catalogue: Pick<Catalogue, 'runs'>
  clock: Clock
  /** How long a claim of the plan lasts for one slice. */
  claimMs: number
  /** Tells that the run lives: the wait may be long. */
  beat(): Promise<void>
}

/**
 * Makes the claim last for the wait as well, and waits. Undefined: others work here for too long,
 * and the owner is back in the plan; or another lane has taken it.
 */
export async function workAlone(
  run: string,
  claim: PlanClaim,
  share: Share,
  deps: AloneDeps,
  signal: AbortSignal,
): Promise<PlanClaim | undefined> {
  const { runs } = deps.catalogue
  await deps.beat()
  const claimedUntil = deps.clock.now() + ALONE_WAIT_MS + deps.claimMs
  const held = await runs.settle(run, claim, { ...claim.entry, claimedUntil }, signal)
  if (!held) return undefined
  const isAlone = await share.growToWhole(ALONE_WAIT_MS, signal)
  await deps.beat()
  if (isAlone) return held
  await runs.settle(run, held, { ...claim.entry, state: 'queued', claimedUntil: 0 }, signal)
  return undefined
}
