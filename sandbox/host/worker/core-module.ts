/**
 * The module `@azure/functions-core`, which exists only inside a worker process.
 *
 * The app's own `@azure/functions` requires it and registers functions, hooks and its
 * programming model through it. It is installed by a proxy around `Module.prototype.require`,
 * as the real Node worker does; ES modules reach it too, because the library itself is CommonJS.
 * Nothing of the app is changed. Members that no shipped library calls are left out.
 */
import Module from 'node:module'
import type { FunctionMetadata, InvocationRequest, RpcTypedData } from './protocol.ts'

const coreModuleName = '@azure/functions-core'
const workerVersion = '3.9.1'
const hookNames = ['preInvocation', 'postInvocation', 'appStart', 'appTerminate'] as const

export type HookName = (typeof hookNames)[number]
export type HookCallback = (context: Record<string, unknown>) => unknown
export type FunctionCallback = (...args: unknown[]) => unknown

/** What the library's model makes of one invocation; the contract fixes these three steps. */
export interface InvocationModel {
  getArguments(): Promise<{ context: unknown; inputs: unknown[] }>
  invokeFunction(context: unknown, inputs: unknown[], handler: FunctionCallback): Promise<unknown>
  getResponse(context: unknown, result: unknown): Promise<{ returnValue?: RpcTypedData | null }>
}

export interface CoreInvocationContext {
  readonly invocationId: string
  readonly request: InvocationRequest
  readonly metadata: FunctionMetadata
  state?: string
  readonly log: (level: string, category: string, message: string) => void
}

export interface ProgrammingModel {
  readonly name: string
  readonly version: string
  getInvocationModel(context: CoreInvocationContext): InvocationModel
  getCapabilities(
    capabilities: Record<string, string>,
  ): Record<string, string> | Promise<Record<string, string>>
}

export interface RegisteredFunction {
  readonly metadata: FunctionMetadata
  readonly callback: FunctionCallback
}

class Disposable {
  readonly #onDispose: () => void

  constructor(onDispose: () => void) {
    this.#onDispose = onDispose
  }

  dispose(): void {
    this.#onDispose()
  }
}

/** Everything that the app registered while its entry files were loaded. */
export class AppRegistry {
  readonly functions = new Map<string, RegisteredFunction>()
  readonly #hooks = new Map<HookName, HookCallback[]>()
  #model: ProgrammingModel | undefined
  #sealed = false

  /** After indexing a registration is an error: the host would never hear of it. */
  seal(): void {
    this.#sealed = true
  }

  get model(): ProgrammingModel | undefined {
    return this.#model
  }

  hooks(name: HookName): readonly HookCallback[] {
    return this.#hooks.get(name) ?? []
  }

  registerFunction(metadata: FunctionMetadata, callback: FunctionCallback): Disposable {
    if (this.#sealed) {
      throw new Error('A function can only be registered during app startup.')
    }
    if (this.functions.has(metadata.name)) {
      throw new Error(`A function with id "${metadata.name}" has already been registered.`)
    }
    this.functions.set(metadata.name, { metadata, callback })
    return new Disposable(() => {
      if (this.#sealed) {
        throw new Error('A function can only be disposed during app startup.')
      }
      this.functions.delete(metadata.name)
    })
  }

  registerHook(name: string, callback: HookCallback): Disposable {
    const hookName = hookNames.find((known) => known === name)
    if (hookName === undefined) {
      // The mark is how the library tells "this host is too old" from an error of the app.
      throw Object.assign(new RangeError(`Unrecognized hook "${name}"`), {
        isAzureFunctionsSystemError: true,
      })
    }
    const callbacks = this.#hooks.get(hookName) ?? []
    callbacks.push(callback)
    this.#hooks.set(hookName, callbacks)
    return new Disposable(() => {
      const index = callbacks.indexOf(callback)
      if (index >= 0) callbacks.splice(index, 1)
    })
  }

  setModel(model: ProgrammingModel): void {
    this.#model = model
  }
}

/** Makes `require('@azure/functions-core')` answer with an API that fills `registry`. */
export function installCoreModule(
  registry: AppRegistry,
  hostVersion: string,
  log: (level: string, category: string, message: string) => void,
): void {
  const api = {
    version: workerVersion,
    hostVersion,
    registerFunction: registry.registerFunction.bind(registry),
    registerHook: registry.registerHook.bind(registry),
    setProgrammingModel: registry.setModel.bind(registry),
    getProgrammingModel: () => registry.model,
    log,
    Disposable,
  }
  Module.prototype.require = new Proxy(Module.prototype.require, {
    apply: (target, thisArg, args: [string]) =>
      args[0] === coreModuleName ? api : Reflect.apply(target, thisArg, args),
  })
}
