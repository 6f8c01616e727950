/**
 * The vault: sealed packs, commits and owner records in one blob container (docs/format.md).
 *
 * Invariants: a blob is created once and never changed; commit.json is the only commit point;
 * the writer's half needs no right to open content. Not here: retention locks, expiry,
 * verification runs, and the catalogue, which is computed from what this gives.
 */
import type { OwnerId } from '../model/ids.ts'
import type { BlobStore, Clock, OwnerKeys, Randomness } from '../ports.ts'
import { createContentReader } from './content-reader.ts'
import { createDataKeys } from './data-keys.ts'
import { ensureFormat } from './format-file.ts'
import { createIndexSecrets } from './index-secrets.ts'
import { PACK_BYTES_DEFAULT } from './limits.ts'
import { createOwnerRecords } from './owner-record.ts'
import { isErased as isErasedIn } from './retention/erased.ts'
import { createStreamVault } from './stream-vault.ts'
import type { VaultApi } from './types.ts'

export { type BaseShard, newestShard, parseBaseShard, progressOf } from './base-shards.ts'
export { type BaseOptions, type BaseOutcome, type BaseProgress, buildBase } from './base-writer.ts'
export { type Beginning, beginningOf, restated } from './beginning.ts'
export { CHAIN_START, checkNoGap, endAfter, followChain, nextSeq } from './chain.ts'
export { parseMetadata } from './content-reader.ts'
export { copiedVault } from './copied.ts'
export { voidCommitOf } from './damage.ts'
export { hasFormat } from './format-file.ts'
export { CONTENT_SEGMENT_BYTES_MAX } from './limits.ts'
export { type PackKeys, type SegmentNamer, segmentNamer } from './pack-crypto.ts'
export { createPackOpener } from './pack-opener.ts'
export { openPack, type Salvaged, salvage } from './pack-reader.ts'
export {
  REBUILD_START,
  type RebuildOptions,
  type RebuildProgress,
  rebuildProgressSchema,
  rebuildStream,
} from './rebuild.ts'
export { recoverIndexSecret } from './recover-secret.ts'
export { pointAt, type RecoveryPoint, recoveryPoints } from './recovery-points.ts'
export {
  openState,
  readShard,
  type StateOptions,
  type StateSource,
  shardOf,
} from './stream-state.ts'
export type {
  BaseIndex,
  ChainEnd,
  ChainStep,
  CommitOptions,
  CommitOutcome,
  CommitWriter,
  ContentReader,
  OwnerRecord,
  StateCursor,
  StateEntry,
  StateItem,
  StateLine,
  StreamReader,
  StreamVault,
  VaultApi,
  VaultCommit,
  VersionInput,
  VersionMetadata,
  VoidCommit,
} from './types.ts'

export interface VaultDeps {
  vault: BlobStore
  keys: OwnerKeys
  clock: Clock
  random: Randomness
  /** Where records of erasures are; whoever writes gives it. Absent: nobody is known to be erased. */
  ops?: BlobStore
  /** A pack is closed when it has grown to so many bytes. Default 32 MiB. */
  packBytes?: number
  /** Written into every commit, for people. */
  toolVersion: string
}

/** No I/O. Data keys live as long as this object, and at most a day. */
export function createVault(deps: VaultDeps): VaultApi {
  const { ops } = deps
  const isErased = async (owner: OwnerId, signal: AbortSignal) =>
    ops !== undefined && (await isErasedIn(ops, owner, signal))
  const { vault: store, keys, clock, random, toolVersion } = deps
  const packBytes = deps.packBytes ?? PACK_BYTES_DEFAULT
  const records = createOwnerRecords(deps)
  const dataKeys = createDataKeys({
    ...{ keys, clock, random, ownerRecord: records.read, isErased },
  })
  return {
    prepare: (signal) => ensureFormat(deps, signal),
    registerOwner: (owner, signal) => records.register(owner, signal),
    isErased,
    ownerRecord: (owner, signal) => records.read(owner, signal),
    owners: (signal) => records.owners(signal),
    async stream(owner, workload, signal) {
      const secret = await keys.indexSecret(owner, signal)
      const stream = { owner, workload }
      return createStreamVault({
        store,
        dataKeys,
        clock,
        random,
        packBytes,
        toolVersion,
        stream,
        secret,
      })
    },
    indexSecret: createIndexSecrets({ keys, clock }),
    reader: (owner) => createContentReader({ store, keys, owner }),
  }
}
