#!/usr/bin/env node
/**
 * The command `holdfast-host`: runs an app folder until it is told to stop. See `--help`.
 *
 * Where standard output is no terminal, or with --json, it carries one JSON line when the host is
 * ready and one for each new worker, and standard error carries the log, one JSON line each. On a
 * terminal both are written for people.
 */
import { type Arguments, helpText, readArguments, stateFileOf } from './command/arguments.ts'
import { logText, startText } from './command/terminal.ts'
import { errorText, HostError } from './errors.ts'
import { type Host, startHost } from './index.ts'
import { readLocalSettings } from './local-settings.ts'
import { hostLogTo, type LogLine, logToStderr } from './log.ts'

const defaultPort = 7071
const exitCodes = { stopped: 0, failed: 1, portInUse: 2, usage: 64 } as const

function tellReady(host: Host): void {
  const ready = { ready: true, url: host.url, pid: process.pid, workerPid: host.workerPid() }
  process.stdout.write(`${JSON.stringify(ready)}\n`)
}

function tellPeople(host: Host, given: Arguments, stateFile: string): void {
  const asksForKeys = host.functions.some(
    ({ http }) => http !== undefined && http.authLevel !== 'anonymous',
  )
  const text = startText({
    url: host.url,
    functions: host.functions,
    stateFile,
    profile: given.profile,
    masterKey: given.keys && asksForKeys ? host.masterKey : undefined,
  })
  process.stdout.write(text)
}

async function run(given: Arguments): Promise<number> {
  const json = given.json || !process.stdout.isTTY
  const sink = json ? logToStderr : (line: LogLine) => process.stderr.write(`${logText(line)}\n`)
  const log = hostLogTo(sink)
  try {
    const stateFile = stateFileOf(given)
    let host: Host | undefined
    host = await startHost({
      appDir: given.appDir,
      port: given.port ?? readLocalSettings(given.appDir).port ?? defaultPort,
      stateFile,
      profile: given.profile,
      faults: given.faults,
      settings: { keysEnforced: given.keys, explain: given.explain || json },
      log: sink,
      onWorkerReplaced: (pid) => {
        if (json && host !== undefined) tellReady(host)
        if (!json) log('information', `a new worker runs, process ${pid}`)
      },
    })
    const running = host
    const stop = (signal: NodeJS.Signals): void => {
      log('information', `${signal}: the host stops`)
      running.stop().catch((error: unknown) => log('critical', errorText(error)))
    }
    process.once('SIGINT', stop)
    process.once('SIGTERM', stop)
    if (json) tellReady(host)
    else tellPeople(host, given, stateFile)
    return await host.exited
  } catch (error) {
    log('critical', errorText(error))
    const taken = error instanceof HostError && error.code === 'port-in-use'
    return taken ? exitCodes.portInUse : exitCodes.failed
  }
}

async function main(): Promise<number> {
  let given: Arguments
  try {
    given = readArguments(process.argv.slice(2), process.env['SANDBOX_HOST_FAULTS'])
  } catch (error) {
    process.stderr.write(`${errorText(error)}\nholdfast-host --help says more.\n`)
    return exitCodes.usage
  }
  if (!given.help) return await run(given)
  process.stdout.write(helpText)
  return exitCodes.stopped
}

process.exitCode = await main()
