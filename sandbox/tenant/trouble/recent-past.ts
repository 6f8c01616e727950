/**
 * What a lagging service still believes: when each seq came to be, which state a thing (a message,
 * or what stands in a drive) had before its last changes, and which are too new for a search to
 * know them.
 *
 * Invariants: kept in memory, and only while a setting needs it; what happened before that is
 * seen at once. Everything here is about reading: the tenant's true state is in the stores.
 */
/** Beyond these the oldest are forgotten, and what they hid is seen. */
const MARKS_MAX = 200_000
const VERSIONS_MAX = 100_000
const CREATED_MAX = 200_000
/** How long an older state may be replayed, where no lag is longer. */
const VERSIONS_KEPT_MS = 600_000

/** Where it stands: in a folder of a mailbox, in a drive. */
export interface Placed {
  readonly pk: number
  /** Of its last change. */
  readonly seq: number
}

interface Version<T> {
  readonly state: T
  /** The first seq at which this state was no more. */
  readonly until: number
  readonly ms: number
}

export class RecentPast<T extends Placed> {
  readonly #lastSeq: () => number
  readonly #nowMs: () => number
  #marks: { readonly seq: number; readonly ms: number }[] = []
  readonly #placeOf: (state: T) => number
  #versions: Version<T>[] = []
  #created: { readonly pk: number; readonly ms: number }[] = []
  /** What is not above it was there before this class looked. */
  #base = 0
  #watching = false
  #lagMaxMs = 0

  /** `placeOf`: the pk of what has a delta of its own. */
  constructor(options: {
    readonly lastSeq: () => number
    readonly nowMs: () => number
    readonly placeOf: (state: T) => number
  }) {
    this.#lastSeq = options.lastSeq
    this.#nowMs = options.nowMs
    this.#placeOf = options.placeOf
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

  /** It is about to change, move or go. */
  changing(state: T): void {
    if (!this.#watching) return
    const ms = this.#nowMs()
    this.#versions.push({ state, until: this.#lastSeq() + 1, ms })
    const oldestMs = ms - Math.max(this.#lagMaxMs, VERSIONS_KEPT_MS)
    const old = this.#versions.findIndex((version) => version.ms >= oldestMs)
    const surplus = Math.max(old, this.#versions.length - VERSIONS_MAX)
    if (surplus > 0) this.#versions.splice(0, surplus)
  }

  created({ pk }: T): void {
    if (!this.#watching) return
    this.#created.push({ pk, ms: this.#nowMs() })
    if (this.#created.length > CREATED_MAX) this.#created.shift()
  }

  /** The newest seq that a reader with this lag knows of. */
  horizon(lagMs: number): number {
    if (lagMs === 0) return this.#lastSeq()
    const until = this.#nowMs() - lagMs
    return this.#marks.findLast(({ ms }) => ms <= until)?.seq ?? this.#base
  }

  /** States that things of this place had at `seq` and have no more. */
  statesAt(place: number, seq: number): T[] {
    return this.#versions
      .filter(
        ({ state, until }) => this.#placeOf(state) === place && state.seq <= seq && until > seq,
      )
      .map(({ state }) => state)
  }

  /** The state that it had in the same place before its present one. */
  stateBefore(now: T): T | undefined {
    const place = this.#placeOf(now)
    return this.#versions.findLast(
      ({ state }) => state.pk === now.pk && this.#placeOf(state) === place && state.seq < now.seq,
    )?.state
  }

  /**
   * What has this key or a greater one is too new for a search that lags so; keys only grow. null:
   * nothing is.
   */
  newestKeys(lagMs: number): number | null {
    const since = this.#nowMs() - lagMs
    const recent = this.#created.filter(({ ms }) => ms > since).map(({ pk }) => pk)
    return recent.length === 0 ? null : recent.reduce((a, b) => Math.min(a, b))
  }
}
