/** Plays a story: what each step does to the mailbox, the service and the processes. */
import assert from 'node:assert/strict'
import { ProcessDied } from '../../../sandbox/storage/index.ts'
import type { InProcessTenant } from '../../../sandbox/tenant/index.ts'
import type { SliceResult } from '../../../src/capture/index.ts'
import { addUp } from '../../../src/capture/testing/truth.ts'
import { AppError } from '../../../src/model/errors.ts'
import { ROUND } from '../../../src/model/events.ts'
import type { GraphId } from '../../../src/model/ids.ts'
import { Points } from './points.ts'
import type { Expiry, Fate, Happening, Meanwhile, Run, Step, Trouble } from './story.ts'
import type { WholeRound } from './verdict.ts'
import { type BeforeCall, LEASE_SLACK_MS, type MailWorld, NEVER, type Worker } from './world.ts'

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

export class Play {
  readonly rounds: EndedRound[] = []
  readonly lags: { at: number; ms: number }[] = []
  readonly unreadable = new Set<GraphId>()
  readonly played = new Map<string, number>()
  /** Any call may have failed since. */
  hadFaults = false
  readonly #world: MailWorld
  readonly #look: (n: number) => Promise<void>
  #worker: Worker
  #workers = 0
  #head = 0

  constructor(world: MailWorld, look: (n: number) => Promise<void>) {
    this.#world = world
    this.#look = look
    this.#worker = this.#hire()
  }

  get #tenant(): InProcessTenant {
    return this.#world.tenant
  }

  get #user(): string {
    return this.#world.mailbox.user
  }

  #count(what: string): void {
    this.played.set(what, (this.played.get(what) ?? 0) + 1)
  }

  #hire(): Worker {
    this.#workers += 1
    return this.#world.worker(`worker ${this.#workers}`)
  }

  async step(step: Step): Promise<void> {
    this.#count(step.step)
    switch (step.step) {
      case 'slice':
        return await this.#slice(step)
      case 'round':
        return await this.round()
      case 'wait':
        return this.#world.storage.clock.advance(step.ms)
      case 'look':
        return await this.#look(step.point)
      default:
        return await this.#happen(step)
    }
  }

  async #happen(what: Happening | Trouble): Promise<void> {
    switch (what.step) {
      case 'expire':
        return await this.#expire(what)
      case 'lag':
        return await this.#lag(what)
      case 'silence':
        return await this.#world.mailbox.silence(what.is)
      case 'replays':
        return void (await this.#tenant.control.settings({ replays: what.rate }))
      case 'fault':
        return await this.#fault(what)
      case 'corrupt':
        return await this.#corrupt(what.message)
      case 'repair':
        return void (await this.#tenant.control.clearFaults({}))
      default:
        return await this.#world.mailbox.happen(what)
    }
  }

  async #expire({ kind, form, folder: n, untold }: Expiry): Promise<void> {
    const { mailbox } = this.#world
    const folder = n % 3 === 0 ? {} : { folder: mailbox.place(n) }
    await this.#tenant.control.expireLinks({ user: this.#user, kind, form, ...folder })
    const before = mailbox.present()
    for (const what of untold) await mailbox.happen(what)
    const after = new Set(mailbox.present())
    if (before.some((id) => !after.has(id))) this.#count('gone while links were lost')
  }

  async #lag({ folder: n, ms }: Trouble & { step: 'lag' }): Promise<void> {
    const { mailbox, storage } = this.#world
    const { control } = this.#tenant
    this.lags.push({ at: storage.clock.now(), ms })
    if (n === 'all') await control.settings({ deltaLagMs: ms })
    else {
      const lagMs = ms === 0 ? null : ms
      await control.setFolderLag({ user: this.#user, folder: mailbox.place(n), lagMs })
    }
  }

  async #fault({ kind, n, retryAfterSeconds }: Trouble & { step: 'fault' }): Promise<void> {
    this.hadFaults = true
    await this.#tenant.control.addFault({ path: '.', nth: n, action: kind, retryAfterSeconds })
  }

  /** Until it is repaired, the content of this message answers with an error of its own. */
  async #corrupt(n: number): Promise<void> {
    const id = this.#world.mailbox.chosen(n)
    if (!id) return
    this.unreadable.add(id)
    const path = `/messages/${escaped(id)}/\\$value$`
    const error = { action: 'fail', status: 500, code: 'ErrorCorruptData' } as const
    await this.#tenant.control.addFault({ path, rate: 1, ...error })
  }

  /** All trouble ends; what was told silently stays so. */
  async repair(): Promise<void> {
    const { control } = this.#tenant
    await control.clearFaults({})
    await control.settings({ replays: 0, deltaLagMs: 0 })
    await this.#world.mailbox.silence(false)
    const { folders } = await control.folders({ user: this.#user })
    for (const { id } of folders) {
      await control.setFolderLag({ user: this.#user, folder: id, lagMs: null })
    }
  }

  #before(meanwhile: Meanwhile): BeforeCall {
    return async (n) => {
      for (const [when, what] of meanwhile) if (when === n) await this.#happen(what)
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

  async #slice({ ms, meanwhile, fate }: Run & { step: 'slice' }): Promise<void> {
    if (fate.fate === 'stall') return await this.#stall(ms, meanwhile, fate)
    const { process } = this.#worker
    const k = process.calls + ('k' in fate ? fate.k : 0)
    if (fate.fate === 'fault') process.faultAt(k, fate.fault)
    if (fate.fate === 'crash') process[fate.moment === 'before' ? 'crashBefore' : 'crashAfter'](k)
    const outcome = await this.#work(this.#worker, ms, meanwhile)
    // Another has the lease still: once it has run out, this is a slice like any other.
    if (outcome !== 'busy') return
    this.#world.storage.clock.advance(LEASE_SLACK_MS + SLICE_MS)
    await this.#work(this.#worker, ms, meanwhile)
  }

  /** One sleeps at a call; another works the owner meanwhile; then the sleeper goes on. */
  async #stall(ms: number, meanwhile: Meanwhile, fate: Fate & { fate: 'stall' }): Promise<void> {
    const { clock } = this.#world.storage
    const sleeper = this.#hire()
    const asleep = sleeper.process.stallAt(fate.k, fate.moment).then(() => 'asleep' as const)
    const working = this.#work(sleeper, ms, meanwhile)
    if ((await Promise.race([asleep, working])) !== 'asleep') return
    this.#count('asleep')
    const half = (fate.minutes * MINUTE_MS) / 2
    clock.advance(half)
    await this.#work(this.#worker, SLICE_MS, [])
    for (const what of fate.asleep) await this.#happen(what)
    clock.advance(half)
    await this.#work(this.#worker, SLICE_MS, [])
    sleeper.process.resume()
    await working
  }

  async #work(worker: Worker, ms: number, meanwhile: Meanwhile): Promise<Outcome> {
    const outcome = await this.#outcome(worker, ms, meanwhile)
    this.#count(`a slice ends: ${outcome}`)
    if (outcome === 'died' && worker === this.#worker) this.#worker = this.#hire()
    await this.#lookAtHead(outcome)
    this.#world.storage.clock.advance(PAUSE_MS)
    return outcome
  }

  async #outcome(worker: Worker, ms: number, meanwhile: Meanwhile): Promise<Outcome> {
    try {
      const { state, counts, trouble } = await worker.slice(ms, this.#before(meanwhile))
      addUp(counts)
      if (trouble !== '') this.#count(`trouble: ${trouble}`)
      if (state === 'failed') assert.ok(this.hadFaults, `a slice fails for ${trouble}`)
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
  }
}

const escaped = (text: string) => text.replace(/[^\w]/g, '\\$&')

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
