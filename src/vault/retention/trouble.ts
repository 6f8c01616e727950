/** What retention makes of trouble: waiting, or keeping everything. */
import { isLasting } from '../../model/errors.ts'

/**
 * Something of this owner cannot be read, now and the next time: its keys are gone, or what is
 * stored is damaged or not known. Anything else is thrown on.
 */
export function doubtOf(error: unknown): string | undefined {
  return isLasting(error) ? error.code : undefined
}
