/**
 * rclone as people run it, from a library to a container: `rclone copy` with its own defaults. Not
 * `sync`: that asks the library the same, and would spend most of the time after a renamed folder
 * on removing blobs one by one, where Azurite is slow. A backup keeps them anyway.
 *
 * Invariants: it sees nothing of the machine but the folder it is given, no configuration and no
 * environment; it is ended when the signal comes; who it works for is told in its own words when
 * it fails.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import type { GraphProxy } from './graph-proxy.ts'

/** Names of the remotes in its configuration. */
const SOURCE = 'library'
const TARGET = 'vault'
const WORDS_KEPT = 5

export interface CopyPlaces {
  /** Empty; holds configuration and certificate. */
  readonly folder: string
  readonly proxy: Pick<GraphProxy, 'url' | 'authority'>
  readonly driveId: string
  /** For Graph; good for as long as all runs take. */
  readonly token: string
  /** Blob endpoint of Azurite with its account, which rclone knows by itself. */
  readonly blobUrl: string
  readonly container: string
}

export interface CopyResult {
  readonly seconds: number
  /** As rclone counts them. */
  readonly bytes: number
  readonly transfers: number
}

export interface Copying {
  readonly program: string
  readonly signal: AbortSignal
  /** Told the process id as soon as there is one. */
  readonly onStart?: (pid: number) => void
}

export class CopyFailed extends Error {
  override readonly name = 'CopyFailed'
}

/** Writes what rclone is told; `copy` can run as often as wanted after it. */
export function prepareCopy(places: CopyPlaces): {
  copy(how: Copying): Promise<CopyResult>
} {
  const { folder, proxy } = places
  mkdirSync(folder, { recursive: true })
  const [config, authority] = [join(folder, 'rclone.conf'), join(folder, 'authority.pem')]
  writeFileSync(config, configText(places), { mode: 0o600 })
  writeFileSync(authority, proxy.authority)
  const args = [
    ...['copy', `${SOURCE}:`, `${TARGET}:${places.container}`],
    ...['--config', config, '--cache-dir', join(folder, 'cache'), '--ca-cert', authority],
    ...['--use-json-log', '--stats', '24h', '--stats-log-level', 'NOTICE'],
  ]
  return { copy: (how) => run({ ...how, args, env: environment(folder, proxy.url) }) }
}

/** Its defaults, and where to find what; secrets are those of the sandbox alone. */
export function configText({ driveId, token, blobUrl }: CopyPlaces): string {
  const oauth = { access_token: token, token_type: 'Bearer', expiry: '2099-01-01T00:00:00Z' }
  return [
    `[${SOURCE}]`,
    ...['type = onedrive', 'drive_type = documentLibrary', `drive_id = ${driveId}`],
    `token = ${JSON.stringify(oauth)}`,
    `[${TARGET}]`,
    ...['type = azureblob', 'use_emulator = true', `endpoint = ${blobUrl}`, ''],
  ].join('\n')
}

function environment(folder: string, proxyUrl: string): Record<string, string | undefined> {
  return {
    PATH: process.env['PATH'],
    ...{ HOME: folder, XDG_CONFIG_HOME: folder, TMPDIR: folder },
    HTTPS_PROXY: proxyUrl,
  }
}

interface Running extends Copying {
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string | undefined>>
}

async function run({ program, args, env, signal, onStart }: Running): Promise<CopyResult> {
  const startedMs = performance.now()
  const child = spawn(program, args, { env, signal, stdio: ['ignore', 'ignore', 'pipe'] })
  const ended = endOf(child)
  if (child.pid !== undefined) onStart?.(child.pid)
  const lines: string[] = []
  createInterface({ input: child.stderr }).on('line', (line) => lines.push(line))
  const code = await ended
  signal.throwIfAborted()
  const seconds = (performance.now() - startedMs) / 1000
  const { stats, words } = readLog(lines)
  if (code !== 0 || stats === undefined) {
    throw new CopyFailed(`rclone ended with ${code}: ${words.slice(-WORDS_KEPT).join('; ')}`)
  }
  const { bytes, transfers } = stats
  return { seconds, bytes, transfers }
}

/** Its exit code, when it is really gone; what Node calls an error (aborted, missing) is an end. */
function endOf(child: ChildProcess): Promise<number | null> {
  const end = Promise.withResolvers<number | null>()
  child.on('error', () => undefined).once('close', end.resolve)
  return end.promise
}

interface Stats {
  readonly bytes: number
  readonly transfers: number
}

/** The last statistics in rclone's log, and what it said beside them. */
export function readLog(lines: readonly string[]): {
  stats: Stats | undefined
  words: string[]
} {
  let stats: Stats | undefined
  const words: string[] = []
  for (const line of lines) {
    const said = objectIn(line)
    if (said?.stats !== undefined) stats = said.stats
    else words.push(said?.msg?.trim() ?? line)
  }
  return { stats, words }
}

function objectIn(line: string): { msg?: string; stats?: Stats } | undefined {
  try {
    return JSON.parse(line)
  } catch {
    // What comes before its log is set up is plain text.
    return undefined
  }
}
