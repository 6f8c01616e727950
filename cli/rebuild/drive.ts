/**
 * Drives a rebuild step by step to its end, as the orchestration of the app does it.
 *
 * How far it is stands in the tables, so whoever drives may stop at any time, and another go on.
 */
import { hostname } from 'node:os'
import { systemClock, systemRandomness } from '../../src/adapters/system.ts'
import type { Rebuild } from '../../src/catalogue/types.ts'
import { AppError, invariant } from '../../src/model/errors.ts'
import { DEFAULT_POLICY } from '../../src/policy/index.ts'
import { type RebuildDeps, rebuildStep } from '../../src/runs/rebuild/index.ts'
import type { OpenCatalogue } from './catalogue.ts'

const STEP_MS = 20_000
/** A lease outlives its step by this, for the rows of the last commit. */
const LEASE_SLACK_MS = 60_000
const PAUSE_MS = 5000
/** Somebody else may have gone on with it meanwhile. */
const LOOK_AGAIN_MS = 60_000
/** Steps in a row that failed; more is no passing trouble. */
const FAILURES_MAX = 5
/** The policy is not read: the workloads that an owner has are kept, and discovery adds the others. */
const NO_POLICY = { ...DEFAULT_POLICY, workloads: [] }

export interface Watching {
  /** Told with every change of the row. */
  progress(rebuild: Rebuild): void
  /** Nothing can be done before this time (ms). */
  waits(until: number): void
}

/** Rejects with the signal's reason, everything being in order by then. */
export async function driveRebuild(
  id: string,
  on: OpenCatalogue,
  watching: Watching,
  signal: AbortSignal,
): Promise<Rebuild> {
  const deps = depsOf(on, () => signal.aborted)
  let failures = 0
  for (;;) {
    signal.throwIfAborted()
    const answer = await stepOf(id, deps)
    const rebuild = await on.catalogue.rebuilds.get(id, NEVER)
    invariant(rebuild, 'a rebuild keeps its row')
    watching.progress(rebuild)
    if (answer instanceof AppError) {
      failures += 1
      if (failures >= FAILURES_MAX) throw answer
      await systemClock.sleep(answer.retryAfterMs ?? PAUSE_MS, signal)
      continue
    }
    failures = 0
    if (answer.state === 'done') return rebuild
    if (answer.state === 'more') continue
    const until = Date.parse(answer.nextAt)
    watching.waits(until)
    const waitMs = Math.max(0, until - systemClock.now())
    await systemClock.sleep(Math.min(waitMs, LOOK_AGAIN_MS), signal)
  }
}

/** A step ends by itself soon after it was told to stop: what it has begun is never cut off. */
const NEVER = new AbortController().signal

/** The trouble, where trying again may help. */
async function stepOf(id: string, deps: RebuildDeps) {
  try {
    return await rebuildStep({ rebuild: id, attempt: 1 }, deps, NEVER)
  } catch (error) {
    const mayPass = error instanceof AppError && /^(transient|throttled)$/.test(error.kind)
    if (!mayPass) throw error
    return error
  }
}

function depsOf(on: OpenCatalogue, isStopping: () => boolean): RebuildDeps {
  const tail = Buffer.from(systemRandomness.bytes(4)).toString('hex')
  return {
    ...on,
    ...{ clock: systemClock, random: systemRandomness, isStopping },
    ...{ sliceMs: STEP_MS, leaseSlackMs: LEASE_SLACK_MS, holder: `${hostname()}-${tail}` },
    policies: { read: async () => ({ n: 0, policy: NO_POLICY }) },
    // The report says it.
    log: { info: () => undefined, error: () => undefined },
  }
}
