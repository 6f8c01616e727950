/**
 * The download addresses that pages brought along: each saves asking for the item once more.
 *
 * They are secrets (P9): kept in memory for one reader, few at a time, never in what is stored.
 */
import { type JsonObject, textOf } from '../../graph/index.ts'
import type { GraphId } from '../../model/ids.ts'
import { DOWNLOAD_URL } from './present.ts'

/** Of a few pages; the oldest go first. */
const KEPT_MAX = 2000

export class Addresses {
  readonly #kept = new Map<GraphId, { eTag: string; url: string }>()

  /** Remembers the address that the item's JSON has, if it has one. */
  learn(id: GraphId, item: JsonObject): void {
    this.#kept.delete(id)
    const url = textOf(item, DOWNLOAD_URL)
    if (url === undefined) return
    this.#kept.set(id, { eTag: textOf(item, 'eTag') ?? '', url })
    const [oldest] = this.#kept.keys()
    if (this.#kept.size > KEPT_MAX && oldest !== undefined) this.#kept.delete(oldest)
  }

  /** The address of this state of the item; it is handed out once. */
  take(id: GraphId, eTag: string): string | undefined {
    const found = this.#kept.get(id)
    this.#kept.delete(id)
    return found?.eTag === eTag ? found.url : undefined
  }
}
