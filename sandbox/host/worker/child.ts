/**
 * Entry of the worker process: loads the app and answers invocations until told to end.
 *
 * Invariants: the process ends when the channel to the host closes, so a killed host leaves no
 * worker behind. An uncaught exception or an unhandled rejection is logged and ends the process
 * with code 1, as in the real worker; nothing here tries to survive it.
 */
import { AppRegistry, installCoreModule } from './core-module.ts'
import { invoke, runHooks } from './invoke.ts'
import { loadApp } from './load-app.ts'
import type { HostToWorker, InvocationRequest, WorkerToHost } from './protocol.ts'

const registry = new AppRegistry()
const rawSend = process.send?.bind(process)
if (rawSend === undefined) {
  throw new Error('this file is started by the embedded host, with an IPC channel')
}
// The real worker has no such channel; an app must not see or use it.
delete process.send

function send(message: WorkerToHost): void {
  // A failed send means that the host is gone; the disconnect handler ends the process.
  rawSend?.(message, undefined, undefined, () => undefined)
}

let appDirectory = ''

async function load(appDir: string, hostVersion: string): Promise<void> {
  appDirectory = appDir
  installCoreModule(registry, hostVersion, (level, category, message) => {
    send({ type: 'log', level, category, message })
  })
  try {
    await loadApp(appDir)
    registry.seal()
    if (registry.functions.size > 0 && registry.model === undefined) {
      throw new Error('the app registered functions but no programming model')
    }
    const capabilities = (await registry.model?.getCapabilities({})) ?? {}
    await runHooks(registry, 'appStart', {
      hookData: {},
      appHookData: {},
      functionAppDirectory: appDir,
    })
    const functions = [...registry.functions.values()].map(({ metadata }) => metadata)
    send({ type: 'loaded', functions, capabilities })
  } catch (error) {
    const { message, stack } = describe(error)
    send({ type: 'load-failed', message, stack })
  }
}

async function answer(request: InvocationRequest): Promise<void> {
  const { invocationId, functionName } = request
  try {
    const returnValue = await invoke(registry, request, (level, category, message) => {
      send({ type: 'log', level, category, message, functionName, invocationId })
    })
    send({ type: 'answer', invocationId, returnValue })
  } catch (error) {
    send({ type: 'failure', invocationId, ...describe(error) })
  }
}

/** As the real worker's `ensureErrorType`: objects become JSON, everything else text. */
function describe(error: unknown): { message: string; stack: string } {
  if (error instanceof Error) {
    return { message: error.message, stack: error.stack ?? '' }
  }
  const message = typeof error === 'object' ? JSON.stringify(error) : String(error)
  return { message, stack: '' }
}

async function terminate(): Promise<void> {
  try {
    await runHooks(registry, 'appTerminate', {
      hookData: {},
      appHookData: {},
      functionAppDirectory: appDirectory,
    })
  } catch (error) {
    send({ type: 'log', level: 'error', category: 'system', message: describe(error).message })
  }
  process.exit(0)
}

function crash(error: unknown): void {
  const { message, stack } = describe(error)
  process.stderr.write(`Worker uncaught exception: ${stack || message}\n`, () => process.exit(1))
}

process.on('disconnect', () => process.exit(1))
// Ctrl-C reaches the whole process group; only the host may decide when its worker ends.
process.on('SIGINT', () => undefined)
process.on('uncaughtException', crash)
process.on('message', (message: HostToWorker) => {
  switch (message.type) {
    case 'load':
      load(message.appDir, message.hostVersion).catch(crash)
      break
    case 'invoke':
      answer(message.request).catch(crash)
      break
    case 'terminate':
      terminate().catch(crash)
      break
  }
})
