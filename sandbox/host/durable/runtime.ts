/** What the durable modules share: the store, the app's functions, the way to run one. */
import { randomUUID } from 'node:crypto'
import type { FaultSwitches } from '../faults.ts'
import type { AppFunction, FunctionIndex } from '../functions.ts'
import type { HostLog } from '../log.ts'
import type { HostSettings } from '../settings.ts'
import type { RpcTypedData } from '../worker/protocol.ts'
import type { InvokeOptions } from '../worker/supervisor.ts'
import type { SpinGuard } from './spin-guard.ts'
import type { DurableStore } from './store.ts'

/** One run of a function with the value of its trigger; client bindings are added by the host. */
export type RunFunction = (
  appFunction: AppFunction,
  trigger: {
    readonly value: RpcTypedData | null
    readonly metadata: Readonly<Record<string, RpcTypedData>>
  },
  options?: InvokeOptions,
) => Promise<RpcTypedData | null>

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
