/**
 * Goes on with content that takes several slices, one item after the other.
 *
 * Each piece becomes a segment; when a pack is full, a commit says how far it came. The item is
 * read again before each slice and at the end, and only content that was the same all the time
 * becomes a version; if it changed, it is begun anew after a wait. What was captured of it and is
 * void lies in packs that nothing names any more. Why: docs/decisions/016-long-content.md.
 */
import { hasCode } from '../model/errors.ts'
import type { LedgerEvent, LongProgress } from '../model/events.ts'
import { CONTENT_SEGMENT_BYTES_MAX } from '../vault/index.ts'
import type { LongReader, Present } from '../workloads/workload.ts'
import { ledgerEvent } from './ledger.ts'
import { isLong, longEntry } from './long-entry.ts'
import { GONE_BEFORE_READ, takeAnswers, takeFailure, takeGone, takeWhole } from './page.ts'
import type { StreamCapture } from './stream-capture.ts'
import { KILLED_WORKER } from './suspects.ts'
import { isKeptOut } from './unreadable.ts'

/** Times that content may break off in a row, without a piece in between. */
const BROKEN_MAX = 3

/** `more`: the time is over, or another writer was faster. */
export type LongStep = 'done' | 'more'

/** Works what is due until `until` (ms since 1970). Whatever was reached is committed then. */
export async function workLong(capture: StreamCapture, until: number): Promise<LongStep> {
  for (const entry of dueLong(capture)) {
    if (capture.context.clock.now() >= until) return 'more'
    const step = await workOne(capture, entry, until)
    if (capture.pending.size > 0 && !(await capture.save())) return 'more'
    if (step === 'more') return 'more'
  }
  return 'done'
}

/** What was begun first: there is never much that is begun and not whole. */
export function dueLong(capture: StreamCapture): LedgerEvent[] {
  const now = capture.context.clock.now()
  const reached = ({ progress }: LedgerEvent) => progress?.position.offset ?? 0
  const open = [...capture.open.values()].map(({ event }) => event)
  return open
    .filter((event) => event.op === 'ledger')
    .filter(({ reason, nextTry = '' }) => reason === 'in-progress' && Date.parse(nextTry) <= now)
    .sort((a, b) => reached(b) - reached(a))
}

async function workOne(
  capture: StreamCapture,
  entry: LedgerEvent,
  until: number,
): Promise<LongStep> {
  const { reader, suspects } = capture.context
  if (suspects.accuses(entry.item) && !(await spare(capture, entry))) {
    takeFailure(capture, entry, KILLED_WORKER)
    return 'done'
  }
  try {
    const item = await askFor(capture, entry)
    if (item === undefined) return 'done'
    // As for any item: it may be a version of what is held, or not long any more.
    if ((await takeAnswers(capture, [item])) === 'stopped') return 'more'
    const { long } = reader
    const isDue = capture.entryOf(item.id)?.reason === 'in-progress' && isLong(capture, item)
    if (!isDue || long === undefined) return 'done'
    await dropUnlocked(capture, item)
    const step = await suspects.during(item, () => readOn(capture, { item, long, until }))
    return step === 'done' ? await finish(capture, entry) : step
  } catch (error) {
    await takeTrouble(capture, entry, error)
    return 'done'
  }
}

/**
 * A worker that dies in the long time that this takes died of something else, unless it does so
 * again before the content got any further, or the owner would be poison the next time. What is
 * said of it is committed before anything is read.
 */
async function spare(capture: StreamCapture, entry: LedgerEvent): Promise<boolean> {
  if (entry.attempts > 0 || capture.context.suspects.isLastChance) return false
  capture.pending.add({ ...entry, attempts: 1 })
  return await capture.save()
}

/** Undefined where it is gone, which is said then. */
async function askFor(capture: StreamCapture, entry: LedgerEvent): Promise<Present | undefined> {
  const { reader, signal } = capture.context
  const item = await reader.item(entry.item, signal)
  capture.blame.wentWell()
  if (item && !(await isKeptOut(capture, item))) return item
  await takeGone(capture, entry)
  return undefined
}

/** What was captured long ago may be used again only while its packs stay locked. */
async function dropUnlocked(capture: StreamCapture, item: Present): Promise<void> {
  const { locks, signal } = capture.context
  const progress = progressOf(capture, item)
  if (!progress || (await locks.allow([progress.content], signal))) return
  capture.pending.add(longEntry(capture, item, undefined))
}

function progressOf(capture: StreamCapture, { id }: Pick<Present, 'id'>): LongProgress | undefined {
  return capture.entryOf(id)?.progress
}

interface Reading {
  item: Present
  long: LongReader
  until: number
}

/** `done`: the content is whole. Throws what the service says. */
async function readOn(capture: StreamCapture, reading: Reading): Promise<LongStep> {
  const reached = () => progressOf(capture, reading.item)?.position.offset ?? 0
  for (let broken = 0; ; ) {
    const from = reached()
    try {
      return await readPieces(capture, reading)
    } catch (error) {
      broken = reached() > from ? 1 : broken + 1
      const isOver = capture.context.clock.now() >= reading.until
      if (!hasCode(error, 'ContentBroken') || broken >= BROKEN_MAX || isOver) throw error
    }
  }
}

async function readPieces(
  capture: StreamCapture,
  { item, long, until }: Reading,
): Promise<LongStep> {
  const { clock, limits, signal } = capture.context
  const { pieceBytes = CONTENT_SEGMENT_BYTES_MAX } = limits
  const from = progressOf(capture, item)?.position
  for await (const { bytes, next } of long.read(item, from, pieceBytes, signal)) {
    const before = progressOf(capture, item)?.content
    const content = await capture.writer.extend(before, { name: long.name, bytes }, signal)
    const progress = { marker: item.marker, position: next, content }
    capture.pending.add(longEntry(capture, item, progress))
    capture.gotFurther()
    if (capture.full && !(await capture.save())) return 'more'
    if (clock.now() >= until) return 'more'
  }
  return 'done'
}

/** The content is whole: a version, if it is that of the item still. */
async function finish(capture: StreamCapture, entry: LedgerEvent): Promise<LongStep> {
  const item = await askFor(capture, entry)
  const progress = progressOf(capture, { id: entry.item })
  if (item === undefined || progress === undefined) return 'done'
  if (isOther(capture, item)) {
    beginAnew(capture, item)
    return 'done'
  }
  const note = capture.context.reader.long?.note?.(item, progress.position)
  const content = { ...progress.content, ...(note && { note }) }
  return (await takeWhole(capture, item, content)) === 'stopped' ? 'more' : 'done'
}

/** Its content is not the one that was begun. */
function isOther(capture: StreamCapture, item: Present): boolean {
  const progress = progressOf(capture, item)
  const { compare } = capture.context.workload
  return progress !== undefined && compare(progress.marker, item.marker) === 'content'
}

/** Later: what changes while it is read may be changing still. */
function beginAnew(capture: StreamCapture, item: Pick<Present, 'id' | 'place' | 'display'>): void {
  const { id, place, display } = item
  const changed = { reason: 'in-progress', code: 'ContentChanged', retry: true } as const
  const subject = { kind: 'item' as const, id, place, display }
  const now = capture.context.clock.now()
  capture.pending.add(ledgerEvent(subject, changed, capture.open.get(id), now))
  capture.pending.count('seen')
  capture.pending.count('ledger')
}

/** Throws what is the owner's trouble. */
async function takeTrouble(
  capture: StreamCapture,
  entry: LedgerEvent,
  error: unknown,
): Promise<void> {
  const now = capture.entryOf(entry.item) ?? entry
  if (hasCode(error, 'ContentDiffers')) beginAnew(capture, { ...now, id: now.item })
  else if (hasCode(error, 'ContentChanged')) await takeChanged(capture, now)
  else if (hasCode(error, 'ItemGone')) takeFailure(capture, now, GONE_BEFORE_READ)
  else takeFailure(capture, now, capture.failureOf(error, entry.item))
}

/** Something of it changed while it was read; it goes on where that was not its content. */
async function takeChanged(capture: StreamCapture, entry: LedgerEvent): Promise<void> {
  const { reader, signal } = capture.context
  try {
    const item = await reader.item(entry.item, signal)
    if (!item) await takeGone(capture, entry)
    else if (isOther(capture, item)) beginAnew(capture, item)
    else capture.pending.add(longEntry(capture, item, entry.progress))
  } catch (error) {
    takeFailure(capture, entry, capture.failureOf(error, entry.item))
  }
}
