/** One stream's tables, put together. The rules are in the files that are named here. */
import { invariant } from '../model/errors.ts'
import type { OwnerId, WorkloadName } from '../model/ids.ts'
import { applyCommit, guardUntil } from './apply.ts'
import { clearStream } from './clear.ts'
import { listPoints, newestBase, pointAt } from './commits.ts'
import { compareStream } from './compare/index.ts'
import { readCursor, readCursors, writeCursors } from './cursors.ts'
import { expireRows } from './expire.ts'
import { createHead } from './heads.ts'
import { heldItem, heldItems } from './items.ts'
import { streamPartition } from './keys.ts'
import { openEntries } from './ledger.ts'
import { hadLeft } from './left.ts'
import { listContainer } from './listing.ts'
import { restateRows } from './restate.ts'
import type { Room } from './room.ts'
import { createScanTable } from './scans.ts'
import type { StreamTables } from './types.ts'
import { createWorkTable } from './work.ts'

export function createStreamTables(
  room: Room,
  { owner, workload }: { owner: OwnerId; workload: WorkloadName },
  lockDays: number,
): StreamTables {
  const stream = streamPartition(owner, workload)
  const head = createHead(room, stream)
  return {
    head: (signal) => head.read(signal),
    async apply(commit, options, signal) {
      const own = commit.owner === owner && commit.workload === workload
      invariant(own, 'a commit is applied to its own stream')
      await applyCommit(room, { stream, head }, commit, { ...options, lockDays }, signal)
    },
    async clear({ notAfter }, signal) {
      await clearStream(room, stream, { guard: guardUntil(room, notAfter), signal })
      head.forget()
    },
    async restate(state, { secret, notAfter, rebuilding }, signal) {
      const write = { guard: guardUntil(room, notAfter), signal }
      await restateRows(room, stream, state, { ...write, secret, rebuilding })
    },
    expire: (before, { notAfter }, signal) =>
      expireRows(room, stream, before, { guard: guardUntil(room, notAfter), signal }),
    moveHead: (to, { notAfter }, signal) =>
      head.move(to, { guard: guardUntil(room, notAfter), signal }),
    heldCursors: (secret, signal) => readCursors(room, stream, secret, signal),
    async cursors(secret, signal) {
      return (await readCursors(room, stream, secret, signal)).map(({ cursor }) => cursor)
    },
    cursor: (container, secret, signal) => readCursor(room, stream, { container, secret }, signal),
    async saveCursors(cursors, { seq, secret, notAfter }, signal) {
      const write = { cursors, seq, secret, origin: { is: 'quiet' } } as const
      await writeCursors(room, stream, write, { guard: guardUntil(room, notAfter), signal })
    },
    async current(items, seq, signal) {
      await head.check(seq, signal)
      return await heldItems(room, stream, items, seq, signal)
    },
    async item(key, seq, signal) {
      await head.check(seq, signal)
      return await heldItem(room, stream, key, seq, signal)
    },
    async hadLeft(key, seq, signal) {
      await head.check(seq, signal)
      return await hadLeft(room, stream, { key, seq }, signal)
    },
    async list(container, seq, query, signal) {
      await head.check(seq, signal)
      return await listContainer(room, stream, { container, seq }, query, signal)
    },
    async points(query, signal) {
      return await listPoints(room, stream, await head.read(signal), query, signal)
    },
    async pointAt(time, signal) {
      return await pointAt(room, stream, await head.read(signal), time, signal)
    },
    async *open(signal) {
      const newest = await head.read(signal)
      yield* openEntries(room, stream, newest?.seq ?? 0, signal)
    },
    compare: (truth, options, signal) =>
      compareStream(room, { stream, owner }, truth, options, signal),
    async newestBase(signal) {
      return await newestBase(room, stream, await head.read(signal), signal)
    },
    work: createWorkTable(room, stream),
    scans: createScanTable(room, stream),
  }
}
