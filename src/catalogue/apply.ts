/**
 * A commit becomes rows, and then the head.
 *
 * Every row is computed from the commit alone and written so that running it again, also an hour
 * later and beside another writer, changes nothing (write.ts, ledger.ts). The head moves last, so
 * readers see all of a commit or nothing of it; a crash on the way is finished by the next
 * roll-forward.
 */
import { AppError, invariant } from '../model/errors.ts'
import type { Commit } from '../model/events.ts'
import { closingsOf, openingRows } from './commit-rows.ts'
import { writeCursors } from './cursors.ts'
import type { Head } from './heads.ts'
import { applyToLedger, tidyLedger } from './ledger.ts'
import { closeRows } from './listing.ts'
import { overDamage } from './over-damage.ts'
import type { Room } from './room.ts'
import { insertMissing, type WriteGuard } from './write.ts'

/** Only a commit this young tidies: a rebuild replays old ones by the thousand. */
const TIDY_COMMIT_AGE_MAX_MS = 24 * 3600 * 1000

export interface ApplyOptions {
  secret: Uint8Array
  /** Ms since 1970; nothing is written after it. */
  notAfter: number
  /** Days for which a new blob is locked. */
  lockDays: number
  /** See StreamTables.apply. */
  rebuilding?: 'whole' | 'lossy'
}

export async function applyCommit(
  room: Room,
  { stream, head }: { stream: string; head: Head },
  said: Commit,
  { secret, notAfter, lockDays, rebuilding }: ApplyOptions,
  signal: AbortSignal,
): Promise<void> {
  const commit = rebuilding === 'lossy' ? await overDamage(room, stream, said, signal) : said
  const { events, cursors, seq } = commit
  const items = new Set(events.map((event) => event.item))
  invariant(items.size === events.length, 'a commit has one event for an item')
  const write = { guard: guardUntil(room, notAfter), signal }
  await insertMissing(room, openingRows(stream, commit, lockDays), write)
  await closeRows(room, stream, events.flatMap(closingsOf), seq, write)
  await applyToLedger(room, stream, events, seq, write)
  const origin = { is: 'commit', time: commit.time } as const
  await writeCursors(room, stream, { cursors, seq, secret, origin }, write)
  if (rebuilding) return
  await head.move({ seq, hash: commit.hash, time: commit.time }, write)
  if (endsRoundNow(room, commit)) await tidyLedger(room, stream, write)
}

export function guardUntil({ clock }: Room, notAfter: number): WriteGuard {
  return () => {
    if (clock.now() <= notAfter) return
    throw new AppError({
      code: 'TooLate',
      kind: 'transient',
      message: 'The time in which this slice may write rows is over.',
      hint: 'Nothing is lost: the next slice writes the rows from the commit.',
    })
  }
}

function endsRoundNow({ clock }: Room, commit: Commit): boolean {
  return commit.complete && clock.now() - Date.parse(commit.time) < TIDY_COMMIT_AGE_MAX_MS
}
