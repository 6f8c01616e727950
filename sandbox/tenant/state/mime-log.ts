/**
 * The SHA-256 of each `$value` answer, so that a verdict can prove copies byte for byte.
 *
 * Entries are written together a moment later: one transaction for each answer would be a tenth of
 * its cost. A reader sees all of them; a killed tenant may lose those of the last `FLUSH_MS`.
 */
import { hash } from 'node:crypto'
import type { Database } from './database.ts'
import { integer, text } from './rows.ts'

const FLUSH_MS = 20
const PENDING_MAX = 500

export interface MimeAnswer {
  readonly sha256: string
  readonly bytes: number
}

export class MimeLog {
  readonly #db: Database
  #pending: (MimeAnswer & { readonly message: string })[] = []
  #timer: NodeJS.Timeout | null = null
  #closed = false

  constructor(db: Database) {
    this.#db = db
  }

  /** `message`: the immutable id. */
  add(message: string, mime: Uint8Array): void {
    if (this.#closed) return
    this.#pending.push({ message, sha256: hash('sha256', mime, 'hex'), bytes: mime.length })
    if (this.#pending.length >= PENDING_MAX) this.#flush()
    else this.#timer ??= setTimeout(() => this.#flush(), FLUSH_MS).unref()
  }

  /** Oldest first. */
  read(message: string): MimeAnswer[] {
    this.#flush()
    return this.#db
      .all('SELECT sha256, bytes FROM mime_log WHERE message = ? ORDER BY rowid', message)
      .map((row) => ({ sha256: text(row, 'sha256'), bytes: integer(row, 'bytes') }))
  }

  /** Before the database closes; what is answered after it is not noted any more. */
  close(): void {
    this.#flush()
    this.#closed = true
  }

  #flush(): void {
    if (this.#timer) clearTimeout(this.#timer)
    this.#timer = null
    const entries = this.#pending
    this.#pending = []
    if (entries.length === 0) return
    this.#db.transaction(() => {
      for (const { message, sha256, bytes } of entries) {
        this.#db.run(
          'INSERT INTO mime_log(message, sha256, bytes) VALUES(?, ?, ?)',
          message,
          sha256,
          bytes,
        )
      }
    })
  }
}
