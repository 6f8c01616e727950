/**
 * Notices that an orchestration spins: it continues as new, again and again, with the same events.
 *
 * The known cause: Task.any of an event and a timer, the timer cancelled, then continueAsNew. On
 * replay the cancelled timer ends the wait before the event is seen, so the event is carried into
 * the next execution, for ever. All of that is one work item: what arrives meanwhile, a terminate
 * request too, waits for its end. The real host spins silently; this one spins too, but says so.
 */
import type { Explainer } from './explainer.ts'

const roundsBeforeWarning = 100

export class SpinGuard {
  readonly #explainer: Explainer
  readonly #rounds = new Map<string, { count: number; carriedOver: number }>()

  constructor(explainer: Explainer) {
    this.#explainer = explainer
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
    this.#explainer.say(
      instanceId,
      name,
      `it has continued as new ${count} times with the same ${carriedOver} event(s) and makes no ` +
        'progress; a cancelled timer in Task.any before continueAsNew does this. Terminate takes ' +
        'effect only after the host was restarted, as on the real host',
    )
  }
}
