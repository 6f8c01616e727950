/** A site that is deleted, locked or archived: an expected state of the owner, not its failure. */
import { AppError, hasCode } from '../../model/errors.ts'

/** Locked or archived: what stands in the site cannot be read, and nothing of it is gone. */
export function isLocked(error: unknown): error is AppError {
  return hasCode(error, 'ResourceLocked')
}

export function siteClosed(cause: AppError): AppError {
  return new AppError({
    code: 'ContentNotAvailable',
    kind: 'permanent',
    message: 'The site is deleted, locked or archived: its libraries cannot be read.',
    hint: 'Unlock or reactivate the site, or take it out of the policy.',
    context: cause.context,
    cause,
  })
}
