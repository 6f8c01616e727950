/**
 * One owner with a scripted mailbox over the storage simulator, worked by real slices.
 *
 * A world can be forked: the storage is copied, and the mailbox is told its story again from the
 * beginning (it is a function of its story). So every crash point starts from the same state.
 */

import {
  type IdentityName,
  type OpenedStorage,
  type SimulatedProcess,
  SimulatedStorage,
} from '../../../sandbox/storage/index.ts'
import type { SliceSettings } from '../../../src/capture/index.ts'
import { runSlice, type SliceResult } from '../../../src/capture/index.ts'
import { ScriptedMailbox } from '../../../src/capture/testing/scripted-mailbox.ts'
import { SLICE_SETTINGS } from '../../../src/capture/testing/settings.ts'
import { createCatalogue } from '../../../src/catalogue/index.ts'
import type { Catalogue, Owner } from '../../../src/catalogue/types.ts'
import { AppError } from '../../../src/model/errors.ts'
import { type GraphId, keyHash, type OwnerId, parseOwnerId } from '../../../src/model/ids.ts'
import { createVault } from '../../../src/vault/index.ts'
import type { VaultApi } from '../../../src/vault/types.ts'
import { through } from '../../passing.ts'

export const NEVER = new AbortController().signal
export const OWNER: OwnerId = parseOwnerId('0123456789abcdef0123456789abcdef')
export const USER = 'user' as GraphId
export const LAG_MS = 30 * 60_000
export const INTERVAL_MS = 60 * 60_000
const TENANT = '11111111-2222-4333-8444-555555555555'
/** Small, so that a commit has several packs. */
const PACK_BYTES = 2048
const LEASE_SLACK_MS = 60_000
/** An owner that does not settle within this many slices never does. */
const SLICES_MAX = 100

/** What people did in the mailbox, or what was scripted to happen while it is read. */
export type Story = (box: ScriptedMailbox) => void

export interface WorldOptions {
  seed: number
  /** Events after which a commit is written. */
  commitEvents: number
  /** Length of a slice; a call takes a few ms. */
  sliceMs: number
  /** When bases and commits of cursors fall due, where the scenario is about them. */
  upkeep?: Partial<SliceSettings>
}

export interface Built {
  vault: VaultApi
  catalogue: Catalogue
}

export interface PlantSite {
  storage: SimulatedStorage
  process: SimulatedProcess
}

/** Wrappers of the ports, or of what stands on them: how bugs are planted (plants.ts). */
export interface Plants {
  ports?: (ports: OpenedStorage, site: PlantSite) => OpenedStorage
  built?: (built: Built) => Built
}

/** One process with what it built; it keeps its data keys and nothing else. */
export interface Worker {
  process: SimulatedProcess
  slice(): Promise<SliceResult>
}

export class CaptureWorld {
  readonly storage: SimulatedStorage
  readonly box = new ScriptedMailbox()
  readonly #options: WorldOptions
  readonly #stories: Story[] = []

  private constructor(options: WorldOptions, storage: SimulatedStorage) {
    this.#options = options
    this.storage = storage
  }

  /** A new account with one registered owner. */
  static async make(options: WorldOptions): Promise<CaptureWorld> {
    const storage = new SimulatedStorage({ seed: options.seed })
    const world = new CaptureWorld(options, storage)
    storage.tables.make()
    const { vault, catalogue } = world.built('writer', storage.process('setup'))
    await vault.prepare(NEVER)
    const person = { owner: OWNER, graphId: USER, kind: 'user', name: 'U' }
    await vault.registerOwner(person, NEVER)
    await catalogue.markReady(NEVER)
    await catalogue.owners.insert(ownerRow(storage.clock.now()), NEVER)
    return world
  }

  /** The same state once more, with other chances of the account if asked. */
  fork(changes: Parameters<SimulatedStorage['fork']>[0] = {}): CaptureWorld {
    const world = new CaptureWorld(this.#options, this.storage.fork(changes))
    for (const story of this.#stories) world.tell(story)
    return world
  }

  tell(story: Story): void {
    this.#stories.push(story)
    story(this.box)
  }

  built(role: IdentityName, process: SimulatedProcess, plants: Plants = {}): Built {
    const { storage } = this
    const opened = storage.open(role, process)
    const ports = plants.ports ? plants.ports(opened, { storage, process }) : opened
    const { vault: store, ops, tables, keys, random } = ports
    const { clock } = storage
    const vault = createVault({
      vault: store,
      ops,
      keys,
      clock,
      random,
      packBytes: PACK_BYTES,
      toolVersion: 'crash',
    })
    const windows = { protectionDays: 30, generationDays: 30 }
    const catalogue = createCatalogue({ tables, tenantId: TENANT, clock, random, ...windows })
    const built = { vault, catalogue }
    return plants.built ? plants.built(built) : built
  }

  /** A process with the rights of the backup role. */
  worker(name: string, plants: Plants = {}): Worker {
    const process = this.storage.process(name)
    const { vault, catalogue } = this.built('writer', process, plants)
    const { clock } = this.storage
    const workload = through(process, this.box.workload(clock))
    const deps = { vault, catalogue, workload: () => workload, clock, settings: this.#settings() }
    let slices = 0
    const slice = async () => {
      slices += 1
      const holder = `${name} ${slices}`
      return await runSlice({ owner: OWNER, holder, progress: async () => undefined }, deps, NEVER)
    }
    return { process, slice }
  }

  #settings() {
    const { commitEvents, sliceMs, upkeep } = this.#options
    return {
      ...SLICE_SETTINGS,
      ...{ commitEvents, sliceMs, packBytes: PACK_BYTES, leaseSlackMs: LEASE_SLACK_MS },
      ...{ deletionLagMs: LAG_MS, intervalMs: INTERVAL_MS, fullReadMs: INTERVAL_MS },
      ...upkeep,
    }
  }

  /** Entries of the ledger, and items that left and are not told deleted yet. */
  async hasOpenEntries(): Promise<boolean> {
    const { catalogue } = this.built('reader', this.storage.process('watcher'))
    for await (const _ of catalogue.stream(OWNER, 'mail').open(NEVER)) return true
    return false
  }

  /** Slices of this process until the round is complete. */
  async round(worker: Worker): Promise<void> {
    for (let n = 0; n < SLICES_MAX; n += 1) {
      const state = await stateAfter(worker)
      if (state === 'done') return
      const waitMs = state === 'more' ? 1000 : LEASE_SLACK_MS + this.#options.sliceMs
      this.storage.clock.advance(waitMs)
    }
    throw new Error('The mailbox does not settle.')
  }
}

/** A lane takes an owner whose row could not be read or written for one that has to wait. */
async function stateAfter(worker: Worker): Promise<SliceResult['state']> {
  try {
    return (await worker.slice()).state
  } catch (error) {
    if (error instanceof AppError && error.kind === 'transient') return 'wait'
    throw error
  }
}

function ownerRow(now: number): Owner {
  return {
    owner: OWNER,
    resource: keyHash(USER),
    graphId: USER,
    workloads: ['mail'],
    dueAt: new Date(now).toISOString(),
    coverage: 'waiting',
    trouble: '',
    attempts: 0,
    ledgerOpen: 0,
  }
}
