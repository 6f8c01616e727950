/**
 * The names of one target folder, where two items of one name cannot stand side by side.
 *
 * The plan fixes every name, so that a repeated send meets what it made before, and a person sees
 * under which name each item comes back. A name is given out once.
 */
import { AppError } from '../model/errors.ts'
import type { NameRules } from '../workloads/workload.ts'

/** Copies of one name in one folder on one day. */
const COPIES_MAX = 10_000

export class FolderNames {
  readonly #rules: NameRules
  readonly #day: string
  readonly #taken: Set<string>

  /** `day`: ISO date that copies carry. `taken`: what stands there, or will. */
  constructor(rules: NameRules, day: string, taken: readonly string[]) {
    this.#rules = rules
    this.#day = day
    this.#taken = new Set(taken.map((name) => rules.key(name)))
  }

  take(name: string): void {
    this.#taken.add(this.#rules.key(name))
  }

  isFree(name: string): boolean {
    return !this.#taken.has(this.#rules.key(name))
  }

  /** Equal as far as the service can tell. */
  isSame(one: string, other: string): boolean {
    return this.#rules.key(one) === this.#rules.key(other)
  }

  /** That name, or else the next free one for a copy; taken from now on. Throws `NoFreeName`. */
  give(name: string): string {
    return this.isFree(name) ? this.#given(name) : this.giveCopy(name)
  }

  /** The next free name for a copy; taken from now on. Throws `NoFreeName`. */
  giveCopy(name: string): string {
    for (let n = 1; n <= COPIES_MAX; n += 1) {
      const candidate = this.#rules.copy(name, this.#day, n)
      if (this.isFree(candidate)) return this.#given(candidate)
    }
    throw new AppError({
      code: 'NoFreeName',
      kind: 'permanent',
      message: `A target folder holds more than ${COPIES_MAX} copies of one name.`,
      hint: 'Restore into a folder of its own: name one in the destination.',
    })
  }

  #given(name: string): string {
    this.take(name)
    return name
  }
}
