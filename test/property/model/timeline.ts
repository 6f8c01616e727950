/** What something was like over time. The whole of the plain model stands on this. */

interface Span<T> {
  /** Ms since 1970. */
  readonly from: number
  /** Undefined: it was not there. */
  readonly state: T | undefined
}

export class Timeline<T> {
  readonly #spans: Span<T>[] = []

  /** The state from now on. Times never go back; of several at one moment the last one stays. */
  set(at: number, state: T | undefined): void {
    this.#spans.push({ from: at, state })
  }

  /** When it was there first; undefined: never. */
  get born(): number | undefined {
    return this.#spans.find(({ state }) => state !== undefined)?.from
  }

  get now(): T | undefined {
    return this.#spans.at(-1)?.state
  }

  /** Every state that held at any moment from `from` to `to`, both included; oldest first. */
  during(from: number, to: number): (T | undefined)[] {
    const began = this.#spans.filter((span) => span.from <= to)
    const first = began.findLastIndex((span) => span.from <= from)
    const states = began.slice(Math.max(first, 0)).map((span) => span.state)
    return first < 0 ? [undefined, ...states] : states
  }

  /** Every state that held until then. */
  until(to: number): T[] {
    return this.#spans.flatMap(({ from, state }) => (from <= to && state ? [state] : []))
  }

  /** When it went away for the last time before `at`; undefined where it was there, or never. */
  goneSince(at: number): number | undefined {
    const began = this.#spans.filter((span) => span.from <= at)
    const last = began.at(-1)
    if (!last || last.state !== undefined) return undefined
    const there = began.findLastIndex((span) => span.state !== undefined)
    return there < 0 ? undefined : began[there + 1]?.from
  }
}

/** That of this id; a new one where there is none. */
export function timelineOf<K, T>(all: Map<K, Timeline<T>>, id: K): Timeline<T> {
  const timeline = all.get(id) ?? new Timeline<T>()
  all.set(id, timeline)
  return timeline
}

/** What is there now. */
export function present<K, T>(all: ReadonlyMap<K, Timeline<T>>): Map<K, T> {
  return new Map([...all].flatMap(([id, { now }]) => (now === undefined ? [] : [[id, now]])))
}
