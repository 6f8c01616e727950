/**
 * A BlobStore in memory for tests: create-only, strict, and scriptable.
 *
 * What it holds can be spoiled on purpose (`blobs` is open), and the next call of a kind can be
 * made to fail before or after it has its effect. It has no versions, locks or rights: those are
 * in the storage simulator.
 */
import { AppError } from '../../model/errors.ts'
import type { BlobStat, BlobStore, CreateOutcome } from '../../ports.ts'

/** `before`: nothing happened; `after`: it happened and the answer was lost. */
export interface Fault {
  call: 'create' | 'read' | 'stat' | 'list'
  /** Only for names that match. */
  name?: RegExp
  when: 'before' | 'after'
}

export interface MemoryBlobStore extends BlobStore {
  readonly blobs: Map<string, { bytes: Uint8Array; createdAt: Date }>
  /** Names in the order in which they were created or refused. */
  readonly creates: string[]
  /** The next matching call fails with a transient error, once. */
  failNext(fault: Fault): void
  /** Faults that were planned and not met; a test ends with none. */
  readonly faultsLeft: readonly Fault[]
  /** Runs before each create takes effect: to hold one up, or to let another writer pass. */
  beforeCreate: ((name: string) => Promise<void>) | undefined
}

/** `now` is the service's clock; like a real one it tells whole seconds. */
export function createMemoryBlobStore(now: () => number = Date.now): MemoryBlobStore {
  const blobs = new Map<string, { bytes: Uint8Array; createdAt: Date }>()
  const faults: Fault[] = []
  const creates: string[] = []
  const serverTime = () => new Date(Math.floor(now() / 1000) * 1000)
  const meet = (call: Fault['call'], name: string, when: Fault['when']) => {
    const at = faults.findIndex(
      (f) => f.call === call && f.when === when && (f.name?.test(name) ?? true),
    )
    if (at === -1) return
    faults.splice(at, 1)
    throw new AppError({
      code: 'StorageUnavailable',
      kind: 'transient',
      message: `A planned fault: ${call} failed ${when} its effect.`,
    })
  }
  const statOf = (name: string): BlobStat | undefined => {
    const blob = blobs.get(name)
    return blob && { name, bytes: blob.bytes.length, createdAt: blob.createdAt }
  }
  const store: MemoryBlobStore = {
    blobs,
    creates,
    faultsLeft: faults,
    beforeCreate: undefined,
    failNext: (fault) => {
      faults.push(fault)
    },
    async create(name, bytes, signal): Promise<CreateOutcome> {
      signal.throwIfAborted()
      await store.beforeCreate?.(name)
      meet('create', name, 'before')
      creates.push(name)
      const outcome = blobs.has(name) ? 'refused' : 'created'
      const at = serverTime()
      if (outcome === 'created') blobs.set(name, { bytes: Uint8Array.from(bytes), createdAt: at })
      meet('create', name, 'after')
      return { outcome, serverTime: at }
    },
    async read(name, signal, range) {
      signal.throwIfAborted()
      meet('read', name, 'before')
      const stat = statOf(name)
      const whole = blobs.get(name)?.bytes
      if (stat === undefined || whole === undefined) return undefined
      return { bytes: answerOf(whole, range), stat }
    },
    async stat(name, signal) {
      signal.throwIfAborted()
      meet('stat', name, 'before')
      return statOf(name)
    },
    async *list(prefix, signal) {
      const names = [...blobs.keys()].filter((name) => name.startsWith(prefix)).sort()
      for (const name of names) {
        signal.throwIfAborted()
        meet('list', name, 'before')
        const stat = statOf(name)
        if (stat !== undefined) yield stat
      }
    },
  }
  return store
}

/** In the room that is given, so that a test notices who still holds what was there before. */
function answerOf(
  whole: Uint8Array,
  range?: { offset: number; bytes: number; into?: Uint8Array },
): Uint8Array {
  const { offset, bytes, into } = { offset: 0, bytes: whole.length, ...range }
  const piece = whole.slice(offset, offset + bytes)
  if (into === undefined) return piece
  into.fill(0xa5)
  into.set(piece)
  return into.subarray(0, piece.length)
}
