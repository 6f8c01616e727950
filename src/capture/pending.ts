/**
 * What the next commit will say: collected events, cursors and counts.
 *
 * One event for one item in one commit: a later change of the same item replaces the earlier
 * event, and inherits the list row that this one would have closed.
 */
import {
  type Counts,
  type Cursor,
  type LedgerEvent,
  type LeftEvent,
  NO_COUNTS,
  type PastPlace,
  type PutEvent,
  type StreamEvent,
} from '../model/events.ts'
import type { GraphId } from '../model/ids.ts'

export class Pending {
  readonly #events = new Map<GraphId, StreamEvent>()
  readonly #cursors = new Map<GraphId, Cursor>()
  readonly #counts: Counts = { ...NO_COUNTS }

  get size(): number {
    return this.#events.size
  }

  /** True where nothing is said but how far long content has come. */
  get isProgress(): boolean {
    const events = [...this.#events.values()]
    return events.length > 0 && events.every((event) => event.op === 'ledger' && event.progress)
  }

  event(item: GraphId): StreamEvent | undefined {
    return this.#events.get(item)
  }

  hasPut(is: (event: PutEvent) => boolean): boolean {
    return [...this.#events.values()].some((event) => event.op === 'put' && is(event))
  }

  /** Items that could not be stored. */
  ledger(): LedgerEvent[] {
    return [...this.#events.values()].filter((event) => event.op === 'ledger')
  }

  /** Items that have left. */
  left(): LeftEvent[] {
    return [...this.#events.values()].filter((event) => event.op === 'left')
  }

  add(event: StreamEvent): void {
    this.#events.set(event.item, event)
  }

  cursor(cursor: Cursor): void {
    this.#cursors.set(cursor.container, cursor)
  }

  count(what: keyof Counts, by = 1): void {
    this.#counts[what] += by
  }

  /** The list row that is open for an item as of the last commit, as far as an event knows it. */
  leavesOf(item: GraphId): PastPlace | undefined {
    const event = this.#events.get(item)
    if (event?.op === 'put') return event.leaves
    if (event?.op === 'left') return event.place
    if (event?.op === 'deleted') return event.leaves
    return undefined
  }

  content(): { events: StreamEvent[]; cursors: Cursor[]; counts: Counts } {
    return {
      events: [...this.#events.values()],
      cursors: [...this.#cursors.values()],
      counts: { ...this.#counts },
    }
  }
}

/** Sums counts; neither argument is changed. */
export function addCounts(a: Counts, b: Counts): Counts {
  const sum = { ...a }
  for (const key of Object.keys(NO_COUNTS) as (keyof Counts)[]) sum[key] += b[key]
  return sum
}
