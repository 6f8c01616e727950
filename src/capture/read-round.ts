/**
 * Reads a round to its end or to the deadline: container list, every container's changes, what
 * full comparisons leave to be settled, and the container list again until it brings nothing new
 * (DESIGN 4, membership).
 */
import { AppError } from '../model/errors.ts'
import { CONTAINERS, type Cursor, type LeftEvent } from '../model/events.ts'
import { HeldScans } from './held-scans.ts'
import { takeNewest } from './newest-first.ts'
import { settleOrphans } from './orphans.ts'
import { type Reading, readContainer, type Step } from './read-container.ts'
import {
  absentees,
  CONFIRMATIONS_MAX,
  isRead,
  isUnsettled,
  orphaned,
  restarted,
  unsettled,
} from './round.ts'
import { settle } from './settle.ts'
import { isOwnerTrouble, type StreamCapture, type StreamResult } from './stream-capture.ts'
import { cursorOf } from './tellers.ts'
import { askFor, hasUnseenPlaces, setAside, unreadNow } from './unreadable.ts'
import { Walks } from './walks.ts'

/** Rows of ended scans that one slice removes; what is more is left to the next round's end. */
const SWEPT_ROWS_MAX = 10_000

export async function readRound(capture: StreamCapture): Promise<StreamResult> {
  const reading = { capture, scans: new HeldScans(capture), walks: new Walks(capture) }
  try {
    return await readOn(reading)
  } catch (error) {
    // The service's trouble: what was read is sound, and is gone on with.
    if (isOwnerTrouble(error)) await reading.scans.save()
    throw error
  }
}

async function readOn(reading: Reading): Promise<StreamResult> {
  const { capture, scans } = reading
  let confirmations = 0
  while (capture.round.phase !== 'complete') {
    if (capture.round.phase === 'confirming') confirmations += 1
    const step = confirmations > CONFIRMATIONS_MAX ? 'stopped' : await takePhase(reading)
    if (step === 'stopped') {
      // What is pending is kept, the cursor stays where it is.
      await scans.save()
      return { state: 'more' }
    }
  }
  return { state: 'complete', isSettled: capture.isSettled }
}

async function takePhase(reading: Reading): Promise<Step> {
  const { capture } = reading
  switch (capture.round.phase) {
    case 'listing': {
      const step = await readList(reading)
      if (step === 'on') capture.setPhase('reading')
      return step
    }
    case 'reading': {
      const step = await readContainers(reading)
      if (step === 'on' && isDone(capture)) capture.setPhase('confirming')
      return step
    }
    case 'confirming':
      return await confirm(reading)
    case 'complete':
      return 'on'
  }
}

/** Nothing is left to be read or settled in this round, but for what is aside. */
function isDone(capture: StreamCapture): boolean {
  const { cursors, round } = capture
  const isRead = unreadNow(capture).length === 0 && unsettled(cursors, round.id).length === 0
  return isRead && orphaned(cursors, round.id).length === 0
}

/** The container list, and the containers that a full list of them lacks. */
async function readList(reading: Reading): Promise<Step> {
  const { capture } = reading
  for (;;) {
    if ((await readContainer(reading, CONTAINERS)) === 'stopped') return 'stopped'
    const cursor = capture.cursors.get(CONTAINERS)
    if (!cursor || !isUnsettled(cursor, capture.round.id)) return 'on'
    if ((await settleOne(reading, cursor)) === 'stopped') return 'stopped'
  }
}

/**
 * Every container first, then the comparisons: what was moved is found in its new place, and need
 * not be asked for in the old one.
 */
async function readContainers(reading: Reading): Promise<Step> {
  const { capture } = reading
  for (const { container } of unreadNow(capture)) {
    if ((await takeNewest(capture, container)) === 'stopped') return 'stopped'
    if ((await readContainer(reading, container)) === 'stopped') return 'stopped'
  }
  for (const cursor of unsettled(capture.cursors, capture.round.id)) {
    if ((await settleOne(reading, cursor)) === 'stopped') return 'stopped'
  }
  for (const { container } of orphaned(capture.cursors, capture.round.id)) {
    if (capture.outOfTime || !(await reading.scans.save())) return 'stopped'
    if ((await settleOrphans(capture, container)) === 'stopped') return 'stopped'
  }
  return 'on'
}

async function settleOne(
  { capture, scans, walks }: Reading,
  cursor: Parameters<typeof settle>[1],
): Promise<Step> {
  if (capture.outOfTime || !(await scans.save())) return 'stopped'
  const settled = await settle(capture, cursor)
  if (settled === 'stopped') return 'stopped'
  if (settled === 'lost') await beginAgain({ capture, scans, walks }, cursor)
  return 'on'
}

/** Its scan is lost: a closed container is compared with an empty one, any other is read again. */
async function beginAgain({ capture, walks }: Reading, cursor: Cursor): Promise<void> {
  if (!cursor.closed) {
    walks.restart(cursor, null)
    return
  }
  const { tables, signal } = capture.context
  const scan = await tables.scans.open(cursor.container, 'free', signal)
  capture.setCursor({ ...cursor, scan })
}

/** The list again. Something new: read it and confirm once more; nothing: the round is over. */
async function confirm(reading: Reading): Promise<Step> {
  const { capture } = reading
  const listed = capture.cursors.get(CONTAINERS)
  if (listed && isRead(listed, capture.round.id)) {
    // From its end it is begun anew, with the link that the first listing ended with.
    capture.cursors.set(CONTAINERS, { ...listed, round: capture.round.id - 1 })
  }
  if ((await readList(reading)) === 'stopped') return 'stopped'
  if (!isDone(capture)) {
    capture.setPhase('reading')
    return 'on'
  }
  const missing = absentees(capture.cursors, capture.round.id)
  if (missing.length > 0) return await contradicted(reading, missing)
  return await complete(capture)
}

async function complete(capture: StreamCapture): Promise<Step> {
  if ((await addDeletions(capture)) === 'stopped') return 'stopped'
  capture.setPhase('complete')
  if (!(await capture.save())) return 'stopped'
  // No comparison can be gone on with but those of what is aside: their scans are begun again.
  const { tables, signal } = capture.context
  if (!capture.outOfTime) await tables.scans.sweep(SWEPT_ROWS_MAX, signal)
  return 'on'
}

/**
 * Containers that answer as if they were gone, while the changes of the list do not say so: the
 * whole list decides, once. One that it has, and that does not answer then, is set aside.
 */
async function contradicted(
  { capture, walks }: Reading,
  missing: readonly Cursor[],
): Promise<Step> {
  const { round } = capture
  const isNews = missing.some(({ container }) => capture.entryOf(container) === undefined)
  for (const { container } of missing) capture.setCursor(restarted(container, null, round.id))
  if (isNews && !walks.listedAnew) {
    walks.listedAnew = true
    capture.setCursor(restarted(CONTAINERS, null, round.id))
    return 'on'
  }
  for (const { container } of missing) {
    const failure = capture.failureOf(contradiction(), container)
    if ((await setAside(capture, container, failure)) === 'stopped') return 'stopped'
  }
  return 'on'
}

function contradiction(): AppError {
  return new AppError({
    code: 'ContainerUnreadable',
    kind: 'transient',
    message: 'The service lists a container, and answers that it is not there when it is read.',
    hint: 'Holdfast tries again later; if it persists, look at the folder.',
  })
}

/** Items that left before this round began, by more than the lag, and were not found in it. */
async function addDeletions(capture: StreamCapture): Promise<Step> {
  const startedAt = Date.parse(capture.round.startedAt)
  const asks = hasUnseenPlaces(capture)
  for (const event of capture.leftItems()) {
    const pending = capture.pending.event(event.item)
    if (pending && pending.op !== 'left') continue
    if (!isOver(event, capture.round.id, startedAt, capture.context.limits.deletionLagMs)) continue
    // What stands in it has not left yet.
    if (event.kind === 'container' && capture.hasOrphans(cursorOf(capture, event.item))) continue
    if (asks && event.kind === 'item') {
      const found = await askFor(capture, event)
      if (found === 'stopped') return 'stopped'
      if (found === 'settled') continue
    }
    capture.pending.add({
      op: 'deleted',
      kind: event.kind,
      item: event.item,
      leaves: event.place,
      leftAt: event.at,
    })
    capture.pending.count('deleted')
  }
  return 'on'
}

function isOver(event: LeftEvent, round: number, startedAt: number, lagMs: number): boolean {
  return event.round < round && Date.parse(event.at) + lagMs <= startedAt
}
