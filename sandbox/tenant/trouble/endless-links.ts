/**
 * Next links that lead nowhere (facts/graph.md 7, no. 9): a page that names itself as the next
 * one, and a round that goes on for ever without bringing anything new.
 */
export type LoopKind = 'repeat' | 'endless'

export class EndlessLinks {
  readonly #loops = new Map<number, { readonly kind: LoopKind; left: number }>()

  /** `pages`: after so many the round goes on as usual; null: only when it is stopped. */
  start(folder: number, kind: LoopKind, pages: number | null): void {
    this.#loops.set(folder, { kind, left: pages ?? Number.POSITIVE_INFINITY })
  }

  stop(folder: number): void {
    this.#loops.delete(folder)
  }

  /** The loop that the next page of this folder is in, if any; counts the page. */
  take(folder: number): LoopKind | null {
    const loop = this.#loops.get(folder)
    if (!loop || loop.left <= 0) return null
    loop.left -= 1
    return loop.kind
  }
}
