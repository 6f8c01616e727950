/**
 * Mails that the service sent because somebody was given access. A restore must cause none.
 * In memory; the newest are kept.
 */
const KEPT_MAX = 10_000

export interface Invitation {
  /** Id of the item. */
  readonly item: string
  readonly recipient: string
  readonly kind: 'invitation' | 'link'
  readonly atMs: number
}

export class Invitations {
  #sent: Invitation[] = []

  add(invitation: Invitation): void {
    this.#sent.push(invitation)
    if (this.#sent.length > KEPT_MAX) this.#sent = this.#sent.slice(-KEPT_MAX)
  }

  all(): readonly Invitation[] {
    return this.#sent
  }
}
