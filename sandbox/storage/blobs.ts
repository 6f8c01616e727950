/**
 * One blob container with versions, locks, legal holds, tiers and soft delete: its state, and what
 * each identity may do to it. The product's ports on it are in blob-ports.ts; what is here besides
 * is what administrators and thieves do with other tools.
 *
 * A write of a name that exists makes a new version and leaves the others as they are, protected
 * or not. Readers by name see the current version; one that was deleted by name has none until it
 * is written again. Times are those of the service: whole seconds.
 */
import type { CreateOutcome } from '../../src/ports.ts'
import type { SimulatedClock } from './clock.ts'
import type { BlobRight, Identity } from './identities.ts'
import { blobDenied, blobIsCurrent, blobMissing } from './troubles.ts'
import {
  type BlobVersion,
  changedDefault,
  DAY_MS,
  type DefaultPolicy,
  inherited,
  inTier,
  type Lock,
  refuseIfArchived,
  refuseIfProtected,
  type Tier,
  VersionIds,
  withLock,
  withoutLock,
} from './versions.ts'

export type ContainerName = 'vault' | 'ops'

export interface ContainerOptions {
  /** What new versions inherit; absent: nothing. */
  policy?: DefaultPolicy
  /** How long a deleted version can be brought back; absent: not at all. */
  softDeleteDays?: number
}

/** Never changed in place, so a copy of the map is a copy of all. */
interface Blob {
  /** Id of the version that a read by name sees. */
  readonly current: string | undefined
  /** Oldest first. */
  readonly versions: readonly BlobVersion[]
}

/** A version together with what its place in the container adds. */
export interface ListedVersion extends BlobVersion {
  readonly name: string
  readonly current: boolean
}

export class BlobContainer {
  readonly name: ContainerName
  readonly #clock: SimulatedClock
  readonly #blobs: Map<string, Blob>
  readonly #ids: VersionIds
  readonly #softDeleteDays: number
  #policy: DefaultPolicy | undefined
  #changes = 0

  constructor(
    name: ContainerName,
    clock: SimulatedClock,
    from: { like?: BlobContainer | undefined } & ContainerOptions = {},
  ) {
    const { like } = from
    this.name = name
    this.#clock = clock
    this.#blobs = new Map(like ? like.#blobs : [])
    this.#ids = new VersionIds(like ? like.#ids : undefined)
    this.#policy = like ? like.#policy : from.policy
    this.#softDeleteDays = like ? like.#softDeleteDays : (from.softDeleteDays ?? 0)
  }

  /** Changes of anything that is stored, since this object was made. */
  get changes(): number {
    return this.#changes
  }

  /** Names that a read by name finds. */
  names(prefix = ''): string[] {
    const visible = [...this.#blobs].filter(([, blob]) => blob.current !== undefined)
    return startingWith(prefix, visible)
  }

  /** Oldest first; empty where there is no such blob. Soft-deleted ones are left out. */
  versionsOf(name: string): readonly BlobVersion[] {
    return this.#blob(name).versions.filter((version) => version.deletedMs === undefined)
  }

  /** What a read by name sees. */
  currentOf(name: string): BlobVersion | undefined {
    const { current } = this.#blob(name)
    return this.versionsOf(name).find(({ id }) => id === current)
  }

  get policy(): DefaultPolicy | undefined {
    return this.#policy
  }

  /** An administrator's change, through Azure Resource Manager. Versions that exist keep theirs. */
  setPolicy(policy: DefaultPolicy | undefined): void {
    this.#policy = changedDefault(this.#policy, policy)
  }

  /** Put Blob with `If-None-Match: *`. */
  create(identity: Identity, name: string, bytes: Uint8Array): CreateOutcome {
    const serverTime = this.#clock.serverTime()
    // Azure answers a missing right to overwrite, a missing right to add and a name that exists
    // in ways that the adapter cannot tell apart for sure: all are `refused`.
    if (!this.#may(identity, 'add', name) || this.currentOf(name)) {
      return { outcome: 'refused', serverTime }
    }
    this.#append(identity, name, bytes)
    return { outcome: 'created', serverTime }
  }

  /**
   * A write without a condition, as any other tool would send it: a second one makes a new
   * version. Throws `StorageDenied` where the identity may only add. A lock of its own, or `none`,
   * takes the place of the container's default; that this needs no further right is the worse of
   * two readings of Microsoft's pages.
   */
  overwrite(
    identity: Identity,
    name: string,
    bytes: Uint8Array,
    { lock }: { lock?: Lock | 'none' } = {},
  ): void {
    this.#allow(identity, this.currentOf(name) ? 'write' : 'add', name)
    this.#append(identity, name, bytes, lock)
  }

  /** Get Blob, of the current version or of a given one. */
  read(identity: Identity, name: string, id?: string): BlobVersion | undefined {
    const version = this.look(identity, name, id)
    if (version) refuseIfArchived(version, this.#clock.now())
    return version
  }

  /** Get Blob Properties: also of what is in the archive. */
  look(identity: Identity, name: string, id?: string): ListedVersion | undefined {
    this.#allow(identity, 'read', name)
    const wanted = id ?? this.#blob(name).current
    return this.#listed(name).find((version) => version.id === wanted)
  }

  /** Names of a listing, in byte order, after the given one. */
  listNames(identity: Identity, prefix: string, after: string | undefined): string[] {
    this.#allow(identity, 'read', prefix)
    return this.names(prefix).filter((name) => after === undefined || name > after)
  }

  /** Every version below a prefix: by name, of one name oldest first. */
  listVersions(identity: Identity, prefix: string): ListedVersion[] {
    this.#allow(identity, 'read', prefix)
    return startingWith(prefix, [...this.#blobs]).flatMap((name) => this.#listed(name))
  }

  /**
   * Delete Blob without a version id: the current version becomes an earlier one, and the name has
   * none. Refused where the current one is protected.
   */
  deleteBlob(identity: Identity, name: string): void {
    this.#allow(identity, 'delete', name)
    const current = this.currentOf(name)
    if (!current) throw blobMissing()
    refuseIfProtected(current, this.#clock.now())
    this.#store(name, { current: undefined, versions: this.#blob(name).versions })
  }

  /**
   * Delete Blob with a version id: for good, or softly where the account says so. The current one
   * is refused, as Azure refuses it (403 OperationNotAllowedOnRootBlob): delete it by name first.
   */
  deleteVersion(identity: Identity, name: string, id: string): void {
    this.#allow(identity, 'delete-version', name)
    const version = this.#find(name, id)
    const { current, versions } = this.#blob(name)
    if (current === id) throw blobIsCurrent()
    refuseIfProtected(version, this.#clock.now())
    if (this.#softDeleteDays > 0) {
      this.#replace(name, { ...version, deletedMs: this.#clock.now() })
    } else {
      this.#store(name, { current, versions: versions.filter((other) => other.id !== id) })
    }
  }

  /** Both steps of a deletion: nothing of the version at `index` is left. */
  removeVersion(identity: Identity, name: string, index: number): void {
    const version = this.versionsOf(name)[index]
    if (!version) throw blobMissing()
    this.#allow(identity, 'delete-version', name)
    if (this.#blob(name).current === version.id) this.deleteBlob(identity, name)
    this.deleteVersion(identity, name, version.id)
  }

  /** Undelete Blob: every version that can still be brought back; none becomes the current one. */
  undelete(identity: Identity, name: string): void {
    this.#allow(identity, 'write', name)
    const { current, versions } = this.#blob(name)
    if (versions.length === 0) throw blobMissing()
    const back = versions.map(({ deletedMs: _, ...version }) => version)
    this.#store(name, { current, versions: back })
  }

  setLock(identity: Identity, name: string, id: string, lock: Lock): void {
    this.#allow(identity, 'lock', name)
    this.#replace(name, withLock(this.#find(name, id), lock, this.#clock.now()))
  }

  /** Only of an unlocked one. */
  clearLock(identity: Identity, name: string, id: string): void {
    this.#allow(identity, 'lock', name)
    this.#replace(name, withoutLock(this.#find(name, id)))
  }

  setHold(identity: Identity, name: string, id: string, held: boolean): void {
    this.#allow(identity, 'hold', name)
    this.#replace(name, { ...this.#find(name, id), held })
  }

  /** Of the current version; also what a lifecycle rule does. */
  setTier(identity: Identity, name: string, tier: Tier): void {
    this.#allow(identity, 'write', name)
    const current = this.currentOf(name)
    if (!current) throw blobMissing()
    this.#replace(name, inTier(current, tier, this.#clock.now()))
  }

  #append(identity: Identity, name: string, bytes: Uint8Array, own?: Lock | 'none'): void {
    const createdAt = this.#clock.serverTime()
    const id = this.#ids.next(this.#clock.now())
    const base = { id, bytes: Uint8Array.from(bytes), createdAt, by: identity.name }
    const plain: BlobVersion = { ...base, held: false, tier: 'Hot' }
    const version = this.#locked(plain, own)
    this.#store(name, { current: id, versions: [...this.#blob(name).versions, version] })
  }

  #locked(version: BlobVersion, own: Lock | 'none' | undefined): BlobVersion {
    if (own === 'none') return version
    if (own) return withLock(version, own, this.#clock.now())
    return this.#policy ? { ...version, lock: inherited(this.#policy, version.createdAt) } : version
  }

  /** Without what soft delete has let go of. */
  #blob(name: string): Blob {
    const blob = this.#blobs.get(name)
    if (!blob) return { current: undefined, versions: [] }
    if (this.#softDeleteDays === 0) return blob
    const since = this.#clock.now() - this.#softDeleteDays * DAY_MS
    const versions = blob.versions.filter(({ deletedMs }) => (deletedMs ?? since + 1) > since)
    return { current: blob.current, versions }
  }

  #listed(name: string): ListedVersion[] {
    const { current } = this.#blob(name)
    return this.versionsOf(name).map((v) => ({ ...v, name, current: v.id === current }))
  }

  #find(name: string, id: string): BlobVersion {
    const version = this.versionsOf(name).find((one) => one.id === id)
    if (!version) throw blobMissing()
    return version
  }

  #replace(name: string, version: BlobVersion): void {
    const { current, versions } = this.#blob(name)
    const replaced = versions.map((other) => (other.id === version.id ? version : other))
    this.#store(name, { current, versions: replaced })
  }

  #store(name: string, blob: Blob): void {
    this.#changes += 1
    if (blob.versions.length === 0) this.#blobs.delete(name)
    else this.#blobs.set(name, blob)
  }

  #allow(identity: Identity, right: BlobRight, name: string): void {
    if (!this.#may(identity, right, name)) throw blobDenied(right)
  }

  #may(identity: Identity, right: BlobRight, name: string): boolean {
    if (!identity[this.name].includes(right)) return false
    if (this.name === 'vault' || right !== 'add') return true
    return identity.opsPrefixes?.some((prefix) => name.startsWith(prefix)) ?? false
  }
}

function startingWith(prefix: string, blobs: readonly [string, Blob][]): string[] {
  return blobs
    .map(([name]) => name)
    .filter((name) => name.startsWith(prefix))
    .sort()
}
