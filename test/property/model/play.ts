/** Plays a story: what happens to its source, and what each step of ours does to the processes. */
import assert from 'node:assert/strict'
import { ProcessDied } from '../../../sandbox/storage/index.ts'
import type { SliceResult } from '../../../src/capture/index.ts'
import { addUp } from '../../../src/capture/testing/truth.ts'
import { AppError } from '../../../src/model/errors.ts'
import { ROUND } from '../../../src/model/events.ts'
import type { BeforeCall } from '../../passing.ts'
import { Points } from './points.ts'
import { lose, rebuild } from './rebuild.ts'
import type { Doing } from './source.ts'
import { type Fate, isRun, type Meanwhile, type Run, type Step } from './story.ts'
import type { WholeRound } from './verdict.ts'
import { LEASE_SLACK_MS, NEVER, type Worker, type World } from './world.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const SLICE_MS = 4 * MINUTE_MS
/** An owner that does not settle within this many slices never does. */
const SLICES_MAX = 60
/** Between two slices of one round. */
const PAUSE_MS = 1000

type Outcome = SliceResult['state'] | 'died'

/** A whole round, and the head when it ended: also the quiet ones, which make no commit. */
export interface EndedRound extends WholeRound {
  readonly head: number
}

/** What is looked at amid a story. */
export interface Checks {
  look(point: number): Promise<void>
  /** Rows were lost and are there again. */
  rebuilt(): Promise<void>
}

export class Play<D extends Doing> {
  readonly rounds: EndedRound[] = []
  /** Port calls of each slice that no other one met. */
  readonly calls: number[] = []
  readonly #world: World<D>
  readonly #checks: Checks
  #worker: Worker
  #workers = 0
  #rebuilds = 0
  #head = 0

  constructor(world: World<D>, checks: Checks) {
    this.#world = world
    this.#checks = checks
    this.#worker = this.#hire()
  }

  #hire(): Worker {
    this.#workers += 1
    return this.#world.worker(`worker ${this.#workers}`)
  }

  async step(step: Step<D>): Promise<void> {
    this.#world.notes.count(step.step)
    return isRun(step) ? await this.#run(step) : await this.#world.source.happen(step)
  }

  async #run(run: Run<D>): Promise<void> {
    switch (run.step) {
      case 'slice':
        return await this.#slice(run)
      case 'round':
        return await this.round()
      case 'wait':
        return this.#world.storage.clock.advance(run.ms)
      case 'look':
        return await this.#checks.look(run.point)
      case 'rebuild':
        return await this.rebuild(run)
    }
  }

  #before(meanwhile: Meanwhile<D>): BeforeCall {
    return async (n) => {
      for (const [when, what] of meanwhile) if (when === n) await this.#world.source.happen(what)
    }
  }

  /** Slices until the round is complete. */
  async round(): Promise<void> {
    const { clock } = this.#world.storage
    for (let n = 0; n < SLICES_MAX; n += 1) {
      const outcome = await this.#work(this.#worker, SLICE_MS, [])
      if (outcome === 'done') return
      clock.advance(waitAfter(outcome))
    }
    throw new Error('The mailbox does not settle.')
  }

  /** Rows are lost, and made again: by a rebuild, or by the next slices. */
  async rebuild({ lost, dies }: Omit<Run<D> & { step: 'rebuild' }, 'step'>): Promise<void> {
    this.#world.notes.count(`rebuilt: ${lost}`)
    this.#rebuilds += 1
    const head = this.#head
    lose(this.#world, lost)
    this.#head = 0
    if (lost === 'unnoticed') await this.round()
    else await rebuild(this.#world, { lost, ...(dies !== undefined && { dies }) }, this.#rebuilds)
    await this.#lookAtHead('more')
    assert.ok(this.#head >= head, 'a rebuild shows all that was shown before')
    await this.#checks.rebuilt()
  }

  async #slice({ ms, meanwhile, fate }: Run<D> & { step: 'slice' }): Promise<void> {
    if (fate.fate === 'stall') return await this.#stall(ms, meanwhile, fate)
    const { process } = this.#worker
    const k = process.calls + ('k' in fate ? fate.k : 0)
    if (fate.fate === 'fault') process.faultAt(k, fate.fault)
    if (fate.fate === 'crash') process[fate.moment === 'before' ? 'crashBefore' : 'crashAfter'](k)
    const before = process.calls
    const outcome = await this.#work(this.#worker, ms, meanwhile)
    this.calls.push(process.calls - before)
    // Another has the lease still: once it has run out, this is a slice like any other.
    if (outcome !== 'busy') return
    this.#world.storage.clock.advance(LEASE_SLACK_MS + SLICE_MS)
    await this.#work(this.#worker, ms, meanwhile)
  }

  /** One sleeps at a call; another works the owner meanwhile; then the sleeper goes on. */
  async #stall(
    ms: number,
    meanwhile: Meanwhile<D>,
    fate: Fate<D> & { fate: 'stall' },
  ): Promise<void> {
    const { clock } = this.#world.storage
    const sleeper = this.#hire()
    const asleep = sleeper.process.stallAt(fate.k, fate.moment).then(() => 'asleep' as const)
    const working = this.#work(sleeper, ms, meanwhile)
    if ((await Promise.race([asleep, working])) !== 'asleep') return
    this.#world.notes.count('asleep')
    const half = (fate.minutes * MINUTE_MS) / 2
    clock.advance(half)
    await this.#work(this.#worker, SLICE_MS, [])
    for (const what of fate.asleep) await this.#world.source.happen(what)
    clock.advance(half)
    await this.#work(this.#worker, SLICE_MS, [])
    sleeper.process.resume()
    await working
  }

  async #work(worker: Worker, ms: number, meanwhile: Meanwhile<D>): Promise<Outcome> {
    const outcome = await this.#outcome(worker, ms, meanwhile)
    this.#world.notes.count(`a slice ends: ${outcome}`)
    if (outcome === 'died' && worker === this.#worker) this.#worker = this.#hire()
    await this.#lookAtHead(outcome)
    this.#world.storage.clock.advance(PAUSE_MS)
    return outcome
  }

  async #outcome(worker: Worker, ms: number, meanwhile: Meanwhile<D>): Promise<Outcome> {
    try {
      const { state, counts, trouble } = await worker.slice(ms, this.#before(meanwhile))
      addUp(counts)
      if (trouble !== '') this.#world.notes.count(`trouble: ${trouble}`)
      if (state === 'failed') assert.ok(this.#world.notes.hadFaults, `a slice fails for ${trouble}`)
      return state
    } catch (error) {
      if (error instanceof ProcessDied) return 'died'
      // A lane takes an owner whose row could not be read or written for one that has to wait.
      if (error instanceof AppError && WAITING.has(error.kind)) return 'wait'
      throw error
    }
  }

  /** The head never goes back; a round that ended is remembered with it. */
  async #lookAtHead(outcome: Outcome): Promise<void> {
    const tables = this.#world.tables()
    const head = (await tables.head(NEVER))?.seq ?? 0
    assert.ok(head >= this.#head, 'the head never goes back')
    this.#head = head
    if (outcome !== 'done') return
    const points = await Points.open(this.#world)
    const cursors = await tables.cursors(points.stream.secret, NEVER)
    const round = cursors.find((cursor) => cursor.container === ROUND)
    if (round?.position !== 'complete' || !round.start) return
    const startedAt = Date.parse(round.start)
    const endedAt = this.#world.storage.clock.now()
    this.rounds.push({ id: round.round, startedAt, endedAt, head })
    this.#world.notes.round(startedAt, endedAt)
  }
}

const WAITING: ReadonlySet<AppError['kind']> = new Set(['transient', 'throttled'])

function waitAfter(outcome: Outcome): number {
  switch (outcome) {
    case 'more':
      return PAUSE_MS
    case 'failed':
      return HOUR_MS
    default:
      return LEASE_SLACK_MS + SLICE_MS
  }
}
