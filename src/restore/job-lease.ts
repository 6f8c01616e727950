/**
 * The right of one step to work a job, and the only way in which a step writes the job row.
 *
 * The lease lives in the job's document, so taking, saving and giving it back are each one write
 * by etag: a step whose lease ran out cannot save anything. It outlives the slice's deadline by
 * a margin; no create is sent after the deadline, so two steps never send for the same job at
 * once. Every save is the heartbeat.
 */
import type { Job, JobTable } from '../catalogue/types.ts'
import { AppError } from '../model/errors.ts'
import type { Clock } from '../ports.ts'
import { decodePlan, encodePlan, type JobPlan } from './job-document.ts'

export type Claim =
  | { outcome: 'claimed'; lease: JobLease }
  /** Another step works it; try again after `waitMs`. */
  | { outcome: 'busy'; waitMs: number }
  | { outcome: 'unknown' }
  /** In a state in which there is nothing to work. */
  | { outcome: 'idle'; job: Job }

/** States in which a step has something to do. */
const WORKABLE: readonly Job['state'][] = ['planning', 'queued', 'running']

export interface JobChange {
  state?: Job['state']
  counts?: Record<string, number>
  trouble?: string
  plan?: Partial<JobPlan>
}

export class JobLease {
  readonly #jobs: JobTable
  readonly #clock: Clock
  readonly #holder: string
  #job: Job
  #plan: JobPlan

  private constructor(jobs: JobTable, clock: Clock, holder: string, job: Job) {
    this.#jobs = jobs
    this.#clock = clock
    this.#holder = holder
    this.#job = job
    this.#plan = decodePlan(job)
  }

  /** Counts the step as lost until it is released, before any work. `holder` must be new for each step. */
  static async claim(
    jobs: JobTable,
    options: { job: string; holder: string; until: number; clock: Clock },
    signal: AbortSignal,
  ): Promise<Claim> {
    const { holder, until, clock } = options
    let claim: 'claimed' | 'idle' | { busyUntil: number } = 'idle'
    const job = await jobs.update(
      options.job,
      (now) => {
        const plan = decodePlan(now)
        claim = 'idle'
        if (!WORKABLE.includes(now.state)) return now
        claim = { busyUntil: plan.lease?.until ?? 0 }
        if (plan.lease && plan.lease.until > clock.now() && plan.lease.holder !== holder) return now
        claim = 'claimed'
        const at = new Date(clock.now()).toISOString()
        const { waitsUntil: _, ...going } = plan
        const lostSteps = plan.lostSteps + 1
        const leased = encodePlan({ ...going, lostSteps, lease: { holder, until } })
        return { ...now, plan: leased, heartbeatAt: at }
      },
      signal,
    )
    return conclude(job, claim as Taken, (taken) => new JobLease(jobs, clock, holder, taken), clock)
  }

  /** As of the last save. */
  get job(): Job {
    return this.#job
  }

  get plan(): JobPlan {
    return this.#plan
  }

  /** Also learns the flags that others set meanwhile. Throws `JobLeaseLost`. */
  async save(change: JobChange, signal: AbortSignal): Promise<void> {
    await this.#write(change, {}, signal)
  }

  /** The last save: gives the lease back. Throws `JobLeaseLost`. */
  async release(change: JobChange, signal: AbortSignal): Promise<void> {
    await this.#write(change, { release: true }, signal)
  }

  async #write(
    change: JobChange,
    options: { release?: boolean },
    signal: AbortSignal,
  ): Promise<void> {
    const { plan: planChange, ...rest } = change
    let lost = true
    const job = await this.#jobs.update(
      this.#job.id,
      (now) => {
        const plan = decodePlan(now)
        lost = plan.lease?.holder !== this.#holder
        if (lost) return now
        const { lease, ...kept } = { ...plan, ...planChange }
        const at = new Date(this.#clock.now()).toISOString()
        const next = options.release || !lease ? { ...kept, lostSteps: 0 } : { ...kept, lease }
        return {
          ...now,
          ...rest,
          plan: encodePlan(next),
          heartbeatAt: at,
          updatedAt: at,
        }
      },
      signal,
    )
    if (lost || !job) throw leaseLost(this.#job.id)
    this.#job = job
    this.#plan = decodePlan(job)
  }
}

type Taken = 'claimed' | 'idle' | { busyUntil: number }

function conclude(
  job: Job | undefined,
  taken: Taken,
  lease: (job: Job) => JobLease,
  clock: Clock,
): Claim {
  if (!job) return { outcome: 'unknown' }
  if (taken === 'idle') return { outcome: 'idle', job }
  if (taken === 'claimed') return { outcome: 'claimed', lease: lease(job) }
  return { outcome: 'busy', waitMs: taken.busyUntil - clock.now() }
}

function leaseLost(job: string): AppError {
  return new AppError({
    code: 'JobLeaseLost',
    kind: 'transient',
    message: 'Another step took this restore over.',
    hint: 'Nothing to do: the other step goes on.',
    context: { job },
  })
}
