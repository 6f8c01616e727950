/**
 * Which next and delta links are still good: by age, by number, and by command.
 *
 * Invariants: under the same settings a link that was refused once stays refused; position links
 * (`skip`) may die while the link that began their round lives. The order of issue is kept inside
 * the links themselves; refusals by command and by number are forgotten at a restart.
 */
import type { ExpiredLinkForm, TenantSettings } from '../state/settings.ts'

export type LinkKind = 'skip' | 'delta'

/** Issue numbers are microseconds that never repeat. */
const TICKS_PER_MS = 1_000

export interface IssuedLink {
  readonly kind: LinkKind
  /** Path below the version that the link belongs to. */
  readonly path: string
  /** Missing in links of older state files, which count as the oldest. */
  readonly issued?: number
}

export interface Refusal {
  readonly kinds: readonly LinkKind[]
  /** Which of the owner's links, by their path. */
  readonly concerns: (path: string) => boolean
  readonly form: ExpiredLinkForm
}

const REFUSALS_MAX = 10_000

export class LinkBook {
  readonly #settings: TenantSettings
  readonly #nowMs: () => number
  readonly #kept = new Map<string, number[]>()
  #refusals: (Refusal & { readonly owner: string; readonly issuedMax: number })[] = []
  #last = 0

  constructor(options: { readonly settings: TenantSettings; readonly nowMs: () => number }) {
    this.#settings = options.settings
    this.#nowMs = options.nowMs
  }

  /** The issue number of a new link. `owner`: whose state it is, a mailbox or the directory. */
  issue(owner: string, kind: LinkKind): number {
    this.#last = Math.max(this.#last + 1, Math.floor(this.#nowMs() * TICKS_PER_MS))
    const { linksKept } = this.#settings
    if (linksKept > 0) {
      const key = `${owner} ${kind}`
      this.#kept.set(key, [...(this.#kept.get(key) ?? []), this.#last].slice(-linksKept))
    }
    return this.#last
  }

  /** Refuses the links that the owner was given so far. */
  expire(owner: string, refusal: Refusal): void {
    if (this.#refusals.length >= REFUSALS_MAX) this.#refusals.shift()
    this.#refusals.push({ ...refusal, owner, issuedMax: this.#last })
  }

  /** How the link is refused; null: it is good. */
  refusalOf(owner: string, link: IssuedLink): ExpiredLinkForm | null {
    const { kind, path, issued = 0 } = link
    const told = this.#refusals.find(
      (refusal) =>
        refusal.owner === owner &&
        issued <= refusal.issuedMax &&
        refusal.kinds.includes(kind) &&
        refusal.concerns(path),
    )
    if (told) return told.form
    const isOld = this.#isTooOld(kind, issued) || this.#isCrowdedOut(owner, kind, issued)
    return isOld ? this.#settings.expiredLink : null
  }

  #isTooOld(kind: LinkKind, issued: number): boolean {
    const { positionLinkMs, deltaLinkMs } = this.#settings
    const lifeMs = kind === 'skip' ? positionLinkMs : deltaLinkMs
    return lifeMs > 0 && this.#nowMs() - issued / TICKS_PER_MS > lifeMs
  }

  #isCrowdedOut(owner: string, kind: LinkKind, issued: number): boolean {
    const { linksKept } = this.#settings
    const kept = linksKept > 0 ? (this.#kept.get(`${owner} ${kind}`) ?? []) : []
    const [oldest] = kept
    return oldest !== undefined && kept.length >= linksKept && issued < oldest
  }
}
