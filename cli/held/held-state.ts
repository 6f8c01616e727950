/**
 * One stream at one recovery point, from blobs alone.
 *
 * Folders are held in memory, everything else is read shard by shard (vault/stream-state.ts). What
 * a damaged commit said is missing; which commits those are is told, so that nobody takes the rest
 * for the whole.
 */
import type { CommitRef } from '../../src/model/events.ts'
import type { KeyHash, OwnerId, WorkloadName } from '../../src/model/ids.ts'
import { keyHash, WORKLOADS } from '../../src/model/ids.ts'
import type { BlobStore } from '../../src/ports.ts'
import {
  openState,
  pointAt,
  readShard,
  type StateItem,
  type StateLine,
  type StateSource,
  shardOf,
  type VaultApi,
} from '../../src/vault/index.ts'
import { refusal } from '../trouble.ts'
import { type Folder, FolderTree } from './folder-tree.ts'

/** Some 300 bytes each. */
const FOLDERS_MAX = 1_000_000

export interface HeldState {
  owner: OwnerId
  workload: WorkloadName
  point: CommitRef
  source: StateSource
  /** Seqs of damaged commits that were met so far. */
  damaged: ReadonlySet<number>
}

/** The workloads of which the owner has commits. */
export async function workloadsOf(
  store: BlobStore,
  owner: OwnerId,
  signal: AbortSignal,
): Promise<WorkloadName[]> {
  const found: WorkloadName[] = []
  for (const workload of WORKLOADS) {
    for await (const _ of store.list(`c/${owner}/${workload}/`, signal)) {
      found.push(workload)
      break
    }
  }
  return found
}

/**
 * Those that are meant: the one that is named, or all of the owner's. Throws `NothingHeld` where
 * there is none.
 */
export async function meantWorkloads(
  store: BlobStore,
  { owner, workload }: { owner: OwnerId; workload?: WorkloadName },
  signal: AbortSignal,
): Promise<WorkloadName[]> {
  const held = await workloadsOf(store, owner, signal)
  const meant = held.filter((name) => workload === undefined || name === workload)
  if (meant.length > 0) return meant
  throw refusal(
    'NothingHeld',
    workload === undefined
      ? 'Nothing is held of this owner.'
      : `Nothing of this workload (${workload}) is held of this owner.`,
    held.length === 0
      ? 'Take the id of an owner from: holdfast vault ls'
      : `What is held: ${held.join(', ')}.`,
    { owner },
  )
}

/** Throws `BeforeFirstPoint`, and what openState throws. */
export async function openHeld(
  api: VaultApi,
  { owner, workload, at }: { owner: OwnerId; workload: WorkloadName; at?: string },
  signal: AbortSignal,
): Promise<HeldState> {
  const stream = await api.stream(owner, workload, signal)
  const point = await pointAt(stream, at, signal)
  if (point === undefined) {
    throw refusal(
      'BeforeFirstPoint',
      at === undefined
        ? 'There is no recovery point that can be read.'
        : 'There is no recovery point at or before this time.',
      'holdfast vault ls --owner ID --points lists them; holdfast vault verify says what is damaged.',
      { owner, workload, at: at ?? '' },
    )
  }
  const damaged = new Set<number>()
  const overDamage = ({ seq }: CommitRef) => damaged.add(seq)
  const source = await openState(stream, point, { overDamage }, signal)
  return { owner, workload, point, source, damaged }
}

/** Items, containers and open ledger entries, shard by shard. */
export async function* linesOf(
  { source }: HeldState,
  signal: AbortSignal,
): AsyncGenerator<StateLine> {
  for (let shard = 0; shard < source.shards; shard += 1) {
    yield* await readShard(source, shard, signal)
  }
}

/** The item or container with this key. */
export async function findItem(
  { source }: HeldState,
  key: KeyHash,
  signal: AbortSignal,
): Promise<StateItem | undefined> {
  const lines = await readShard(source, shardOf(key, source.shards), signal)
  return lines.find((line) => line.is === 'item' && keyHash(line.item) === key) as
    | StateItem
    | undefined
}

/** Throws `TooManyFolders`. `each` sees every line on the way. */
export async function readFolders(
  held: HeldState,
  each: (line: StateLine) => void,
  signal: AbortSignal,
): Promise<FolderTree> {
  const folders: Folder[] = []
  for await (const line of linesOf(held, signal)) {
    each(line)
    if (line.is !== 'item' || line.kind !== 'container') continue
    const { item: id, display } = line
    const { name, parent, excluded } = display
    folders.push({
      ...{ id, key: keyHash(id), name },
      ...(parent !== undefined && { parent }),
      ...(excluded !== undefined && { excluded }),
    })
    if (folders.length > FOLDERS_MAX) throw tooManyFolders(held)
  }
  return new FolderTree(folders)
}

function tooManyFolders({ owner, workload }: HeldState) {
  return refusal(
    'TooManyFolders',
    `A stream has more than ${FOLDERS_MAX} folders, which is more than this command holds.`,
    'Open single items with: holdfast vault cat',
    { owner, workload },
  )
}
