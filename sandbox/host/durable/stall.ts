/**
 * The back-off of the whole dispatcher after two starts of one instance id collided.
 *
 * Copied from the task framework: after a work item that failed to be stored, each further one
 * waits, until five in a row have succeeded. The real host needs two rounds of that for a second
 * child of the same id, and instances that have nothing to do with it wait as well.
 */
const successesNeeded = 5
const collisionsPerStart = 2

export class Stall {
  readonly #collisions = new Map<number, number>()
  #successesLeft = 0

  /** Whether work items have to wait. */
  get active(): boolean {
    return this.#successesLeft > 0
  }

  /** Counts one collision of the start message `seq`; 'last' when it is not delivered again. */
  collide(seq: number): 'again' | 'last' {
    this.#successesLeft = successesNeeded
    const count = (this.#collisions.get(seq) ?? 0) + 1
    if (count < collisionsPerStart) {
      this.#collisions.set(seq, count)
      return 'again'
    }
    this.#collisions.delete(seq)
    return 'last'
  }

  succeeded(): void {
    if (this.#successesLeft > 0) this.#successesLeft--
  }
}
