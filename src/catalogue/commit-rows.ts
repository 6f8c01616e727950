/**
 * What rows a commit opens, and which ones it ends. Pure: functions of the commit alone, so that
 * applying it again, rebuilding and comparing all speak of the same rows (promise P6).
 */
import type { Commit, StreamEvent } from '../model/events.ts'
import { commitRowsOf } from './commits.ts'
import { itemRowOf } from './items.ts'
import { type Closing, openingOf } from './listing.ts'
import { packRowOf } from './packs.ts'
import type { NewRow } from './write.ts'

/** `lockDays`: for how many days a new blob is locked. */
export function openingRows(stream: string, commit: Commit, lockDays: number): NewRow[] {
  const { seq } = commit
  return [
    ...commit.events.flatMap((event) => openingsOf(stream, event, seq)),
    ...commit.packs.map((pack) => packRowOf(commit, pack, lockDays)),
    ...commitRowsOf(stream, commit),
  ]
}

function openingsOf(stream: string, event: StreamEvent, seq: number): NewRow[] {
  if (event.op === 'put') return [itemRowOf(stream, event, seq), openingOf(stream, event, seq)]
  return event.op === 'deleted' ? [itemRowOf(stream, event, seq)] : []
}

/** The list rows that end with this event. */
export function closingsOf(event: StreamEvent): Closing[] {
  const leaves = event.op === 'put' || event.op === 'deleted' ? event.leaves : undefined
  return leaves ? [{ item: event.item, leaves }] : []
}
