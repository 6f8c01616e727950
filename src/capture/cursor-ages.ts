/**
 * How far the commits know the cursors of a stream, and since when.
 *
 * A link that only a table row holds is lost with the tables, and the one that the commits hold
 * dies of age if nothing is committed. So a round that brings nothing still writes a commit when
 * the committed link of a container has grown old (DESIGN 4, quiet rounds). The age is counted
 * from the commit: the link is a little older, by the length of its round at most.
 */
import type { HeldCursor } from '../catalogue/types.ts'
import { type Cursor, isPseudoCursor, ROUND } from '../model/events.ts'
import type { GraphId } from '../model/ids.ts'
import { type CursorMap, isRead } from './round.ts'

interface Age {
  /** Ms since 1970 of the newest commit that holds a link of it; 0: none is known. */
  committedAt: number
  /** The commits hold an older one. */
  isAhead: boolean
}

export class CursorAges {
  readonly #ages = new Map<GraphId, Age>()

  constructor(held: readonly HeldCursor[]) {
    for (const { cursor, committedAt, isAhead } of held) {
      const at = committedAt === undefined ? 0 : Date.parse(committedAt)
      this.#ages.set(cursor.container, { committedAt: at, isAhead })
    }
  }

  /** It was read on, and no commit says so yet. */
  readOn({ container }: Cursor): void {
    this.#ages.set(container, { committedAt: this.#age(container).committedAt, isAhead: true })
  }

  committed(cursors: readonly Cursor[], time: string): void {
    const committedAt = Date.parse(time)
    for (const { container } of cursors) {
      this.#ages.set(container, { committedAt, isAhead: false })
    }
  }

  /** Cursors that the commits do not hold as they are. The round's own is not among them. */
  ahead(cursors: CursorMap): Cursor[] {
    const links = [...cursors.values()].filter(({ container }) => container !== ROUND)
    return links.filter(({ container }) => this.#age(container).isAhead)
  }

  /** True where a commit is due because a committed link, which has a successor, is so old. */
  isOld(cursors: CursorMap, now: number, keepMs: number): boolean {
    return this.ahead(cursors).some(
      (c) => !isPseudoCursor(c) && !c.closed && this.#age(c.container).committedAt + keepMs <= now,
    )
  }

  /**
   * When the oldest committed link of a container that was read in this round is so old, in ms
   * since 1970. One that was left aside (unreadable.ts) has no newer link to commit.
   */
  oldAt(cursors: CursorMap, round: number, keepMs: number): number {
    const links = [...cursors.values()].filter((c) => !isPseudoCursor(c) && !c.closed)
    const read = links.filter((cursor) => isRead(cursor, round))
    const ages = read.map((c) => this.#age(c.container).committedAt)
    return ages.reduce((oldest, age) => Math.min(oldest, age), Number.POSITIVE_INFINITY) + keepMs
  }

  #age(container: GraphId): Age {
    return this.#ages.get(container) ?? { committedAt: 0, isAhead: true }
  }
}
