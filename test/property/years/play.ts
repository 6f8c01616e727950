/** Plays a story of years, and looks after each step that something could have been lost by. */
import assert from 'node:assert/strict'
import {
  type OpenedStorage,
  ProcessDied,
  SeededRandom,
  type SimulatedProcess,
} from '../../../sandbox/storage/index.ts'
import { createCatalogue } from '../../../src/catalogue/index.ts'
import { memoryTableStore } from '../../../src/catalogue/testing/memory-table-store.ts'
import { NO_COUNTS } from '../../../src/model/events.ts'
import type { OwnerId } from '../../../src/model/ids.ts'
import { TABLES } from '../../../src/ports.ts'
import { CompareTally, compareStart } from '../../../src/runs/rebuild/compare-report.ts'
import { type CompareDeps, compareStream } from '../../../src/runs/rebuild/compare-stream.ts'
import { createVault, REBUILD_START, rebuildStream } from '../../../src/vault/index.ts'
import {
  type EraserDeps,
  type ExpirerDeps,
  eraseOwner,
  executePlans,
  type KeeperDeps,
  keeperStep,
  planExpiry,
} from '../../../src/vault/retention/index.ts'
import type { Step } from './story.ts'
import { checkPoints, required } from './verdict.ts'
import {
  COOLING_OFF_DAYS,
  DAY_MS,
  DELAY_DAYS,
  NEVER,
  type StreamModel,
  WINDOWS,
  type YearsWorld,
} from './world.ts'

/** The keeper comes at least so often, whatever the story says. */
const KEEPER_DAYS = 12
/** Points that are looked at after a step; all of them at the end. */
const SAMPLE = 2
const POINTS_MAX = 1000
const always = () => true

export interface YearsCounts {
  [what: string]: number
}

/** Which call is the last one, and whether it still has effect. */
export interface Death {
  k: number
  moment: 'before' | 'after'
}

export class Play {
  readonly counts: YearsCounts = {}
  readonly #world: YearsWorld
  readonly #random: SeededRandom
  #keptAt = 0
  readonly #asked = new Set<OwnerId>()
  /** Told of each process of keeper and expirer; what it answers is called when that one ends. */
  onProcess: (process: SimulatedProcess) => () => void = () => () => undefined

  constructor(world: YearsWorld, seed: number) {
    this.#world = world
    this.#random = new SeededRandom(seed).branch(7)
    this.#keptAt = world.now
  }

  count(what: string, by = 1): void {
    this.counts[what] = (this.counts[what] ?? 0) + by
  }

  async step(step: Step): Promise<void> {
    this.count(step.step)
    switch (step.step) {
      case 'commit':
        return await this.#write(step.stream, (model) =>
          this.#world.commit(model, step.changes, step.complete),
        )
      case 'base':
        return await this.#write(step.stream, (model) => this.#world.base(model))
      case 'forged base':
        return await this.#write(step.stream, (model) => this.#world.base(model, true))
      case 'abandon':
        return await this.#write(step.stream, (model) => this.#world.abandon(model, 'lost'))
      case 'squat':
        return await this.#squat(this.#stream(step.stream))
      case 'new writer':
        return this.#world.rehire()
      case 'days':
        return await this.#pass(step.days)
      case 'keeper':
        return await this.keeper(step.dies)
      case 'plan':
        return await this.#plan(this.#stream(step.stream).owner, step.dies)
      case 'execute':
        return await this.#execute(step.dies)
      case 'policy':
        return await this.#world.policy(step.retention)
      case 'hold':
        return await this.#world.hold(
          step.stream === 'all' ? 'all' : this.#stream(step.stream).owner,
        )
      case 'release':
        return await this.#world.release()
      case 'pin':
        return await this.#pin(this.#stream(step.stream), step)
      case 'ask to erase':
        return await this.#ask(this.#stream(step.stream).owner)
      case 'rebuild':
        return await this.rebuild(this.#stream(step.stream))
    }
  }

  #stream(n: number): StreamModel {
    const model = this.#world.streams[n % this.#world.streams.length]
    assert.ok(model)
    return model
  }

  /** Nobody writes for an owner whose erasure has begun: that is another test's matter. */
  async #write(n: number, work: (model: StreamModel) => Promise<void>): Promise<void> {
    const model = this.#stream(n)
    if (this.#world.erased.has(model.owner)) return
    this.#world.storage.clock.advance(60_000)
    await work(model)
  }

  async #squat(model: StreamModel): Promise<void> {
    const { vault } = this.#world.storage
    const name = `c/${model.owner}/${model.workload}/0000000001/commit.json`
    if (this.#world.erased.has(model.owner) || !model.head || vault.names(name).length > 0) return
    const ports = this.#world.open('writer')
    const { keys, clock, random } = ports
    const thief = createVault({ ...{ vault: ports.vault, keys, clock, random, toolVersion: 'x' } })
    const stream = await thief.stream(model.owner, model.workload, NEVER)
    const round = {
      id: 1,
      startedAt: new Date(this.#world.now).toISOString(),
      phase: 'complete',
    } as const
    const content = { events: [], cursors: [], round, counts: NO_COUNTS }
    const { outcome } = await stream.begin(undefined).commit(content, { complete: true }, NEVER)
    this.count(`squat: ${outcome}`)
    await this.#look(model)
  }

  /** Days pass; the keeper comes in between. Erasures go on by themselves. */
  async #pass(days: number): Promise<void> {
    for (let left = days; left > 0; ) {
      const now = Math.min(left, KEEPER_DAYS)
      this.#world.storage.clock.advance(now * DAY_MS)
      left -= now
      if (this.#world.now - this.#keptAt >= KEEPER_DAYS * DAY_MS) await this.keeper()
    }
    for (const owner of this.#asked) await this.#erase(owner)
  }

  /** False where it died. */
  async #as(
    role: 'keeper' | 'expirer',
    dies: Death | undefined,
    work: (ports: OpenedStorage) => Promise<void>,
  ): Promise<boolean> {
    const process = this.#world.storage.process(role)
    if (dies?.moment === 'before') process.crashBefore(dies.k)
    else if (dies) process.crashAfter(dies.k)
    const ended = this.onProcess(process)
    try {
      await work(this.#world.open(role, process))
      return true
    } catch (error) {
      if (!(error instanceof ProcessDied) && !process.dead) throw error
      this.count(`${role} died`)
      return false
    } finally {
      ended()
    }
  }

  async keeper(dies?: Death): Promise<void> {
    const isDone = await this.#as('keeper', dies, async (ports) => {
      const { state, counts, forgedBases } = await keeperStep(
        this.#keeperDeps(ports),
        { mayGoOn: always },
        NEVER,
      )
      assert.equal(state, 'done')
      this.count('locks extended', counts.extended)
      this.count('doubts of the keeper', counts.doubts)
      this.count('forged bases seen', forgedBases)
    })
    if (!isDone) return
    this.#keptAt = this.#world.now
    await this.#lookAtAll(await this.#lapsing())
  }

  /** Names that the lock would not protect for the protection window. */
  async #lapsing(): Promise<(name: string) => boolean> {
    const locked = new Set<string>()
    const due = this.#world.now + WINDOWS.protectionDays * DAY_MS
    const { locks } = this.#world.storage.open('keeper', this.#world.storage.process('look'))
    let last = ''
    for await (const { name, lock } of locks.vault.versions('', NEVER)) {
      const isOldest = name !== last
      last = name
      if (isOldest && lock?.locked && lock.until.getTime() >= due) locked.add(name)
    }
    return (name) => !locked.has(name)
  }

  #keeperDeps(ports: OpenedStorage): KeeperDeps {
    const { vault, ops, locks, keys, clock, random } = ports
    return {
      ...{ vault, ops, locks, keys, clock, random, windows: WINDOWS, delayDays: DELAY_DAYS },
      packs: this.#world.catalogueOf(ports).packs,
    }
  }

  #expirerDeps(ports: OpenedStorage): ExpirerDeps {
    const { vault, ops, removal, keys, clock, random } = ports
    return {
      ...{ vault, ops, removal: removal.vault, keys, clock, random },
      ...{ windows: WINDOWS, delayDays: DELAY_DAYS, catalogue: this.#world.catalogueOf(ports) },
    }
  }

  async #plan(owner: OwnerId, dies?: Death): Promise<void> {
    await this.#as('expirer', dies, async (ports) => {
      const { plan } = this.#world.plant
      if (plan) return await plan(this.#world, ports, owner)
      const planned = await planExpiry(this.#expirerDeps(ports), owner, NEVER)
      this.count(`plan: ${planned.outcome}${'code' in planned ? ` ${planned.code}` : ''}`)
    })
    const planned = this.#planned()
    for (const model of this.#world.streams) {
      if (model.owner === owner) await this.#look(model, (name) => planned.has(name))
    }
  }

  /** Everything that any open plan names: whatever is done of it, nothing must be missed. */
  #planned(): Set<string> {
    const { ops } = this.#world.storage
    const names = new Set<string>()
    const oldest = this.#world.now - 7 * DAY_MS
    for (const name of ops.names('expirer/')) {
      if (!name.includes('/plan-') || Date.parse(name.slice(8, 18)) < oldest - DAY_MS) continue
      const done = name.replace('/plan-', '/done-')
      if (ops.names(done).length > 0) continue
      const text = Buffer.from(ops.currentOf(name)?.bytes ?? []).toString()
      for (const blob of JSON.parse(text).blobs) names.add(blob.name)
    }
    return names
  }

  async #execute(dies?: Death): Promise<void> {
    const before = this.#removable()
    await this.#as('expirer', dies, async (ports) => {
      const answers = await executePlans(this.#expirerDeps(ports), always, NEVER)
      for (const answer of answers.values()) {
        this.count(`execute: ${answer.outcome}${'code' in answer ? ` ${answer.code}` : ''}`)
        if ('removed' in answer) this.count('versions removed', answer.removed)
      }
    })
    const after = this.#removable()
    this.count('commits removed', before.commits - after.commits)
    this.count('packs removed', before.packs - after.packs)
    await this.#lookAtAll()
  }

  #removable() {
    const names = this.#world.storage.vault.names()
    const count = (ending: string) => names.filter((name) => name.endsWith(ending)).length
    return { commits: count('commit.json'), packs: count('.pk') }
  }

  async #pin(model: StreamModel, { back, days }: { back: number; days: number }): Promise<void> {
    if (this.#world.erased.has(model.owner)) return
    // Whatever the catalogue still offers, though it may be past retention.
    const tables = this.#world.catalogue.stream(model.owner, model.workload)
    const { items: offered } = await tables.points({ max: POINTS_MAX }, NEVER)
    const point = offered.at(Math.min(back, offered.length - 1))
    if (point) await this.#world.pin(model, point.seq, days)
  }

  async #ask(owner: OwnerId): Promise<void> {
    if (this.#asked.has(owner)) return
    this.#asked.add(owner)
    await this.#world.askErasure(owner)
  }

  #eraserDeps(ports: OpenedStorage): EraserDeps {
    const { ops, keyRemoval, clock, random } = ports
    const catalogue = this.#world.catalogueOf(ports)
    return {
      ...{ ops, keys: keyRemoval, clock, random },
      ...{ coolingOffDays: COOLING_OFF_DAYS, delayDays: DELAY_DAYS },
      sweep: (owner, signal) => catalogue.forgetOwner(owner, signal),
    }
  }

  async #erase(owner: OwnerId): Promise<void> {
    const deps = this.#eraserDeps(this.#world.open('expirer'))
    const erasure = await eraseOwner(deps, owner, NEVER)
    this.count(`erasure: ${erasure.state}`)
    const { ops } = this.#world.storage
    if (ops.names(`expirer/erased/${owner}`).length > 0) this.#world.erased.add(owner)
    if (erasure.state !== 'done') return
    this.#asked.delete(owner)
    for (const table of TABLES) {
      for (const { partition, row, values } of this.#world.storage.tables.rows(table)) {
        const isOf = `${partition} ${row} ${JSON.stringify(values)}`.includes(owner)
        assert.ok(!isOf, `${table}: a row of an erased owner`)
      }
    }
    const { keys } = this.#world.storage.open('restorer', this.#world.storage.process('reader'))
    await assert.rejects(keys.indexSecret(owner, NEVER), { code: 'KeyMissing' })
  }

  async #lookAtAll(isHidden?: (name: string) => boolean): Promise<void> {
    for (const model of this.#world.streams) await this.#look(model, isHidden)
  }

  async #look(model: StreamModel, isHidden?: (name: string) => boolean): Promise<void> {
    const seqs = required(this.#world, model)
    const sample = new Set([seqs[0], seqs.at(-1)])
    while (sample.size < Math.min(SAMPLE, seqs.length)) sample.add(this.#random.pick(seqs))
    const points = [...sample].filter((seq) => seq !== undefined)
    this.count('points looked at', points.length)
    await checkPoints(this.#world, model, points, isHidden)
  }

  /** Everything that must be there. */
  async end(): Promise<void> {
    for (const model of this.#world.streams) {
      const seqs = required(this.#world, model)
      this.count('points looked at', seqs.length)
      await checkPoints(this.#world, model, seqs)
      await this.rebuild(model)
    }
    this.#checkSalts()
  }

  /** All rows of a stream from blobs alone are those that there are. */
  async rebuild(model: StreamModel): Promise<void> {
    const world = this.#world
    if (world.erased.has(model.owner) || !model.head || model.forged.length > 0) return
    if (this.#hasOpenPlan()) return
    const ports = world.open('writer')
    const { vault: store, keys, clock, random } = ports
    const vault = createVault({ vault: store, keys, clock, random, toolVersion: 'rebuild' })
    const stream = await vault.stream(model.owner, model.workload, NEVER)
    const tables = memoryTableStore()
    const catalogue = createCatalogue({
      ...{ tables, tenantId: 'x', clock, random, ...WINDOWS },
    })
    const target = catalogue.stream(model.owner, model.workload)
    const options = { notAfter: Number.MAX_SAFE_INTEGER }
    let progress = await rebuildStream(stream, target, REBUILD_START, options, NEVER)
    while (progress.phase !== 'done') {
      progress = await rebuildStream(stream, target, progress, options, NEVER)
    }
    const partition = `${model.owner}~${model.workload}`
    for (const table of ['heads', 'commits', 'items', 'listing'] as const) {
      const live = world.storage.tables
        .rows(table)
        .filter((row) => row.partition.startsWith(partition))
        .map((row) => [`${row.partition}|${row.row}`, row.values])
      const rebuilt = tables.dump(table).map(([key, values]) => [key, values])
      assert.deepEqual(
        new Map(live as [string, unknown][]),
        new Map(rebuilt as [string, unknown][]),
        `${table}: equal to a rebuild`,
      )
    }
    const open = async (of: typeof target) => {
      const entries = []
      for await (const entry of of.open(NEVER)) entries.push(entry)
      return entries
    }
    const live = world.catalogue.stream(model.owner, model.workload)
    assert.deepEqual(await open(live), await open(target), 'open entries are equal')
    assert.deepEqual(
      await live.cursors(stream.secret, NEVER),
      await target.cursors(stream.secret, NEVER),
      'cursors are equal',
    )
    const { erased } = world
    const erasures = { isErased: async (owner: OwnerId) => erased.has(owner) }
    await saysEqual({ ...model, vault, catalogue: world.catalogue, erasures })
    this.count('rebuilds compared')
  }

  /** Rows go before blobs: amid a removal that died they are ahead. */
  #hasOpenPlan(): boolean {
    return this.#planned().size > 0
  }

  /** No pack and no sealed blob has the salt of another. */
  #checkSalts(): void {
    const { vault } = this.#world.storage
    const salts = new Set<string>()
    for (const name of vault.names()) {
      const bytes = vault.versionsOf(name)[0]?.bytes ?? new Uint8Array(0)
      const salt = saltOf(name, bytes)
      if (salt === undefined) continue
      assert.ok(!salts.has(salt), `${name.split('.').at(-1)}: a salt is used once`)
      salts.add(salt)
    }
  }
}

/** The same, as the product compares a catalogue that is in use. */
async function saysEqual({
  owner,
  workload,
  ...on
}: Pick<StreamModel, 'owner' | 'workload'> & Omit<CompareDeps, 'tenantId'>): Promise<void> {
  const found = compareStart({})
  const work = { owner, tally: new CompareTally(found), signal: NEVER }
  await compareStream({ ...work, deps: { ...on, tenantId: 'x' } }, workload)
  assert.deepEqual([found.differences, found.troubles], [[], []], 'the comparison finds it equal')
  assert.equal(found.tables.heads.equal, 1, 'and has looked')
}

function saltOf(name: string, bytes: Uint8Array): string | undefined {
  const hex = (from: number, of = bytes) =>
    Buffer.from(of.subarray(from, from + 32)).toString('hex')
  if (name.endsWith('.pk')) return hex(44)
  if (/\.(mf|bi|bs)$/.test(name)) return hex(0)
  if (!name.endsWith('/commit.json')) return undefined
  const { body } = JSON.parse(Buffer.from(bytes).toString())
  return hex(0, Buffer.from(body, 'base64'))
}
