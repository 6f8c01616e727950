/** Asks for members one by one, in parts, and lets those leave that are gone. */
import type { GraphId } from '../model/ids.ts'
import { ask } from './ask.ts'
import { leave } from './leave.ts'
import { membersAmong, toldBy } from './members.ts'
import type { Comparison } from './round.ts'
import type { StreamCapture } from './stream-capture.ts'

/** Asked for between two looks at the clock. */
const ASKED_AT_ONCE = 20

/** False: the time is over, or another writer was faster. */
export async function askForAll(
  capture: StreamCapture,
  comparison: Comparison,
  items: readonly GraphId[],
): Promise<boolean> {
  const scope = toldBy(capture, comparison.container)
  for (let at = 0; at < items.length; at += ASKED_AT_ONCE) {
    if (capture.outOfTime) return false
    const part = items.slice(at, at + ASKED_AT_ONCE)
    const members = await membersAmong(capture, scope, part)
    const { gone, whole, trouble } = await ask(capture, comparison, members)
    for (const member of gone) await leave(capture, member)
    if (trouble) throw trouble.cause
    if (!whole || (capture.full && !(await capture.save()))) return false
  }
  return true
}
