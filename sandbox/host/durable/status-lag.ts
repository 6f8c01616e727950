/**
 * The fault `status-lag`: for a while after a change, the status of an instance is told as it was.
 *
 * On the real backend status and work are written one after the other, and a reader may come in
 * between. The first answer about an instance is always the true one.
 */
import type { RpcAnswer } from '../http/plain.ts'

interface Seen {
  readonly answer: RpcAnswer
  readonly text: string
  /** When the true answer was first different; undefined while it is the same. */
  readonly changedMs: number | undefined
}

export class StatusLag {
  readonly #lagMs: number
  readonly #seen = new Map<string, Seen>()

  /** 0: every answer is the true one. */
  constructor(lagMs: number) {
    this.#lagMs = lagMs
  }

  /** What to tell instead of the true answer; `key` names the instance and the question. */
  tell(key: string, answer: RpcAnswer, nowMs: number): RpcAnswer {
    if (this.#lagMs === 0) return answer
    const text = JSON.stringify(answer)
    const seen = this.#seen.get(key)
    if (seen !== undefined && seen.text !== text) {
      const changedMs = seen.changedMs ?? nowMs
      if (nowMs - changedMs < this.#lagMs) {
        this.#seen.set(key, { ...seen, changedMs })
        return seen.answer
      }
    }
    this.#seen.set(key, { answer, text, changedMs: undefined })
    return answer
  }
}
