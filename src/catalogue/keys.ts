/**
 * Every partition and row key of the catalogue, in one place and pure.
 *
 * Invariants: a key holds opaque ids, hashes, numbers and times, never a Graph id or a name (P9);
 * `~` joins the parts and sorts after every character that a part may begin with; numbers are
 * padded so that they sort like numbers; what must come newest first is inverted. Azure's own
 * limits (characters, 512 units) are checked again before each call (limits.ts).
 */
import { AppError } from '../model/errors.ts'
import type { GraphId, KeyHash, OwnerId, WorkloadName } from '../model/ids.ts'
import { invertedSeq, keyHash, seqName } from '../model/ids.ts'

/** Partitions that the items of one stream are spread over, so that a commit is not one queue. */
export const ITEM_BUCKETS = 16
/** Largest time that has 15 digits, in ms since 1970: the complement of a time is taken from it. */
const TIME_MAX_MS = 999_999_999_999_999
const TIME_DIGITS = 15
const PLACE_DIGITS = 10
/** Sorts after every key that begins with the same text and goes on with a part. */
const AFTER_PARTS = '~~'

const sortKeyPattern = /^[0-9A-Za-z.~_-]{1,64}$/
const namePattern = /^[0-9A-Za-z][0-9A-Za-z._-]{0,99}$/
const base32 = 'abcdefghijklmnopqrstuvwxyz234567'

function checked(text: string, pattern: RegExp, code: string, what: string): string {
  if (pattern.test(text)) return text
  throw new AppError({
    code,
    kind: 'bug',
    message: `This ${what} cannot stand in a table key.`,
    hint: 'This is a defect in Holdfast. Please report it with the code.',
  })
}

/** The first key after `row`. No key of ours is the beginning of another one. */
export const afterRow = (row: string): string => `${row}!`

const name = (text: string): string => checked(text, namePattern, 'MalformedName', 'name')

export const streamPartition = (owner: OwnerId, workload: WorkloadName): string =>
  `${owner}~${workload}`

export function resourcePartition(tenant: string, kind: string): string {
  return `${name(tenant)}~${name(kind)}`
}

/** One of 16, by the first digit of the (random) owner id. */
export function ownerPartition(tenant: string, bucket: string): string {
  return `${name(tenant)}~${bucket}`
}
export const OWNER_BUCKETS: readonly string[] = [...'0123456789abcdef']
export const ownerBucket = (owner: OwnerId): string => owner.charAt(0)

export const HEAD_ROW = 'head'

/** The hash's first character holds 5 bits; the upper 4 choose the bucket. */
export function itemPartition(stream: string, key: KeyHash): string {
  return `${stream}~${(base32.indexOf(key.charAt(0)) >>> 1).toString(ITEM_BUCKETS)}`
}
export const itemPartitions = (stream: string): string[] =>
  Array.from({ length: ITEM_BUCKETS }, (_, n) => `${stream}~${n.toString(ITEM_BUCKETS)}`)
export const itemRow = (key: KeyHash, seq: number): string => `${key}~${invertedSeq(seq)}`
/** The versions of an item from the newest one that is not above `seq`. */
export function itemRange(key: KeyHash, seq: number): { from: string; below: string } {
  return { from: itemRow(key, seq), below: `${key}${AFTER_PARTS}` }
}

export const listingPartition = (stream: string, container: GraphId): string =>
  `${stream}~${keyHash(container)}`
/** Every listing partition of a stream, whatever its container. */
export const listingRange = (stream: string) => ({
  partitions: { from: `${stream}~`, below: `${stream}${AFTER_PARTS}` },
})
export function listingRow(place: { sortKey: string; from: number }, key: KeyHash): string {
  const sortKey = checked(place.sortKey, sortKeyPattern, 'MalformedSortKey', 'sort key')
  return `${sortKey}~${key}~${seqName(place.from)}`
}

/** Both sort before every item of their scan, the marker first. */
export const SCAN_MARKER = '$'
export const SCAN_PROGRESS = '$progress'
export const scanRow = (container: GraphId, scan: string, item: string): string =>
  `${keyHash(container)}~${name(scan)}~${item}`

/** Four families in one partition: every point, complete ones, ones with a base, times to seqs. */
export const POINT_FAMILIES = { all: 's', complete: 'c', base: 'b', time: 't' } as const
type PointFamily = 's' | 'c' | 'b'
export const pointRow = (family: PointFamily, seq: number): string =>
  `${family}~${invertedSeq(seq)}`
export const pointsEnd = (family: PointFamily): string => `${family}${AFTER_PARTS}`
export const timeRow = (ms: number): string => `${POINT_FAMILIES.time}~${invertedTime(ms)}`
export const TIMES_END = `${POINT_FAMILIES.time}${AFTER_PARTS}`

/** Complement of a time, so that the newest sorts first. */
export function invertedTime(ms: number): string {
  return String(TIME_MAX_MS - ms).padStart(TIME_DIGITS, '0')
}

/** Runs and jobs: the document itself, and an index by time, in one partition. */
export const tenantPartition = (tenant: string): string => name(tenant)
export const documentRow = (id: string): string => `i~${name(id)}`
export const timelineRow = (createdMs: number, id: string): string =>
  `t~${invertedTime(createdMs)}~${name(id)}`
export const TIMELINE = { from: 't~', below: `t${AFTER_PARTS}` } as const

export const rebuildPartition = (tenant: string): string => `${name(tenant)}~rebuilds`

export const verificationPartition = (tenant: string): string => `${name(tenant)}~verifications`

/** The plan of a run: places in the queue, and one record for each owner. */
export const planPartition = (tenant: string, run: string): string =>
  `${name(tenant)}~plan~${name(run)}`
export const PLAN_PLACES = { from: 'p~', below: `p${AFTER_PARTS}` } as const
export const PLAN_RECORDS = { from: 'r~', below: `r${AFTER_PARTS}` } as const
export const planRecordRow = (owner: OwnerId): string => `r~${owner}`
/**
 * A place in the order of `ms`. Of one ms those that were planned come before those put back, and
 * those put back by how often they were.
 */
export function planPlaceRow(
  at: { ms: number; turn: 'planned' | 'again'; index: number },
  owner: OwnerId,
): string {
  const turn = at.turn === 'planned' ? '0' : '1'
  const ms = String(at.ms).padStart(TIME_DIGITS, '0')
  return `p~${ms}~${turn}~${String(at.index).padStart(PLACE_DIGITS, '0')}~${owner}`
}

/** Turn of an owner that is put back: one more than in the place that it had. */
export function nextTurn(placeRow: string): number {
  const [, , turn, index] = placeRow.split('~')
  return turn === '1' ? Number(index) + 1 : 1
}

/** What slices of one stream leave for the next one. No hash of a container reads like this. */
export const workPartition = (stream: string): string => `${stream}~work`
export const workRow = (text: string): string => `w~${name(text)}`
export const WORK = { from: 'w~', below: `w${AFTER_PARTS}` } as const

export const slotPartition = (job: string): string => name(job)
export const slotRow = (n: number): string => String(n).padStart(PLACE_DIGITS, '0')

export const notePartition = (tenant: string): string => `${name(tenant)}~notes`
export const noteRow = (note: string): string => `n~${name(note)}`
export const READY_ROW = 'ready'
