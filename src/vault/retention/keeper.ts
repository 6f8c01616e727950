/**
 * The keeper (DESIGN 5): what retention needs stays locked for at least R more days, and what is held
 * has its hold. It reads, locks and holds; it can neither delete nor write content.
 *
 * Where it cannot say what an owner needs, because keys or blobs are missing or damaged, all of that
 * owner is needed. An owner of whom everything is locked for long enough costs a listing and nothing
 * else. Works in steps: each begins where the one before left off, and may be repeated.
 */
import { z } from 'zod'
import type { PackTable } from '../../catalogue/types.ts'
import { mapBounded } from '../../concurrency/index.ts'
import { hasCode } from '../../model/errors.ts'
import type { OwnerId } from '../../model/ids.ts'
import type { BlobLocks, BlobVersion } from '../../ports.ts'
import { FORMAT_FILE, packOfName } from '../names.ts'
import {
  namesOfOwner,
  ownersByVersions,
  type VersionedName,
  versionedNames,
} from './blob-versions.ts'
import { DAY_MS, lockMs, type Windows } from './days.ts'
import { isErased } from './erased.ts'
import {
  keptBase,
  type NeedsDeps,
  needsOf,
  type OwnerNeeds,
  oldestPoint,
  walkOwner,
} from './needs.ts'
import { createRecord, datedName, type RecordKind } from './ops-records.ts'
import { createProver } from './proofs.ts'
import { isHeld, type Rules, readRules } from './rules.ts'
import { newId, type StorageTimeDeps, storageNow } from './storage-time.ts'
import { doubtOf } from './trouble.ts'

export interface KeeperDeps extends NeedsDeps, StorageTimeDeps {
  locks: { vault: BlobLocks; ops: BlobLocks }
  /** Absent: no rows are told of longer locks, and later versions share fewer segments. */
  packs?: Pick<PackTable, 'noteLocks'>
  windows: Windows
  /** For so many days what weakens protection does not count yet (rules.ts). */
  delayDays: number
}

const count = z.int().nonnegative()
const LOCKS_AT_ONCE = 8
/** Owners that a report names; all are counted. */
const DOUBTS_NAMED_MAX = 100
/** Reports of so many days ago are left to expire; what decides anything is kept for ever. */
const REPORT_DAYS = 400
const REPORTS =
  /^(?:keeper|expirer)\/(\d{4}-\d{2}-\d{2})\/(?:begun|pass|started|plan|done)-|^verify\/(\d{4}-\d{2}-\d{2})\//

export const keeperProgressSchema = z.object({
  pass: z.string(),
  /** Ms, by storage's clock. */
  begunAt: z.int(),
  /** The last owner that was gone over; empty: none. */
  after: z.string(),
  state: z.enum(['owners', 'done']),
  counts: z.object({
    owners: count,
    versions: count,
    extended: count,
    held: count,
    released: count,
    doubts: count,
  }),
  doubts: z.array(z.object({ owner: z.string(), code: z.string() })).max(DOUBTS_NAMED_MAX),
  /** Bases that say something else than the commits before them. */
  forgedBases: z.int().nonnegative(),
})
export type KeeperProgress = z.infer<typeof keeperProgressSchema>

const passSchema = z.object({
  begunAt: z.int(),
  policies: count,
  holds: count,
  counts: keeperProgressSchema.shape.counts,
  forgedBases: count,
})
/** Written when a pass has gone over every owner. */
export const PASS: RecordKind<z.infer<typeof passSchema>> = {
  ...{ service: 'keeper', kind: 'pass', schema: passSchema },
}

export interface KeeperStepOptions {
  /** What the step before answered; absent: a new pass. */
  from?: KeeperProgress
  /** Asked after each owner. */
  mayGoOn(): boolean
}

/** Throws `ClockWrong`, `RecordUnreadable`, and what storage throws: then the step is repeated. */
export async function keeperStep(
  deps: KeeperDeps,
  { from, mayGoOn }: KeeperStepOptions,
  signal: AbortSignal,
): Promise<KeeperProgress> {
  if (from?.state === 'done') return from
  // Each step may be another machine's.
  const now = await storageNow(deps, 'keeper', signal)
  let progress = from ?? beginning(deps, now)
  const rules = await rulesOrForever(deps, signal)
  for await (const owner of ownersByVersions(deps.locks.vault, signal)) {
    if (owner <= progress.after) continue
    progress = await keepOwner(deps, { owner, rules, progress }, signal)
    if (!mayGoOn()) return progress
  }
  return await finish(deps, progress, rules, signal)
}

function beginning(deps: KeeperDeps, begunAt: number): KeeperProgress {
  const counts = { owners: 0, versions: 0, extended: 0, held: 0, released: 0, doubts: 0 }
  const none = { after: '', state: 'owners', doubts: [], forgedBases: 0 } as const
  return { pass: newId(deps), begunAt, ...none, counts, doubts: [] }
}

type KeeperRules = Rules | 'unknown'

/** Where a policy or a hold is missing, everything is needed, and no hold is taken away. */
async function rulesOrForever(deps: KeeperDeps, signal: AbortSignal): Promise<KeeperRules> {
  const { ops, clock, delayDays } = deps
  try {
    return await readRules({ ops, now: clock.now(), delayDays }, signal)
  } catch (error) {
    if (doubtOf(error) === undefined) throw error
    return 'unknown'
  }
}

interface OwnerStep {
  owner: OwnerId
  rules: KeeperRules
  progress: KeeperProgress
}

const EVERYTHING: OwnerNeeds = { has: () => true }
const NOTHING: OwnerNeeds = { has: () => false }

async function keepOwner(
  deps: KeeperDeps,
  { owner, rules, progress }: OwnerStep,
  signal: AbortSignal,
): Promise<KeeperProgress> {
  const next: KeeperProgress = {
    ...progress,
    after: owner,
    counts: { ...progress.counts, owners: progress.counts.owners + 1 },
  }
  const doubt = (code: string) => {
    next.counts.doubts += 1
    if (next.doubts.length < DOUBTS_NAMED_MAX) next.doubts = [...next.doubts, { owner, code }]
  }
  const erased = await isErased(deps.ops, owner, signal)
  let known: Promise<OwnerNeeds> | undefined
  const needs = () => {
    known ??= erased
      ? Promise.resolve(NOTHING)
      : needsOrEverything(deps, { owner, rules, doubt, next }, signal)
    return known
  }
  const hold = holdOf(rules, owner)
  const extended: BlobVersion[] = []
  await eachBatch(namesOfOwner(deps.locks.vault, owner, signal), async (named) => {
    next.counts.versions += named.versions.length
    const isNeeded = async () => hold === true || (await needs()).has(named.name)
    await keepName({ deps, container: 'vault', named, isNeeded, hold, next, extended }, signal)
  })
  await notePacks(deps, owner, extended, signal)
  return next
}

async function needsOrEverything(
  deps: KeeperDeps,
  {
    owner,
    rules,
    doubt,
    next,
  }: { owner: OwnerId; rules: KeeperRules; doubt(code: string): void; next: KeeperProgress },
  signal: AbortSignal,
): Promise<OwnerNeeds> {
  if (rules === 'unknown') {
    doubt('RulesMissing')
    return EVERYTHING
  }
  const forged = () => {
    next.forgedBases += 1
  }
  const isProven = createProver({ ops: deps.ops, service: 'keeper' }, forged, signal)
  try {
    const kept = []
    for (const walked of (await walkOwner(deps, owner, signal)).values()) {
      const oldest = oldestPoint(walked, rules, deps.clock.now())
      const base = await keptBase(walked, oldest, isProven, signal)
      kept.push({ walked, base: base ?? walked.beginning.base })
    }
    return await needsOf(kept, signal)
  } catch (error) {
    const code = doubtOf(error)
    if (code === undefined) throw error
    doubt(code)
    return EVERYTHING
  }
}

/** Undefined: never held by us, so that nobody else's hold is taken away. */
function holdOf(rules: KeeperRules, owner: OwnerId): boolean | undefined {
  if (rules === 'unknown') return undefined
  if (isHeld(rules, owner)) return true
  return rules.released.has(owner) || rules.released.has('all') ? false : undefined
}

interface Keeping {
  deps: KeeperDeps
  container: 'vault' | 'ops'
  named: VersionedName
  isNeeded(): Promise<boolean>
  hold: boolean | undefined
  next: KeeperProgress
  extended: BlobVersion[]
}

async function keepName(keeping: Keeping, signal: AbortSignal): Promise<void> {
  const { deps, container, named, hold, next } = keeping
  const locks = deps.locks[container]
  for (const [n, version] of named.versions.entries()) {
    const { name } = version
    if (hold !== undefined && version.held !== hold) {
      if (await unlessMissing(locks.setHold(name, version.version, hold, signal))) {
        if (hold) next.counts.held += 1
        else next.counts.released += 1
      }
    }
    const until = await lockFor(keeping, version, n === 0)
    if (until === undefined) continue
    if (!(await unlessMissing(locks.lockUntil(name, version.version, until, signal)))) continue
    next.counts.extended += 1
    keeping.extended.push({ ...version, lock: { until, locked: true } })
  }
}

/**
 * Undefined: it is locked as it should be. Of several versions the oldest counts; the others keep
 * the lock that every new blob has. The next pass comes within half a generation.
 */
async function lockFor(
  { deps, isNeeded }: Keeping,
  { lock, createdAt }: BlobVersion,
  isOldest: boolean,
): Promise<Date | undefined> {
  const { windows, clock } = deps
  const now = clock.now()
  const end = lock?.locked ? lock.until.getTime() : 0
  const due = now + (windows.protectionDays + windows.generationDays / 2) * DAY_MS
  if (end >= due) return undefined
  if (isOldest && (await isNeeded())) return new Date(now + lockMs(windows))
  const inherited = (createdAt?.getTime() ?? now) + lockMs(windows)
  return !lock?.locked && inherited > now ? new Date(inherited) : undefined
}

/** What went meanwhile, or is locked for longer, is as it should be. */
async function unlessMissing(call: Promise<void>): Promise<boolean> {
  try {
    await call
    return true
  } catch (error) {
    if (!hasCode(error, 'BlobMissing') && !hasCode(error, 'LockRefused')) throw error
    return false
  }
}

/** Rows say how long a pack is locked: with it, later versions go on sharing its segments. */
async function notePacks(
  { packs, ops }: KeeperDeps,
  owner: OwnerId,
  extended: readonly BlobVersion[],
  signal: AbortSignal,
): Promise<void> {
  const locks = extended.flatMap(({ name, bytes, createdAt, lock }) => {
    const id = name.startsWith('packs/') ? packOfName(name) : undefined
    if (id === undefined || createdAt === undefined || lock === undefined) return []
    return [
      { id, bytes, createdAt: createdAt.toISOString(), lockedUntil: lock.until.toISOString() },
    ]
  })
  if (locks.length === 0 || (await isErased(ops, owner, signal))) return
  await packs?.noteLocks(owner, locks, signal)
}

async function finish(
  deps: KeeperDeps,
  progress: KeeperProgress,
  rules: KeeperRules,
  signal: AbortSignal,
): Promise<KeeperProgress> {
  const next: KeeperProgress = { ...progress, counts: { ...progress.counts }, state: 'done' }
  const keep = { deps, hold: undefined, next, extended: [] }
  await eachBatch(versionedNames(deps.locks.vault, FORMAT_FILE, signal), (named) =>
    keepName({ ...keep, container: 'vault', named, isNeeded: async () => true }, signal),
  )
  await eachBatch(versionedNames(deps.locks.ops, '', signal), (named) => {
    const isNeeded = async () => !isOldReport(named.name, deps.clock.now())
    return keepName({ ...keep, container: 'ops', named, isNeeded }, signal)
  })
  const numbers = rules === 'unknown' ? { policy: 0, hold: 0 } : rules.numbers
  const { pass, begunAt, counts, forgedBases } = next
  const record = { begunAt, policies: numbers.policy, holds: numbers.hold, counts, forgedBases }
  try {
    await createRecord(deps.ops, datedName(PASS, pass, begunAt), record, signal)
  } catch (error) {
    // The step is repeated, and had less to do: what it said the first time stands.
    if (!hasCode(error, 'RecordTaken')) throw error
  }
  return next
}

/** Reports, as opposed to what decides what is kept. */
export function isOldReport(name: string, now: number): boolean {
  const match = REPORTS.exec(name)
  const day = match?.[1] ?? match?.[2]
  return day !== undefined && Date.parse(day) < now - REPORT_DAYS * DAY_MS
}

async function eachBatch(
  names: AsyncIterable<VersionedName>,
  work: (named: VersionedName) => Promise<void>,
): Promise<void> {
  let batch: VersionedName[] = []
  const flush = async () => {
    await mapBounded(batch, LOCKS_AT_ONCE, work)
    batch = []
  }
  for await (const named of names) {
    batch.push(named)
    if (batch.length === LOCKS_AT_ONCE) await flush()
  }
  await flush()
}
