/**
 * The product's ports on a simulated container, as one identity sees them from one process. Every
 * request that the adapters would send is a call of the process, which may die between any two.
 */
import type {
  BlobLocks,
  BlobRemoval,
  BlobStat,
  BlobStore,
  BlobVersion,
  BlobVersions,
} from '../../src/ports.ts'
import type { BlobContainer, ListedVersion } from './blobs.ts'
import type { SimulatedClock } from './clock.ts'
import type { Identity } from './identities.ts'
import type { SimulatedProcess } from './process.ts'
import { blobTrouble } from './troubles.ts'
import { type BlobVersion as Held, refuseIfProtected } from './versions.ts'

/** Entries of one page of a listing: few, so that a listing has several calls. */
const LIST_PAGE_ENTRIES = 5
/** More pages than any test has. */
const LIST_PAGES_MAX = 10_000

/** Whose calls they are, and where they go. */
export interface BlobSeat {
  container: BlobContainer
  identity: Identity
  process: SimulatedProcess
  clock: SimulatedClock
}

export function openStore(seat: BlobSeat): BlobStore {
  const { container, identity } = seat
  const pass = passing(seat)
  return {
    create: (name, bytes, signal) =>
      pass({ op: 'create', name, signal }, () => container.create(identity, name, bytes)),
    read: (name, signal, range) =>
      pass({ op: 'read', name, signal }, () => {
        const version = container.read(identity, name)
        return version && { bytes: sliced(version, range), stat: statOf(name, version) }
      }),
    stat: (name, signal) =>
      pass({ op: 'stat', name, signal }, () => {
        const version = container.look(identity, name)
        return version && statOf(name, version)
      }),
    list: (prefix, signal) =>
      listPages<BlobStat, string>(
        (after) =>
          pass({ op: 'list', name: prefix, signal }, () =>
            container
              .listNames(identity, prefix, after)
              .slice(0, LIST_PAGE_ENTRIES)
              .flatMap((name) => {
                const current = container.currentOf(name)
                return current ? [statOf(name, current)] : []
              }),
          ),
        (stat) => stat.name,
      ),
  }
}

export function openLocks(seat: BlobSeat): BlobLocks {
  const { container, identity } = seat
  const pass = passing(seat)
  return {
    ...openVersions(seat),
    lockUntil: (name, version, until, signal) =>
      pass({ op: 'lock', name, signal }, () => {
        const lock = { untilMs: until.getTime(), mode: 'Locked' } as const
        container.setLock(identity, name, version, lock)
      }),
    setHold: (name, version, held, signal) =>
      pass({ op: held ? 'hold' : 'release', name, signal }, () =>
        container.setHold(identity, name, version, held),
      ),
  }
}

export function openRemoval(seat: BlobSeat): BlobRemoval {
  const { container, identity, clock } = seat
  const pass = passing(seat)
  return {
    ...openVersions(seat),
    async remove(name, version, signal) {
      const found = await pass({ op: 'look', name, signal }, () =>
        container.look(identity, name, version),
      )
      if (!found) return 'missing'
      refuseIfProtected(found, clock.now())
      if (found.current) {
        await pass({ op: 'demote', name, signal }, () => {
          // What a repeated request finds done is done: the adapter asks for this very version.
          if (container.currentOf(name)?.id === version) container.deleteBlob(identity, name)
        })
      }
      return await pass({ op: 'remove', name, signal }, () => {
        if (!container.look(identity, name, version)) return 'missing'
        container.deleteVersion(identity, name, version)
        return 'removed'
      })
    },
  }
}

function openVersions(seat: BlobSeat): BlobVersions {
  const { container, identity } = seat
  const pass = passing(seat)
  return {
    versions: (prefix, signal) =>
      listPages<BlobVersion, BlobVersion>(
        (after) =>
          pass({ op: 'versions', name: prefix, signal }, () =>
            container
              .listVersions(identity, prefix)
              .filter((version) => after === undefined || isAfter(version, after))
              .slice(0, LIST_PAGE_ENTRIES)
              .map(shown),
          ),
        (version) => version,
      ),
    readVersion: (name, version, signal) =>
      pass({ op: 'readVersion', name, signal }, () => {
        const found = container.read(identity, name, version)
        return found && Uint8Array.from(found.bytes)
      }),
  }
}

function passing({ container, process }: BlobSeat) {
  return async <T>(
    { op, name, signal }: { op: string; name: string; signal: AbortSignal },
    effect: () => T,
  ): Promise<T> => {
    signal.throwIfAborted()
    const call = { port: container.name, op, target: name }
    return await process.call(call, effect, blobTrouble)
  }
}

function isAfter(version: ListedVersion, after: BlobVersion): boolean {
  return version.name === after.name ? version.id > after.version : version.name > after.name
}

function shown({ lock, held, current, id, ...version }: ListedVersion): BlobVersion {
  return {
    ...statOf(version.name, version),
    version: id,
    current,
    ...(lock && { lock: { until: new Date(lock.untilMs), locked: lock.mode === 'Locked' } }),
    held,
  }
}

type Bytes = Pick<Held, 'bytes' | 'createdAt'>

function statOf(name: string, { bytes, createdAt }: Bytes): BlobStat {
  return { name, bytes: bytes.length, createdAt: new Date(createdAt) }
}

/** Always in the room that is given, so that who still holds what was there before is noticed. */
function sliced(
  { bytes }: Bytes,
  range?: { offset: number; bytes: number; into?: Uint8Array },
): Uint8Array {
  const piece = bytes.slice(range?.offset ?? 0, range && range.offset + range.bytes)
  if (range?.into === undefined) return piece
  range.into.set(piece)
  return range.into.subarray(0, piece.length)
}

async function* listPages<T, After>(
  page: (after: After | undefined) => Promise<T[]>,
  markOf: (last: T) => After,
): AsyncGenerator<T> {
  let after: After | undefined
  for (let n = 0; n < LIST_PAGES_MAX; n += 1) {
    const entries = await page(after)
    yield* entries
    const last = entries.at(-1)
    if (last === undefined || entries.length < LIST_PAGE_ENTRIES) return
    after = markOf(last)
  }
  throw new RangeError('A listing of the simulator has too many pages.')
}
