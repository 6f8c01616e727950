/** The one way in which triggers and the durable engine run a function of the app. */
import type { AppFunction } from './functions.ts'
import type { RpcTypedData } from './worker/protocol.ts'
import type { InvokeOptions } from './worker/supervisor.ts'

/** One run of a function with the value of its trigger; client bindings are added by the host. */
export type RunFunction = (
  appFunction: AppFunction,
  trigger: {
    readonly value: RpcTypedData | null
    readonly metadata: Readonly<Record<string, RpcTypedData>>
    /** Where the caller must know it before; otherwise the host makes one. */
    readonly invocationId?: string
  },
  options?: InvokeOptions,
) => Promise<RpcTypedData | null>
