/**
 * A storage account, its queues and a key vault in memory, all from one seed and one clock.
 *
 * State belongs to the account; processes come and go over it, each with an identity and its
 * rights. `fork` copies everything, so that a test may try every way on from one point; `failedOver`
 * takes an older copy instead. What it does not do stands in README.md.
 */
import type {
  BlobLocks,
  BlobRemoval,
  BlobStore,
  OwnerKeyRemoval,
  OwnerKeys,
  QueueSender,
  TableStore,
} from '../../src/ports.ts'
import { openLocks, openRemoval, openStore } from './blob-ports.ts'
import { BlobContainer, type ContainerName, type ContainerOptions } from './blobs.ts'
import { SimulatedClock } from './clock.ts'
import { IDENTITIES, type IdentityName } from './identities.ts'
import { KeyStore } from './keys.ts'
import { SimulatedProcess } from './process.ts'
import { Queues } from './queues.ts'
import { SeededRandom } from './random.ts'
import { type PageHabits, Tables } from './tables.ts'
import { Trace } from './trace.ts'

const START_MS = Date.UTC(2026, 10, 21, 8)
/** What a call takes. */
const CALL_MS = 3
/** What a failover takes, by Microsoft's guidance. */
const FAILOVER_MS = 3_600_000
/** Of the account's own chance; processes have numbers from 0. */
const KEYS_BRANCH = -2

export interface StorageOptions {
  seed: number
  startMs?: number
  /** How the tables cut their pages; default: a good day. */
  pages?: Partial<PageHabits>
  /** Of both containers; default: no policy, no soft delete. */
  blobs?: ContainerOptions
}

/**
 * The storage accounts that Holdfast has, which fail over one by one: `vault` with the containers,
 * `runtime` with tables and queues. The key vault is no storage account.
 */
export const ACCOUNTS = ['vault', 'runtime'] as const
export type Account = (typeof ACCOUNTS)[number]

/** What a storage is made of when it is made from others. */
interface Parts {
  vault: BlobContainer
  ops: BlobContainer
  tables: Tables
  queues: Queues
  keys: KeyStore
  processes: number
}

/** The ports as one process sees them. */
export interface OpenedStorage {
  vault: BlobStore
  ops: BlobStore
  /** What the keeper does; others are refused. */
  locks: Record<ContainerName, BlobLocks>
  /** What the expirer does; others are refused. */
  removal: Record<ContainerName, BlobRemoval>
  tables: TableStore
  queues: QueueSender
  keys: OwnerKeys
  /** What erasure does; others are refused. */
  keyRemoval: OwnerKeyRemoval
  clock: SimulatedClock
  random: SeededRandom
}

export class SimulatedStorage {
  readonly seed: number
  readonly clock: SimulatedClock
  readonly trace = new Trace()
  readonly vault: BlobContainer
  readonly ops: BlobContainer
  readonly tables: Tables
  readonly queues: Queues
  readonly keys: KeyStore
  readonly #pages: PageHabits
  #processes: number

  constructor(options: StorageOptions, like?: Parts) {
    this.seed = options.seed
    this.clock = new SimulatedClock(options.startMs ?? START_MS)
    const { blobs } = options
    this.vault = new BlobContainer('vault', this.clock, { ...blobs, like: like?.vault })
    this.ops = new BlobContainer('ops', this.clock, { ...blobs, like: like?.ops })
    this.tables = new Tables(like?.tables)
    this.queues = new Queues(like?.queues)
    this.keys = new KeyStore(new SeededRandom(options.seed).branch(KEYS_BRANCH), like?.keys)
    this.#pages = { emptyPages: 0, shortPages: 0, ...options.pages }
    this.#processes = like ? like.processes : 0
  }

  /**
   * Changes of blobs and rows so far. Of two runs of one process from one stage and seed, those
   * with the same number have left the same state, up to the time and the chance of RSA.
   */
  get changes(): number {
    return this.vault.changes + this.ops.changes + this.tables.changes
  }

  /** The same state at the same time, with an empty trace; processes stay behind. */
  fork(changes: Partial<Pick<StorageOptions, 'seed' | 'pages'>> = {}): SimulatedStorage {
    const pages = { ...this.#pages, ...changes.pages }
    const seed = changes.seed ?? this.seed
    return new SimulatedStorage({ seed, startMs: this.clock.now(), pages }, this.#parts())
  }

  /**
   * After an unplanned failover, which takes an hour: these accounts as their second region had
   * them (`secondary`, a fork from the last sync time), everything else as it is here. What was
   * written since is gone, locks and holds that were set since included; neither an etag nor a
   * version id of it comes back for anything else.
   */
  failedOver(
    secondary: SimulatedStorage,
    accounts: readonly Account[] = ACCOUNTS,
  ): SimulatedStorage {
    const parts = this.#parts()
    if (accounts.includes('vault')) {
      Object.assign(parts, { vault: secondary.vault, ops: secondary.ops })
    }
    if (accounts.includes('runtime')) {
      const tables = new Tables(secondary.tables, this.tables.changes)
      Object.assign(parts, { tables, queues: secondary.queues })
    }
    const startMs = this.clock.now() + FAILOVER_MS
    return new SimulatedStorage({ seed: this.seed, startMs, pages: this.#pages }, parts)
  }

  #parts(): Parts {
    const { vault, ops, tables, queues, keys } = this
    return { vault, ops, tables, queues, keys, processes: this.#processes }
  }

  /** A new process, with chance of its own: also those of one role never draw the same. */
  process(name: string): SimulatedProcess {
    const random = new SeededRandom(this.seed).branch(this.#processes)
    this.#processes += 1
    const tick = () => this.clock.advance(CALL_MS)
    return new SimulatedProcess({ name, random, trace: this.trace, tick })
  }

  open(role: IdentityName, process: SimulatedProcess): OpenedStorage {
    const identity = IDENTITIES[role]
    const seat = (name: ContainerName) => {
      return { container: this[name], identity, process, clock: this.clock }
    }
    return {
      vault: openStore(seat('vault')),
      ops: openStore(seat('ops')),
      locks: { vault: openLocks(seat('vault')), ops: openLocks(seat('ops')) },
      removal: { vault: openRemoval(seat('vault')), ops: openRemoval(seat('ops')) },
      tables: this.tables.open(identity, process, this.#pages),
      queues: this.queues.open(identity, process),
      keys: this.keys.open(identity, process),
      keyRemoval: this.keys.openRemoval(identity, process, this.clock),
      clock: this.clock,
      random: process.random.branch(0),
    }
  }
}
