/**
 * What host and worker process say to each other over the IPC channel.
 *
 * The value shapes (`RpcTypedData`, binding names, trigger metadata) are those of the Functions
 * worker contract, because the app's own `@azure/functions` package reads and writes them.
 * The envelope is ours. Messages are sent with structured clone, so bytes and NaN survive.
 */

/** One member of the contract's value union; which one is set says how the library reads it. */
export interface RpcTypedData {
  readonly string?: string
  readonly json?: string
  readonly bytes?: Uint8Array
  readonly http?: RpcHttpData
  readonly int?: number
  readonly double?: number
}

export interface RpcNullableString {
  readonly value: string
}

export interface RpcCookie {
  readonly name: string
  readonly value: string
  readonly domain?: RpcNullableString | null
  readonly path?: RpcNullableString | null
  readonly expires?: { readonly value: { readonly seconds: number } } | null
  readonly secure?: { readonly value: boolean } | null
  readonly httpOnly?: { readonly value: boolean } | null
  readonly sameSite?: string | null
  readonly maxAge?: { readonly value: number } | null
}

/** Request and response share one shape in the contract; each side sets its own members. */
export interface RpcHttpData {
  readonly method?: string
  readonly url?: string
  readonly nullableHeaders?: Record<string, RpcNullableString>
  readonly nullableQuery?: Record<string, RpcNullableString>
  readonly nullableParams?: Record<string, RpcNullableString>
  readonly body?: RpcTypedData | null
  readonly statusCode?: string
  readonly headers?: Record<string, string>
  readonly cookies?: readonly RpcCookie[]
}

/** A binding as the app registered it. Members beyond type and direction depend on the type. */
export interface BindingInfo {
  readonly type: string
  readonly direction: string
  readonly [member: string]: unknown
}

export interface FunctionMetadata {
  readonly name: string
  readonly bindings: Readonly<Record<string, BindingInfo>>
}

export interface InvocationRequest {
  readonly invocationId: string
  readonly functionName: string
  readonly inputData: readonly { readonly name: string; readonly data: RpcTypedData }[]
  readonly triggerMetadata: Readonly<Record<string, RpcTypedData>>
}

export type HostToWorker =
  | { readonly type: 'load'; readonly appDir: string; readonly hostVersion: string }
  | { readonly type: 'invoke'; readonly request: InvocationRequest }
  | { readonly type: 'terminate' }

export type WorkerToHost =
  | {
      readonly type: 'loaded'
      readonly functions: readonly FunctionMetadata[]
      readonly capabilities: Readonly<Record<string, string>>
    }
  | { readonly type: 'load-failed'; readonly message: string; readonly stack: string }
  | {
      readonly type: 'log'
      readonly level: string
      readonly category: string
      readonly message: string
      readonly functionName?: string
      readonly invocationId?: string
    }
  | {
      readonly type: 'answer'
      readonly invocationId: string
      readonly returnValue: RpcTypedData | null
    }
  | {
      readonly type: 'failure'
      readonly invocationId: string
      readonly message: string
      readonly stack: string
    }
