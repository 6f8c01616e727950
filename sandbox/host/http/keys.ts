/**
 * Keys of the host and its functions: made at the first start, kept in the state file.
 *
 * Who may call, as on the real host: `anonymous` everybody; `function` whoever has a key of the
 * function, the host key or the master key; `admin` only the master key; the durable webhooks the
 * system key or the master key. The environment may give a key, under the names that the real
 * host's Kubernetes secrets have: `host.master`, `host.function.default`,
 * `host.systemKey.durabletask_extension`, `functions.<name in lower case>.default`.
 */
import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import type { DatabaseSync } from 'node:sqlite'
import type { AuthLevel } from '../summaries.ts'

const keyBytes = 40

export class HostKeys {
  readonly #database: DatabaseSync
  readonly #env: Readonly<Record<string, string | undefined>>

  constructor(database: DatabaseSync, env: Readonly<Record<string, string | undefined>>) {
    this.#database = database
    this.#env = env
    database.exec(
      'CREATE TABLE IF NOT EXISTS host_keys (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT',
    )
  }

  /** Opens everything. */
  get master(): string {
    return this.#key('host.master')
  }

  /** Opens every function whose level is `function`. */
  get host(): string {
    return this.#key('host.function.default')
  }

  /** Opens the durable webhooks; part of every link that the SDK makes. */
  get system(): string {
    return this.#key('host.systemKey.durabletask_extension')
  }

  /** Opens one function. */
  functionKey(name: string): string {
    return this.#key(`functions.${name.toLowerCase()}.default`)
  }

  /** May a request with this key call a function of this level? */
  opensFunction(level: AuthLevel, functionName: string, given: string | undefined): boolean {
    if (level === 'anonymous') return true
    if (given === undefined) return false
    if (same(given, this.master)) return true
    if (level === 'admin') return false
    return same(given, this.host) || same(given, this.functionKey(functionName))
  }

  opensWebhooks(given: string | undefined): boolean {
    return given !== undefined && (same(given, this.system) || same(given, this.master))
  }

  #key(name: string): string {
    const given = this.#env[name]
    if (given) return given
    const find = this.#database.prepare('SELECT value FROM host_keys WHERE name = ?')
    const kept = find.get(name)?.['value']
    if (typeof kept === 'string') return kept
    const made = randomBytes(keyBytes).toString('base64url')
    this.#database.prepare('INSERT INTO host_keys VALUES (?, ?)').run(name, made)
    return made
  }
}

/** The key that a request brings: the header wins over the query. */
export function keyOf(request: IncomingMessage, query: URLSearchParams): string | undefined {
  const header = request.headers['x-functions-key']
  const value = Array.isArray(header) ? header[0] : header
  return value ?? query.get('code') ?? undefined
}

/** In a time that does not tell how much of the key was right. */
function same(left: string, right: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(left), digest(right))
}
