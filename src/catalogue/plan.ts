/**
 * The plan of a run: a queue of owners that lanes claim from, and what became of each.
 *
 * Each owner has a record row (it makes planning idempotent, and holds the last word) and, while
 * it is queued or claimed, a place row whose key is its turn. Settling ends the place and writes
 * the record, or a new place at the end, in one transaction. An ended place is a mark that no one
 * changes any more; whoever meets it removes it.
 */
import { z } from 'zod'
import type { Row, TableOp } from '../ports.ts'
import {
  nextTurn,
  PLAN_PLACES,
  PLAN_RECORDS,
  planPartition,
  planPlaceRow,
  planRecordRow,
} from './keys.ts'
import { eachAtOnce } from './parallel.ts'
import { rowsByKey, walkRows } from './read.ts'
import type { Room } from './room.ts'
import { decodeBody, encodeBody } from './rows.ts'
import { planEntrySchema } from './schemas.ts'
import { freshStamp, readStamped, writeStamped } from './stamped.ts'
import type { PlanEntry, RunTable } from './types.ts'
import { contended } from './write.ts'

/** Two rows for each owner, so that a transaction holds 50 of them. */
const OWNERS_PER_BATCH = 50
/** Rows that a claim reads at once: more than there are lanes. */
const CLAIM_PAGE_ROWS = 100
const TRIES_MAX = 16

const placeSchema = z.object({ ended: z.boolean(), entry: planEntrySchema })
/** `place`: the row of the last place that the owner had. */
const recordSchema = z.object({ place: z.string(), entry: planEntrySchema })
type Claim = NonNullable<Awaited<ReturnType<RunTable['claim']>>>

export type PlanTable = Pick<RunTable, 'plan' | 'entries' | 'claim' | 'settle' | 'requeue'>

export function createPlanTable(room: Room): PlanTable {
  return {
    async plan(id, owners, signal) {
      const partition = planPartition(room.tenantId, id)
      const ms = room.clock.now()
      for (let at = 0; at < owners.length; at += OWNERS_PER_BATCH) {
        const chunk = owners.slice(at, at + OWNERS_PER_BATCH)
        const rows = chunk.map((entry, n) => ({ entry, index: at + n }))
        await planChunk(room, partition, rows, ms, signal)
      }
    },
    entries: (id, signal) => entriesOf(room, planPartition(room.tenantId, id), signal),
    async claim(id, { claimMs }, signal) {
      return await claimNext(room, planPartition(room.tenantId, id), claimMs, signal)
    },
    async requeue(id, signal) {
      await requeueWaiting(room, planPartition(room.tenantId, id), signal)
    },
    async settle(id, claim, next, signal) {
      const partition = planPartition(room.tenantId, id)
      if (next.state === 'claimed') return await rewrite(room, partition, claim, next, signal)
      return await endPlace(room, partition, claim, next, signal)
    },
  }
}

interface Planned {
  entry: PlanEntry
  index: number
}

async function planChunk(
  { tables }: Room,
  partition: string,
  chunk: readonly Planned[],
  ms: number,
  signal: AbortSignal,
): Promise<void> {
  let open = chunk
  for (let n = 0; n < TRIES_MAX; n += 1) {
    const records = open.map(({ entry }) => planRecordRow(entry.owner))
    const there = await rowsByKey(tables, 'runs', partition, records, signal)
    open = open.filter(({ entry }) => !there.has(planRecordRow(entry.owner)))
    if (open.length === 0) return
    const ops = open.flatMap(({ entry, index }): TableOp[] => {
      const place = planPlaceRow({ ms, turn: 'planned', index }, entry.owner)
      return [
        { op: 'insert', row: planRecordRow(entry.owner), values: encodeBody({ place, entry }) },
        { op: 'insert', row: place, values: encodeBody({ ended: false, entry }) },
      ]
    })
    const { outcome } = await tables.batch('runs', partition, ops, signal)
    if (outcome === 'applied') return
  }
  throw contended('runs')
}

/** Places first, then records: an owner that is settled meanwhile is seen at least once. */
async function* entriesOf(
  { tables }: Room,
  partition: string,
  signal: AbortSignal,
): AsyncGenerator<PlanEntry> {
  const entries = new Map<string, PlanEntry>()
  for await (const row of walkRows(tables, 'runs', { partition, ...PLAN_PLACES }, signal)) {
    const { ended, entry } = decodeBody(row, placeSchema)
    if (!ended) entries.set(entry.owner, entry)
  }
  for await (const row of walkRows(tables, 'runs', { partition, ...PLAN_RECORDS }, signal)) {
    const { entry } = decodeBody(row, recordSchema)
    yield entries.get(entry.owner) ?? entry
  }
}

async function claimNext(
  room: Room,
  partition: string,
  claimMs: number,
  signal: AbortSignal,
): Promise<Claim | undefined> {
  const query = { partition, ...PLAN_PLACES }
  for await (const row of walkRows(room.tables, 'runs', query, signal, CLAIM_PAGE_ROWS)) {
    const { ended, entry } = decodeBody(row, placeSchema)
    const now = room.clock.now()
    if (ended) await removeEnded(room, partition, row.row, signal)
    if (ended || (entry.state === 'claimed' && entry.claimedUntil > now)) continue
    const next: PlanEntry = { ...entry, state: 'claimed', claimedUntil: now + claimMs }
    const claim = await rewrite(room, partition, { entry, ...row }, next, signal)
    if (claim) return claim
  }
  return undefined
}

/** Writes the entry in its place; undefined where another changed the place meanwhile. */
async function rewrite(
  room: Room,
  partition: string,
  claim: Claim,
  entry: PlanEntry,
  signal: AbortSignal,
): Promise<Claim | undefined> {
  const place = { table: 'runs', partition, row: claim.row } as const
  const stamp = freshStamp(room)
  const write = { values: encodeBody({ ended: false, entry }), etag: claim.etag, stamp }
  if (!(await writeStamped(room, place, write, signal))) return undefined
  const now = await readStamped(room, place, stamp, signal)
  return now && { entry, etag: now.etag, row: now.row }
}

/** Ends a place: for a new one at the end of the plan, or for the record. */
async function endPlace(
  room: Room,
  partition: string,
  claim: Claim,
  entry: PlanEntry,
  signal: AbortSignal,
): Promise<Claim | undefined> {
  const stamp = freshStamp(room)
  const next =
    entry.state === 'queued' ? againOp(room, claim.row, entry) : recordOp(claim.row, entry)
  const ended = encodeBody({ ended: true, entry })
  const ops: TableOp[] = [
    { op: 'replace', row: claim.row, values: ended, etag: claim.etag },
    { ...next, values: { ...next.values, stamp } },
  ]
  const { outcome } = await room.tables.batch('runs', partition, ops, signal)
  if (outcome === 'applied') await removeEnded(room, partition, claim.row, signal)
  const place = { table: 'runs', partition, row: next.row } as const
  const written = await readStamped(room, place, stamp, signal)
  return written && { entry, etag: written.etag, row: next.row }
}

function againOp(room: Room, lastPlace: string, entry: PlanEntry) {
  const at = { ms: room.clock.now(), turn: 'again', index: nextTurn(lastPlace) } as const
  const values = encodeBody({ ended: false, entry })
  return { op: 'insert', row: planPlaceRow(at, entry.owner), values } as const
}

function recordOp(place: string, entry: PlanEntry) {
  return {
    op: 'put',
    row: planRecordRow(entry.owner),
    values: encodeBody({ place, entry }),
  } as const
}

/** One transaction for each owner: its record says queued again, and it has a new place. */
async function requeueWaiting(room: Room, partition: string, signal: AbortSignal): Promise<void> {
  const waiting: Row[] = []
  const query = { partition, ...PLAN_RECORDS }
  for await (const row of walkRows(room.tables, 'runs', query, signal)) {
    if (decodeBody(row, recordSchema).entry.state === 'wait') waiting.push(row)
  }
  await eachAtOnce(waiting, async (row) => {
    const { entry: before, place } = decodeBody(row, recordSchema)
    const entry: PlanEntry = { ...before, state: 'queued', claimedUntil: 0 }
    const record = recordOp(place, entry)
    // A conflict means that another call put this owner back: nothing is left to do.
    await room.tables.batch(
      'runs',
      partition,
      [{ ...record, op: 'replace', etag: row.etag }, againOp(room, place, entry)],
      signal,
    )
  })
}

/** A conflict means that it is gone already. */
async function removeEnded(
  { tables }: Room,
  partition: string,
  row: Row['row'],
  signal: AbortSignal,
): Promise<void> {
  await tables.batch('runs', partition, [{ op: 'remove', row }], signal)
}
