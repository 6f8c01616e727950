/**
 * One owner of the simulated tenant, in process, backed up by the product's own Graph client, mail
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
import { createGovernor, createGraph, SERVICE_LIMITS } from '../../../src/graph/index.ts'
import { type GraphId, keyHash, type OwnerId, parseOwnerId } from '../../../src/model/ids.ts'
import type { Clock, Randomness } from '../../../src/ports.ts'
import { createVault } from '../../../src/vault/index.ts'
import type { VaultApi } from '../../../src/vault/types.ts'
import { mailWorkload } from '../../../src/workloads/mail/index.ts'
import type { StreamReader, Workload } from '../../../src/workloads/workload.ts'
import { Mailbox } from './mailbox.ts'
import { type Plant, planted } from './plants.ts'
import type { Story } from './story.ts'

export const NEVER = new AbortController().signal
export const OWNER: OwnerId = parseOwnerId('0123456789abcdef0123456789abcdef')
/** An item that left is told deleted by a round that begins so much later. */
export const DELETION_LAG_MS = 30 * 60_000
export const LEASE_SLACK_MS = 60_000
/** Small, so that a commit has several packs. */
const PACK_BYTES = 4096
/** The client's timer of one attempt; every other sleep of it is shorter. */
const ATTEMPT_MS = 100_000
/** What one client draws from: its own branch of its process. */
const GRAPH_BRANCH = 7

/** What the tenant sent as the MIME of a message, by the hash of its bytes. */
export interface Served {
  readonly message: GraphId
  readonly token: string
}

/** Happens before each call of the reader. */
export type BeforeCall = (n: number) => Promise<void>

/** A process with what it built; it keeps its data keys and the state of its Graph client. */
export interface Worker {
  readonly process: SimulatedProcess
  slice(ms: number, beforeCall: BeforeCall): Promise<SliceResult>
}

export class MailWorld {
  readonly storage: SimulatedStorage
  readonly tenant: InProcessTenant
  readonly mailbox: Mailbox
  readonly served = new Map<string, Served>()
  readonly #story: Omit<Story, 'steps'>
  readonly #token: string
  readonly #plant: Plant | undefined

  private constructor(
    story: Omit<Story, 'steps'>,
    made: Pick<MailWorld, 'storage' | 'tenant' | 'mailbox'> & { token: string },
    plant: Plant | undefined,
  ) {
    this.#plant = plant
    this.#story = story
    this.storage = made.storage
    this.tenant = made.tenant
    this.mailbox = made.mailbox
    this.#token = made.token
  }

  /** A new account and a new tenant with one registered owner. To be closed. */
  static async open(story: Omit<Story, 'steps'>, plant?: Plant): Promise<MailWorld> {
    const storage = new SimulatedStorage({ seed: story.seed })
    const clock = storage.clock.now
    const settings = { latencyMs: 0, throttling: false, seed: story.seed }
    const tenant = await openTenant({ clock, settings })
    const mailbox = await Mailbox.open(tenant, clock)
    // Longer than any story: sign-in is not what this is about.
    const life = { clientId: BACKUP_CLIENT_ID, lifeSeconds: 10 * 365 * 86_400 }
    const { token } = await tenant.control.issueAppToken(life)
    const world = new MailWorld(story, { storage, tenant, mailbox, token }, plant)
    storage.tables.make()
    const { vault, catalogue } = world.built('writer', storage.process('setup'))
    await vault.prepare(NEVER)
    const person = { owner: OWNER, graphId: mailbox.user, kind: 'user', name: 'U' }
    await vault.registerOwner(person, NEVER)
    await catalogue.markReady(NEVER)
    await catalogue.owners.insert(ownerRow(mailbox.user, storage.clock.now()), NEVER)
    return world
  }

  close(): void {
    this.tenant.close()
  }

  built(
    role: IdentityName,
    process: SimulatedProcess,
    storage: SimulatedStorage = this.storage,
  ): { vault: VaultApi; catalogue: Catalogue } {
    const { vault: store, tables, keys, clock, random } = storage.open(role, process)
    const settings = { packBytes: PACK_BYTES, toolVersion: 'model' }
    const vault = createVault({ vault: store, keys, clock, random, ...settings })
    const windows = { protectionDays: 30, generationDays: 30, tenantId: this.tenant.tenantId }
    return { vault, catalogue: createCatalogue({ tables, clock, random, ...windows }) }
  }

  /** The rows as somebody who only reads sees them. */
  tables(): StreamTables {
    return this.built('reader', this.storage.process('watcher')).catalogue.stream(OWNER, 'mail')
  }

  worker(name: string): Worker {
    const process = this.storage.process(name)
    const { clock } = this.storage
    const { pageSize } = this.#story
    const reading = mailWorkload({ graph: this.#graph(process), pageSize })
    const parts = { ...this.built('writer', process), mail: reading }
    const { vault, catalogue, mail } = planted(parts, this.#plant)
    let slices = 0
    const slice = async (sliceMs: number, beforeCall: BeforeCall) => {
      slices += 1
      const workload = through(process, mail, beforeCall)
      const input = { owner: OWNER, holder: `${name} ${slices}`, progress: async () => undefined }
      const settings = this.#settings(sliceMs)
      const deps = { vault, catalogue, workload: () => workload, clock, settings }
      return await runSlice(input, deps, NEVER)
    }
    return { process, slice }
  }

  #settings(sliceMs: number) {
    return {
      ...{ ...SLICE_SETTINGS, sliceMs, commitEvents: this.#story.commitEvents },
      ...{ packBytes: PACK_BYTES, deletionLagMs: DELETION_LAG_MS, leaseSlackMs: LEASE_SLACK_MS },
      ...this.#story.upkeep,
    }
  }

  #graph(process: SimulatedProcess) {
    const clock = hurried(this.storage.clock)
    const random: Randomness = process.random.branch(GRAPH_BRANCH)
    // More slots than a reader ever uses at once: nobody waits for another here.
    const outlook = { ...SERVICE_LIMITS.outlook, slots: 100 }
    const limits = { ...SERVICE_LIMITS, outlook }
    return createGraph({
      baseUrl: this.tenant.url,
      scope: 'https://graph.microsoft.com/.default',
      app: BACKUP_CLIENT_ID,
      tokens: { token: async () => ({ token: this.#token, expiresAt: Number.MAX_SAFE_INTEGER }) },
      transport: (request) => this.#send(request),
      governor: createGovernor({ clock, random, limits }),
      attemptMs: ATTEMPT_MS,
      ...{ clock, random },
    })
  }

  /** Notes which version of a message the bytes of an answer are. */
  async #send(request: Request): Promise<Response> {
    const response = await this.tenant.send(request)
    const [, id] = /\/messages\/([^/]+)\/\$value$/.exec(new URL(request.url).pathname) ?? []
    if (id === undefined || response.status !== 200) return response
    const message = decodeURIComponent(id) as GraphId
    // Also what was deleted can be fetched, while the owner may still have it back.
    const past = this.mailbox.messages.get(message)?.until(this.storage.clock.now())
    const token = past?.at(-1)?.token
    if (token === undefined) return response
    const copy = response.clone()
    // A body that is cut off was not served.
    const bytes = await copy.bytes().catch(() => undefined)
    if (bytes) this.served.set(sha256(bytes), { message, token })
    return response
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

/** Every call to the service passes the process: it may die or sleep there like anywhere else. */
function through(process: SimulatedProcess, mail: Workload, beforeCall: BeforeCall): Workload {
  let calls = 0
  const pass = async <T>(op: string, target: string, effect: () => Promise<T>): Promise<T> => {
    calls += 1
    await beforeCall(calls)
    return await process.call({ port: 'graph', op, target }, effect)
  }
  const passing = (reader: StreamReader): StreamReader => ({
    // One at a time, so that a story means the same calls in every run.
    concurrency: 1,
    requests: () => reader.requests(),
    changes: (container, link, signal) =>
      pass('changes', container, () => reader.changes(container, link, signal)),
    content: (item, signal) => pass('content', item.id, () => reader.content(item, signal)),
    item: (id, signal) => pass('item', id, () => reader.item(id, signal)),
  })
  return { ...mail, reader: (owner) => passing(mail.reader(owner)) }
}

function ownerRow(graphId: GraphId, now: number): Owner {
  return {
    owner: OWNER,
    resource: keyHash(graphId),
    graphId,
    workloads: ['mail'],
    dueAt: new Date(now).toISOString(),
    coverage: 'waiting',
    trouble: '',
    attempts: 0,
    ledgerOpen: 0,
  }
}
