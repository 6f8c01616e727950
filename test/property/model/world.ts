/**
 * One owner of the simulated tenant, in process, backed up by the product's own Graph client,
 * workload, capture, vault and catalogue over the storage simulator. One clock for all of it,
 * which only steps, port calls and naps of the client move.
 */

import { createHash } from 'node:crypto'
import {
  type IdentityName,
  type SimulatedProcess,
  SimulatedStorage,
} from '../../../sandbox/storage/index.ts'
import {
  BACKUP_CLIENT_ID,
  type InProcessTenant,
  openTenant,
} from '../../../sandbox/tenant/index.ts'
import { runSlice, type SliceResult } from '../../../src/capture/index.ts'
import { SLICE_SETTINGS } from '../../../src/capture/testing/settings.ts'
import { createCatalogue } from '../../../src/catalogue/index.ts'
import type { Catalogue, Owner, StreamTables } from '../../../src/catalogue/types.ts'
import {
  createGovernor,
  createGraph,
  type Graph,
  SERVICE_LIMITS,
} from '../../../src/graph/index.ts'
import { keyHash, type OwnerId, parseOwnerId } from '../../../src/model/ids.ts'
import type { Clock, Randomness } from '../../../src/ports.ts'
import { createVault } from '../../../src/vault/index.ts'
import type { VaultApi } from '../../../src/vault/types.ts'
import { type BeforeCall, through } from '../../passing.ts'
import { Notes } from './notes.ts'
import type { Parts, Plant } from './plants.ts'
import type { Doing, Kind, Source } from './source.ts'
import type { Setting } from './story.ts'

export const NEVER = new AbortController().signal
export const OWNER: OwnerId = parseOwnerId('0123456789abcdef0123456789abcdef')
/** An item that left is told deleted by a round that begins so much later. */
export const DELETION_LAG_MS = 30 * 60_000
export const LEASE_SLACK_MS = 60_000
/** Small, so that a commit has several packs. */
const PACK_BYTES = 4096
/** Of content that takes several slices. */
const PIECE_BYTES = 1024
/** The client's timer of one attempt; every other sleep of it is shorter. */
const ATTEMPT_MS = 100_000
/** What one client draws from: its own branch of its process. */
const GRAPH_BRANCH = 7

/** A process with what it built; it keeps its data keys and the state of its Graph client. */
export interface Worker {
  readonly process: SimulatedProcess
  slice(ms: number, beforeCall: BeforeCall): Promise<SliceResult>
}

export interface Built {
  vault: VaultApi
  catalogue: Catalogue
}

interface Made<D extends Doing> {
  readonly storage: SimulatedStorage
  readonly tenant: InProcessTenant
  readonly source: Source<D>
  readonly notes: Notes
  readonly token: string
}

export class World<D extends Doing> {
  readonly storage: SimulatedStorage
  readonly tenant: InProcessTenant
  readonly source: Source<D>
  readonly notes: Notes
  readonly #setting: Setting
  readonly #token: string
  readonly #plant: Plant

  private constructor(setting: Setting, made: Made<D>, plant: Plant) {
    this.#plant = plant
    this.#setting = setting
    this.storage = made.storage
    this.tenant = made.tenant
    this.source = made.source
    this.notes = made.notes
    this.#token = made.token
  }

  /** A new account and a new tenant with one registered owner. To be closed. */
  static async open<D extends Doing>(
    kind: Kind<D>,
    setting: Setting,
    plant: Plant = (parts) => parts,
  ): Promise<World<D>> {
    const storage = new SimulatedStorage({ seed: setting.seed })
    const now = storage.clock.now
    const settings = { latencyMs: 0, throttling: false, seed: setting.seed }
    const tenant = await openTenant({ clock: now, settings })
    const notes = new Notes()
    const source = await kind.open({ tenant, now, notes })
    // Longer than any story: sign-in is not what this is about.
    const life = { clientId: BACKUP_CLIENT_ID, lifeSeconds: 10 * 365 * 86_400 }
    const { token } = await tenant.control.issueAppToken(life)
    const world = new World(setting, { storage, tenant, source, notes, token }, plant)
    await world.#setUp()
    return world
  }

  async #setUp(): Promise<void> {
    const { storage, source } = this
    storage.tables.make()
    const { vault, catalogue } = this.built('writer', storage.process('setup'))
    await vault.prepare(NEVER)
    const { graphId, resource } = source
    await vault.registerOwner({ owner: OWNER, graphId, kind: resource, name: 'U' }, NEVER)
    await catalogue.markReady(NEVER)
    await catalogue.owners.insert(ownerRow(source, storage.clock.now()), NEVER)
  }

  close(): void {
    this.tenant.close()
  }

  /** `storage`: another account than this world's. */
  built(role: IdentityName, process: SimulatedProcess, storage = this.storage): Built {
    const { vault: store, tables, keys, clock, random } = storage.open(role, process)
    const settings = { packBytes: PACK_BYTES, toolVersion: 'model' }
    const vault = createVault({ vault: store, keys, clock, random, ...settings })
    const windows = { protectionDays: 30, generationDays: 30, tenantId: this.tenant.tenantId }
    return { vault, catalogue: createCatalogue({ tables, clock, random, ...windows }) }
  }

  /** The rows as somebody who only reads sees them. */
  tables(): StreamTables {
    const { catalogue } = this.built('reader', this.storage.process('watcher'))
    return catalogue.stream(OWNER, this.source.workload)
  }

  /** What a process with the rights of the backup role works with, planted bugs included. */
  writer(process: SimulatedProcess): Parts {
    const { pageSize } = this.#setting
    const graph = this.#graph(process)
    const tenant = this.tenant.tenantId
    const clock = hurried(this.storage.clock)
    const workload = this.source.reading({ graph, clock, tenant, pageSize })
    return this.#plant({ ...this.built('writer', process), workload })
  }

  worker(name: string): Worker {
    const process = this.storage.process(name)
    const { clock } = this.storage
    const { vault, catalogue, workload } = this.writer(process)
    let slices = 0
    const slice = async (sliceMs: number, beforeCall: BeforeCall) => {
      slices += 1
      const passing = through(process, workload, beforeCall)
      const input = { owner: OWNER, holder: `${name} ${slices}`, progress: async () => undefined }
      const settings = this.#settings(sliceMs)
      const deps = { vault, catalogue, workload: () => passing, clock, settings }
      return await runSlice(input, deps, NEVER)
    }
    return { process, slice }
  }

  #settings(sliceMs: number) {
    return {
      ...{ ...SLICE_SETTINGS, sliceMs, commitEvents: this.#setting.commitEvents },
      ...{ packBytes: PACK_BYTES, pieceBytes: PIECE_BYTES },
      ...{ deletionLagMs: DELETION_LAG_MS, leaseSlackMs: LEASE_SLACK_MS },
      ...this.#setting.upkeep,
    }
  }

  #graph(process: SimulatedProcess): Graph {
    const clock = hurried(this.storage.clock)
    const random: Randomness = process.random.branch(GRAPH_BRANCH)
    // More slots than a reader ever uses at once: nobody waits for another here.
    const { outlook, sharepoint } = SERVICE_LIMITS
    const slots = { outlook: { ...outlook, slots: 100 }, sharepoint: { ...sharepoint, slots: 100 } }
    const limits = { ...SERVICE_LIMITS, ...slots }
    return createGraph({
      baseUrl: this.tenant.url,
      scope: 'https://graph.microsoft.com/.default',
      app: BACKUP_CLIENT_ID,
      tokens: { token: async () => ({ token: this.#token, expiresAt: Number.MAX_SAFE_INTEGER }) },
      transport: async (request) => {
        const response = await this.tenant.send(request)
        await this.source.answered?.(request, response)
        return response
      },
      governor: createGovernor({ clock, random, limits }),
      attemptMs: ATTEMPT_MS,
      ...{ clock, random },
    })
  }
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/** Naps end at once, with the time moved on. The timer of an attempt runs as it should. */
function hurried(clock: Clock & { advance(ms: number): void }): Clock {
  return {
    now: clock.now,
    sleep: async (ms, signal) => {
      if (ms >= ATTEMPT_MS) return await clock.sleep(ms, signal)
      signal.throwIfAborted()
      clock.advance(ms)
    },
  }
}

function ownerRow({ graphId, workload }: Source<Doing>, now: number): Owner {
  return {
    owner: OWNER,
    resource: keyHash(graphId),
    graphId,
    workloads: [workload],
    dueAt: new Date(now).toISOString(),
    coverage: 'waiting',
    trouble: '',
    attempts: 0,
    ledgerOpen: 0,
  }
}
