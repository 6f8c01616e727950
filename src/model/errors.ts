/**
 * The one error type of Holdfast.
 *
 * Rules: a code is stable and searchable (docs/api.md lists those that callers see); `kind` says
 * who can help (retry, wait, a person, us); `context` holds opaque ids and numbers only, because
 * errors reach logs, tables and Durable history (promise P9); `hint` is a sentence that tells a
 * person what to do.
 * Adapters translate foreign errors into this type; nobody else reads foreign codes.
 */

export type ErrorKind = 'transient' | 'throttled' | 'permanent' | 'denied' | 'corrupt' | 'bug'

export interface AppErrorOptions {
  code: string
  kind: ErrorKind
  /** What happened, to what. No names, subjects, links or tokens (P9). */
  message: string
  /** What a person should do. */
  hint?: string
  /** How long the other side asked us to wait. */
  retryAfterMs?: number
  /** Opaque ids, counts and status codes. */
  context?: Readonly<Record<string, string | number | boolean>>
  cause?: unknown
}

export class AppError extends Error {
  override readonly name = 'AppError'
  readonly code: string
  readonly kind: ErrorKind
  readonly hint: string | undefined
  readonly retryAfterMs: number | undefined
  readonly context: Readonly<Record<string, string | number | boolean>>

  constructor(options: AppErrorOptions) {
    super(options.message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = options.code
    this.kind = options.kind
    this.hint = options.hint
    this.retryAfterMs = options.retryAfterMs
    this.context = options.context ?? {}
  }
}

/** True for an AppError with this code. */
export function hasCode(error: unknown, code: string): error is AppError {
  return error instanceof AppError && error.code === code
}

/** Asking again does not help: something is missing, damaged, not known, or not allowed. */
export function isLasting(error: unknown): error is AppError {
  if (!(error instanceof AppError)) return false
  return error.kind === 'corrupt' || error.kind === 'permanent' || error.kind === 'denied'
}

/** Stays on in production: a broken assumption of ours stops the work instead of spoiling data. */
export function invariant(condition: unknown, text: string): asserts condition {
  if (!condition) {
    throw new AppError({
      code: 'InvariantBroken',
      kind: 'bug',
      message: `An assumption of Holdfast does not hold: ${text}.`,
      hint: 'This is a defect in Holdfast. Please report it with the code and the context.',
    })
  }
}
