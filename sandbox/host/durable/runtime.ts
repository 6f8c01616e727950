/** What the durable modules share: the store, the app's functions, the way to run one. */
import { randomUUID } from 'node:crypto'
import type { FaultSwitches } from '../faults.ts'
import type { FunctionIndex } from '../functions.ts'
import type { HostLog } from '../log.ts'
import type { RunFunction } from '../run-function.ts'
import type { HostSettings } from '../settings.ts'
import type { SpinGuard } from './spin-guard.ts'
import type { DurableStore } from './store.ts'

export interface DurableRuntime {
  readonly store: DurableStore
  readonly functions: FunctionIndex
  readonly run: RunFunction
  readonly faults: FaultSwitches
  readonly log: HostLog
  readonly settings: HostSettings
  readonly killWorker: () => void
  readonly spinGuard: SpinGuard
}

/** 32 hex digits, as the extension makes execution ids and default instance ids. */
export function newHexId(): string {
  return randomUUID().replaceAll('-', '')
}
