/**
 * The life of a sandbox command: from its first line to a clean end, however it is ended.
 *
 * Ctrl-C (SIGINT), SIGTERM and a closed terminal (SIGHUP) all abort one signal; the command then
 * leaves its work and stops what it started. A second Ctrl-C says what is being waited for and
 * kills nothing: a hard stop is what makes the catalogue run ahead of the vault.
 */
import { EXIT_CODES, explain } from './trouble.ts'

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** Thrown out of work that was interrupted by a signal. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted'
}

/** Runs a command with the signal of its life, and sets the exit code of this process. */
export async function live(command: (signal: AbortSignal) => Promise<number>): Promise<void> {
  const life = new AbortController()
  const onSignal = (name: NodeJS.Signals) => {
    if (life.signal.aborted) say('Still stopping, so that nothing is lost; one moment.')
    life.abort(new Interrupted(name))
  }
  for (const name of SIGNALS) process.on(name, onSignal)
  // With its terminal closed, writing fails; that must not stop the stopping.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined)
  try {
    process.exitCode = await command(life.signal)
  } catch (error) {
    if (life.signal.aborted) {
      process.exitCode = EXIT_CODES.ok
    } else {
      const { text, exitCode } = explain(error)
      say(text)
      process.exitCode = exitCode
    }
  } finally {
    for (const name of SIGNALS) process.off(name, onSignal)
  }
}

function say(text: string): void {
  process.stderr.write(`\n${text}\n`)
}

/** The work, or an Interrupted as soon as the signal comes. The work itself goes on to its end. */
export async function orInterrupted<T>(work: Promise<T>, signal: AbortSignal): Promise<T> {
  const interrupted = Promise.withResolvers<never>()
  const onAbort = () => interrupted.reject(signal.reason)
  if (signal.aborted) onAbort()
  signal.addEventListener('abort', onAbort, { once: true })
  try {
    return await Promise.race([work, interrupted.promise])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}
