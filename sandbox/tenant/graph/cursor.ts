/**
 * Next and delta links: absolute, opaque, bound to what they were made for.
 *
 * Invariants: a token carries the query options of the first call, so a link is followed as it
 * is; a token that was changed, or is used on another path, is refused; after `expireDelta`, and
 * by the rules of `trouble/link-book.ts`, links answer as `expired-links.ts` has it.
 */
import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import type { User } from '../model.ts'
import type { TenantState } from '../state/tenant-state.ts'
import { badRequest } from './errors.ts'
import { badRestart, expiredLink } from './expired-links.ts'
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
  /** Position with which the round began: what its reader knew before. Missing: nothing. */
  readonly known?: number
  /** Items answered so far under a filter or an order. */
  readonly counted?: number
  /** Ordered first round: the received time and key that were reached. */
  readonly reached?: readonly [number, number]
  /** Whose state the link is, and its place in the order of links; set when it is written. */
  readonly owner?: string
  readonly issued?: number
  /** A restart that never works (facts/graph.md 7, no. 10). */
  readonly broken?: true
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

/** Plain data as an opaque text that only this tenant can write. */
export function sealToken(state: TenantState, data: object): string {
  const payload = Buffer.from(JSON.stringify(data))
  return Buffer.concat([tag(state, payload), payload]).toString('base64url')
}

/** What `sealToken` sealed; null: this text is none of it, or was changed. */
export function openToken<T>(state: TenantState, text: string): T | null {
  const bytes = Buffer.from(text, 'base64url')
  const payload = bytes.subarray(TAG_BYTES)
  const given = bytes.subarray(0, TAG_BYTES)
  if (given.length < TAG_BYTES || !timingSafeEqual(given, tag(state, payload))) return null
  return JSON.parse(payload.toString())
}

/** The link that this token came with. */
export function tokenLink(request: GraphRequest, token: LinkToken): string {
  const name = token.kind === 'skip' ? '$skiptoken' : '$deltatoken'
  return `${request.root}${request.path}?${name}=${token.text}`
}

export function link(request: GraphRequest, cursor: Cursor): string {
  const { links } = request.state.trouble
  const issued = links.issue(cursor.owner ?? '', cursor.kind)
  const text = sealToken(request.state, { ...cursor, issued })
  return tokenLink(request, { kind: cursor.kind, text })
}

function ownerKey(owner: User | null): string {
  return owner?.id ?? 'directory'
}

/** `owner`: whose delta state the token belongs to; null is the directory. */
export function readToken(request: GraphRequest, token: LinkToken, owner: User | null): Cursor {
  const cursor = openToken<Cursor>(request.state, token.text)
  if (cursor === null) throw badRequest('Badly formed token.')
  if (cursor.path !== request.path || cursor.kind !== token.kind) {
    throw badRequest('The token does not belong to this resource.')
  }
  refuseExpired(request, cursor, owner)
  return cursor
}

function refuseExpired(request: GraphRequest, cursor: Cursor, owner: User | null): void {
  const { state } = request
  if (cursor.broken) throw badRestart()
  const form =
    cursor.epoch === state.deltaEpoch(owner)
      ? state.trouble.links.refusalOf(ownerKey(owner), cursor)
      : state.settings.expiredLink
  if (form === null) return
  const restart = { ...firstCursor(request, owner), options: cursor.options }
  const broken = form === 'gone-bad-location' ? { broken: true as const } : {}
  throw expiredLink(form, {
    directory: owner === null,
    location: () => link(request, { ...restart, ...broken }),
  })
}

/** A cursor for the first page of a call. */
export function firstCursor(request: GraphRequest, owner: User | null): Cursor {
  return {
    path: request.path,
    owner: ownerKey(owner),
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
  const { path, owner, epoch, options } = cursor
  return {
    path,
    ...(owner ? { owner } : {}),
    epoch,
    options,
    kind: 'delta',
    position,
    began: 0,
    page: 0,
  }
}
