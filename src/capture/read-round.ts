/**
 * Reads a round to its end or to the deadline: container list, every container's changes, and the
 * container list again until it brings nothing new (DESIGN 4, membership).
 */
import { hasCode } from '../model/errors.ts'
import { CONTAINERS, type Cursor, type LeftEvent } from '../model/events.ts'
import type { ChangePage } from '../workloads/workload.ts'
import { takeChanges } from './page.ts'
import { advanced, CONFIRMATIONS_MAX, isRead, linkOf, newCursor } from './round.ts'
import type { StreamCapture, StreamResult } from './stream-capture.ts'
import { askFor, hasUnseenPlaces, setAside, takeBack, unreadNow } from './unreadable.ts'
import { hasPendingMembers, leaveMembers } from './vanished.ts'

/** `stopped`: the deadline came or another writer took the seq. */
type Step = 'on' | 'stopped'

export async function readRound(capture: StreamCapture): Promise<StreamResult> {
  let confirmations = 0
  while (capture.round.phase !== 'complete') {
    if (capture.round.phase === 'confirming') confirmations += 1
    if (confirmations > CONFIRMATIONS_MAX) return await endSlice(capture)
    const step = await takePhase(capture)
    if (step === 'stopped') return await endSlice(capture)
  }
  return { state: 'complete' }
}

/** What is pending is kept, the cursor stays where it is. */
async function endSlice(capture: StreamCapture): Promise<StreamResult> {
  await capture.save()
  return { state: 'more' }
}

async function takePhase(capture: StreamCapture): Promise<Step> {
  switch (capture.round.phase) {
    case 'listing': {
      const step = await readContainer(capture, CONTAINERS)
      if (step === 'on') capture.setPhase('reading')
      return step
    }
    case 'reading': {
      for (const cursor of unreadNow(capture)) {
        if ((await readContainer(capture, cursor.container)) === 'stopped') return 'stopped'
      }
      capture.setPhase('confirming')
      return 'on'
    }
    case 'confirming':
      return await confirm(capture)
    case 'complete':
      return 'on'
  }
}

/** The list again. New containers: read them and confirm once more; none: the round is over. */
async function confirm(capture: StreamCapture): Promise<Step> {
  const listed = capture.cursors.get(CONTAINERS)
  if (listed && isRead(listed, capture.round.id)) {
    // From its end it is begun anew, with the link that the first listing ended with.
    capture.cursors.set(CONTAINERS, { ...listed, round: capture.round.id - 1 })
  }
  if ((await readContainer(capture, CONTAINERS)) === 'stopped') return 'stopped'
  if (unreadNow(capture).length > 0) {
    capture.setPhase('reading')
    return 'on'
  }
  if ((await addDeletions(capture)) === 'stopped') return 'stopped'
  capture.setPhase('complete')
  return (await capture.save()) ? 'on' : 'stopped'
}

async function readContainer(
  capture: StreamCapture,
  container: Cursor['container'],
): Promise<Step> {
  let cursor = capture.cursors.get(container) ?? newCursor(container)
  while (!isRead(cursor, capture.round.id)) {
    if (capture.outOfTime) return 'stopped'
    const page = await readPage(capture, cursor)
    if (page === 'stopped') return 'stopped'
    if (page === 'vanished' || page === 'aside') return 'on'
    if (page === 'restart') {
      cursor = capture.cursors.get(container) ?? newCursor(container)
      continue
    }
    if ((await takeChanges(capture, page.changes)) === 'stopped') return 'stopped'
    cursor = advanced(cursor, capture.round.id, page)
    capture.setCursor(cursor)
    takeBack(capture, cursor)
    if (capture.full && !(await capture.save())) return 'stopped'
  }
  return 'on'
}

async function readPage(
  capture: StreamCapture,
  cursor: Cursor,
): Promise<ChangePage | 'vanished' | 'aside' | 'restart' | 'stopped'> {
  const { reader, signal } = capture.context
  const link = linkOf(cursor, capture.round.id)
  try {
    const page = await reader.changes(cursor.container, link, signal)
    capture.blame.wentWell()
    return page
  } catch (error) {
    if (hasCode(error, 'ItemGone') && cursor.container !== CONTAINERS) {
      // The container vanished between the list and now; the list will say so too.
      if (hasPendingMembers(capture, cursor.container) && !(await capture.save())) return 'stopped'
      await leaveMembers(capture, cursor.container)
      return 'vanished'
    }
    if (hasCode(error, 'ResyncNeeded') && link !== null) {
      restartFrom(capture, cursor, link)
      return 'restart'
    }
    if (cursor.container === CONTAINERS) throw error
    const failure = capture.failureOf(error, cursor.container)
    return await setAside(capture, cursor.container, failure)
  }
}

/** A refused position restarts the round of this container; a refused start, from the beginning. */
function restartFrom(capture: StreamCapture, cursor: Cursor, refused: string): void {
  const start = refused === cursor.start ? null : cursor.start
  capture.setCursor({
    container: cursor.container,
    start,
    position: null,
    round: capture.round.id - 1,
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
