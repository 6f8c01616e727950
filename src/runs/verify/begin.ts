/** Begins a verification of all owners on schedule, one at a time. */
import type { Catalogue, Verification } from '../../catalogue/types.ts'
import type { Clock, Randomness } from '../../ports.ts'
import type { VaultApi } from '../../vault/types.ts'
import { plannedLocks } from '../../vault/verify/index.ts'
import { newVerification } from './verification.ts'

export interface BeginVerifyDeps {
  catalogue: Pick<Catalogue, 'ready' | 'verifications'>
  vault: Pick<VaultApi, 'owners'>
  clock: Pick<Clock, 'now'>
  random: Randomness
  settings: VerifySettings
}

export interface VerifySettings {
  /**
   * Days from the begin of one verification to that of the next, at most: the first ones come a
   * day, a day, two days, four ... apart, because a new vault grows fast. 0: none on schedule.
   */
  everyDays: number
  openPercent: number
  /** R and G (DESIGN 2), days; absent: versions and locks are not looked at. */
  locks?: { protectionDays: number; generationDays: number }
}

const DAY_MS = 24 * 3_600_000
const SEED_BYTES = 8

/** The verification to start; undefined: none is due, or one is under way. */
export async function verifyIfDue(
  deps: BeginVerifyDeps,
  signal: AbortSignal,
): Promise<Verification | undefined> {
  const { catalogue, clock, random, settings } = deps
  const { everyDays, openPercent } = settings
  if (everyDays === 0 || !(await catalogue.ready(signal))) return undefined
  const { items } = await catalogue.verifications.list({ max: 1 }, signal)
  const [newest] = items
  const now = clock.now()
  if (newest && (newest.state !== 'done' || dueAt(newest, everyDays) > now)) return undefined
  if (!(await hasOwners(deps, signal))) return undefined
  const id = `v-${new Date(now).toISOString().slice(0, 16).replaceAll(/[-:]/g, '')}`
  const seed = Buffer.from(random.bytes(SEED_BYTES)).toString('hex')
  const locks = settings.locks && plannedLocks(now, settings.locks)
  const rest = { ...(locks && { locks }), ...(newest && { firstAt: newest.firstAt }) }
  const row = newVerification({ id, openPercent, seed, ...rest }, now)
  return (await catalogue.verifications.insert(row, signal)) ? row : undefined
}

/** As long after the newest as that was after the first, within a day and what the settings say. */
function dueAt({ createdAt, firstAt }: Verification, everyDays: number): number {
  const at = Date.parse(createdAt)
  const age = at - Date.parse(firstAt)
  return at + Math.min(everyDays * DAY_MS, Math.max(DAY_MS, age))
}

async function hasOwners({ vault }: BeginVerifyDeps, signal: AbortSignal): Promise<boolean> {
  for await (const _owner of vault.owners(signal)) return true
  return false
}
