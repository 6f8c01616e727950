/**
 * The expirer (DESIGN 5): deletes what is past retention, in two steps with a day between them.
 *
 * A plan says which versions may go, and is a record that everybody can read. When it is a day old
 * everything is found out anew, from the blobs, and only what both say goes. First the commits of a
 * stream, up to a proven base; then, by a later plan, what nothing that is left needs. It refuses
 * wherever something is missing, damaged or held. That a lock is not over, storage says.
 */
import { z } from 'zod'
import type { Catalogue } from '../../catalogue/types.ts'
import { AppError, hasCode } from '../../model/errors.ts'
import type { CommitRef } from '../../model/events.ts'
import {
  type OwnerId,
  type PackId,
  parseOwnerId,
  WORKLOADS,
  type WorkloadName,
} from '../../model/ids.ts'
import type { BlobRemoval, BlobStore } from '../../ports.ts'
import type { CarriedBase } from '../beginning.ts'
import { commitsPrefix, ownerRecordsPrefix, packOfName, seqOfCommit } from '../names.ts'
import { isFree, namesOfOwner, versionedNames } from './blob-versions.ts'
import { DAY_MS, lockMs, type Windows } from './days.ts'
import { isErased } from './erased.ts'
import { PASS } from './keeper.ts'
import { keptBase, type NeedsDeps, needsOf, oldestPoint, type Prover, walkOwner } from './needs.ts'
import {
  createRecord,
  datedName,
  datedRecords,
  type OpsRecord,
  type RecordKind,
  readRecord,
} from './ops-records.ts'
import { createProver } from './proofs.ts'
import { RECEIPT } from './receipt.ts'
import { isHeld, type Rules, readRules } from './rules.ts'
import { newId, type StorageTimeDeps, storageNow } from './storage-time.ts'
import { doubtOf } from './trouble.ts'
import type { WalkedStream } from './walk.ts'

export interface ExpirerDeps extends NeedsDeps, StorageTimeDeps {
  removal: BlobRemoval
  catalogue: Pick<Catalogue, 'ready' | 'owners' | 'stream' | 'packs'>
  windows: Windows
  delayDays: number
}

/** Storage's time between a plan and its execution. */
export const PLAN_HOURS_MIN = 24
const PLAN_DAYS_MAX = 7
const BLOBS_MAX = 5000
/** One owner is worked for no longer; a plan is gone on with. */
const LEASE_MS = 30 * 60_000

const ownerSchema = z
  .string()
  .regex(/^[0-9a-f]{32}$/)
  .transform(parseOwnerId)
const ref = z.object({ seq: z.int(), hash: z.string(), time: z.string() })
const planSchema = z.object({
  owner: ownerSchema,
  what: z.discriminatedUnion('is', [
    /** Commits up to the state that a base restates. */
    z.object({
      is: z.literal('commits'),
      workload: z.enum(WORKLOADS),
      asOf: ref,
      /** Seq of the commit that carries the base. */
      carrier: z.int(),
    }),
    /** What nothing needs any more. */
    z.object({ is: z.literal('unneeded') }),
    /** All that is left of an erased owner. */
    z.object({ is: z.literal('erased') }),
  ]),
  blobs: z
    .array(z.object({ name: z.string(), version: z.string(), bytes: z.int() }))
    .max(BLOBS_MAX),
})
export type ExpiryPlan = z.infer<typeof planSchema>
type What = ExpiryPlan['what']

const PLAN: RecordKind<ExpiryPlan> = {
  ...{ service: 'expirer', kind: 'plan', schema: planSchema, bytesMax: 8 * 1024 * 1024 },
}
const doneSchema = z.object({
  outcome: z.enum(['executed', 'overtaken', 'stale']),
  removed: z.int(),
  /** Gone already, or not to be removed any more. */
  left: z.int(),
  /** Storage refused: a lock or a hold. */
  refused: z.int(),
})
export type ExpiryDone = z.infer<typeof doneSchema>
/** Its id is that of the plan. */
const DONE: RecordKind<ExpiryDone> = { ...{ service: 'expirer', kind: 'done', schema: doneSchema } }

export type Planned =
  | { outcome: 'planned'; plans: number; blobs: number }
  /** Nothing may go, or nothing has to. */
  | { outcome: 'nothing' }
  /** A plan of this owner is open. */
  | { outcome: 'open' }
  /** `code` says what stands in the way; a person should know. */
  | { outcome: 'refused'; code: string }

/**
 * Looks at one owner and writes down what may go. Throws `ClockWrong`, and what storage and keys
 * throw where asking again may help.
 */
export async function planExpiry(
  deps: ExpirerDeps,
  owner: OwnerId,
  signal: AbortSignal,
): Promise<Planned> {
  const now = await storageNow(deps, 'expirer', signal)
  for await (const plan of openPlans(deps.ops, signal)) {
    if (plan.document.owner === owner && now < plan.createdAt + PLAN_DAYS_MAX * DAY_MS) {
      return { outcome: 'open' }
    }
  }
  try {
    const plans = await plansFor(
      deps,
      { owner, now, rules: await mayExpire(deps, now, signal) },
      signal,
    )
    for (const plan of plans) {
      await forgetPacks(deps, plan, signal)
      await createRecord(deps.ops, datedName(PLAN, newId(deps), now), plan, signal)
    }
    const blobs = plans.reduce((sum, plan) => sum + plan.blobs.length, 0)
    return blobs === 0 ? { outcome: 'nothing' } : { outcome: 'planned', plans: plans.length, blobs }
  } catch (error) {
    const code = doubtOf(error)
    if (code === undefined) throw error
    return { outcome: 'refused', code }
  }
}

/**
 * Carries out the plans that are a day old. Safe to repeat, and after a death at any point: what is
 * left of a plan is found again. Answers what became of each.
 */
export async function executePlans(
  deps: ExpirerDeps,
  mayGoOn: () => boolean,
  signal: AbortSignal,
): Promise<Map<string, ExpiryDone | { outcome: 'refused' | 'busy'; code: string }>> {
  const answers: Awaited<ReturnType<typeof executePlans>> = new Map()
  const now = await storageNow(deps, 'expirer', signal)
  for await (const plan of openPlans(deps.ops, signal)) {
    if (now < plan.createdAt + PLAN_HOURS_MIN * 3_600_000) continue
    if (!mayGoOn()) return answers
    answers.set(plan.id, await executePlan(deps, plan, now, signal))
  }
  return answers
}

async function executePlan(
  deps: ExpirerDeps,
  plan: OpsRecord<ExpiryPlan>,
  now: number,
  signal: AbortSignal,
): Promise<ExpiryDone | { outcome: 'refused' | 'busy'; code: string }> {
  const { owner } = plan.document
  const isStale = now >= plan.createdAt + PLAN_DAYS_MAX * DAY_MS
  if (isStale)
    return await done(deps, plan, { outcome: 'stale', removed: 0, left: 0, refused: 0 }, signal)
  try {
    const rules = await mayExpire(deps, now, signal)
    const anew = (await plansFor(deps, { owner, now, rules }, signal)).find((other) =>
      isSame(other.what, plan.document.what),
    )
    if (anew === undefined) {
      const none = {
        outcome: 'overtaken',
        removed: 0,
        left: plan.document.blobs.length,
        refused: 0,
      } as const
      return await done(deps, plan, none, signal)
    }
    const result = await underLease(
      deps,
      owner,
      (notAfter) => remove(deps, { plan: plan.document, anew, notAfter }, signal),
      signal,
    )
    if (result === undefined) return { outcome: 'busy', code: 'OwnerBusy' }
    return await done(deps, plan, { outcome: 'executed', ...result }, signal)
  } catch (error) {
    const code = doubtOf(error)
    if (code === undefined) throw error
    return { outcome: 'refused', code }
  }
}

function isSame(a: What, b: What): boolean {
  if (a.is !== 'commits' || b.is !== 'commits') return a.is === b.is
  return a.workload === b.workload && a.asOf.hash === b.asOf.hash && a.carrier === b.carrier
}

async function done(
  { ops }: ExpirerDeps,
  plan: OpsRecord<ExpiryPlan>,
  document: ExpiryDone,
  signal: AbortSignal,
): Promise<ExpiryDone> {
  await createRecord(ops, datedName(DONE, plan.id, plan.createdAt), document, signal)
  return document
}

async function* openPlans(
  ops: BlobStore,
  signal: AbortSignal,
): AsyncGenerator<OpsRecord<ExpiryPlan>> {
  const ended = new Set<string>()
  for await (const { id } of datedRecords(ops, DONE, signal)) ended.add(id)
  for await (const plan of datedRecords(ops, PLAN, signal)) if (!ended.has(plan.id)) yield plan
}

/** The rules by which something may go now. Throws where nothing may. */
async function mayExpire(
  { ops, windows, delayDays }: ExpirerDeps,
  now: number,
  signal: AbortSignal,
): Promise<Rules> {
  const rules = await readRules({ ops, now, delayDays }, signal)
  let pass: z.infer<typeof PASS.schema> | undefined
  for await (const { document } of datedRecords(ops, PASS, signal)) {
    if (pass === undefined || document.begunAt > pass.begunAt) pass = document
  }
  if (pass === undefined || pass.begunAt < now - (windows.generationDays / 2) * DAY_MS) {
    throw refusal('KeeperLate', 'The keeper has not gone over everything for too long.')
  }
  if (rules.numbers.policy < pass.policies || rules.numbers.hold < pass.holds) {
    throw refusal('RulesMissing', 'The keeper knew of more policies or holds than there are.')
  }
  return rules
}

interface Looking {
  owner: OwnerId
  /** Storage's time. */
  now: number
  rules: Rules
}

/** What may go, from the blobs alone. Throws what stands in the way. */
async function plansFor(
  deps: ExpirerDeps,
  looking: Looking,
  signal: AbortSignal,
): Promise<ExpiryPlan[]> {
  const { owner, rules } = looking
  if (isHeld(rules, owner)) throw refusal('OwnerHeld', 'This owner is under a legal hold.')
  if (await isErased(deps.ops, owner, signal)) return await planErased(deps, looking, signal)
  const streams = await walkOwner(deps, owner, signal)
  const plans: ExpiryPlan[] = []
  for (const [workload, walked] of streams) {
    const plan = await planCommits(deps, { ...looking, workload, walked }, signal)
    if (plan) plans.push(plan)
  }
  // What commits that are about to go use is still used.
  if (plans.length > 0) return plans
  const kept = [...streams.values()].map((walked) => ({ walked, base: walked.beginning.base }))
  const needs = await needsOf(kept, signal)
  const before = looking.now - lockMs(deps.windows)
  const isUnneeded = (name: string, createdAt: Date | undefined) =>
    !needs.has(name) && createdAt !== undefined && createdAt.getTime() <= before
  const blobs = await freeBlobs(deps, looking, isUnneeded, signal)
  return blobs.length === 0 ? [] : [{ owner, what: { is: 'unneeded' }, blobs }]
}

/**
 * The commits before the next base, if it is proven, if it is not beyond what is kept, and if none
 * of them is locked. Base by base, so that at every moment of a removal the stream begins at a base
 * that was proven.
 */
async function planCommits(
  deps: ExpirerDeps,
  at: Looking & { workload: WorkloadName; walked: WalkedStream },
  signal: AbortSignal,
): Promise<ExpiryPlan | undefined> {
  const { owner, workload, walked, now, rules } = at
  const forged = () => {
    throw refusal('BaseDiffers', 'A base says something else than the commits before it.')
  }
  const isProven = createProver({ ops: deps.ops, service: 'expirer' }, forged, signal)
  const next = await nextBase(walked, oldestPoint(walked, rules, now), isProven, signal)
  if (next === undefined) return undefined
  const { asOf } = next.index
  const blobs: ExpiryPlan['blobs'] = []
  for await (const named of versionedNames(deps.removal, commitsPrefix(walked.reader), signal)) {
    const seq = seqOfCommit(named.name)
    if (seq === undefined || seq > asOf.seq) continue
    if (!named.versions.every((version) => isFree(version, now))) return undefined
    for (const { name, version, bytes } of named.versions) blobs.push({ name, version, bytes })
    // The rest goes with the next plan: the stream begins at the base as soon as one is gone.
    if (blobs.length >= BLOBS_MAX) break
  }
  const what = { is: 'commits', workload, asOf, carrier: next.seq } as const
  return blobs.length === 0 ? undefined : { owner, what, blobs: blobs.slice(0, BLOBS_MAX) }
}

/** The first base after the beginning, where it is the only one of its state and is to be passed. */
async function nextBase(
  walked: WalkedStream,
  oldest: number,
  isProven: Prover,
  signal: AbortSignal,
): Promise<CarriedBase | undefined> {
  const kept = await keptBase(walked, oldest, isProven, signal)
  if (kept === undefined) return undefined
  const begin = walked.beginning.end.last?.seq ?? 0
  const after = walked.bases.filter(({ asOf }) => asOf > begin)
  const first = Math.min(...after.map(({ asOf }) => asOf))
  const [base, ...others] = after.filter(({ asOf }) => asOf === first)
  if (base === undefined || others.length > 0) {
    throw refusal('BaseContested', 'Two commits carry a base of one state.')
  }
  const commit = await walked.reader.readCommit(base.seq, signal)
  const index = commit && (await walked.reader.base(commit, signal))
  const carried = index && { seq: base.seq, index }
  return carried && (await isProven(walked, carried)) ? carried : undefined
}

/** After the day on its receipt: nobody can open any of it, so nothing is proven. */
async function planErased(
  deps: ExpirerDeps,
  looking: Looking,
  signal: AbortSignal,
): Promise<ExpiryPlan[]> {
  const { owner, now } = looking
  const receipt = await readRecord(deps.ops, RECEIPT, owner, signal)
  if (receipt === undefined || Date.parse(receipt.document.purgedAt) > now) return []
  // Owners are found by their records, so those go when nothing else is left.
  const isRecord = (name: string) => name.startsWith(ownerRecordsPrefix(owner))
  let isLast = true
  for await (const { name } of namesOfOwner(deps.removal, owner, signal)) isLast &&= isRecord(name)
  const blobs = await freeBlobs(deps, looking, (name) => isLast || !isRecord(name), signal)
  return blobs.length === 0 ? [] : [{ owner, what: { is: 'erased' }, blobs }]
}

/** All versions of names of which none is protected: index blobs come before packs. */
async function freeBlobs(
  deps: ExpirerDeps,
  { owner, now }: Looking,
  isToGo: (name: string, createdAt: Date | undefined) => boolean,
  signal: AbortSignal,
): Promise<ExpiryPlan['blobs']> {
  const blobs: ExpiryPlan['blobs'] = []
  for await (const { name, versions } of namesOfOwner(deps.removal, owner, signal)) {
    const youngest = versions.at(-1)?.createdAt
    if (!isToGo(name, youngest) || !versions.every((version) => isFree(version, now))) continue
    for (const { version, bytes } of versions) blobs.push({ name, version, bytes })
    if (blobs.length >= BLOBS_MAX) break
  }
  return blobs.slice(0, BLOBS_MAX)
}

/** A day before they go: without a row no later version shares their segments. */
async function forgetPacks(
  { catalogue }: ExpirerDeps,
  { owner, blobs }: ExpiryPlan,
  signal: AbortSignal,
): Promise<void> {
  const packs = new Set<PackId>()
  for (const { name } of blobs) {
    const id = name.startsWith('packs/') ? packOfName(name) : undefined
    if (id !== undefined) packs.add(id)
  }
  await catalogue.packs.forget(owner, [...packs], signal)
}

/**
 * Undefined where somebody works the owner. A slice or a rebuild that went on meanwhile would write
 * rows of commits that are going.
 */
async function underLease<T>(
  deps: ExpirerDeps,
  owner: OwnerId,
  work: (notAfter: number) => Promise<T>,
  signal: AbortSignal,
): Promise<T | undefined> {
  const { catalogue, clock } = deps
  const notAfter = clock.now() + LEASE_MS
  if ((await catalogue.owners.get(owner, signal)) === undefined) {
    if (await catalogue.ready(signal)) return await work(notAfter)
    throw refusal('CatalogueNotReady', 'The catalogue is lost or not set up.')
  }
  const holder = `expirer ${newId(deps)}`
  const lease = await catalogue.owners.claim(owner, { holder, leaseMs: LEASE_MS }, signal)
  if (lease === undefined) return undefined
  try {
    return await work(notAfter)
  } finally {
    // This was no slice: it says nothing of whether slices vanish.
    const attempts = Math.max(0, lease.owner.attempts - 1)
    await catalogue.owners.release(lease, { attempts }, signal)
  }
}

async function remove(
  deps: ExpirerDeps,
  { plan, anew, notAfter }: { plan: ExpiryPlan; anew: ExpiryPlan; notAfter: number },
  signal: AbortSignal,
): Promise<Omit<ExpiryDone, 'outcome'>> {
  const { owner, what } = plan
  const stillThere = new Set(anew.blobs.map(({ name, version }) => `${name} ${version}`))
  const blobs = plan.blobs.filter(({ name, version }) => stillThere.has(`${name} ${version}`))
  const counts = { removed: 0, left: plan.blobs.length - blobs.length, refused: 0 }
  if (what.is === 'commits') {
    const asOf: CommitRef = what.asOf
    await deps.catalogue.stream(owner, what.workload).expire(asOf, { notAfter }, signal)
  }
  for (const { name, version } of blobs) {
    if (deps.clock.now() >= notAfter) throw outOfTime()
    try {
      const gone = await deps.removal.remove(name, version, signal)
      if (gone === 'removed') counts.removed += 1
      else counts.left += 1
    } catch (error) {
      if (!hasCode(error, 'BlobLocked') && !hasCode(error, 'BlobHeld')) throw error
      counts.refused += 1
      // Commits go in their order, and none before one that stays.
      if (what.is === 'commits') return counts
    }
  }
  return counts
}

function refusal(code: string, message: string): AppError {
  return new AppError({
    code,
    kind: 'permanent',
    message,
    hint: 'Nothing expires until this is settled; nothing is lost by it.',
  })
}

function outOfTime(): AppError {
  return new AppError({
    code: 'TooLate',
    kind: 'transient',
    message: 'The time for one owner is over.',
    hint: 'The plan is gone on with the next time.',
  })
}
