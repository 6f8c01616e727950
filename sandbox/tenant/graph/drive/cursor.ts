/**
 * Tokens of SharePoint's deltas, of drives and of sites: `?token=…` for next and delta links
 * alike, `latest`, and a point in time (facts/graph.md 2.4, 3.7).
 *
 * Invariants: `$select` and `$top` of the first call are inside the token, and nothing may be
 * added to it; preferences are not, and hold for the page that they came with. A token is good
 * for one drive, whatever path led to it.
 */
import type { ExpiredLinkForm } from '../../state/settings.ts'
import { openToken, sealToken } from '../cursor.ts'
import { GraphError } from '../errors.ts'
import type { GraphRequest } from '../request.ts'
import { generalException, invalidRequest, notFound } from './refusals.ts'

/** Owner of the delta of sites, which is no drive's. */
export const SITES = 'sites'

export interface DriveCursor {
  /** Whose delta it is: the id of a drive, or `SITES`. */
  readonly owner: string
  readonly kind: 'skip' | 'delta'
  readonly epoch: number
  readonly select: readonly string[] | null
  readonly top: number | null
  /** Last seq that was answered. */
  readonly position: number
  /** What its reader knew when the round began; 0: nothing. */
  readonly known: number
  /** Seq at which the round began: to who knew nothing, earlier deletions are no news. */
  readonly began: number
  readonly page: number
  /** The page before this one was an empty one. */
  readonly paused?: boolean
  /** Key of the last item of the page before, for repeats. */
  readonly last?: number
  readonly issued?: number
  /** A restart that never works (facts/graph.md 7, no. 10). */
  readonly broken?: true
}

/** What a point in time means in seqs; for `sites` there is none. */
export type SeqAt = (ms: number) => number

function firstCursor(request: GraphRequest, owner: string, position: number): DriveCursor {
  const { state, options } = request
  const began = horizonOf(request, owner)
  const { select, top } = options
  const epoch = state.driveEpoch(owner)
  return { owner, kind: 'skip', epoch, select, top, position, known: position, began, page: 0 }
}

/** The newest seq that this delta knows of. The delta of sites does not lag. */
export function horizonOf({ state }: GraphRequest, owner: string): number {
  if (owner === SITES) return state.db.lastSeq()
  return state.trouble.drives.past.horizon(state.settings.deltaLagMs)
}

export function tokenLink(request: GraphRequest, token: string): string {
  return `${request.root}${request.path}?token=${encodeURIComponent(token)}`
}

export function driveLink(request: GraphRequest, cursor: DriveCursor): string {
  const issued = request.state.trouble.links.issue(cursor.owner, cursor.kind)
  return tokenLink(request, sealToken(request.state, { ...cursor, issued }))
}

/** Where the call stands. `latest` stands at the end; a link where it was given. */
export function driveCursor(request: GraphRequest, owner: string, seqAt: SeqAt): DriveCursor {
  const { token } = request.options
  if (token === null) return firstCursor(request, owner, 0)
  if (token.toLowerCase() === 'latest') {
    return firstCursor(request, owner, horizonOf(request, owner))
  }
  if (/^\d{4}-\d\d-\d\d/.test(token)) {
    const ms = Date.parse(token)
    if (Number.isNaN(ms)) throw invalidRequest('The token is no point in time.')
    return firstCursor(request, owner, seqAt(ms))
  }
  return readToken(request, owner, token)
}

function readToken(request: GraphRequest, owner: string, token: string): DriveCursor {
  const { state, options } = request
  if (options.select !== null || options.top !== null) {
    throw invalidRequest('A token has its query options inside: none can be added.')
  }
  const cursor = openToken<DriveCursor>(state, token)
  if (cursor === null || cursor.owner !== owner) {
    throw new GraphError(400, 'invalidRequest', 'The provided token is not valid.')
  }
  if (cursor.broken) throw generalException()
  const form =
    cursor.epoch === state.driveEpoch(owner)
      ? state.trouble.links.refusalOf(owner, { ...cursor, path: request.path })
      : state.settings.expiredLink
  if (form !== null) throw expired(request, cursor, form)
  return cursor
}

function expired(request: GraphRequest, cursor: DriveCursor, form: ExpiredLinkForm): GraphError {
  if (form === 'not-found') return notFound()
  const upload = form === 'gone-upload'
  const restart = {
    ...firstCursor(request, cursor.owner, 0),
    ...{ select: cursor.select, top: cursor.top },
    ...(form === 'gone-bad-location' ? { broken: true as const } : {}),
  }
  return new GraphError(
    410,
    'resyncRequired',
    'Resync required. Replace any local items with the server’s version.',
    { location: driveLink(request, restart) },
    upload ? 'resyncChangesUploadDifferences' : 'resyncChangesApplyDifferences',
  )
}

/** The delta link's cursor: it knows all up to `position`. */
export function roundEnd(cursor: DriveCursor, position: number): DriveCursor {
  const { owner, epoch, select, top } = cursor
  const known = { position, known: position, began: position }
  return { owner, kind: 'delta', epoch, select, top, ...known, page: 0 }
}
