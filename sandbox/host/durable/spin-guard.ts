/**
 * Says when an orchestration spins: it continues as new, again and again, with the same events.
 *
 * The known cause: Task.any of an event and a timer, the timer cancelled, then continueAsNew. On
 * replay the cancelled timer ends the wait before the event is seen, so the event is carried into
 * the next execution, for ever. The real host spins silently; this one spins too, but says so.
 */
import type { HostLog } from '../log.ts'

const roundsBeforeWarning = 100

export class SpinGuard {
  readonly #log: HostLog
  readonly #rounds = new Map<string, { count: number; carriedOver: number }>()

  constructor(log: HostLog) {
    this.#log = log
  }

  /** To be told of every episode; 0 carried over for one that did not continue as new. */
  note(instanceId: string, name: string, carriedOver: number): void {
    const before = this.#rounds.get(instanceId)
    if (carriedOver === 0) {
      this.#rounds.delete(instanceId)
      return
    }
    const grows = before !== undefined && carriedOver >= before.carriedOver
    const count = grows ? before.count + 1 : 1
    this.#rounds.set(instanceId, { count, carriedOver })
    if (count !== roundsBeforeWarning) return
    this.#log(
      'error',
      `instance ${instanceId} has continued as new ${count} times with the same ${carriedOver} ` +
        'event(s) and makes no progress; a cancelled timer in Task.any before continueAsNew ' +
        'does this',
      name,
    )
  }
}
