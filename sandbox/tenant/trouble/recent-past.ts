/**
 * What a lagging service still believes: when each seq came to be, which state a message had
 * before its last changes, and which messages are too new for a search to know them.
 *
 * Invariants: kept in memory, and only while a setting needs it; what happened before that is
 * seen at once. Everything here is about reading: the tenant's true state is in the stores.
 */
import type { Message } from '../model.ts'

/** Beyond these the oldest are forgotten, and what they hid is seen. */
const MARKS_MAX = 200_000
const VERSIONS_MAX = 100_000
const CREATED_MAX = 200_000
/** How long an older state may be replayed, where no lag is longer. */
const VERSIONS_KEPT_MS = 600_000

interface Version {
  readonly message: Message
  /** The first seq at which this state was no more. */
  readonly until: number
  readonly ms: number
}

export class RecentPast {
  readonly #lastSeq: () => number
  readonly #nowMs: () => number
  #marks: { readonly seq: number; readonly ms: number }[] = []
  #versions: Version[] = []
  #created: { readonly pk: number; readonly ms: number }[] = []
  /** What is not above it was there before this class looked. */
  #base = 0
  #watching = false
  #lagMaxMs = 0

  constructor(options: { readonly lastSeq: () => number; readonly nowMs: () => number }) {
    this.#lastSeq = options.lastSeq
    this.#nowMs = options.nowMs
  }

  /** `lagMaxMs`: the longest lag in force. Off: everything kept is dropped. */
  watch(on: boolean, lagMaxMs: number): void {
    this.#lagMaxMs = lagMaxMs
    if (on && this.#watching) return
    this.#watching = on
    this.startHere()
  }

  /** All that there is now counts as long since seen. */
  startHere(): void {
    this.#base = this.#lastSeq()
    this.#marks = []
    this.#versions = []
    this.#created = []
  }

  /** A transaction has been committed. */
  committed(seq: number): void {
    if (!this.#watching) return
    this.#marks.push({ seq, ms: this.#nowMs() })
    if (this.#marks.length > MARKS_MAX) this.#base = this.#marks.shift()?.seq ?? this.#base
  }

  /** A message is about to change, move or go. */
  changing(message: Message): void {
    if (!this.#watching) return
    const ms = this.#nowMs()
    this.#versions.push({ message, until: this.#lastSeq() + 1, ms })
    const oldestMs = ms - Math.max(this.#lagMaxMs, VERSIONS_KEPT_MS)
    const old = this.#versions.findIndex((version) => version.ms >= oldestMs)
    const surplus = Math.max(old, this.#versions.length - VERSIONS_MAX)
    if (surplus > 0) this.#versions.splice(0, surplus)
  }

  created(message: Message): void {
    if (!this.#watching) return
    this.#created.push({ pk: message.pk, ms: this.#nowMs() })
    if (this.#created.length > CREATED_MAX) this.#created.shift()
  }

  /** The newest seq that a reader with this lag knows of. */
  horizon(lagMs: number): number {
    if (lagMs === 0) return this.#lastSeq()
    const until = this.#nowMs() - lagMs
    return this.#marks.findLast(({ ms }) => ms <= until)?.seq ?? this.#base
  }

  /** States that messages of the folder had at `seq` and have no more. */
  statesAt(folder: number, seq: number): Message[] {
    return this.#versions
      .filter(
        ({ message, until }) => message.folder === folder && message.seq <= seq && until > seq,
      )
      .map(({ message }) => message)
  }

  /** The state that the message had in the same folder before its present one. */
  stateBefore({ pk, folder, seq }: Message): Message | undefined {
    return this.#versions.findLast(
      ({ message }) => message.pk === pk && message.folder === folder && message.seq < seq,
    )?.message
  }

  /**
   * Messages with this key or a greater one are too new for a search that lags so; keys of
   * messages only grow. null: none is.
   */
  newestKeys(lagMs: number): number | null {
    const since = this.#nowMs() - lagMs
    const recent = this.#created.filter(({ ms }) => ms > since).map(({ pk }) => pk)
    return recent.length === 0 ? null : recent.reduce((a, b) => Math.min(a, b))
  }
}
