/**
 * Trouble that a person can do something about: told in a sentence or two, never as a stack.
 *
 * Whatever is not a `Trouble` is a defect and shows its stack, because hiding it helps nobody.
 */
import { ControlRefusal } from '../tenant/index.ts'

/** Documented in docs/sandbox.md. */
export const EXIT_CODES = { ok: 0, failed: 1, notStarted: 2, usage: 64 } as const
export type ExitCode = (typeof EXIT_CODES)[keyof typeof EXIT_CODES]

export class Trouble extends Error {
  override readonly name = 'Trouble'
  /** What a person should do. */
  readonly hint: string
  readonly exitCode: ExitCode
  /** Of a problem that the API answered; empty: it was something else. */
  readonly problem: string

  constructor(
    message: string,
    options: { hint: string; exitCode?: ExitCode; problem?: string; cause?: unknown },
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.hint = options.hint
    this.problem = options.problem ?? ''
    this.exitCode = options.exitCode ?? EXIT_CODES.failed
  }
}

/** The text for standard error, and the exit code. */
export function explain(error: unknown): { text: string; exitCode: ExitCode } {
  if (error instanceof Trouble) {
    return { text: `${error.message}\n${error.hint}`, exitCode: error.exitCode }
  }
  if (error instanceof ControlRefusal) {
    return { text: `The simulated tenant refused: ${error.message}`, exitCode: EXIT_CODES.failed }
  }
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
  return { text: `Unexpected, please report it: ${text}`, exitCode: EXIT_CODES.failed }
}
