/**
 * Command line: `node sandbox/host/main.ts --app DIR --port N --state FILE [--fault SWITCH]...`
 *
 * Standard output carries one JSON line when the host is ready and one for each new worker;
 * standard error carries the log, one JSON line each. Exit codes: 0 stopped, 1 failed, 2 the port
 * is in use, 64 wrong arguments.
 */
import { parseArgs } from 'node:util'
import { errorText, HostError } from './errors.ts'
import { type Host, startHost } from './index.ts'
import { hostLogTo, logToStderr } from './log.ts'

const usage =
  'usage: node sandbox/host/main.ts --app DIR --port N --state FILE [--fault name:n[@function]]...'
const exitCodes = { failed: 1, portInUse: 2, usage: 64 } as const
const log = hostLogTo(logToStderr)

interface Arguments {
  readonly app: string
  readonly port: number
  readonly state: string
  readonly fault: readonly string[]
}

function readArguments(): Arguments {
  const { values } = parseArgs({
    options: {
      app: { type: 'string' },
      port: { type: 'string', default: '7071' },
      state: { type: 'string' },
      fault: { type: 'string', multiple: true, default: [] },
    },
  })
  const port = Number(values.port)
  if (values.app === undefined || values.state === undefined) {
    throw new TypeError('--app and --state are needed')
  }
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new TypeError('--port is a number from 0 to 65535')
  }
  const fromEnvironment = (process.env['SANDBOX_HOST_FAULTS'] ?? '').split(',').filter(Boolean)
  return {
    app: values.app,
    port,
    state: values.state,
    fault: [...values.fault, ...fromEnvironment],
  }
}

function tellReady(host: Host): void {
  const ready = { ready: true, url: host.url, pid: process.pid, workerPid: host.workerPid() }
  process.stdout.write(`${JSON.stringify(ready)}\n`)
}

async function main(): Promise<number> {
  let given: Arguments
  try {
    given = readArguments()
  } catch (error) {
    process.stderr.write(`${errorText(error)}\n${usage}\n`)
    return exitCodes.usage
  }
  try {
    let host: Host | undefined
    host = await startHost({
      appDir: given.app,
      port: given.port,
      stateFile: given.state,
      faults: given.fault,
      log: logToStderr,
      onWorkerReplaced: () => host && tellReady(host),
    })
    const running = host
    const stop = (signal: NodeJS.Signals): void => {
      log('information', `${signal}: the host stops`)
      running.stop().catch((error: unknown) => log('critical', errorText(error)))
    }
    process.once('SIGINT', stop)
    process.once('SIGTERM', stop)
    tellReady(host)
    return await host.exited
  } catch (error) {
    log('critical', errorText(error))
    const taken = error instanceof HostError && error.code === 'port-in-use'
    return taken ? exitCodes.portInUse : exitCodes.failed
  }
}

process.exitCode = await main()
