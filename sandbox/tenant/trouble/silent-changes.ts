/**
 * Read, flag and category changes that a message delta does not tell (facts/graph.md 3.2).
 *
 * Invariant: a message whose last change was silent is left out only for readers that know its
 * last loud state; whoever lists the folder from the start sees it as it is. In memory only:
 * after a restart the change is told.
 */
import type { Message, MessageContent } from '../model.ts'

const SILENT_MAX = 200_000

const DECORATION: ReadonlySet<string> = new Set<keyof MessageContent>([
  'isRead',
  'flag',
  'categories',
])

export class SilentChanges {
  readonly #changes = new Map<number, { readonly loud: number; readonly seq: number }>()

  static isDecoration(change: Partial<MessageContent>): boolean {
    const fields = Object.keys(change)
    return fields.length > 0 && fields.every((field) => DECORATION.has(field))
  }

  add(before: Message, after: Message): void {
    const known = this.#changes.get(before.pk)
    const loud = known?.seq === before.seq ? known.loud : before.seq
    this.#changes.delete(before.pk)
    this.#changes.set(before.pk, { loud, seq: after.seq })
    const oldest = this.#changes.keys().next()
    if (this.#changes.size > SILENT_MAX && !oldest.done) this.#changes.delete(oldest.value)
  }

  /** `position`: the seq that the reader had reached when its round began. */
  hides(message: Message, position: number): boolean {
    const change = this.#changes.get(message.pk)
    return change !== undefined && change.seq === message.seq && change.loud <= position
  }
}
