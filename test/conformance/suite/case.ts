/**
 * What a case of the conformance suite is: a small orchestration, what is done to it, and the
 * transcript that any Functions host must give.
 */
import type { OrchestrationHandler } from 'durable-functions'
import type { Run } from './run.ts'

export type RuntimeStatus =
  | 'Pending'
  | 'Running'
  | 'Completed'
  | 'Failed'
  | 'Terminated'
  | 'Suspended'

/** Everything that differs from run to run is replaced: see transcript.ts. */
export interface Transcript {
  status: RuntimeStatus | 'none'
  output: unknown
  customStatus: unknown
  /** One line for each event that `showHistory` tells. */
  history: string[]
  /** What activities did, in the order in which they did it. */
  effects: string[]
  /** What the case's own `drive` found worth comparing. */
  notes: unknown[]
}

export interface ConformanceCase {
  /** Names the case and its orchestrator; letters, digits and dashes. */
  readonly id: string
  /** The rule in a sentence. */
  readonly says: string
  /** Where the rule is written down, or on which host it was seen (docs/conformance.md). */
  readonly source: string
  readonly orchestrator?: OrchestrationHandler
  /** Other orchestrators, by name. */
  readonly children?: Readonly<Record<string, OrchestrationHandler>>
  /** What it is started with; not given: an empty object. */
  readonly input?: unknown
  /** Default: starts it and waits until it has ended or stands still. */
  readonly drive?: (run: Run) => Promise<void>
  /** Only what is given is compared. */
  readonly expect: Partial<Transcript>
  /** Where the embedded host is known to differ, and says so: what it gives instead. */
  readonly embedded?: { readonly why: string; readonly expect: Partial<Transcript> }
  /**
   * It ends the worker, stalls the hub or measures time: nothing else runs beside it.
   */
  readonly isAlone?: boolean
  /** It takes many seconds on any host. */
  readonly isLong?: boolean
  /** What the host must be able to do for it, beside running an app. */
  readonly needs?: 'host-restart' | 'streaming-app'
}
