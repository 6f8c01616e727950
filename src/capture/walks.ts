/**
 * What this slice has met on its walks through containers: links that were refused.
 *
 * A refused position restarts the container from the link its round began with, a refused start
 * (or one whose positions are refused again and again) from the beginning. That is bounded by
 * progress, not by number: positions that live shorter than a page takes still lead to the end,
 * because what is stored is passed quickly. Without progress it is trouble of the container.
 */
import { AppError } from '../model/errors.ts'
import type { Cursor } from '../model/events.ts'
import type { GraphId } from '../model/ids.ts'
import { restarted } from './round.ts'
import type { StreamCapture } from './stream-capture.ts'

/** Restarts without progress after which the start link itself is not believed any more. */
const FROM_START_MAX = 2
/** Restarts without progress in one slice. */
const RESTARTS_MAX = 5

interface Restarts {
  count: number
  /** What was stored when it was last restarted. */
  reached: string
}

export class Walks {
  readonly #capture: StreamCapture
  readonly #restarts = new Map<GraphId, Restarts>()
  /** The list of containers was read from its beginning because it contradicts a container. */
  listedAnew = false

  constructor(capture: StreamCapture) {
    this.#capture = capture
  }

  /**
   * Moves the cursor back because this link of it was refused, or its scan is not whole. Throws
   * `LinksRefused` where that has led nowhere.
   */
  restart(cursor: Cursor, refused: string | null): void {
    const { container, start } = cursor
    const count = this.#countRestart(container)
    if (count > RESTARTS_MAX) throw linksRefused(count)
    const believed = refused !== null && refused !== start && count <= FROM_START_MAX
    const from = believed ? start : null
    this.#capture.setCursor(restarted(container, from, this.#capture.round.id))
  }

  #countRestart(container: GraphId): number {
    const { headSeq, pending } = this.#capture
    const reached = `${headSeq}/${pending.size}`
    const before = this.#restarts.get(container)
    const count = before?.reached === reached ? before.count + 1 : 1
    this.#restarts.set(container, { count, reached })
    return count
  }
}

function linksRefused(restarts: number): AppError {
  return new AppError({
    code: 'LinksRefused',
    kind: 'transient',
    message: 'The service refuses its own links again and again.',
    hint: 'Holdfast tries again later; if it persists, report it to Microsoft.',
    context: { restarts },
  })
}
