/**
 * What trouble means for a restore: wait, or the end of one item, or a defect of ours.
 *
 * The one place where kinds of errors become decisions. Waiting is for what concerns the whole
 * mailbox, network or storage and may pass; everything else that is expected belongs to one
 * item and ends in its slot. A bug is thrown on, and never taken for an answer.
 */
import { AppError } from '../model/errors.ts'
import { WAIT_DEFAULT_MS, WAIT_MAX_MS, WAIT_MIN_MS } from './limits.ts'

export type Trouble =
  | { kind: 'wait'; waitMs: number; code: string }
  | { kind: 'item'; code: string; message: string }

/**
 * The whole mailbox is away for now (moved, being migrated), or our sign-in is (a token that ended
 * early, a permission that is being changed), whatever kind the error has.
 */
const MAILBOX_WIDE = ['MailboxNotAvailable', 'OwnerGone', 'OwnerUnavailable', 'SignInRefused']

/** Throws the error again if it is not one that a restore expects. */
export function troubleOf(error: unknown): Trouble {
  if (!(error instanceof AppError) || error.kind === 'bug') throw error
  const passes = error.kind === 'transient' || error.kind === 'throttled'
  if (passes || MAILBOX_WIDE.includes(error.code)) {
    return { kind: 'wait', waitMs: waitMs(error.retryAfterMs), code: error.code }
  }
  return { kind: 'item', code: error.code, message: error.message }
}

/**
 * True where a failed create leaves no doubt that nothing was made: the service said no, or the
 * governor refused before sending. A network or server error might have come after the item was
 * made, whatever its code says, so it counts as a lost answer.
 */
export function nothingWasMade(error: unknown): boolean {
  if (!(error instanceof AppError)) return false
  return error.kind === 'throttled' || error.kind === 'permanent' || error.kind === 'denied'
}

export function waitMs(asked: number | undefined): number {
  return Math.min(Math.max(asked ?? WAIT_DEFAULT_MS, WAIT_MIN_MS), WAIT_MAX_MS)
}
