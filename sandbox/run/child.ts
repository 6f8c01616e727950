/**
 * A child process that says in one JSON line on standard output that it is ready.
 *
 * Invariants: a child runs in a process group of its own, so that Ctrl-C and a closed terminal
 * reach only the parent, which then stops its children in order; a child ends by itself when its
 * parent is gone (end-with-parent.ts). Its log (standard error) goes to a file, line by line, and
 * the last lines are kept to explain a child that did not start.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream, type WriteStream } from 'node:fs'
import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { EXIT_CODES, Trouble } from './trouble.ts'

/** Longer than the slowest start that was seen on a busy machine. */
const READY_TIMEOUT_MS = 60_000
/** After this a child that was asked to stop is killed; the host alone drains for 10 s. */
const STOP_TIMEOUT_MS = 30_000
const LAST_LINES_MAX = 8
const PORT_IN_USE = 2

export interface ChildOptions {
  /** For people: "the host". */
  title: string
  /** Module to run. */
  script: URL
  args: readonly string[]
  /** The whole environment. */
  env: Readonly<Record<string, string | undefined>>
  /** Standard error goes here, appended. */
  logFile: string
  /** Called with every JSON line after the first. */
  onLine?: (line: Readonly<Record<string, unknown>>) => void
}

export interface Child {
  readonly title: string
  readonly pid: number
  /** The first JSON line. */
  readonly ready: Readonly<Record<string, unknown>>
  /** Resolves with the exit code (null: a signal) when it has ended, asked or not. */
  readonly exited: Promise<number | null>
  /** Asks it to stop, and kills it after 30 s. Idempotent. */
  stop(): Promise<void>
}

/** Resolves when the child is ready; rejects with a Trouble that has the child's last words. */
export async function startChild(options: ChildOptions): Promise<Child> {
  const child = fork(fileURLToPath(options.script), options.args, {
    detached: true,
    execArgv: ['--import', new URL('./end-with-parent.ts', import.meta.url).href],
    // A debugger or coverage switch of the parent is not meant for its children.
    env: { ...options.env, NODE_OPTIONS: '' },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
  const exited = once(child, 'exit').then(([code]) => code as number | null)
  const stop = () => stopChild(child, exited)
  if (child.stdout === null || child.stderr === null) {
    throw new TypeError('A child process was started without pipes.')
  }
  const lastLines = keepLog(child.stderr, options.logFile)
  try {
    const ready = await firstLine(child.stdout, options.onLine)
    return { title: options.title, pid: child.pid ?? 0, ready, exited, stop }
  } catch (cause) {
    await stop()
    throw notReady(options.title, await exited, { lastLines, cause })
  }
}

async function stopChild(child: ChildProcess, exited: Promise<unknown>): Promise<void> {
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_TIMEOUT_MS)
  try {
    if (child.connected) child.disconnect()
    await exited
  } finally {
    clearTimeout(timer)
  }
}

function keepLog(stderr: Readable, logFile: string): readonly string[] {
  const lastLines: string[] = []
  const file: WriteStream = createWriteStream(logFile, { flags: 'a' })
  stderr.pipe(file)
  createInterface({ input: stderr }).on('line', (line) => {
    lastLines.push(line)
    if (lastLines.length > LAST_LINES_MAX) lastLines.shift()
  })
  return lastLines
}

/** Ends with an error where standard output ends, or the time is over, before a JSON line. */
async function firstLine(
  stdout: Readable,
  onLine: ChildOptions['onLine'],
): Promise<Readonly<Record<string, unknown>>> {
  const first = Promise.withResolvers<Readonly<Record<string, unknown>>>()
  const timer = setTimeout(
    () => first.reject(new Error(`it was not ready after ${READY_TIMEOUT_MS / 1000} s`)),
    READY_TIMEOUT_MS,
  )
  let isFirst = true
  const lines = createInterface({ input: stdout })
  lines.on('line', (text) => {
    const line = jsonObject(text)
    if (line === undefined) return
    if (isFirst) first.resolve(line)
    else onLine?.(line)
    isFirst = false
  })
  lines.once('close', () => first.reject(new Error('it ended before it was ready')))
  try {
    return await first.promise
  } finally {
    clearTimeout(timer)
  }
}

function jsonObject(text: string): Readonly<Record<string, unknown>> | undefined {
  if (!text.startsWith('{')) return undefined
  try {
    return JSON.parse(text) as Readonly<Record<string, unknown>>
  } catch {
    // Not a line of ours: an app may print anything on its standard output.
    return undefined
  }
}

function notReady(
  title: string,
  code: number | null,
  why: { lastLines: readonly string[]; cause: unknown },
): Trouble {
  const reason = why.cause instanceof Error ? why.cause.message : String(why.cause)
  const said = why.lastLines.map((line) => `  ${textOf(line)}`).join('\n')
  return new Trouble(`${title} did not start: ${reason}.${said === '' ? '' : `\n${said}`}`, {
    hint: 'The log files below the data folder may say more.',
    exitCode: code === PORT_IN_USE ? EXIT_CODES.notStarted : EXIT_CODES.failed,
    cause: why.cause,
  })
}

/** The host logs JSON lines with a member `text`. */
function textOf(line: string): string {
  const text = jsonObject(line)?.['text']
  return typeof text === 'string' ? text : line
}
