/**
 * One worker process as a test sees it: it may die at any call of a port, and then stays dead.
 *
 * Every call of a port passes through `enter` before it takes effect and `leave` after it; a
 * process dies at a counted one of these points, which covers every place between two calls.
 */
export class ProcessDied extends Error {
  override readonly name = 'ProcessDied'
}

export class Process {
  #left: number
  #dead = false

  /** Dies at that point, counted from 0. */
  constructor(pointsLeft = Number.POSITIVE_INFINITY) {
    this.#left = pointsLeft
  }

  get dead(): boolean {
    return this.#dead
  }

  /** Dies at the next point. */
  kill(): void {
    this.#left = 0
  }

  point(): void {
    if (this.#left <= 0) this.#dead = true
    this.#left -= 1
    if (this.#dead) throw new ProcessDied('The process died here.')
  }

  /** The object with every method (also of objects it gives out) passing two points. */
  guard<T extends object>(target: T): T {
    return new Proxy(target, {
      get: (object, name) => {
        const value: unknown = Reflect.get(object, name, object)
        if (typeof value === 'object' && value !== null) return this.guard(value)
        if (typeof value !== 'function') return value
        return (...args: unknown[]) => this.#call(value.bind(object), args)
      },
    })
  }

  #call(method: (...args: unknown[]) => unknown, args: unknown[]): unknown {
    this.point()
    const result = method(...args)
    if (result instanceof Promise) {
      return result.then((value) => {
        this.point()
        return value
      })
    }
    return result
  }
}
