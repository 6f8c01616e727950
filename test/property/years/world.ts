/**
 * Owners with streams over years, in a vault under locks, worked by a writer, a keeper and an expirer
 * with their own rights; and beside it, in plain maps, what every commit left behind.
 *
 * The writer here is the vault's own, told directly what to commit: how it comes to know what changed
 * is another model's matter.
 */
import {
  type OpenedStorage,
  type SimulatedProcess,
  SimulatedStorage,
} from '../../../sandbox/storage/index.ts'
import { PackLocks } from '../../../src/capture/pack-locks.ts'
import { createCatalogue } from '../../../src/catalogue/index.ts'
import type { Catalogue } from '../../../src/catalogue/types.ts'
import {
  type CommitRef,
  NO_COUNTS,
  type PutEvent,
  type Representation,
  type StreamEvent,
} from '../../../src/model/events.ts'
import {
  type GraphId,
  keyHash,
  type OwnerId,
  parseOwnerId,
  type WorkloadName,
} from '../../../src/model/ids.ts'
import type { Retention } from '../../../src/model/retention.ts'
import type { BlobStore } from '../../../src/ports.ts'
import { buildBase, createVault } from '../../../src/vault/index.ts'
import {
  createRecord,
  datedName,
  ERASE,
  HOLD,
  PIN,
  RELEASE,
} from '../../../src/vault/retention/index.ts'
import type { StreamVault, VaultApi } from '../../../src/vault/types.ts'

export const NEVER = new AbortController().signal
export const DAY_MS = 24 * 3_600_000
export const WINDOWS = { protectionDays: 30, generationDays: 30 }
export const DELAY_DAYS = 30
export const COOLING_OFF_DAYS = 7
const TENANT = '11111111-2222-4333-8444-555555555555'
const PACK_BYTES = 4096
const NOT_AFTER = Number.MAX_SAFE_INTEGER
const FOLDER = 'folder' as GraphId
/** Makes a commit so large that its index is a blob of its own. */
const BULKY_CHARACTERS = 350_000

export const STREAMS: readonly { owner: OwnerId; workload: WorkloadName }[] = [
  { owner: parseOwnerId('a'.repeat(32)), workload: 'mail' },
  { owner: parseOwnerId('a'.repeat(32)), workload: 'drive' },
  { owner: parseOwnerId('b'.repeat(32)), workload: 'drive' },
]

/** What one item was after a commit. */
export interface HeldThing {
  text: string
  put: PutEvent
  seq: number
}

/** A stream as the model knows it. */
export class StreamModel {
  readonly owner: OwnerId
  readonly workload: WorkloadName
  readonly refs: (CommitRef & { complete: boolean })[] = []
  /** After the commit with this seq; [0] is before the first. */
  readonly states: ReadonlyMap<GraphId, HeldThing>[] = [new Map()]
  /** Content on its way, by item. */
  readonly unfinished = new Map<GraphId, { content: Representation; text: string }>()
  /** Seqs of commits that carry a base which does not say what is so. */
  readonly forged: number[] = []

  constructor(at: { owner: OwnerId; workload: WorkloadName }) {
    this.owner = at.owner
    this.workload = at.workload
  }

  copy(): StreamModel {
    const copy = new StreamModel(this)
    copy.refs.push(...this.refs)
    copy.states.splice(0, copy.states.length, ...this.states)
    copy.forged.push(...this.forged)
    for (const [item, piece] of this.unfinished) copy.unfinished.set(item, structuredClone(piece))
    return copy
  }

  get now(): ReadonlyMap<GraphId, HeldThing> {
    return this.states.at(-1) ?? new Map()
  }

  get head(): CommitRef | undefined {
    const last = this.refs.at(-1)
    return last && { seq: last.seq, hash: last.hash, time: last.time }
  }
}

/** Bugs are planted by wrapping what a role is given. */
export interface Plant {
  writer?(ports: OpenedStorage): OpenedStorage
  keeper?(ports: OpenedStorage): OpenedStorage
  expirer?(ports: OpenedStorage): OpenedStorage
  /** In the place of the product's own planning. */
  plan?(world: YearsWorld, ports: OpenedStorage, owner: OwnerId): Promise<void>
}

export type Change =
  | { do: 'put'; item: number; text: string; bulky?: boolean }
  | { do: 'move'; item: number }
  | { do: 'remove'; item: number }
  /** A piece of long content, or the end of it. */
  | { do: 'piece'; item: number; text: string; ends: boolean }

export class YearsWorld {
  readonly storage: SimulatedStorage
  readonly streams = STREAMS.map((at) => new StreamModel(at))
  readonly plant: Plant
  readonly erased = new Set<OwnerId>()
  /** What was written of rules, and when. */
  readonly policies: { at: number; retention: Retention }[] = []
  readonly holds: { at: number; owner: OwnerId | 'all'; releasedAt?: number }[] = []
  readonly pins: {
    owner: OwnerId
    workload: WorkloadName
    seq: number
    from: number
    until: number
  }[] = []
  /** Index blobs that there ever were. */
  readonly indexes = new Set<string>()
  #names = 0
  #writer: { ports: OpenedStorage; vault: VaultApi; catalogue: Catalogue }

  private constructor(storage: SimulatedStorage, plant: Plant) {
    this.storage = storage
    this.plant = plant
    this.#writer = this.#hire()
  }

  static async make(seed: number, plant: Plant = {}): Promise<YearsWorld> {
    const policy = { days: 60, mode: 'Locked' } as const
    const storage = new SimulatedStorage({ seed, blobs: { policy } })
    storage.tables.make()
    const world = new YearsWorld(storage, plant)
    const { vault, catalogue } = world.#writer
    await vault.prepare(NEVER)
    await world.policy('forever')
    for (const { owner } of world.streams) {
      if ((await vault.ownerRecord(owner, NEVER).catch(() => undefined)) !== undefined) continue
      const graphId = `user ${owner}` as GraphId
      await vault.registerOwner({ owner, graphId, kind: 'user', name: 'U' }, NEVER)
      const workloads = world.streams.filter((s) => s.owner === owner).map((s) => s.workload)
      const at = new Date(world.now).toISOString()
      const state = { coverage: 'waiting', trouble: '', attempts: 0, ledgerOpen: 0 } as const
      const row = { owner, resource: keyHash(graphId), graphId, workloads, dueAt: at, ...state }
      await catalogue.owners.insert(row, NEVER)
    }
    await catalogue.markReady(NEVER)
    return world
  }

  /** The same once more, for looking at every way on: what is told to one is not told to the other. */
  fork(plant = this.plant): YearsWorld {
    const world = new YearsWorld(this.storage.fork(), plant)
    world.streams.splice(0, world.streams.length, ...this.streams.map((model) => model.copy()))
    world.policies.push(...this.policies)
    world.holds.push(...this.holds.map((hold) => ({ ...hold })))
    world.pins.push(...this.pins)
    for (const owner of this.erased) world.erased.add(owner)
    for (const name of this.indexes) world.indexes.add(name)
    return world
  }

  get now(): number {
    return this.storage.clock.now()
  }

  get catalogue(): Catalogue {
    return this.#writer.catalogue
  }

  /** A new process of the writer, which begins with a new data key. */
  #hire() {
    const ports = this.open('writer')
    const { vault: store, ops, keys, clock, random, tables } = ports
    const vault = createVault({
      ...{ vault: store, ops, keys, clock, random, packBytes: PACK_BYTES, toolVersion: 'years' },
    })
    const catalogue = createCatalogue({ tables, tenantId: TENANT, clock, random, ...WINDOWS })
    return { ports, vault, catalogue }
  }

  rehire(): void {
    this.#writer = this.#hire()
  }

  open(role: 'writer' | 'keeper' | 'expirer', process?: SimulatedProcess): OpenedStorage {
    const opened = this.storage.open(role, process ?? this.storage.process(role))
    return this.plant[role]?.(opened) ?? opened
  }

  catalogueOf({ tables, random }: OpenedStorage): Catalogue {
    const { clock } = this.storage
    return createCatalogue({ tables, tenantId: TENANT, clock, random, ...WINDOWS })
  }

  async #vaultStream(model: StreamModel): Promise<StreamVault> {
    return await this.#writer.vault.stream(model.owner, model.workload, NEVER)
  }

  /** One commit, and its rows. */
  async commit(model: StreamModel, changes: readonly Change[], complete: boolean): Promise<void> {
    const stream = await this.#vaultStream(model)
    const writer = stream.begin(model.head)
    const state = new Map(model.now)
    const seq = (model.head?.seq ?? 0) + 1
    const events: StreamEvent[] = []
    const done = new Set<GraphId>()
    for (const change of changes) {
      const item = `item ${change.item}` as GraphId
      if (done.has(item)) continue
      done.add(item)
      const event = await this.#event(model, { stream, writer, state, seq }, item, change)
      if (event) events.push(event)
    }
    await this.#finish(model, writer, { events, complete, state })
  }

  async #event(
    model: StreamModel,
    at: {
      stream: StreamVault
      writer: ReturnType<StreamVault['begin']>
      state: Map<GraphId, HeldThing>
      seq: number
    },
    item: GraphId,
    change: Change,
  ): Promise<StreamEvent | undefined> {
    const { writer, state, seq } = at
    const held = state.get(item)
    const leaves = held && { leaves: { ...held.put.place, from: held.seq } }
    const put = (text: string, representations: Representation[], extra = ''): PutEvent => {
      this.#names += 1
      const event: PutEvent = {
        ...{ op: 'put', kind: 'item', item, why: held ? 'content' : 'new' },
        place: { container: FOLDER, sortKey: `k${this.#names}` },
        marker: { content: text.slice(0, 20), decoration: '', change: extra },
        display: { name: item },
        representations,
        ...leaves,
      }
      state.set(item, { text, put: event, seq })
      return event
    }
    switch (change.do) {
      case 'put': {
        model.unfinished.delete(item)
        const bulk = change.bulky ? this.#noise(BULKY_CHARACTERS) : ''
        return put(change.text, await this.#stored(model, writer, item, change.text), bulk)
      }
      case 'move': {
        if (!held || model.unfinished.has(item)) return undefined
        const { packs } = this.#writer.catalogue
        const locks = new PackLocks(packs, model.owner, this.storage.clock, WINDOWS.protectionDays)
        const isShared = await locks.allow(held.put.representations, NEVER)
        const kept = isShared
          ? held.put.representations
          : await this.#stored(model, writer, item, held.text)
        return put(held.text, structuredClone(kept))
      }
      case 'remove': {
        if (!held || model.unfinished.has(item)) return undefined
        state.delete(item)
        const leftAt = new Date(this.now).toISOString()
        return {
          op: 'deleted',
          kind: 'item',
          item,
          leaves: { ...held.put.place, from: held.seq },
          leftAt,
        }
      }
      case 'piece':
        return await this.#piece(model, at, item, change, put)
    }
  }

  async #stored(
    model: StreamModel,
    writer: ReturnType<StreamVault['begin']>,
    item: GraphId,
    text: string,
  ): Promise<Representation[]> {
    async function* bytes() {
      yield Buffer.from(text)
    }
    return await writer.addVersion(
      {
        ...{ item, kind: 'item', container: FOLDER, workload: model.workload, json: { item } },
        parts: [{ name: 'content', bytes: bytes() }],
        carried: [],
      },
      NEVER,
    )
  }

  async #piece(
    model: StreamModel,
    { writer }: { writer: ReturnType<StreamVault['begin']> },
    item: GraphId,
    { text, ends }: { text: string; ends: boolean },
    put: (text: string, representations: Representation[]) => PutEvent,
  ): Promise<StreamEvent> {
    const before = model.unfinished.get(item)
    const piece = { name: 'content', bytes: Buffer.from(text) } as const
    const content = await writer.extend(before?.content, piece, NEVER)
    const whole = { content, text: `${before?.text ?? ''}${text}` }
    if (ends) {
      model.unfinished.delete(item)
      return put(whole.text, [content])
    }
    model.unfinished.set(item, whole)
    return {
      ...{ op: 'ledger', kind: 'item', item, reason: 'in-progress', code: 'InProgress' },
      place: { container: FOLDER, sortKey: 'long' },
      ...{ display: { name: item }, attempts: 0 },
      progress: {
        marker: { content: '', decoration: '', change: '' },
        position: { offset: whole.text.length, state: '' },
        content,
      },
    }
  }

  async #finish(
    model: StreamModel,
    writer: ReturnType<StreamVault['begin']>,
    {
      events,
      complete,
      state,
    }: { events: StreamEvent[]; complete: boolean; state: Map<GraphId, HeldThing> },
    base?: Awaited<ReturnType<typeof baseOf>>,
  ): Promise<void> {
    const seq = (model.head?.seq ?? 0) + 1
    const cursor = { container: FOLDER, start: 's', position: null, round: seq }
    const round = {
      id: seq,
      startedAt: new Date(this.now).toISOString(),
      phase: 'complete',
    } as const
    const content = { events, cursors: [cursor], round, counts: NO_COUNTS }
    const result = await writer.commit(content, { complete, ...(base && { base }) }, NEVER)
    if (result.outcome !== 'committed') throw new Error('There is one writer.')
    const { commit } = result
    const { hash, time } = commit
    model.refs.push({ seq, hash, time, complete })
    model.states.push(state)
    const stream = await this.#vaultStream(model)
    const tables = this.#writer.catalogue.stream(model.owner, model.workload)
    await tables.apply(commit, { secret: stream.secret, notAfter: NOT_AFTER }, NEVER)
    await this.#noteIndexes(model.owner)
  }

  async #noteIndexes(owner: OwnerId): Promise<void> {
    const { vault } = this.#writer.ports
    for await (const { name } of vault.list(`idx/${owner}/`, NEVER)) this.indexes.add(name)
  }

  /** A base of the newest state. `forged`: without some of its items, as a thief would make it. */
  async base(model: StreamModel, forged = false): Promise<void> {
    if (!model.head) return
    const stream = await this.#vaultStream(model)
    const asOf = model.head
    const base = await baseOf(forged ? forgetful(stream) : stream, asOf)
    const state = new Map(model.now)
    await this.#finish(
      model,
      stream.begin(model.head),
      { events: [], complete: false, state },
      base,
    )
    // One that is built upon a forged one may be as wrong as it, or right again.
    if (!(await saysWhatIsSo(stream, base, model))) model.forged.push(model.head.seq)
  }

  /** A pack that no commit will ever name. */
  async abandon(model: StreamModel, text: string): Promise<void> {
    const stream = await this.#vaultStream(model)
    const writer = stream.begin(model.head)
    await this.#stored(model, writer, 'nothing' as GraphId, `${text} `.repeat(300))
    await this.#stored(model, writer, 'nothing' as GraphId, `${text}`)
  }

  #noise(characters: number): string {
    const { random } = this.#writer.ports
    return Buffer.from(random.bytes(Math.ceil(characters * 0.75))).toString('base64')
  }

  async policy(retention: Retention): Promise<void> {
    const n = this.policies.length + 1
    const document = { n, policy: { mode: 'all', retention } }
    await this.#record('reader', `policy-${String(n).padStart(10, '0')}`, document)
    this.policies.push({ at: this.now, retention })
  }

  async hold(owner: OwnerId | 'all'): Promise<void> {
    const n = String(this.holds.length + 1).padStart(10, '0')
    await this.#store('reader', datedName(HOLD, n, this.now), { owner })
    this.holds.push({ at: this.now, owner })
  }

  async release(): Promise<void> {
    const at = this.holds.findIndex((hold) => hold.releasedAt === undefined)
    const hold = this.holds[at]
    if (!hold) return
    await this.#store('reader', datedName(RELEASE, String(at + 1), this.now), { hold: at + 1 })
    hold.releasedAt = this.now
  }

  async pin(model: StreamModel, seq: number, days: number): Promise<void> {
    const { owner, workload } = model
    const from = this.now
    const until = from + days * DAY_MS
    const document = { owner, workload, seq, until: new Date(until).toISOString() }
    await this.#store('restorer', datedName(PIN, `p${this.pins.length}`, from), document)
    this.pins.push({ owner, workload, seq, from, until: Math.min(until, from + 30 * DAY_MS) })
  }

  async askErasure(owner: OwnerId): Promise<void> {
    await this.#store('reader', datedName(ERASE, `e${owner.slice(0, 4)}`, this.now), { owner })
  }

  async #record(role: 'reader', name: string, document: unknown): Promise<void> {
    const day = new Date(this.now).toISOString().slice(0, 10)
    await this.#store(role, `access/${day}/${name}.json`, document)
  }

  async #store(role: 'reader' | 'restorer', name: string, document: unknown): Promise<void> {
    const { ops } = this.storage.open(role, this.storage.process(role))
    await createRecord(ops, name, document, NEVER)
  }

  /** The vault as whoever restores sees it, without some names. */
  view(isHidden: (name: string) => boolean): { store: BlobStore; ports: OpenedStorage } {
    const ports = this.storage.open('restorer', this.storage.process('reader'))
    const { vault } = ports
    const store: BlobStore = {
      create: vault.create,
      read: async (name, signal, range) =>
        isHidden(name) ? undefined : await vault.read(name, signal, range),
      stat: async (name, signal) => (isHidden(name) ? undefined : await vault.stat(name, signal)),
      async *list(prefix, signal) {
        for await (const stat of vault.list(prefix, signal)) if (!isHidden(stat.name)) yield stat
      },
    }
    return { store, ports }
  }
}

async function saysWhatIsSo(
  stream: StreamVault,
  base: Awaited<ReturnType<typeof baseOf>>,
  model: StreamModel,
): Promise<boolean> {
  const told = new Map<string, number>()
  for (const part of base.parts) {
    for (const line of await stream.readBasePart(base, part, NEVER)) {
      if (line.is === 'item') told.set(line.item, line.seq)
    }
  }
  const state = model.states[base.asOf.seq] ?? new Map()
  return told.size === state.size && [...state].every(([item, { seq }]) => told.get(item) === seq)
}

async function baseOf(stream: StreamVault, asOf: CommitRef) {
  const built = await buildBase(stream, { asOf, mayGoOn: () => true }, NEVER)
  if (built.outcome !== 'built') throw new Error('It may go on.')
  return built.base
}

/** Every other item is left out of what it writes. */
function forgetful(stream: StreamVault): StreamVault {
  return {
    ...stream,
    writeBasePart: (asOf, lines, signal) => {
      const kept = lines.filter((line, n) => line.is !== 'item' || n % 2 === 1)
      return stream.writeBasePart(asOf, kept.length > 0 ? kept : lines, signal)
    },
  }
}
