/**
 * Messages that Exchange cannot render into a page: the answer is a 200 that ends right after
 * `"value":[` (facts/graph.md 7, no. 29), and so is one that is too large to be put together.
 *
 * Invariants: about pages only (lists and deltas of messages), never about single reads; the
 * messages themselves are as they were. In memory.
 */

/** `with-recipients`: it can be shown where `$select` leaves out everybody's address. */
export const UNRENDERABLE_FORMS = ['always', 'with-recipients'] as const
export type UnrenderableForm = (typeof UNRENDERABLE_FORMS)[number]

const RECIPIENTS: readonly string[] = [
  ...['from', 'sender', 'toRecipients', 'ccRecipients', 'bccRecipients', 'replyTo'],
]

export class Unrenderable {
  readonly #messages = new Map<string, UnrenderableForm>()

  /** `form` null: it is shown again. */
  set(immutableId: string, form: UnrenderableForm | null): void {
    if (form === null) this.#messages.delete(immutableId)
    else this.#messages.set(immutableId, form)
  }

  /** Whether a page of these messages breaks off. `select` null: every field. */
  breaks(
    messages: readonly { readonly immutableId: string }[],
    page: { readonly select: readonly string[] | null; readonly itemsMax: number },
  ): boolean {
    const { select, itemsMax } = page
    if (itemsMax > 0 && messages.length > itemsMax) return true
    const named = select?.some((field) => RECIPIENTS.includes(field)) ?? true
    return messages.some(({ immutableId }) => {
      const form = this.#messages.get(immutableId)
      return form === 'always' || (form === 'with-recipients' && named)
    })
  }
}
