/**
 * Next and delta links: absolute, opaque, bound to what they were made for.
 *
 * Invariants: a token carries the query options of the first call, so a link is followed as it
 * is; a token that was changed, or is used on another path, is refused; after `expireDelta` the
 * links of that mailbox answer 410 `SyncStateNotFound` (facts/graph.md 2.4).
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import type { User } from '../model.ts'
import type { TenantState } from '../state/tenant-state.ts'
import { badRequest, GraphError } from './errors.ts'
import type { LinkToken, QueryOptions } from './query.ts'
import type { GraphRequest } from './request.ts'

const TAG_BYTES = 12

/** Where a page or round stands; `position` and the rest are meaningful to its handler only. */
export interface Cursor {
  /** Path below the root that made the token. */
  readonly path: string
  readonly kind: LinkToken['kind']
  readonly epoch: number
  readonly options: QueryOptions
  /** Last seq (delta) or offset (list) that was answered. */
  readonly position: number
  /** Seq at which the round began; departures before it were never news to this reader. */
  readonly began: number
  readonly page: number
  /** The page before this one was an empty one. */
  readonly paused?: boolean
  /** Key of the last item of the page before, for repeats. */
  readonly last?: number
  /** Items answered so far under a filter or an order. */
  readonly counted?: number
  /** Ordered first round: the received time and key that were reached. */
  readonly reached?: readonly [number, number]
}

function secretOf(state: TenantState): string {
  const known = state.db.meta('link-secret')
  if (known !== undefined) return known
  const fresh = randomBytes(32).toString('hex')
  state.db.setMeta('link-secret', fresh)
  return fresh
}

function tag(state: TenantState, payload: Buffer): Buffer {
  return createHmac('sha256', secretOf(state)).update(payload).digest().subarray(0, TAG_BYTES)
}

export function writeToken(state: TenantState, cursor: Cursor): string {
  const payload = Buffer.from(JSON.stringify(cursor))
  return Buffer.concat([tag(state, payload), payload]).toString('base64url')
}

export function link(request: GraphRequest, cursor: Cursor): string {
  const name = cursor.kind === 'skip' ? '$skiptoken' : '$deltatoken'
  return `${request.root}${cursor.path}?${name}=${writeToken(request.state, cursor)}`
}

/** `owner`: whose delta state the token belongs to; null is the directory. */
export function readToken(request: GraphRequest, token: LinkToken, owner: User | null): Cursor {
  const bytes = Buffer.from(token.text, 'base64url')
  const payload = bytes.subarray(TAG_BYTES)
  const given = bytes.subarray(0, TAG_BYTES)
  if (given.length < TAG_BYTES || !timingSafeEqual(given, tag(request.state, payload))) {
    throw badRequest('Badly formed token.')
  }
  const cursor: Cursor = JSON.parse(payload.toString())
  if (cursor.path !== request.path || cursor.kind !== token.kind) {
    throw badRequest('The token does not belong to this resource.')
  }
  if (cursor.epoch !== request.state.deltaEpoch(owner)) throw syncStateNotFound(owner)
  return cursor
}

function syncStateNotFound(owner: User | null): GraphError {
  if (owner) {
    return new GraphError(
      410,
      'SyncStateNotFound',
      'The sync state generation is not found; continuationToken=Not Found.',
    )
  }
  return new GraphError(
    410,
    'Directory_ExpiredPageToken',
    'The specified page token value has expired and can no longer be included in your request.',
  )
}

/** A cursor for the first page of a call. */
export function firstCursor(request: GraphRequest, owner: User | null): Cursor {
  return {
    path: request.path,
    kind: 'skip',
    epoch: request.state.deltaEpoch(owner),
    options: request.options,
    position: 0,
    began: request.state.db.lastSeq(),
    page: 0,
  }
}

export function currentCursor(request: GraphRequest, owner: User | null): Cursor {
  return request.token === null
    ? firstCursor(request, owner)
    : readToken(request, request.token, owner)
}

/** What a delta link keeps: the options and the position. */
export function endOfRound(cursor: Cursor, position: number): Cursor {
  const { path, epoch, options } = cursor
  return { path, epoch, options, kind: 'delta', position, began: 0, page: 0 }
}
