/**
 * Where a command says what: answers on standard output, everything about the work on standard
 * error, so that an answer can be piped on.
 */
import { once } from 'node:events'

export interface Output {
  /** A line of the answer. */
  say(text: string): void
  /** A line about the work. */
  note(text: string): void
  /** Bytes of the answer; resolves when there is room for more. */
  write(bytes: Uint8Array): Promise<void>
  /** Somebody watches the work. */
  readonly isWatched: boolean
}

export const processOutput: Output = {
  say: (text) => {
    process.stdout.write(`${text}\n`)
  },
  note: (text) => {
    process.stderr.write(`${text}\n`)
  },
  async write(bytes) {
    if (!process.stdout.write(bytes)) await once(process.stdout, 'drain')
  },
  get isWatched() {
    return process.stderr.isTTY === true
  },
}
