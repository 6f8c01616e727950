/** Storage's time: the only one by which anything is locked or goes. */
import { AppError } from '../../model/errors.ts'
import type { BlobStore, Clock, Randomness } from '../../ports.ts'
import { createRecord, datedName } from './ops-records.ts'

export interface StorageTimeDeps {
  ops: BlobStore
  clock: Pick<Clock, 'now'>
  random: Randomness
}

const ID_BYTES = 16
/** Five minutes, as everywhere. */
const CLOCK_SKEW_MS = 5 * 60_000

/** 32 hex digits for a name that nobody has. */
export function newId({ random }: Pick<StorageTimeDeps, 'random'>): string {
  return Buffer.from(random.bytes(ID_BYTES)).toString('hex')
}

/**
 * Ms since 1970, by a record that is new. Throws `ClockWrong` where the machine's own clock says
 * something else: it would lock for ever, or let things go too early.
 */
export async function storageNow(
  deps: StorageTimeDeps,
  tool: 'keeper' | 'expirer',
  signal: AbortSignal,
): Promise<number> {
  const { ops, clock } = deps
  const name = datedName({ service: tool, kind: 'begun' }, newId(deps), clock.now())
  const now = await createRecord(ops, name, { tool }, signal)
  const differenceMs = clock.now() - now
  if (Math.abs(differenceMs) <= CLOCK_SKEW_MS) return now
  throw new AppError({
    code: 'ClockWrong',
    kind: 'permanent',
    message: 'The clock of this machine and that of the storage service differ.',
    hint: 'Set the clock. Until then no lock is extended and nothing expires.',
    context: { differenceMs },
  })
}
