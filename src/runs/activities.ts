/**
 * The activities of a backup run. Each is bounded by its own deadline, may be delivered twice, and
 * answers in ids and counts; expected trouble is an answer, a throw is a defect.
 */

import {
  ALONE_ATTEMPTS,
  addCounts,
  runSlice,
  type SliceDeps,
  type SliceResult,
  sliceBytes,
} from '../capture/index.ts'
import {
  BACKUP_BUDGET,
  type BudgetLimits,
  type Catalogue,
  type Owner,
  type PlanEntry,
  type Run,
} from '../catalogue/types.ts'
import type { MemoryPool } from '../concurrency/index.ts'
import { AppError } from '../model/errors.ts'
import { addUnits, NO_UNITS } from '../model/events.ts'
import { iso } from '../model/time.ts'
import type {
  BackupLaneInput,
  BackupRunInput,
  CaptureAnswer,
  PlanAnswer,
  WaveAnswer,
} from '../orchestrations/names.ts'
import { workAlone } from './alone.ts'
import { type DiscoverDeps, discover } from './discover.ts'
import { protectedKeys } from './due.ts'
import { estimateFirstCopies } from './estimate.ts'
import { planOwners } from './plan.ts'
import { isOver, planning } from './run-state.ts'
import { sourceLost } from './seen.ts'
import { Share } from './share.ts'

export interface RunSettings {
  lanes: number
  slotMs: number
  wavePauseMs: number
  sliceMs: number
  leaseSlackMs: number
  /** SharePoint's units for this app. */
  units: BudgetLimits
}

export interface RunDeps extends DiscoverDeps {
  slice: SliceDeps
  /** Of this worker; a slice claims its whole need before it claims an owner. */
  memory: MemoryPool
  runSettings: RunSettings
  /** Names this worker in leases; each slice adds a name of its own. */
  holder: string
  log: RunLog
}

/** Structured, without names, subjects, links or tokens (P9). */
export interface RunLog {
  info(event: string, fields: Readonly<Record<string, string | number | boolean>>): void
  error(event: string, fields: Readonly<Record<string, string | number | boolean>>): void
}

/** A run that a person asked for stops after this, whatever is left. */
const ASKED_RUN_MS = 24 * 3_600_000
/** Planning stops for the next call after this. */
const PLAN_CALL_MS = 120_000
/** A call that gets no memory is made again; meanwhile it holds no owner. */
const MEMORY_WAIT_MS = 30_000
/** How often a slice tells that it lives. */
const HEARTBEAT_MS = 10_000

/** Discovers, picks owners and writes the run's plan. */
export async function planRun(
  input: BackupRunInput,
  deps: RunDeps,
  signal: AbortSignal,
): Promise<PlanAnswer> {
  const { catalogue, clock, runSettings } = deps
  const until = iso(clock.now() + runSettings.slotMs)
  const run = await catalogue.runs.get(input.run, signal)
  if (!run || isOver(run) || run.flags.cancel) return { state: 'stop', lanes: 0, until }
  if (!(await catalogue.ready(signal))) return await stop(deps, run, 'CatalogueNotReady', signal)
  await catalogue.runs.update(input.run, (now) => planning(now, clock.now()), signal)
  let { lanes } = runSettings
  if (input.wave === 0) {
    const found = await discovered(deps, signal)
    if (found.state === 'more') return { state: 'more', lanes: 0, until }
    const { trouble } = found
    const all = await protectedOwners(deps, signal)
    const owners = planOwners({ run, ...all, now: clock.now() })
    await saveEstimate(run, all.owners, { bytes: 0, ms: 0 }, deps, signal)
    // What is known already is backed up all the same; where nothing is, the run has failed.
    if (trouble && owners.length === 0) return await stop(deps, run, trouble, signal)
    if (trouble) await catalogue.runs.update(run.id, (now) => ({ ...now, trouble }), signal)
    await catalogue.runs.plan(run.id, owners, signal)
    // A later attempt finds entries of the first one; the first finds what it has just written.
    if (owners.length === 0 && input.attempt === 1) lanes = 0
  }
  await catalogue.runs.update(input.run, (now) => ({ ...now, state: 'running' }), signal)
  return { state: 'done', lanes, until }
}

/** `over`: all of it was read, or trouble ended it, which is no reason to back up nobody. */
type Discovered = { state: 'more' } | { state: 'over'; trouble: string }

async function discovered(deps: RunDeps, signal: AbortSignal): Promise<Discovered> {
  try {
    const isWhole = await discover(deps, deps.clock.now() + PLAN_CALL_MS, signal)
    return isWhole ? { state: 'over', trouble: '' } : { state: 'more' }
  } catch (error) {
    // A defect as well: thrown on it would fail each run, and with it everybody's backup.
    if (!(error instanceof AppError)) throw error
    deps.log.error('discovery stopped', { trouble: error.code })
    return { state: 'over', trouble: error.code }
  }
}

/** The run cannot go on; the next one is another chance. */
async function stop(
  deps: RunDeps,
  run: Run,
  trouble: string,
  signal: AbortSignal,
): Promise<PlanAnswer> {
  const at = iso(deps.clock.now())
  deps.log.error('run stopped', { run: run.id, trouble })
  await deps.catalogue.runs.update(
    run.id,
    (now) => ({ ...now, state: 'failed', trouble, endedAt: at, heartbeatAt: at }),
    signal,
  )
  return { state: 'stop', lanes: 0, until: at }
}

async function protectedOwners({ catalogue }: RunDeps, signal: AbortSignal) {
  const protectedResources = await protectedKeys(catalogue, signal)
  const owners: Owner[] = []
  for await (const owner of catalogue.owners.all(signal)) {
    if (protectedResources.has(owner.resource)) owners.push(owner)
  }
  return { owners, protectedResources }
}

/** Says in the run's row when the first copies will be complete; nothing where all of them are. */
async function saveEstimate(
  run: Run,
  owners: readonly Owner[],
  done: { bytes: number; ms: number },
  { catalogue, clock, runSettings }: RunDeps,
  signal: AbortSignal,
): Promise<void> {
  if (!run.estimate && owners.every(({ completeAt }) => completeAt !== undefined)) return
  const limits = runSettings.units
  const { claimedToday } = await catalogue.budgets.claim(
    BACKUP_BUDGET,
    { units: 0, limits },
    signal,
  )
  const now = clock.now()
  const estimate = estimateFirstCopies({ owners, limits, claimedToday, done, now })
  const told = ({ estimate: _, ...row }: Run) => (estimate ? { ...row, estimate } : row)
  await catalogue.runs.update(run.id, told, signal)
}

/** Claims the next owner of the run's plan, works one slice, and says how it went. */
export async function captureNext(
  input: BackupLaneInput,
  deps: RunDeps,
  signal: AbortSignal,
): Promise<CaptureAnswer> {
  const { catalogue, clock } = deps
  const run = await catalogue.runs.get(input.run, signal)
  const stopped = !run || isOver(run) || run.flags.cancel || run.flags.pause
  if (stopped || clock.now() >= Date.parse(input.until)) return { state: 'idle' }
  // Before an owner is claimed: a claim lasts for one slice, so a slice that still had to wait for
  // its memory would outlive it.
  const need = sliceBytes(deps.slice.settings)
  const share = await Share.claim(deps.memory, need, MEMORY_WAIT_MS, signal)
  if (!share) return { state: 'more' }
  try {
    return await workNext(input, deps, share, signal)
  } finally {
    share.release()
  }
}

async function workNext(
  input: BackupLaneInput,
  deps: RunDeps,
  share: Share,
  signal: AbortSignal,
): Promise<CaptureAnswer> {
  const { catalogue, clock, runSettings } = deps
  const claimMs = runSettings.sliceMs + runSettings.leaseSlackMs
  let claim = await catalogue.runs.claim(input.run, { claimMs }, signal)
  if (!claim) return { state: 'idle' }
  const owner = await catalogue.owners.get(claim.entry.owner, signal)
  // Behind a fence there is nothing to be done, and nobody else shall wait for that.
  if (owner && !owner.isFenced && owner.attempts >= ALONE_ATTEMPTS) {
    const beat = () => heartbeat(deps, input.run, signal)
    const alone = { catalogue, clock, claimMs, beat }
    claim = await workAlone(input.run, claim, share, alone, signal)
    if (!claim) return { state: 'more' }
  }
  const before = claim.entry
  let beat = 0
  const result = await runSlice(
    {
      owner: before.owner,
      // One worker runs several slices, and two runs may want the same owner.
      holder: `${deps.holder}-${Buffer.from(deps.random.bytes(8)).toString('hex')}`,
      progress: async (done) => {
        if (!claim) return
        claim = await catalogue.runs.settle(input.run, claim, added(before, done), signal)
        if (clock.now() - beat < HEARTBEAT_MS) return
        beat = clock.now()
        await heartbeat(deps, input.run, signal)
      },
    },
    deps.slice,
    signal,
  )
  if (result.state === 'absent') await sourceLost(deps, before.resource, signal)
  const { state, next } = settled(before, result)
  if (claim) await catalogue.runs.settle(input.run, claim, next, signal)
  await heartbeat(deps, input.run, signal)
  deps.log.info('slice', { run: input.run, owner: before.owner, state, trouble: result.trouble })
  return { state }
}

async function heartbeat(deps: RunDeps, run: string, signal: AbortSignal): Promise<void> {
  const at = iso(deps.clock.now())
  await deps.catalogue.runs.update(run, (now) => ({ ...now, heartbeatAt: at }), signal)
}

function added(
  before: PlanEntry,
  done: Pick<SliceResult, 'counts' | 'requests' | 'units' | 'bytes'>,
) {
  const units = addUnits(before.units ?? NO_UNITS, done.units)
  return {
    ...before,
    counts: addCounts(before.counts, done.counts),
    requests: before.requests + done.requests,
    ...(units.all > 0 && { units }),
    bytes: before.bytes + done.bytes,
  }
}

function settled(
  before: PlanEntry,
  result: SliceResult,
): { state: Exclude<CaptureAnswer['state'], 'idle'>; next: PlanEntry } {
  const sum = { ...added(before, result), trouble: result.trouble, claimedUntil: 0 }
  switch (result.state) {
    // Nothing is left to do for this owner in this run; what there is not is said by its trouble.
    case 'done':
    case 'absent':
      return { state: 'done', next: { ...sum, state: 'done' } }
    case 'more':
      return { state: 'more', next: { ...sum, state: 'queued' } }
    case 'wait':
    case 'busy':
      return { state: 'wait', next: { ...sum, state: 'wait' } }
    case 'failed':
    case 'poison':
      return { state: 'failed', next: { ...sum, state: 'failed' } }
  }
}

/** Ends the run, or says when its next wave begins (only where a person asked for it). */
export async function endWave(
  input: BackupRunInput,
  deps: RunDeps,
  signal: AbortSignal,
): Promise<WaveAnswer> {
  const { catalogue, clock, runSettings } = deps
  const now = clock.now()
  const run = await catalogue.runs.get(input.run, signal)
  if (!run || isOver(run)) return { state: 'over', nextAt: iso(now) }
  const open = await openEntries(catalogue, run.id, signal)
  const done = { bytes: open.bytes, ms: now - Date.parse(run.startedAt ?? run.createdAt) }
  if (run.estimate) {
    const { owners } = await protectedOwners(deps, signal)
    await saveEstimate(run, owners, done, deps, signal)
  }
  const tooOld = now - Date.parse(run.createdAt) > ASKED_RUN_MS
  const again = run.kind === 'asked' && open.count > 0 && !run.flags.cancel && !tooOld
  if (again) {
    await catalogue.runs.requeue(run.id, signal)
    const nextAt = iso(Math.max(now + runSettings.wavePauseMs, open.claimedUntil))
    await catalogue.runs.update(
      run.id,
      (r) => ({ ...r, wave: input.wave + 1, heartbeatAt: nextAt }),
      signal,
    )
    return { state: 'again', nextAt }
  }
  await catalogue.runs.update(
    run.id,
    (r) => ({
      ...r,
      ...outcomeOf(r, open.count),
      endedAt: iso(now),
      heartbeatAt: iso(now),
    }),
    signal,
  )
  return { state: 'over', nextAt: iso(now) }
}

/** A scheduled run leaves open owners to the next one; one that was asked for has not kept its word. */
function outcomeOf(run: Run, open: number): Pick<Run, 'state' | 'trouble'> {
  if (run.flags.cancel) return { state: 'cancelled', trouble: run.trouble }
  if (run.kind === 'asked' && open > 0) return { state: 'failed', trouble: 'RunTooLong' }
  return { state: 'done', trouble: run.trouble }
}

async function openEntries(catalogue: Catalogue, run: string, signal: AbortSignal) {
  let count = 0
  let claimedUntil = 0
  let bytes = 0
  for await (const entry of catalogue.runs.entries(run, signal)) {
    bytes += entry.bytes
    if (entry.state === 'done' || entry.state === 'failed') continue
    count += 1
    claimedUntil = Math.max(claimedUntil, entry.claimedUntil)
  }
  return { count, claimedUntil, bytes }
}
