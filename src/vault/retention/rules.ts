/**
 * What policies, holds and open restores say of how long things are kept.
 *
 * What weakens protection counts late: a policy that keeps for a shorter time, and the release of a
 * hold, only `delayDays` after storage created them, so that a thief who writes one is noticed
 * before anything goes. Where records are missing nothing may go at all.
 */
import { z } from 'zod'
import { AppError } from '../../model/errors.ts'
import { type OwnerId, parseOwnerId, WORKLOADS, type WorkloadName } from '../../model/ids.ts'
import { longest, type Retention, retentionSchema } from '../../model/retention.ts'
import type { BlobStore } from '../../ports.ts'
import { DAY_MS } from './days.ts'
import { datedRecords, type OpsRecord, type RecordKind } from './ops-records.ts'

const ownerSchema = z
  .string()
  .regex(/^[0-9a-f]{32}$/)
  .transform(parseOwnerId)
const number = z.string().regex(/^\d{10}$/)

/** Written by src/policy/store.ts; of the policy only this is of interest here. */
const POLICY: RecordKind<{ policy: { retention: Retention } }> = {
  ...{ service: 'access', kind: 'policy', bytesMax: 8 * 1024 * 1024 },
  schema: z.object({ policy: z.object({ retention: retentionSchema.default('forever') }) }),
}
/** Nothing of the owner (or of anybody) goes, and every version is held, until it is released. */
export const HOLD: RecordKind<{ owner: OwnerId | 'all' }> = {
  ...{ service: 'access', kind: 'hold' },
  schema: z.object({ owner: z.union([z.literal('all'), ownerSchema]) }),
}
export const RELEASE: RecordKind<{ hold: number }> = {
  ...{ service: 'access', kind: 'release' },
  schema: z.object({ hold: z.int().positive() }),
}
/** Something reads the stream as it was after this commit: a restore that is planned, a drill. */
export const PIN: RecordKind<{
  owner: OwnerId
  workload: WorkloadName
  seq: number
  until: string
}> = {
  ...{ service: 'restore', kind: 'pin' },
  schema: z.object({
    owner: ownerSchema,
    workload: z.enum(WORKLOADS),
    seq: z.int().nonnegative(),
    until: z.iso.datetime(),
  }),
}
/** Its id is that of the pin. */
export const UNPIN: RecordKind<Record<string, never>> = {
  ...{ service: 'restore', kind: 'unpin' },
  schema: z.object({}).strict(),
}
/** A pin that nobody takes away does not hold for ever: its writer could be a thief. */
export const PIN_DAYS_MAX = 30

export interface Rules {
  retention: Retention
  /** Held owners; `all`: everybody. */
  held: ReadonlySet<OwnerId | 'all'>
  /** Owners who were held once, and of whom a hold is to be taken away. */
  released: ReadonlySet<OwnerId | 'all'>
  pins: readonly Pin[]
  /** The newest numbers: they never go back. */
  numbers: { policy: number; hold: number }
}

export interface Pin {
  owner: OwnerId
  workload: WorkloadName
  seq: number
}

export interface RulesDeps {
  ops: BlobStore
  /** Storage's time, ms since 1970. */
  now: number
  delayDays: number
}

/** Throws `RulesMissing` where a policy or a hold is not there, `RecordUnreadable`. */
export async function readRules(deps: RulesDeps, signal: AbortSignal): Promise<Rules> {
  const { ops, now } = deps
  const policies = await numbered(ops, POLICY, signal)
  if (policies.length === 0) throw rulesMissing('policy')
  const holds = await numbered(ops, HOLD, signal)
  const effective = new Set<number>()
  for await (const { createdAt, document } of datedRecords(ops, RELEASE, signal)) {
    if (createdAt <= now - deps.delayDays * DAY_MS) effective.add(document.hold)
  }
  const isReleased = (hold: OpsRecord<unknown>) => effective.has(Number(hold.id))
  const ownersOf = (of: typeof holds) => new Set(of.map(({ document }) => document.owner))
  return {
    retention: retentionOf(policies, deps),
    held: ownersOf(holds.filter((hold) => !isReleased(hold))),
    released: ownersOf(holds.filter(isReleased)),
    pins: await openPins(deps, signal),
    numbers: { policy: policies.length, hold: holds.length },
  }
}

export const isHeld = ({ held }: Rules, owner: OwnerId): boolean =>
  held.has(owner) || held.has('all')

/**
 * In the order of their numbers, which have no gap: one that is missing may be the one that
 * protects. Of two with one number both count, because neither may take the other's word away.
 */
async function numbered<T>(
  ops: BlobStore,
  of: RecordKind<T>,
  signal: AbortSignal,
): Promise<OpsRecord<T>[]> {
  const found: OpsRecord<T>[] = []
  for await (const record of datedRecords(ops, of, signal)) {
    if (number.safeParse(record.id).success) found.push(record)
  }
  found.sort((a, b) => Number(a.id) - Number(b.id))
  const numbers = new Set(found.map(({ id }) => Number(id)))
  for (let n = 1; n <= numbers.size; n += 1) if (!numbers.has(n)) throw rulesMissing(of.kind)
  return found
}

/** The longest of all that were in force at some time of the last `delayDays`. */
function retentionOf(
  policies: readonly OpsRecord<{ policy: { retention: Retention } }>[],
  { now, delayDays }: RulesDeps,
): Retention {
  const since = now - delayDays * DAY_MS
  const settled = policies.findLastIndex(({ createdAt }) => createdAt <= since)
  const counting = policies.slice(Math.max(0, settled)).map((p) => p.document.policy.retention)
  return counting.reduce(longest)
}

async function openPins({ ops, now }: RulesDeps, signal: AbortSignal): Promise<Pin[]> {
  const ended = new Set<string>()
  for await (const { id } of datedRecords(ops, UNPIN, signal)) ended.add(id)
  const pins: Pin[] = []
  for await (const { id, createdAt, document } of datedRecords(ops, PIN, signal)) {
    const { until, ...pin } = document
    const end = Math.min(Date.parse(until), createdAt + PIN_DAYS_MAX * DAY_MS)
    if (!ended.has(id) && end > now) pins.push(pin)
  }
  return pins
}

function rulesMissing(kind: string): AppError {
  return new AppError({
    code: 'RulesMissing',
    kind: 'corrupt',
    message: `A record of what is kept is missing: ${kind}.`,
    hint: 'Look for it among deleted versions of the container ops. Until then nothing expires.',
    context: { kind },
  })
}
