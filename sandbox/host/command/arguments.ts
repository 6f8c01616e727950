/** The command's arguments, its help, and what it takes where they are missing. */
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import { HostError } from '../errors.ts'
import { conditions, strikes } from '../faults.ts'
import { type ProfileName, profileNames } from '../profiles.ts'

export const helpText = `Runs an Azure Functions app on this machine.

Usage: holdfast-host [options]

  --app DIR       folder of the app, with host.json and package.json (default: this folder)
  --port N        port on 127.0.0.1; 0 takes a free one (default: that of
                  local.settings.json, or 7071)
  --state FILE    durable state, SQLite (default: DIR/.holdfast-host/state.db)
  --profile NAME  ${profileNames.join(', ')} (default: azure-storage)
  --no-keys       take every request for HTTP functions, whatever its authLevel
  --explain       say why an instance will never go on, where it would not on Azure either;
                  JSON lines always do
  --fault SWITCH  several times; see below
  --json          JSON lines instead of text, as where standard output is no terminal
  --help          this text

Faults that strike once, name:n[=ms][@function], at the n-th occasion:
${listOf(strikes)}

Faults that hold from the start on, name:number:
${listOf(conditions)}

Exit codes: 0 stopped, 1 failed, 2 the port is in use, 64 wrong arguments.
`

function listOf(texts: Readonly<Record<string, string>>): string {
  return Object.entries(texts)
    .map(([name, text]) => `  ${name.padEnd(25)} ${text}`)
    .join('\n')
}

export interface Arguments {
  readonly appDir: string
  /** undefined: what local.settings.json says, or 7071. */
  readonly port: number | undefined
  /** undefined: below the app's folder. */
  readonly stateFile: string | undefined
  readonly profile: ProfileName
  readonly keys: boolean
  readonly explain: boolean
  readonly faults: readonly string[]
  readonly json: boolean
  readonly help: boolean
}

/** Throws TypeError with what is wrong; `faultsFromEnvironment`: switches with commas. */
export function readArguments(args: readonly string[], faultsFromEnvironment = ''): Arguments {
  const { values } = parseArgs({
    args: [...args],
    options: {
      app: { type: 'string', default: '.' },
      port: { type: 'string' },
      state: { type: 'string' },
      profile: { type: 'string', default: 'azure-storage' },
      'no-keys': { type: 'boolean', default: false },
      explain: { type: 'boolean', default: false },
      fault: { type: 'string', multiple: true, default: [] },
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    },
  })
  const port = values.port === undefined ? undefined : Number(values.port)
  if (port !== undefined && !(/^\d+$/.test(values.port ?? '') && port <= 65_535)) {
    throw new TypeError('--port is a number from 0 to 65535')
  }
  const profile = profileNames.find((name) => name === values.profile)
  if (profile === undefined) {
    throw new TypeError(`--profile is one of ${profileNames.join(', ')}`)
  }
  return {
    appDir: resolve(values.app),
    port,
    stateFile: values.state,
    profile,
    keys: !values['no-keys'],
    explain: values.explain,
    faults: [...values.fault, ...faultsFromEnvironment.split(',').filter(Boolean)],
    json: values.json,
    help: values.help,
  }
}

/**
 * The state file to use. The default's folder is made, and kept out of the app's own repository.
 * Throws `app-load` where the folder is no function app: nothing is written there then.
 */
export function stateFileOf({ appDir, stateFile }: Arguments): string {
  for (const name of ['host.json', 'package.json']) {
    if (existsSync(join(appDir, name))) continue
    throw new HostError('app-load', `${appDir} is no function app of Node: it has no ${name}`)
  }
  if (stateFile !== undefined) return resolve(stateFile)
  const folder = join(appDir, '.holdfast-host')
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, '.gitignore'), '*\n')
  return join(folder, 'state.db')
}
