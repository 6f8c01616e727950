/**
 * One invocation inside the worker: arguments, hooks, handler, hooks, response.
 *
 * The order and the rules (hooks may replace inputs, callback, result and error; `throw
 * undefined` counts as success) are the real worker's `InvocationHandler`. Conversion of values
 * is left to the app's own programming model.
 */
import type {
  AppRegistry,
  CoreInvocationContext,
  FunctionCallback,
  HookName,
} from './core-module.ts'
import type { InvocationRequest, RpcTypedData } from './protocol.ts'

export type UserLog = (level: string, category: string, message: string) => void

/** Resolves with the function's return value; rejects with whatever the handler threw. */
export async function invoke(
  registry: AppRegistry,
  request: InvocationRequest,
  log: UserLog,
): Promise<RpcTypedData | null> {
  const registered = registry.functions.get(request.functionName)
  if (registered === undefined || registry.model === undefined) {
    throw new Error(`Function code for '${request.functionName}' is not loaded in this worker.`)
  }
  const core: CoreInvocationContext = {
    invocationId: request.invocationId,
    request,
    metadata: registered.metadata,
    log,
  }
  const model = registry.model.getInvocationModel(core)
  const { context, inputs } = await model.getArguments()
  const hookContext: InvocationHookContext = {
    hookData: {},
    invocationContext: context,
    inputs,
    functionCallback: registered.callback,
  }
  core.state = 'preInvocationHooks'
  await runHooks(registry, 'preInvocation', hookContext)
  core.state = 'invocation'
  const handler = hookContext.functionCallback
  try {
    hookContext.result = await model.invokeFunction(context, hookContext.inputs, handler)
  } catch (error) {
    hookContext.error = error
  }
  core.state = 'postInvocationHooks'
  await runHooks(registry, 'postInvocation', hookContext)
  if (hookContext.error !== undefined && hookContext.error !== null) {
    throw hookContext.error
  }
  const response = await model.getResponse(context, hookContext.result)
  return response.returnValue ?? null
}

interface InvocationHookContext extends Record<string, unknown> {
  readonly hookData: Record<string, unknown>
  readonly invocationContext: unknown
  inputs: unknown[]
  functionCallback: FunctionCallback
  result?: unknown
  error?: unknown
}

/** Runs the app's hooks of one kind in the order in which they were registered. */
export async function runHooks(
  registry: AppRegistry,
  name: HookName,
  context: Record<string, unknown>,
): Promise<void> {
  for (const hook of registry.hooks(name)) {
    await hook(context)
  }
}
