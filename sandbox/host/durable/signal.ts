/**
 * Signal: "this has ended, well or badly", with continuations that run inline and in order.
 *
 * A promise would resume later, in an order of its own; the replay must go on at exactly the
 * event that ends a wait. Values are not carried: the SDK has them, the walk needs none.
 */
export class Signal {
  #ok: boolean | undefined
  #continuations: ((ok: boolean) => void)[] = []

  static done(ok: boolean): Signal {
    const signal = new Signal()
    signal.settle(ok)
    return signal
  }

  /** Settles when every part has settled: the extension waits for all, even after a failure. */
  static all(parts: readonly Signal[]): Signal {
    const result = new Signal()
    let open = parts.length
    let allOk = true
    if (open === 0) result.settle(true)
    for (const part of parts) {
      part.whenSettled((ok) => {
        allOk &&= ok
        open--
        if (open === 0) result.settle(allOk)
      })
    }
    return result
  }

  /** Settles with the first part that settles, well or badly. */
  static any(parts: readonly Signal[]): Signal {
    const result = new Signal()
    for (const part of parts) part.whenSettled((ok) => result.settle(ok))
    return result
  }

  get settled(): boolean {
    return this.#ok !== undefined
  }

  /** The first call counts; later ones do nothing. */
  settle(ok: boolean): void {
    if (this.#ok !== undefined) return
    this.#ok = ok
    for (const continuation of this.#continuations.splice(0)) continuation(ok)
  }

  whenSettled(continuation: (ok: boolean) => void): void {
    if (this.#ok === undefined) this.#continuations.push(continuation)
    else continuation(this.#ok)
  }
}
