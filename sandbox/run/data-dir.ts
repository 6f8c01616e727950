/**
 * The folder that holds everything of one sandbox: Azurite's data, the tenant's and the host's
 * state, local keys, logs.
 *
 * One sandbox uses a folder at a time: an exclusive SQLite lock says so, which the system itself
 * gives back when the process dies. A marker stays behind only where the last stop was not clean.
 */
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { EXIT_CODES, Trouble } from './trouble.ts'

export const DEFAULT_DIR = '.holdfast'
const MARKER = 'running'
/** Says that a folder is ours, so that nothing else is ever removed by `--fresh`. */
const LOCK = 'sandbox.lock'

export interface DataDir {
  readonly path: string
  /** There was data of an earlier session. */
  readonly continued: boolean
  /** The session before did not end in good order. */
  readonly hardStopped: boolean
  readonly azurite: string
  readonly tenantState: string
  readonly hostState: string
  readonly keys: string
  readonly token: string
  log(name: string): string
  /** Call it when everything has stopped; `clean`: in good order. */
  release(clean: boolean): void
}

/** Makes and locks the folder. `fresh` empties it first. Throws where another sandbox has it. */
export function openDataDir(dir: string, options: { fresh?: boolean } = {}): DataDir {
  const path = resolve(dir)
  const within = (name: string) => join(path, name)
  mkdirSync(path, { recursive: true })
  if (options.fresh === true && !existsSync(within(LOCK)) && readdirSync(path).length > 0) {
    throw new Trouble(`${path} is not a folder of the sandbox, so --fresh does not empty it.`, {
      hint: 'Name another folder with --dir, or remove this one yourself.',
      exitCode: EXIT_CODES.notStarted,
    })
  }
  const lock = lockFolder(path)
  if (options.fresh === true) {
    for (const name of [MARKER, 'azurite', 'state', 'keys', 'logs', 'token']) {
      rmSync(within(name), { recursive: true, force: true })
    }
  }
  const tenantState = join(within('state'), 'tenant.sqlite')
  const continued = existsSync(tenantState)
  const hardStopped = existsSync(within(MARKER))
  for (const name of ['azurite', 'state', 'keys', 'logs']) {
    mkdirSync(within(name), { recursive: true })
  }
  writeFileSync(within(MARKER), 'There is no clean stop yet.\n')
  return {
    ...{ path, continued, hardStopped, azurite: within('azurite'), keys: within('keys') },
    tenantState,
    hostState: join(within('state'), 'host.sqlite'),
    token: within('token'),
    log: (name) => join(within('logs'), `${name}.log`),
    release(clean) {
      if (clean) rmSync(within(MARKER), { force: true })
      lock.close()
    },
  }
}

function lockFolder(path: string): DatabaseSync {
  const lock = new DatabaseSync(join(path, LOCK))
  try {
    lock.exec('PRAGMA locking_mode=EXCLUSIVE; BEGIN EXCLUSIVE; PRAGMA user_version=1; COMMIT')
    return lock
  } catch (cause) {
    lock.close()
    throw new Trouble(`Another sandbox is using the folder ${path}.`, {
      hint: 'Stop it (Ctrl-C in its terminal), or name another folder with --dir.',
      exitCode: EXIT_CODES.notStarted,
      cause,
    })
  }
}
