/**
 * One blob container with versions.
 *
 * A write of a name that exists makes a new version, and is refused to an identity that may only
 * add. Readers by name see the newest version, as on Azure; `versionsOf` shows all of them. Times
 * are those of the service: whole seconds. Not here: locks, holds, tiers, soft delete.
 */
import type { BlobStat, BlobStore, CreateOutcome } from '../../src/ports.ts'
import type { SimulatedClock } from './clock.ts'
import type { BlobRight, Identity } from './identities.ts'
import type { SimulatedProcess } from './process.ts'
import { blobDenied, blobTrouble } from './troubles.ts'

export type ContainerName = 'vault' | 'ops'

export interface BlobVersion {
  readonly bytes: Uint8Array
  readonly createdAt: Date
  /** Name of the identity that wrote it. */
  readonly by: string
}

/** Names of one page of a listing: few, so that a listing has several calls. */
const LIST_PAGE_NAMES = 5
/** More pages than any test has. */
const LIST_PAGES_MAX = 10_000

export class BlobContainer {
  readonly name: ContainerName
  readonly #clock: SimulatedClock
  /** Oldest version first; never changed in place, so a copy of the map is a copy of all. */
  readonly #blobs: Map<string, readonly BlobVersion[]>
  #changes = 0

  constructor(name: ContainerName, clock: SimulatedClock, like?: BlobContainer) {
    this.name = name
    this.#clock = clock
    this.#blobs = new Map(like ? like.#blobs : [])
  }

  /** Writes and removals since this object was made. */
  get changes(): number {
    return this.#changes
  }

  names(prefix = ''): string[] {
    return [...this.#blobs.keys()].filter((name) => name.startsWith(prefix)).sort()
  }

  /** Oldest first; empty where there is no such blob. */
  versionsOf(name: string): readonly BlobVersion[] {
    return this.#blobs.get(name) ?? []
  }

  /**
   * A write without a condition, as any other tool would send it: a second one makes a new
   * version. Throws `StorageDenied` where the identity may only add.
   */
  overwrite(identity: Identity, name: string, bytes: Uint8Array): void {
    const need = this.#blobs.has(name) ? 'write' : 'add'
    if (!this.#may(identity, need, name)) throw blobDenied(need)
    this.#append(identity, name, bytes)
  }

  /** Throws `StorageDenied`, as to everybody but the expirer. */
  removeVersion(identity: Identity, name: string, index: number): void {
    if (!this.#may(identity, 'delete-version', name)) throw blobDenied('delete-version')
    const left = this.versionsOf(name).filter((_, i) => i !== index)
    this.#changes += 1
    if (left.length === 0) this.#blobs.delete(name)
    else this.#blobs.set(name, left)
  }

  /** The port, as this identity sees it from this process. */
  open(identity: Identity, process: SimulatedProcess): BlobStore {
    const port = this.name
    const pass = <T>(op: string, name: string, effect: () => T) =>
      process.call({ port, op, target: name }, effect, blobTrouble)
    return {
      create: async (name, bytes, signal) => {
        signal.throwIfAborted()
        return await pass('create', name, () => this.#create(identity, name, bytes))
      },
      read: async (name, signal, range) => {
        signal.throwIfAborted()
        return await pass('read', name, () => this.#read(identity, name, range))
      },
      stat: async (name, signal) => {
        signal.throwIfAborted()
        return await pass('stat', name, () => this.#read(identity, name)?.stat)
      },
      list: (prefix, signal) =>
        listPages(signal, (after) =>
          pass('list', prefix, () => this.#page(identity, prefix, after)),
        ),
    }
  }

  #create(identity: Identity, name: string, bytes: Uint8Array): CreateOutcome {
    const serverTime = this.#clock.serverTime()
    // Azure answers a missing right to overwrite, a missing right to add and a name that exists
    // in ways that the adapter cannot tell apart for sure: all are `refused`.
    if (!this.#may(identity, 'add', name) || this.#blobs.has(name)) {
      return { outcome: 'refused', serverTime }
    }
    this.#append(identity, name, bytes)
    return { outcome: 'created', serverTime }
  }

  #append(identity: Identity, name: string, bytes: Uint8Array): void {
    const createdAt = this.#clock.serverTime()
    const version = { bytes: Uint8Array.from(bytes), createdAt, by: identity.name }
    this.#blobs.set(name, [...this.versionsOf(name), version])
    this.#changes += 1
  }

  #read(identity: Identity, name: string, range?: { offset: number; bytes: number }) {
    if (!this.#may(identity, 'read', name)) throw blobDenied('read')
    const newest = this.versionsOf(name).at(-1)
    if (!newest) return undefined
    const end = range === undefined ? undefined : range.offset + range.bytes
    return { bytes: newest.bytes.slice(range?.offset ?? 0, end), stat: statOf(name, newest) }
  }

  #page(identity: Identity, prefix: string, after: string | undefined): BlobStat[] {
    if (!this.#may(identity, 'read', prefix)) throw blobDenied('read')
    const names = this.names(prefix).filter((name) => after === undefined || name > after)
    return names.slice(0, LIST_PAGE_NAMES).flatMap((name) => {
      const newest = this.versionsOf(name).at(-1)
      return newest ? [statOf(name, newest)] : []
    })
  }

  #may(identity: Identity, right: BlobRight, name: string): boolean {
    if (!identity[this.name].includes(right)) return false
    if (this.name === 'vault' || right !== 'add') return true
    return identity.opsPrefix !== undefined && name.startsWith(identity.opsPrefix)
  }
}

function statOf(name: string, { bytes, createdAt }: BlobVersion): BlobStat {
  return { name, bytes: bytes.length, createdAt: new Date(createdAt) }
}

async function* listPages(
  signal: AbortSignal,
  page: (after: string | undefined) => Promise<BlobStat[]>,
): AsyncGenerator<BlobStat> {
  let after: string | undefined
  for (let n = 0; n < LIST_PAGES_MAX; n += 1) {
    signal.throwIfAborted()
    const stats = await page(after)
    yield* stats
    after = stats.at(-1)?.name
    if (stats.length < LIST_PAGE_NAMES) return
  }
  throw new RangeError('A listing of the simulator has too many pages.')
}
