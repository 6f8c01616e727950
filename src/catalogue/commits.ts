/**
 * Commit rows: the recovery points of a stream, newest first, and times mapped to seqs.
 *
 * A commit is two to four rows of one partition, inserted once: by seq, by time, and by seq
 * among the complete ones and among those that carry a base. Times increase strictly with the seq, so the newest point at or before
 * T is the first time row at or after the complement of T; nothing is searched.
 */
import { AppError } from '../model/errors.ts'
import type { Commit, CommitRef } from '../model/events.ts'
import type { Row } from '../ports.ts'
import { POINT_FAMILIES, pointRow, pointsEnd, TIMES_END, timeRow } from './keys.ts'
import { firstRow, type PageQuery, pageOf } from './read.ts'
import type { Room } from './room.ts'
import {
  column,
  decodeBody,
  encodeBody,
  rowUnreadable,
  seqColumn,
  seqText,
  textColumn,
} from './rows.ts'
import { countsSchema } from './schemas.ts'
import type { KnownBase, Page, Point } from './types.ts'
import type { NewRow } from './write.ts'

/** Pure: a function of the commit alone. */
export function commitRowsOf(stream: string, commit: Commit): NewRow[] {
  const { seq, hash, time, complete } = commit
  const values = { seq: seqText(seq), hash, time, complete, ...encodeBody(commit.counts) }
  const rows = [pointRow(POINT_FAMILIES.all, seq), timeRow(parseTime(time))]
  if (complete) rows.push(pointRow(POINT_FAMILIES.complete, seq))
  const points = rows.map((row) => ({ row, values }))
  return [...points, ...baseRowOf(commit)].map((row) => ({
    table: 'commits',
    partition: stream,
    ...row,
  }))
}

function baseRowOf({ seq, base }: Commit): Pick<NewRow, 'row' | 'values'>[] {
  if (!base) return []
  return [{ row: pointRow(POINT_FAMILIES.base, seq), values: { asOf: seqText(base.asOf) } }]
}

/** The base that the newest commit up to the head carries, as far as rows say. */
export async function newestBase(
  room: Room,
  stream: string,
  head: CommitRef | undefined,
  signal: AbortSignal,
): Promise<KnownBase | undefined> {
  if (!head) return undefined
  const { base } = POINT_FAMILIES
  const query = { partition: stream, from: pointRow(base, head.seq), below: pointsEnd(base) }
  const row = await firstRow(room.tables, 'commits', query, signal)
  if (!row) return undefined
  const asOf = seqColumn(row, 'asOf')
  const time = await timeOf(room, stream, asOf, signal)
  return time === undefined ? undefined : { asOf, time }
}

/** ISO time of a commit. */
export async function timeOf(
  room: Room,
  stream: string,
  seq: number,
  signal: AbortSignal,
): Promise<string | undefined> {
  const row = await room.tables.get('commits', stream, pointRow(POINT_FAMILIES.all, seq), signal)
  return row && textColumn(row, 'time')
}

export async function listPoints(
  room: Room,
  stream: string,
  head: CommitRef | undefined,
  page: PageQuery & { completeOnly?: boolean },
  signal: AbortSignal,
): Promise<Page<Point>> {
  if (!head) return { items: [] }
  const family = page.completeOnly === true ? POINT_FAMILIES.complete : POINT_FAMILIES.all
  const range = {
    table: 'commits',
    name: `points~${stream}~${family}`,
    // Rows above the head sort before this one.
    query: { partition: stream, from: pointRow(family, head.seq), below: pointsEnd(family) },
  } as const
  return await pageOf(room.tables, range, page, pointOf, signal)
}

export async function pointAt(
  room: Room,
  stream: string,
  head: CommitRef | undefined,
  time: string,
  signal: AbortSignal,
): Promise<Point | undefined> {
  const asked = parseTime(time)
  if (!head) return undefined
  // Commits above the head are younger than it.
  const from = timeRow(Math.min(asked, parseTime(head.time)))
  const query = { partition: stream, from, below: TIMES_END }
  const row = await firstRow(room.tables, 'commits', query, signal)
  return row && pointOf(row)
}

function pointOf(row: Row): Point {
  const complete = column(row, 'complete')
  if (typeof complete !== 'boolean') throw rowUnreadable('complete')
  return {
    seq: seqColumn(row, 'seq'),
    hash: textColumn(row, 'hash'),
    time: textColumn(row, 'time'),
    complete,
    counts: decodeBody(row, countsSchema),
  }
}

/** Throws `MalformedTime`. */
function parseTime(time: string): number {
  const ms = Date.parse(time)
  if (Number.isFinite(ms) && ms >= 0) return ms
  throw new AppError({
    code: 'MalformedTime',
    kind: 'permanent',
    message: 'This is not a time after 1970.',
    hint: 'Give a time as ISO 8601 says, for example 2026-11-20T10:00:00Z.',
  })
}
