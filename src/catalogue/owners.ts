/**
 * Owner rows: when an owner is due, how it fares, and the lease under which it is worked.
 *
 * The lease is part of the row and every change goes by etag, so two can never hold it. The
 * attempt is counted when the lease is taken, before any work; an ordinary answer clears it, so
 * what is counted is vanished slices (DESIGN 4, lease and poison). A claim is known by its random
 * token: other changes of the row meanwhile do not end it. What a rebuild does is in fence.ts.
 */
import { AppError } from '../model/errors.ts'
import type { OwnerId } from '../model/ids.ts'
import type { Row } from '../ports.ts'
import { begun, fenced, fencedClaim, holds, paused, unfenced } from './fence.ts'
import { OWNER_BUCKETS, ownerBucket, ownerPartition } from './keys.ts'
import { decodeOwner, type OwnerRow } from './owner-row.ts'
import { walkRows } from './read.ts'
import type { Room } from './room.ts'
import { encodeBody } from './rows.ts'
import { type Change, changeRow, freshStamp, type RowPlace, writeStamped } from './stamped.ts'
import {
  type FencedClaim,
  type Lease,
  type Owner,
  type OwnerTable,
  ROWS_WITHIN_MS,
} from './types.ts'

/** Of an owner whose rows are all to be made. */
const BEGUN = { isBegun: true, lapsesAt: 0, progress: '' }

export function createOwnerTable(room: Room): OwnerTable {
  const { tables, tenantId, clock } = room
  const placeOf = (owner: OwnerId): RowPlace => {
    const partition = ownerPartition(tenantId, ownerBucket(owner))
    return { table: 'owners', partition, row: owner }
  }
  async function insert(row: OwnerRow, signal: AbortSignal): Promise<void> {
    const write = { values: encodeBody(row), etag: undefined, stamp: freshStamp(room) }
    await writeStamped(room, placeOf(row.owner.owner), write, signal)
  }
  return {
    async get(owner, signal) {
      const { table, partition, row } = placeOf(owner)
      const now = await tables.get(table, partition, row, signal)
      return now && shown(decodeOwner(now), clock.now())
    },
    insert: (owner, signal) => insert({ owner, lease: null, writesUntil: 0, fence: null }, signal),
    insertFenced: (owner, writesUntil, signal) =>
      insert({ owner, lease: null, writesUntil, fence: BEGUN }, signal),
    async *all(signal) {
      for (const bucket of OWNER_BUCKETS) {
        const query = { partition: ownerPartition(tenantId, bucket) }
        for await (const row of walkRows(tables, 'owners', query, signal))
          yield shown(decodeOwner(row), clock.now())
      }
    },
    async claim(owner, { holder, leaseMs }, signal) {
      const token = freshStamp(room)
      const change = (row: Row | undefined) =>
        row &&
        claimed(decodeOwner(row), { holder, token, until: clock.now() + leaseMs }, clock.now())
      return await changeRow(room, placeOf(owner), change, signal)
    },
    async renew(lease, leaseMs, signal) {
      const until = clock.now() + leaseMs
      const change = (row: Row | undefined) => row && renewed(decodeOwner(row), lease, until)
      const next = await changeRow(room, placeOf(lease.owner.owner), change, signal)
      if (next) return next
      throw leaseLost(lease)
    },
    async release(lease, changes, signal) {
      const change = (row: Row | undefined) => row && released(decodeOwner(row), lease, changes)
      await changeRow(room, placeOf(lease.owner.owner), change, signal)
    },
    async claimFenced(owner, { holder, leaseMs, stoppedBefore = 0 }, signal) {
      const token = freshStamp(room)
      let answer: FencedClaim | undefined
      const change = (row: Row | undefined) => {
        const now = clock.now()
        const claim = { holder, token, until: now + leaseMs }
        const next = row && fencedClaim(decodeOwner(row), claim, { now, stoppedBefore })
        answer = next?.answer
        return next?.row && { values: encodeBody(next.row), result: true }
      }
      await changeRow(room, placeOf(owner), change, signal)
      return answer
    },
    async beginFenced(lease, signal) {
      const change = (row: Row | undefined) => fenced(begun(row && decodeOwner(row), lease))
      return (await changeRow(room, placeOf(lease.owner.owner), change, signal)) ?? false
    },
    async pauseFenced(lease, progress, changes, signal) {
      const change = (row: Row | undefined) =>
        fenced(paused(row && decodeOwner(row), lease, { progress, changes }))
      await changeRow(room, placeOf(lease.owner.owner), change, signal)
    },
    async unfence(lease, changes, signal) {
      const change = (row: Row | undefined) =>
        fenced(unfenced(row && decodeOwner(row), lease, changes))
      return (await changeRow(room, placeOf(lease.owner.owner), change, signal)) ?? false
    },
    async update(owner, change, signal) {
      const apply = (row: Row | undefined) => row && updated(decodeOwner(row), change)
      return await changeRow(room, placeOf(owner), apply, signal)
    },
  }
}

function shown({ owner, fence }: OwnerRow, at: number): Owner {
  return holds(fence, at) ? { ...owner, isFenced: true } : owner
}

function claimed(
  now: OwnerRow,
  claim: { holder: string; token: string; until: number },
  nowMs: number,
): Change<Lease> | undefined {
  const { lease, fence, writesUntil } = now
  if (holds(fence, nowMs)) return undefined
  if (lease && lease.holder !== claim.holder && lease.until > nowMs) return undefined
  const at = new Date(nowMs).toISOString()
  // Due while it is worked: a slice that vanishes leaves a round open, which must go on.
  const dueAt = now.owner.dueAt < at ? now.owner.dueAt : at
  const owner = { ...now.owner, dueAt, attempts: now.owner.attempts + 1 }
  const next: OwnerRow = {
    owner,
    lease: { ...claim, dueAt, since: nowMs, writesBefore: writesUntil },
    writesUntil: Math.max(writesUntil, nowMs + ROWS_WITHIN_MS),
    fence: null,
  }
  return { values: encodeBody(next), result: { owner, ...claim } }
}

/** Also where it has run out, as long as nobody else has taken it. */
function renewed(now: OwnerRow, lease: Lease, until: number): Change<Lease> | undefined {
  if (now.lease?.token !== lease.token) return undefined
  const next: OwnerRow = { ...now, lease: { ...now.lease, until } }
  return { values: encodeBody(next), result: { ...lease, owner: now.owner, until } }
}

function released(now: OwnerRow, lease: Lease, changes: Partial<Owner>): Change<true> | undefined {
  if (now.lease?.token !== lease.token) return undefined
  const owner = { ...now.owner, attempts: 0, ...changes }
  // Somebody asked for an earlier round while this slice ran: the slice does not undo that.
  const asked = now.owner.dueAt !== now.lease.dueAt && now.owner.dueAt < owner.dueAt
  const next: OwnerRow = {
    owner: asked ? { ...owner, dueAt: now.owner.dueAt } : owner,
    lease: null,
    // Whoever gives back writes no more; who vanished before may.
    writesUntil: now.lease.writesBefore,
    fence: now.fence,
  }
  return { values: encodeBody(next), result: true }
}

function updated(now: OwnerRow, change: (now: Owner) => Owner): Change<Owner> {
  const owner = change(now.owner)
  return { values: encodeBody({ ...now, owner }), result: owner }
}

function leaseLost(lease: Lease): AppError {
  return new AppError({
    code: 'LeaseLost',
    kind: 'transient',
    message: 'Another worker has taken this owner meanwhile.',
    hint: 'The other worker goes on from the last commit; nothing is lost.',
    context: { owner: lease.owner.owner },
  })
}
