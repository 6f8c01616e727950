/**
 * Owner rows: when an owner is due, how it fares, and the lease under which it is worked.
 *
 * The lease is part of the row and every change goes by etag, so two can never hold it. The
 * attempt is counted when the lease is taken, before any work; an ordinary answer clears it, so
 * what is counted is vanished slices (DESIGN 4, lease and poison). A claim is known by its random
 * token: other changes of the row meanwhile do not end it.
 */
import { z } from 'zod'
import { AppError } from '../model/errors.ts'
import type { OwnerId } from '../model/ids.ts'
import type { Row } from '../ports.ts'
import { OWNER_BUCKETS, ownerBucket, ownerPartition } from './keys.ts'
import { walkRows } from './read.ts'
import type { Room } from './room.ts'
import { decodeBody, encodeBody } from './rows.ts'
import { ownerSchema } from './schemas.ts'
import { type Change, changeRow, freshStamp, type RowPlace, writeStamped } from './stamped.ts'
import type { Lease, Owner, OwnerTable } from './types.ts'

const rowSchema = z.object({
  owner: ownerSchema,
  lease: z
    .object({
      holder: z.string(),
      token: z.string(),
      until: z.number(),
      /** When the owner was due as the lease was taken. */
      dueAt: z.string(),
    })
    .nullable(),
})
type OwnerRow = z.infer<typeof rowSchema>

export function createOwnerTable(room: Room): OwnerTable {
  const { tables, tenantId, clock } = room
  const placeOf = (owner: OwnerId): RowPlace => {
    const partition = ownerPartition(tenantId, ownerBucket(owner))
    return { table: 'owners', partition, row: owner }
  }
  return {
    async get(owner, signal) {
      const { table, partition, row } = placeOf(owner)
      const now = await tables.get(table, partition, row, signal)
      return now && decode(now).owner
    },
    async insert(owner, signal) {
      const values = encodeBody({ owner, lease: null })
      const write = { values, etag: undefined, stamp: freshStamp(room) }
      await writeStamped(room, placeOf(owner.owner), write, signal)
    },
    async *all(signal) {
      for (const bucket of OWNER_BUCKETS) {
        const query = { partition: ownerPartition(tenantId, bucket) }
        for await (const row of walkRows(tables, 'owners', query, signal)) yield decode(row).owner
      }
    },
    async claim(owner, { holder, leaseMs }, signal) {
      const token = freshStamp(room)
      const change = (row: Row | undefined) =>
        row && claimed(decode(row), { holder, token, until: clock.now() + leaseMs }, clock.now())
      return await changeRow(room, placeOf(owner), change, signal)
    },
    async renew(lease, leaseMs, signal) {
      const until = clock.now() + leaseMs
      const change = (row: Row | undefined) => row && renewed(decode(row), lease, until)
      const next = await changeRow(room, placeOf(lease.owner.owner), change, signal)
      if (next) return next
      throw leaseLost(lease)
    },
    async release(lease, changes, signal) {
      const change = (row: Row | undefined) => row && released(decode(row), lease, changes)
      await changeRow(room, placeOf(lease.owner.owner), change, signal)
    },
    async update(owner, change, signal) {
      const apply = (row: Row | undefined) => row && updated(decode(row), change)
      return await changeRow(room, placeOf(owner), apply, signal)
    },
  }
}

const decode = (row: Row): OwnerRow => decodeBody(row, rowSchema)

function claimed(
  now: OwnerRow,
  claim: { holder: string; token: string; until: number },
  nowMs: number,
): Change<Lease> | undefined {
  const { lease } = now
  if (lease && lease.holder !== claim.holder && lease.until > nowMs) return undefined
  const at = new Date(nowMs).toISOString()
  // Due while it is worked: a slice that vanishes leaves a round open, which must go on.
  const dueAt = now.owner.dueAt < at ? now.owner.dueAt : at
  const owner = { ...now.owner, dueAt, attempts: now.owner.attempts + 1 }
  const next: OwnerRow = { owner, lease: { ...claim, dueAt } }
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
  const next = { owner: asked ? { ...owner, dueAt: now.owner.dueAt } : owner, lease: null }
  return { values: encodeBody(next), result: true }
}

function updated(now: OwnerRow, change: (now: Owner) => Owner): Change<Owner> {
  const owner = change(now.owner)
  return { values: encodeBody({ owner, lease: now.lease }), result: owner }
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
