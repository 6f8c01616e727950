/**
 * A storage account, its queues and a key vault in memory, all from one seed and one clock.
 *
 * State belongs to the account; processes come and go over it, each with an identity and its
 * rights. `fork` copies everything, so that a test may try every way on from one point. What it
 * does not do stands in README.md.
 */
import type { BlobStore, OwnerKeys, QueueSender, TableStore } from '../../src/ports.ts'
import { BlobContainer } from './blobs.ts'
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
/** Of the account's own chance; processes have numbers from 0. */
const KEYS_BRANCH = -2

export interface StorageOptions {
  seed: number
  startMs?: number
  /** How the tables cut their pages; default: a good day. */
  pages?: Partial<PageHabits>
}

/** The ports as one process sees them. */
export interface OpenedStorage {
  vault: BlobStore
  ops: BlobStore
  tables: TableStore
  queues: QueueSender
  keys: OwnerKeys
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

  constructor(options: StorageOptions, like?: SimulatedStorage) {
    this.seed = options.seed
    this.clock = new SimulatedClock(options.startMs ?? START_MS)
    this.vault = new BlobContainer('vault', this.clock, like?.vault)
    this.ops = new BlobContainer('ops', this.clock, like?.ops)
    this.tables = new Tables(like?.tables)
    this.queues = new Queues(like?.queues)
    this.keys = new KeyStore(new SeededRandom(options.seed).branch(KEYS_BRANCH), like?.keys)
    this.#pages = { emptyPages: 0, shortPages: 0, ...options.pages }
    this.#processes = like ? like.#processes : 0
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
    return new SimulatedStorage({ seed, startMs: this.clock.now(), pages }, this)
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
    return {
      vault: this.vault.open(identity, process),
      ops: this.ops.open(identity, process),
      tables: this.tables.open(identity, process, this.#pages),
      queues: this.queues.open(identity, process),
      keys: this.keys.open(identity, process),
      clock: this.clock,
      random: process.random.branch(0),
    }
  }
}
