/**
 * How the vault says that bytes are not what they should be: kind `corrupt`, a code for what is
 * damaged, and the name of the check that failed. A damaged thing is reported, never guessed.
 */
import { AppError, type AppErrorOptions, hasCode } from '../model/errors.ts'
import type { VoidCommit } from './types.ts'

/** Codes by what is damaged; docs/format.md, section 9 lists them. */
export const DAMAGE_CODES = [
  'PackDamaged',
  'SegmentDamaged',
  'SegmentMissing',
  'ContentDamaged',
  'CommitVoid',
  'CommitDamaged',
  'BaseDamaged',
  'OwnerRecordDamaged',
  'BlobForged',
] as const
export type DamageCode = (typeof DAMAGE_CODES)[number]

/** `check` is a short fixed phrase; ids and numbers go into the context (P9). */
export function damage(
  code: DamageCode,
  check: string,
  context: NonNullable<AppErrorOptions['context']> = {},
  cause?: unknown,
): AppError {
  return new AppError({
    code,
    kind: 'corrupt',
    message: `Stored data does not pass a check: ${check}.`,
    hint: 'Run a verification of this owner; other items and owners are not concerned.',
    context: { ...context, check },
    cause,
  })
}

export function isDamage(error: unknown): error is AppError {
  return error instanceof AppError && error.kind === 'corrupt'
}

/**
 * Another copy may serve: the bytes are damaged, or they name a key that is not the owner's. That
 * one alone cannot be told from a key that was erased.
 */
export function mayBeSpoilt(error: unknown): error is AppError {
  return isDamage(error) || hasCode(error, 'KeyMissing')
}

export function check(
  condition: unknown,
  code: DamageCode,
  what: string,
  context?: NonNullable<AppErrorOptions['context']>,
): asserts condition {
  if (!condition) throw damage(code, what, context)
}

/** What begin() must be told of a commit for which readCommit threw `CommitVoid`. */
export function voidCommitOf(error: unknown): VoidCommit | undefined {
  if (!hasCode(error, 'CommitVoid')) return undefined
  const { seq, sha256 } = error.context
  return typeof seq === 'number' && typeof sha256 === 'string' ? { seq, sha256 } : undefined
}
