/**
 * Open upload sessions of files. Their bytes go to the content store range by range; here is only
 * how far each has come.
 *
 * Invariants: an expired session is not found; at most `SESSIONS_MAX` are kept, the oldest goes
 * first; the bytes of a session that ends without a file are taken back. In memory only: after a
 * restart they are gone, as they would be after their expiry.
 */
import type { Actor, DriveItem } from '../drive-model.ts'
import type { Answer } from '../http.ts'
import type { FileContent } from './drive-items.ts'

const SESSIONS_MAX = 1_000

/** Bytes on their way into the content store. */
export interface Incoming {
  readonly received: number
  add(bytes: Uint8Array): void
  finish(): FileContent
  discard(): void
}

/** What clients say of a file's times; missing: they say nothing. */
export interface FileDates {
  readonly fsCreatedMs?: number
  readonly fsModifiedMs?: number
}

/** Where a file goes: a name in a folder, or an item that gets new content. By their pks. */
export interface FileTarget {
  readonly drive: number
  readonly by: Actor
  readonly dates: FileDates
  readonly place:
    | {
        readonly folder: number
        readonly name: string
        readonly behavior: 'fail' | 'rename' | 'replace'
      }
    | { readonly item: number }
}

export interface NewFileUpload {
  readonly secret: string
  /** Client id: it is the budget of this app that ranges spend. */
  readonly app: string
  readonly target: FileTarget
  readonly incoming: Incoming
  /** What the client is told at the end: the finished item, as the call that began would show it. */
  answer(item: DriveItem, isNew: boolean): Answer
  /** The size that was announced; null: the first range tells. */
  readonly size: number | null
  /** The file comes into being by a call of its own, after the last range. */
  readonly deferCommit: boolean
}

export interface FileUpload extends NewFileUpload {
  readonly id: string
  readonly createdMs: number
  size: number | null
  expiresMs: number
}

export class FileUploads {
  readonly #lifeMs: () => number
  readonly #nowMs: () => number
  readonly #uploads = new Map<string, FileUpload>()
  #count = 0

  constructor(options: { readonly lifeMs: () => number; readonly nowMs: () => number }) {
    this.#lifeMs = options.lifeMs
    this.#nowMs = options.nowMs
  }

  create(upload: NewFileUpload): FileUpload {
    this.#count += 1
    const createdMs = this.#nowMs()
    const id = String(this.#count)
    const created = { ...upload, id, createdMs, expiresMs: createdMs + this.#lifeMs() }
    this.#uploads.set(id, created)
    const oldest = this.#uploads.values().next()
    if (this.#uploads.size > SESSIONS_MAX && !oldest.done) this.cancel(oldest.value)
    return created
  }

  find(id: string): FileUpload | undefined {
    const upload = this.#uploads.get(id)
    return upload && upload.expiresMs > this.#nowMs() ? upload : undefined
  }

  /** Each range that comes lets it live on. */
  prolong(upload: FileUpload): void {
    upload.expiresMs = this.#nowMs() + this.#lifeMs()
  }

  /** The file is there: its bytes stay. */
  finish({ id }: FileUpload): void {
    this.#uploads.delete(id)
  }

  cancel({ id, incoming }: FileUpload): void {
    if (this.#uploads.delete(id)) incoming.discard()
  }

  /** Every open session counts as expired; answers how many there were. */
  expireAll(): number {
    const { size } = this.#uploads
    for (const upload of [...this.#uploads.values()]) this.cancel(upload)
    return size
  }
}
