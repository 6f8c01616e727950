/**
 * Starts the tenant as a process of its own:
 *   node sandbox/tenant/main.ts --port 7070 --control-port 7071 --state FILE
 *     [--seed N --users N --messages M --body-bytes B] [--import DIR] [--mail-advanced on|off]
 *     [--files N --folders N --sites N --file-bytes B --odd-files on|off]
 *
 * Prints one JSON line on stdout when it is ready; everything else goes to stderr.
 * Exit codes: 0 stopped by a signal, 1 a failure, 2 wrong arguments or a port in use.
 */
import { parseArgs } from 'node:util'
import type { FileSeedOptions } from './content/generated-files.ts'
import { defined } from './control/defined.ts'
import { startTenant, type TenantOptions } from './index.ts'

const DEFAULT_USERS = 5
const DEFAULT_MESSAGES = 100

class UsageError extends Error {}

function wholeNumber(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  if (!/^\d{1,9}$/.test(text)) throw new UsageError(`--${name} must be a number, not '${text}'`)
  return Number(text)
}

function portNumber(name: string, text: string | undefined): number {
  const port = wholeNumber(name, text) ?? 0
  if (port > 65_535) throw new UsageError(`--${name} is no port: ${port}`)
  return port
}

function switchOf(name: string, text = 'off'): boolean {
  if (text !== 'on' && text !== 'off') throw new UsageError(`--${name} is on or off, not '${text}'`)
  return text === 'on'
}

/** Sites and drives, where they are asked for. */
function fileOptions(values: Readonly<Record<string, string | undefined>>): FileSeedOptions {
  const numbers = {
    files: wholeNumber('files', values['files']),
    folders: wholeNumber('folders', values['folders']),
    sites: wholeNumber('sites', values['sites']),
    fileBytes: wholeNumber('file-bytes', values['file-bytes']),
  }
  return { ...defined(numbers), oddFiles: switchOf('odd-files', values['odd-files']) }
}

function readArguments(): TenantOptions {
  const { values } = parseArgs({
    options: {
      port: { type: 'string' },
      'control-port': { type: 'string' },
      state: { type: 'string' },
      seed: { type: 'string' },
      users: { type: 'string' },
      messages: { type: 'string' },
      'body-bytes': { type: 'string' },
      files: { type: 'string' },
      folders: { type: 'string' },
      sites: { type: 'string' },
      'file-bytes': { type: 'string' },
      'odd-files': { type: 'string' },
      import: { type: 'string' },
      'mail-advanced': { type: 'string' },
    },
  })
  const seed = wholeNumber('seed', values.seed)
  const bodyBytes = wholeNumber('body-bytes', values['body-bytes'])
  return {
    port: portNumber('port', values.port),
    controlPort: portNumber('control-port', values['control-port']),
    ...(values.state === undefined ? {} : { stateFile: values.state }),
    ...(values.import === undefined ? {} : { importDirectory: values.import }),
    settings: { mailAdvanced: switchOf('mail-advanced', values['mail-advanced']) },
    ...(seed === undefined
      ? {}
      : {
          seed: {
            seed,
            users: wholeNumber('users', values.users) ?? DEFAULT_USERS,
            messages: wholeNumber('messages', values.messages) ?? DEFAULT_MESSAGES,
            ...(bodyBytes === undefined ? {} : { bodyBytes }),
            ...fileOptions(values),
          },
        }),
  }
}

function explain(error: unknown): { code: number; text: string } {
  const message = error instanceof Error ? error.message : String(error)
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  if (code === 'EADDRINUSE' && error instanceof Error && 'port' in error) {
    return { code: 2, text: `port ${String(error.port)} is in use already` }
  }
  const badArguments = error instanceof UsageError || String(code).startsWith('ERR_PARSE_ARGS')
  return { code: badArguments ? 2 : 1, text: message }
}

async function run(): Promise<void> {
  const tenant = await startTenant(readArguments())
  const { url, controlUrl, tenantId, identityHeader, imported } = tenant
  const ready = { ready: true, pid: process.pid, url, controlUrl, tenantId, identityHeader }
  console.log(JSON.stringify(imported ? { ...ready, imported } : ready))
  const stopped = Promise.withResolvers<void>()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stopped.resolve())
  await stopped.promise
  await tenant.stop()
}

try {
  await run()
} catch (error) {
  const { code, text } = explain(error)
  console.error(`tenant: ${text}`)
  process.exitCode = code
}
