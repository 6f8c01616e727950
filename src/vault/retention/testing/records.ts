/** Records in a container `ops` in memory: written as their services write them, at any time. */
import { SeededRandom } from '../../../../sandbox/storage/index.ts'
import { type OwnerId, parseOwnerId } from '../../../model/ids.ts'
import type { BlobStore, Randomness } from '../../../ports.ts'
import { type FakeClock, fakeClock, never } from '../../testing/fixture.ts'
import { createMemoryBlobStore, type MemoryBlobStore } from '../../testing/memory-blob-store.ts'
import { DAY_MS } from '../days.ts'
import { createRecord, datedName, type RecordKind } from '../ops-records.ts'

/** Whole seconds, as storage tells them. */
const START_MS = Date.parse('2026-03-01T10:00:00.000Z')
export const SECOND_MS = 1000

export const ADA: OwnerId = parseOwnerId('a'.repeat(32))
export const BOB: OwnerId = parseOwnerId('b'.repeat(32))

/** Policies, holds and releases are numbered. */
export const numbered = (n: number): string => String(n).padStart(10, '0')

export async function putPolicy(
  ops: BlobStore,
  n: number,
  retention: unknown,
  now: number,
): Promise<void> {
  const day = new Date(now).toISOString().slice(0, 10)
  const document = { n, policy: { mode: 'all', retention } }
  await createRecord(ops, `access/${day}/policy-${numbered(n)}.json`, document, never)
}

export interface OpsInMemory {
  ops: MemoryBlobStore
  clock: FakeClock
  days(n: number): void
  policy(n: number, retention: unknown): Promise<void>
  put<T>(kind: RecordKind<T>, id: string, document: T): Promise<void>
  /** Under any name, whether a service may write it or not. */
  raw(name: string, text: string): Promise<void>
}

export function opsInMemory(): OpsInMemory {
  const clock = fakeClock(START_MS)
  const ops = createMemoryBlobStore(clock.now)
  return {
    ops,
    clock,
    days: (n) => clock.advance(n * DAY_MS),
    policy: (n, retention) => putPolicy(ops, n, retention, clock.now()),
    async put(kind, id, document) {
      await createRecord(ops, datedName(kind, id, clock.now()), document, never)
    },
    async raw(name, text) {
      await ops.create(name, Buffer.from(text), never)
    },
  }
}

/** The same in every run. */
export const seededRandom = (): Randomness => new SeededRandom(1)
