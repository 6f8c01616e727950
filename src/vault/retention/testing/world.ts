/**
 * A vault under locks on the storage simulator, with a writer that says what it commits, a keeper
 * and an expirer with their own rights, and rules that are written down by hand.
 */
import assert from 'node:assert/strict'
import {
  type DefaultPolicy,
  IDENTITIES,
  type IdentityName,
  type OpenedStorage,
  SimulatedStorage,
} from '../../../../sandbox/storage/index.ts'
import { createCatalogue } from '../../../catalogue/index.ts'
import type { Catalogue } from '../../../catalogue/types.ts'
import type { CommitRef, StreamEvent } from '../../../model/events.ts'
import { keyHash, type OwnerId, type WorkloadName } from '../../../model/ids.ts'
import type { Retention } from '../../../model/retention.ts'
import { createVault } from '../../index.ts'
import { contentOf, graphId, never, putEvent, version } from '../../testing/fixture.ts'
import { baseOf } from '../../testing/states.ts'
import type { BaseIndex, StreamVault } from '../../types.ts'
import { DAY_MS } from '../days.ts'
import { type ExpirerDeps, executePlans, planExpiry } from '../expirer.ts'
import { type KeeperDeps, type KeeperProgress, keeperStep } from '../keeper.ts'
import { createRecord, datedName, type RecordKind } from '../ops-records.ts'
import { ADA, putPolicy } from './records.ts'

/** R = G = 30: what is new is locked for 60 days. */
export const WINDOWS = { protectionDays: 30, generationDays: 30 }
export const LOCK_DAYS = 60
export const DELAY_DAYS = 30
const TENANT = '11111111-2222-4333-8444-555555555555'
const NOT_AFTER = Number.MAX_SAFE_INTEGER
/** Whole seconds, as storage tells them. */
const START_MS = Date.parse('2026-03-01T10:00:00.000Z')
/** Fills a pack, so that each version has one of its own. */
const PACK_BYTES = 1024
/** A commit of so much noise does not hold its parts and indexes inside. */
const BULKY_BYTES = 300_000

export const stream = (owner: OwnerId, workload: WorkloadName) => ({ owner, workload })
export const MAIL = stream(ADA, 'mail')

export interface CommitOptions {
  at?: typeof MAIL
  complete?: boolean
  bulky?: boolean
  base?: BaseIndex
  /** In place of a version of the item. */
  events?: StreamEvent[]
}

export class RetentionWorld {
  readonly storage: SimulatedStorage
  readonly #refs = new Map<string, CommitRef[]>()
  readonly #writer: ReturnType<RetentionWorld['hire']>

  private constructor(storage: SimulatedStorage) {
    this.storage = storage
    this.#writer = this.hire()
  }

  /** `policy`: the default of both containers. */
  static async make(
    policy: DefaultPolicy | 'none' = { days: LOCK_DAYS, mode: 'Locked' },
  ): Promise<RetentionWorld> {
    const blobs = policy === 'none' ? {} : { policy }
    const storage = new SimulatedStorage({ seed: 1, startMs: START_MS, blobs })
    storage.tables.make()
    const world = new RetentionWorld(storage)
    await world.#writer.vault.prepare(never)
    await world.#writer.catalogue.markReady(never)
    return world
  }

  fork(): RetentionWorld {
    const world = new RetentionWorld(this.storage.fork())
    for (const [name, refs] of this.#refs) world.#refs.set(name, [...refs])
    return world
  }

  get now(): number {
    return this.storage.clock.now()
  }

  /** Not back. */
  at(ms: number): void {
    assert.ok(ms >= this.now)
    this.storage.clock.advance(ms - this.now)
  }

  days(n: number): void {
    this.storage.clock.advance(n * DAY_MS)
  }

  open(role: IdentityName): OpenedStorage {
    return this.storage.open(role, this.storage.process(role))
  }

  /** A new process of the writer. */
  hire() {
    const ports = this.open('writer')
    const { vault: store, ops, keys, clock, random } = ports
    const vault = createVault({
      ...{ vault: store, ops, keys, clock, random, packBytes: PACK_BYTES, toolVersion: 'test' },
    })
    return { vault, store, catalogue: this.catalogue(ports) }
  }

  catalogue({ tables, random } = this.open('expirer')): Catalogue {
    const { clock } = this.storage
    return createCatalogue({ tables, tenantId: TENANT, clock, random, ...WINDOWS })
  }

  async register(owner: OwnerId, row = true): Promise<void> {
    const id = graphId(`user ${owner}`)
    await this.#writer.vault.registerOwner({ owner, graphId: id, kind: 'user', name: 'U' }, never)
    if (!row) return
    const state = { coverage: 'waiting', trouble: '', attempts: 0, ledgerOpen: 0 } as const
    const dueAt = new Date(this.now).toISOString()
    const workloads = ['mail', 'drive'] as const
    await this.catalogue().owners.insert(
      {
        ...{ owner, resource: keyHash(id), graphId: id },
        workloads: [...workloads],
        dueAt,
        ...state,
      },
      never,
    )
  }

  refs({ owner, workload } = MAIL): CommitRef[] {
    const name = `${owner}/${workload}`
    const refs = this.#refs.get(name) ?? []
    this.#refs.set(name, refs)
    return refs
  }

  async stream({ owner, workload } = MAIL): Promise<StreamVault> {
    return await this.#writer.vault.stream(owner, workload, never)
  }

  /** A new version of an item; answers the seq and the names of the blobs that came with it. */
  async commit(
    item: string,
    { at = MAIL, complete = true, bulky = false, base, events }: CommitOptions = {},
  ): Promise<{ seq: number; names: string[] }> {
    this.storage.clock.advance(60_000)
    const before = new Set(this.storage.vault.names())
    const refs = this.refs(at)
    const vault = await this.stream(at)
    const writer = vault.begin(refs.at(-1))
    const told = events ?? []
    if (item !== '') {
      const content = Buffer.from(`${item} ${refs.length}`.repeat(20))
      const event = putEvent(item, await writer.addVersion(version(item, content), never))
      if (bulky) event.marker.change = noise(this.open('writer').random.bytes(BULKY_BYTES))
      told.push(event)
    }
    const options = { complete, ...(base && { base }) }
    const result = await writer.commit(contentOf(told), options, never)
    assert.ok(result.outcome === 'committed')
    const { seq, hash, time } = result.commit
    refs.push({ seq, hash, time })
    const tables = this.catalogue().stream(at.owner, at.workload)
    await tables.apply(result.commit, { secret: vault.secret, notAfter: NOT_AFTER }, never)
    return { seq, names: this.storage.vault.names().filter((name) => !before.has(name)) }
  }

  /** A base of the newest state, or of an older one. Without some items, as a thief would make it. */
  async base({ at = MAIL, asOf = this.refs(at).at(-1), forged = false, item = '' } = {}) {
    assert.ok(asOf)
    const honest = await this.stream(at)
    const thief: StreamVault = {
      ...honest,
      writeBasePart: (of, lines, signal) => {
        const kept = lines.filter((line, n) => line.is !== 'item' || n > 0)
        return honest.writeBasePart(of, kept, signal)
      },
    }
    const base = await baseOf(forged ? thief : honest, asOf, 100)
    return { base, ...(await this.commit(item, { at, base, complete: item !== '' })) }
  }

  /** By whoever holds the key of the account, under any name. */
  async raw(name: string, text: string, container: 'vault' | 'ops' = 'ops'): Promise<void> {
    this.storage[container].overwrite(IDENTITIES.account, name, Buffer.from(text))
  }

  async policy(n: number, retention: Retention): Promise<void> {
    await putPolicy(this.open('account').ops, n, retention, this.now)
  }

  async put<T>(kind: RecordKind<T>, id: string, document: T): Promise<void> {
    await createRecord(this.open('account').ops, datedName(kind, id, this.now), document, never)
  }

  /** What `ops` holds under names like this one. */
  said(pattern: RegExp): unknown[] {
    const names = this.storage.ops.names().filter((name) => pattern.test(name))
    return names.map((name) =>
      JSON.parse(Buffer.from(this.storage.ops.currentOf(name)?.bytes ?? []).toString()),
    )
  }

  /** When the lock of the oldest version ends, in days from now. */
  lockedFor(name: string, container: 'vault' | 'ops' = 'vault', version = 0): number {
    const lock = this.storage[container].versionsOf(name)[version]?.lock
    assert.ok(lock, name)
    return (lock.untilMs - this.now) / DAY_MS
  }

  keeperDeps(): KeeperDeps {
    const ports = this.open('keeper')
    const { vault, ops, locks, keys, clock, random } = ports
    const { packs } = this.catalogue(ports)
    return {
      ...{ vault, ops, locks, keys, clock, random, packs },
      ...{ windows: WINDOWS, delayDays: DELAY_DAYS },
    }
  }

  async keep(deps: Partial<KeeperDeps> = {}): Promise<KeeperProgress> {
    return await keeperStep({ ...this.keeperDeps(), ...deps }, { mayGoOn: () => true }, never)
  }

  expirerDeps(): ExpirerDeps {
    const ports = this.open('expirer')
    const { vault, ops, removal, keys, clock, random } = ports
    return {
      ...{ vault, ops, removal: removal.vault, keys, clock, random },
      ...{ windows: WINDOWS, delayDays: DELAY_DAYS, catalogue: this.catalogue(ports) },
    }
  }

  async plan(owner = ADA, deps: Partial<ExpirerDeps> = {}) {
    return await planExpiry({ ...this.expirerDeps(), ...deps }, owner, never)
  }

  async execute(deps: Partial<ExpirerDeps> = {}) {
    const answers = await executePlans({ ...this.expirerDeps(), ...deps }, () => true, never)
    return [...answers.values()]
  }
}

/** What came with each commit; [0] is nobody's. */
export type Names = string[][]

/** Commits and bases in turn: 1, 2 with a base of 1, 3, 4 with a base of 3, 5, 6 with a base of 5, 7. */
export async function fourVersions(
  options: { policy?: DefaultPolicy | 'none'; row?: boolean } = {},
): Promise<{ world: RetentionWorld; names: Names }> {
  const world = await RetentionWorld.make(options.policy)
  await world.policy(1, { days: 30 })
  await world.register(ADA, options.row)
  const names: Names = [[]]
  for (let n = 0; n < 4; n += 1) {
    names.push((await world.commit('a')).names)
    if (n < 3) names.push((await world.base()).names)
  }
  return { world, names }
}

const noise = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64')
