/**
 * Open upload sessions with the bytes that have come so far.
 *
 * Invariants: an expired session is not found; at most `SESSIONS_MAX` are kept, the oldest goes
 * first. In memory only.
 */
const SESSIONS_MAX = 100

export interface UploadedFile {
  readonly name: string
  readonly size: number
  readonly contentType: string
  readonly contentId: string | null
  readonly isInline: boolean
}

export interface NewUploadSession {
  readonly secret: string
  /** Graph id of the user. */
  readonly user: string
  /** Immutable id of the message. */
  readonly message: string
  /** The message's id in the form that the client asked for. */
  readonly messageId: string
  readonly file: UploadedFile
}

export interface UploadSession extends NewUploadSession {
  readonly id: string
  readonly chunks: Uint8Array[]
  received: number
  expiresMs: number
}

export class UploadSessions {
  readonly #lifeMs: () => number
  readonly #nowMs: () => number
  readonly #sessions = new Map<string, UploadSession>()
  #count = 0

  constructor(options: { readonly lifeMs: () => number; readonly nowMs: () => number }) {
    this.#lifeMs = options.lifeMs
    this.#nowMs = options.nowMs
  }

  create(session: NewUploadSession): UploadSession {
    this.#count += 1
    const id = String(this.#count)
    const expiresMs = this.#nowMs() + this.#lifeMs()
    const created = { ...session, id, chunks: [], received: 0, expiresMs }
    this.#sessions.set(id, created)
    const oldest = this.#sessions.keys().next()
    if (this.#sessions.size > SESSIONS_MAX && !oldest.done) this.#sessions.delete(oldest.value)
    return created
  }

  find(id: string): UploadSession | undefined {
    const session = this.#sessions.get(id)
    return session && session.expiresMs > this.#nowMs() ? session : undefined
  }

  append(session: UploadSession, bytes: Uint8Array): void {
    session.chunks.push(bytes)
    session.received += bytes.length
    session.expiresMs = this.#nowMs() + this.#lifeMs()
  }

  remove({ id }: UploadSession): void {
    this.#sessions.delete(id)
  }

  /** Every open session counts as expired; answers how many there were. */
  expireAll(): number {
    const { size } = this.#sessions
    this.#sessions.clear()
    return size
  }
}
