/**
 * Office files of which SharePoint says that they are not there, when they are to be deleted or to
 * get new content, although they are (7.17). Looked at and asked again, a few times.
 */
import { AppError, hasCode } from '../../model/errors.ts'
import type { GraphId } from '../../model/ids.ts'
import { readFile, type TargetSite } from './site.ts'

const TRIES_MAX = 4
const WAIT_MS = 2_000

/** Throws `ItemGone` where it is gone, `RefusedAsGone` where it is there and stays out of reach. */
export async function unlessFalselyGone<T>(
  target: TargetSite,
  id: GraphId,
  call: () => Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  for (let tries = 1; ; tries += 1) {
    try {
      return await call()
    } catch (error) {
      if (!hasCode(error, 'ItemGone')) throw error
      if ((await readFile(target, id, signal)) === undefined) throw error
      if (tries >= TRIES_MAX) throw refusedAsGone()
      await target.clock.sleep(WAIT_MS, signal)
    }
  }
}

function refusedAsGone(): AppError {
  return new AppError({
    code: 'RefusedAsGone',
    kind: 'denied',
    message: 'SharePoint says that the file is not there, although it is.',
    hint: 'Open the file in SharePoint; somebody may be working on it. Then try again.',
  })
}
