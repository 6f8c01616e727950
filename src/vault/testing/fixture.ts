/**
 * What the vault's tests share: ids, streams of bytes, versions, and a vault in one call.
 */
import { randomBytes } from 'node:crypto'
import type {
  CommitContent,
  Counts,
  PutEvent,
  Representation,
  RoundState,
} from '../../model/events.ts'
import { type GraphId, type OwnerId, parseOwnerId } from '../../model/ids.ts'
import type { BlobStore, Clock, OwnerKeys, Randomness } from '../../ports.ts'
import { createVault, type VaultApi, type VersionInput } from '../index.ts'
import { createMemoryBlobStore, type MemoryBlobStore } from './memory-blob-store.ts'
import { createMemoryKeys, type MemoryKeys } from './memory-keys.ts'

export const random: Randomness = { bytes: (count) => randomBytes(count) }
export const never = new AbortController().signal

export interface FakeClock extends Clock {
  advance(ms: number): void
}

export function fakeClock(startMs = Date.parse('2026-03-01T10:00:00.500Z')): FakeClock {
  let now = startMs
  return {
    now: () => now,
    advance: (ms) => {
      now += ms
    },
    sleep: async (ms) => {
      now += ms
    },
  }
}

export const newOwner = (): OwnerId => parseOwnerId(randomBytes(16).toString('hex'))
export const graphId = (text: string): GraphId => text as GraphId

export async function* stream(...chunks: Uint8Array[]): AsyncIterable<Uint8Array> {
  yield* chunks
}

export async function collect<T>(source: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const one of source) all.push(one)
  return all
}

export interface TestVault {
  vault: VaultApi
  store: MemoryBlobStore
  keys: MemoryKeys
  clock: FakeClock
}

/** Small packs, so that a few versions fill several. */
const PACK_BYTES = 64 * 1024

export function memoryVault(packBytes = PACK_BYTES): TestVault {
  return vaultWith(createMemoryKeys(), fakeClock(), packBytes)
}

/** The same vault once more: what is done to one is not done to the other. */
export function forkOf({ store, keys, clock }: TestVault): TestVault {
  const fork = vaultWith(keys.fork(), fakeClock(clock.now()), PACK_BYTES)
  for (const [name, blob] of store.blobs) fork.store.blobs.set(name, blob)
  return fork
}

function vaultWith(keys: MemoryKeys, clock: FakeClock, packBytes: number): TestVault {
  const store = createMemoryBlobStore(clock.now)
  return { vault: vaultOn({ store, keys, clock, packBytes }), store, keys, clock }
}

export function vaultOn(on: {
  store: BlobStore
  keys: OwnerKeys
  clock: Clock
  packBytes: number
}): VaultApi {
  const { store, ...rest } = on
  return createVault({ ...rest, vault: store, random, toolVersion: 'holdfast/test' })
}

export async function registered(vault: VaultApi): Promise<OwnerId> {
  const owner = newOwner()
  const introduction = { owner, graphId: graphId('user-1'), kind: 'user', name: 'Ada Lovelace' }
  await vault.registerOwner(introduction, never)
  return owner
}

export function version(item: string, ...contents: Uint8Array[]): VersionInput {
  const names = ['mime', 'attachments', 'exact', 'content'] as const
  return {
    item: graphId(item),
    kind: 'item',
    container: graphId('inbox'),
    workload: 'mail',
    json: { id: item, subject: `subject of ${item}` },
    parts: contents.map((bytes, i) => ({ name: names[i] ?? 'content', bytes: stream(bytes) })),
    carried: [],
  }
}

export function putEvent(item: string, representations: Representation[]): PutEvent {
  return {
    op: 'put',
    kind: 'item',
    item: graphId(item),
    why: 'new',
    place: { container: graphId('inbox'), sortKey: '0001' },
    marker: { content: 'c', decoration: 'd', change: 'k' },
    display: { name: `subject of ${item}` },
    representations,
  }
}

const round: RoundState = { id: 1, startedAt: '2026-03-01T10:00:00.000Z', phase: 'reading' }
const counts: Counts = {
  seen: 1,
  stored: 1,
  restated: 0,
  unchanged: 0,
  left: 0,
  deleted: 0,
  ledger: 0,
  excluded: 0,
}

export function contentOf(events: CommitContent['events']): CommitContent {
  const cursor = { container: graphId('inbox'), start: null, position: 'secret-link', round: 1 }
  return { events, cursors: [cursor], round, counts }
}
