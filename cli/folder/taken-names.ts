/**
 * Which names of the output are given away, so that two items of one name stand side by side.
 *
 * File systems differ in what they take for one name: what any of them does, is one here. The order
 * in which names are asked for decides the numbers; a second run over the same point asks in the
 * same order, and so finds its files again.
 */
import { createHash } from 'node:crypto'
import { AppError } from '../../src/model/errors.ts'
import { numbered, type SafeName } from './safe-name.ts'

/** Some 60 bytes each. */
const NAMES_MAX = 5_000_000
/** Items of one name in one directory. */
const SAME_MAX = 100_000

export class TakenNames {
  readonly #taken = new Set<string>()
  /** The greatest number that was given to a name: ten thousand equal ones do not count up anew. */
  readonly #numbers = new Map<string, number>()

  /** The next free name in that directory. Throws `TooManyNames`. */
  give(directory: string, name: SafeName): string {
    const first = keyOf(directory, numbered(name, 1))
    for (let n = (this.#numbers.get(first) ?? 0) + 1; n <= SAME_MAX; n += 1) {
      const candidate = numbered(name, n)
      const key = keyOf(directory, candidate)
      if (this.#taken.has(key)) continue
      this.#taken.add(key)
      if (n > 1) this.#numbers.set(first, n)
      if (this.#taken.size > NAMES_MAX) throw tooMany(NAMES_MAX)
      return candidate
    }
    throw tooMany(SAME_MAX)
  }
}

/** 96 bits stand for a path: a name that is longer in memory than on disk helps nobody. */
function keyOf(directory: string, name: string): string {
  const plain = `${directory}/${name}`.normalize('NFKC').toLowerCase()
  return createHash('sha256').update(plain).digest('base64').slice(0, 16)
}

function tooMany(max: number): AppError {
  return new AppError({
    code: 'TooManyNames',
    kind: 'permanent',
    message: `More than ${max} names: one run does not hold so many.`,
    hint: 'Restore folder by folder with --folder, each into a directory of its own.',
  })
}
