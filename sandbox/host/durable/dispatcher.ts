/**
 * Decides what runs next: episodes, activities and timers, within the limits of host.json.
 *
 * Invariants: one episode or entity batch at a time for an instance; an activity item runs once at a time; no
 * polling: whoever writes a message wakes its instance. What is in memory here can be rebuilt from
 * the store, and is, at the start.
 */
import { AbandonedError, errorText } from '../errors.ts'
import { runActivity } from './activity.ts'
import { runEntityBatch } from './entity-batch.ts'
import { isEntityInstance } from './entity-messages.ts'
import { EpisodeAbortedError, runEpisode } from './episode.ts'
import type { DurableRuntime } from './runtime.ts'
import type { ActivityItem } from './store.ts'

const timeoutMsMax = 2 ** 31 - 1

export class Dispatcher {
  readonly #runtime: DurableRuntime
  readonly #ready = new Set<string>()
  readonly #episodes = new Set<string>()
  readonly #delays = new Set<NodeJS.Timeout>()
  #activities = 0
  #lastActivitySeq = 0
  #timer: NodeJS.Timeout | undefined
  #stallTimer: NodeJS.Timeout | undefined
  #running = false
  #idleListeners: (() => void)[] = []

  constructor(runtime: DurableRuntime) {
    this.#runtime = runtime
  }

  /** Takes up whatever the state file holds. Call once. */
  start(): void {
    this.#running = true
    for (const id of this.#runtime.store.instancesWithMessages()) this.#ready.add(id)
    this.#fireTimers()
    this.#pumpEpisodes()
    this.pumpActivities()
  }

  /** Says that an instance has a new message. */
  wake(instanceId: string): void {
    this.#ready.add(instanceId)
    this.#pumpEpisodes()
  }

  /**
   * Starts nothing new and waits for what runs, at most `drainMs`. What still runs then is
   * abandoned by the end of the worker and runs again at the next start.
   */
  async stop(drainMs: number): Promise<void> {
    this.#running = false
    clearTimeout(this.#timer)
    clearTimeout(this.#stallTimer)
    for (const delay of this.#delays) clearTimeout(delay)
    if (this.#idle()) return
    await new Promise<void>((resolve) => {
      const limit = setTimeout(resolve, drainMs)
      this.#idleListeners.push(() => {
        clearTimeout(limit)
        resolve()
      })
    })
  }

  /** After the worker has ended: lets the last rejections settle before the store closes. */
  async settled(): Promise<void> {
    if (this.#idle()) return
    await new Promise<void>((resolve) => this.#idleListeners.push(resolve))
  }

  pumpActivities(): void {
    const { store, settings } = this.#runtime
    const free = settings.maxConcurrentActivityFunctions - this.#activities
    if (!this.#running || free <= 0) return
    const items = store.activitiesAfter(this.#lastActivitySeq, free)
    this.#lastActivitySeq = items.at(-1)?.seq ?? this.#lastActivitySeq
    for (const item of this.#runtime.faults.shuffled(items)) {
      this.#activities++
      this.#activity(item).catch((error: unknown) => this.#report(error, item.instanceId))
    }
  }

  armTimers(): void {
    clearTimeout(this.#timer)
    const dueMs = this.#runtime.store.nextTimerDueMs()
    if (!this.#running || dueMs === undefined) return
    const delayMs = Math.min(timeoutMsMax, Math.max(0, dueMs - Date.now()))
    this.#timer = setTimeout(() => this.#fireTimers(), delayMs)
  }

  #fireTimers(): void {
    for (const id of this.#runtime.store.fireTimers(Date.now())) this.wake(id)
    this.armTimers()
  }

  #pumpEpisodes(): void {
    const { settings } = this.#runtime
    const max = settings.maxConcurrentOrchestratorFunctions
    for (const id of this.#ready) {
      if (!this.#running || this.#episodes.size >= max) return
      if (this.#episodes.has(id)) continue
      if (this.#runtime.stall.active) {
        this.#stallTimer ??= setTimeout(() => this.#afterStall(), settings.stallBackOffMs)
        return
      }
      this.#begin(id)
    }
  }

  /** One work item for each back-off, until enough of them have succeeded. */
  #afterStall(): void {
    this.#stallTimer = undefined
    const id = [...this.#ready].find((ready) => !this.#episodes.has(ready))
    if (this.#running && id !== undefined) this.#begin(id)
    this.#pumpEpisodes()
  }

  #begin(id: string): void {
    this.#ready.delete(id)
    this.#episodes.add(id)
    this.#episode(id).catch((error: unknown) => this.#report(error, id))
  }

  async #episode(id: string): Promise<void> {
    try {
      const run = isEntityInstance(id) ? runEntityBatch : runEpisode
      const effects = await run(this.#runtime, id)
      for (const woken of effects.wake) this.#ready.add(woken)
      if (effects.timersAdded) this.armTimers()
      if (effects.activitiesAdded) this.pumpActivities()
      if (effects.collided !== true) this.#runtime.stall.succeeded()
    } catch (error) {
      if (error instanceof AbandonedError) return
      if (!(error instanceof EpisodeAbortedError)) this.#report(error, id)
      this.#later(() => this.wake(id))
    } finally {
      this.#episodes.delete(id)
      this.#pumpEpisodes()
      this.#tellIdle()
    }
  }

  async #activity(item: ActivityItem): Promise<void> {
    try {
      if (await runActivity(this.#runtime, item)) this.wake(item.instanceId)
    } finally {
      this.#activities--
      this.pumpActivities()
      this.#tellIdle()
    }
  }

  #later(work: () => void): void {
    if (!this.#running) return
    const delay = setTimeout(() => {
      this.#delays.delete(delay)
      work()
    }, this.#runtime.settings.retryDelayMs)
    this.#delays.add(delay)
  }

  #idle(): boolean {
    return this.#episodes.size === 0 && this.#activities === 0
  }

  #tellIdle(): void {
    if (this.#running || !this.#idle()) return
    for (const listener of this.#idleListeners.splice(0)) listener()
  }

  #report(error: unknown, instanceId: string): void {
    this.#runtime.log('critical', `instance ${instanceId}: ${errorText(error)}`)
  }
}
