/**
 * Asks one by one for members that a full read of their container did not show: a listing may be
 * short for many reasons, and an item's own answer is better proof than a gap in a list.
 */
import { eachBounded } from '../concurrency/index.ts'
import { hasCode } from '../model/errors.ts'
import type { GraphId } from '../model/ids.ts'
import type { Present } from '../workloads/workload.ts'
import type { Member } from './members.ts'
import { takeAnswers } from './page.ts'
import type { Comparison } from './round.ts'
import type { StreamCapture } from './stream-capture.ts'
import { hasOwnCursor, tellerOf } from './tellers.ts'

/** `there`: it is, and its answer says no more (a container; an item that cannot be rendered). */
type Answer = { is: 'gone' } | { is: 'there' } | { is: 'at'; item: Present }

export interface Asked {
  /** To leave: the service does not know them, or they stand where nothing is read. */
  gone: Member[]
  /** False where the deadline came before all were asked for and dealt with. */
  whole: boolean
  /** Ended the asking, and is to be thrown when the others are dealt with. */
  trouble?: { cause: unknown }
}

/**
 * What stands elsewhere is taken as a change, what stands here is put into the scan. Trouble of one
 * item means that it is there. Trouble of the mailbox loses no answer that came before it: else
 * each slice would meet it at the same items, and none would get further.
 */
export async function ask(
  capture: StreamCapture,
  comparison: Comparison,
  members: readonly Member[],
): Promise<Asked> {
  const { answers, trouble } = await answersOf(capture, members)
  const gone: Member[] = []
  const there: GraphId[] = []
  const items: Present[] = []
  for (const [member, answer] of answers) {
    if (answer.is === 'there') there.push(member.item)
    else if (answer.is === 'at' && isRead(capture, answer.item)) items.push(answer.item)
    else gone.push(member)
  }
  const taken = (await takeAnswers(capture, items)) === 'taken'
  if (taken) there.push(...unchangedHere(capture, comparison, items))
  const { tables, signal } = capture.context
  const scan = { container: comparison.container, id: comparison.scan }
  if (there.length > 0) await tables.scans.add(scan, there, signal)
  const whole = taken && answers.size === members.length
  return { gone, whole, ...(trouble && { trouble }) }
}

async function answersOf(
  capture: StreamCapture,
  members: readonly Member[],
): Promise<{ answers: Map<Member, Answer>; trouble: Asked['trouble'] }> {
  const answers = new Map<Member, Answer>()
  let trouble: Asked['trouble']
  await eachBounded(
    members,
    capture.context.reader.concurrency,
    async (member) => {
      try {
        answers.set(member, await answerOf(capture, member))
      } catch (cause) {
        trouble ??= { cause }
      }
    },
    () => capture.outOfTime || trouble !== undefined,
  )
  return { answers, trouble }
}

async function answerOf(capture: StreamCapture, { item, kind }: Member): Promise<Answer> {
  const { reader, signal } = capture.context
  try {
    if (kind === 'container' && hasOwnCursor(capture, item)) {
      // A page of its changes shows whether it is there; from the beginning, because 404 is also
      // an answer to a link that is too old.
      await reader.changes(item, null, signal)
      capture.blame.wentWell()
      return { is: 'there' }
    }
    const present = await reader.item(item, signal)
    capture.blame.wentWell()
    return present ? { is: 'at', item: present } : { is: 'gone' }
  } catch (error) {
    if (kind === 'container' && hasCode(error, 'ItemGone')) return { is: 'gone' }
    capture.failureOf(error, item)
    return { is: 'there' }
  }
}

/**
 * A container that is not listed yet will be read once it is, and shows the item then; one that is
 * closed never will.
 */
function isRead(capture: StreamCapture, { id, kind, place }: Present): boolean {
  const cursor = capture.cursors.get(tellerOf(capture, { item: id, kind, place }))
  return cursor !== undefined && cursor.closed !== true
}

/** What has changed is pending, and is asked for again where that is not committed. */
function unchangedHere(
  capture: StreamCapture,
  { container }: Comparison,
  items: readonly Present[],
): GraphId[] {
  return items
    .filter(({ id, kind, place }) => {
      const isHere = tellerOf(capture, { item: id, kind, place }) === container
      return isHere && !capture.pending.event(id)
    })
    .map((item) => item.id)
}
