/** What the durable modules share: the store, the app's functions, the way to run one. */
import { randomUUID } from 'node:crypto'
import type { FaultSwitches } from '../faults.ts'
import type { FunctionIndex } from '../functions.ts'
import type { HostLog } from '../log.ts'
import type { RunFunction } from '../run-function.ts'
import type { HostSettings } from '../settings.ts'
import { Explainer } from './explainer.ts'
import { Sizes } from './sizes.ts'
import { SpinGuard } from './spin-guard.ts'
import { Stall } from './stall.ts'
import type { DurableStore } from './store.ts'

export interface DurableRuntime {
  readonly store: DurableStore
  readonly functions: FunctionIndex
  readonly run: RunFunction
  readonly faults: FaultSwitches
  readonly log: HostLog
  readonly settings: HostSettings
  readonly killWorker: () => void
  readonly explainer: Explainer
  readonly spinGuard: SpinGuard
  readonly stall: Stall
  readonly sizes: Sizes
  /**
   * For an instance that continued as new: how many of its messages belong to the work item that
   * still runs. What arrived later, a terminate request too, is for the next one.
   */
  readonly continued: Map<string, number>
}

/** What the engine remembers besides the store; a restart forgets it. */
export function engineMemory(
  log: HostLog,
  settings: HostSettings,
): Pick<DurableRuntime, 'explainer' | 'spinGuard' | 'stall' | 'sizes' | 'continued'> {
  const explainer = new Explainer(log, settings.explain)
  const sizes = new Sizes(log, settings.payloadLimitBytes)
  const spinGuard = new SpinGuard(explainer)
  return { explainer, spinGuard, stall: new Stall(), sizes, continued: new Map() }
}

/** 32 hex digits, as the extension makes execution ids and default instance ids. */
export function newHexId(): string {
  return randomUUID().replaceAll('-', '')
}
