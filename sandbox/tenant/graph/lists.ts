/** Answers that are collections: paging, context and links. */
import type { Answer } from '../http.ts'
import type { User } from '../model.ts'
import { type Cursor, endOfRound, link } from './cursor.ts'
import type { Json } from './json.ts'
import type { GraphRequest } from './request.ts'

export interface PageSizes {
  readonly usual: number
  readonly max: number
}

/** `$top` counts, then the Prefer header, then the default; all up to the cap. */
export function pageSize(request: GraphRequest, top: number | null, sizes: PageSizes): number {
  const wanted = top ?? request.prefer.maxPageSize ?? sizes.usual
  return Math.max(1, Math.min(wanted, sizes.max))
}

export function context(request: GraphRequest, path: string, select: readonly string[] | null) {
  const names = select === null ? '' : `(${select.join(',')})`
  return `${request.root}/$metadata#${path}${names}`
}

export function mailboxPath(user: User, rest: string): string {
  return `users('${encodeURIComponent(user.id)}')/${rest}`
}

export interface ListPage {
  readonly contextPath: string
  readonly select: readonly string[] | null
  readonly value: readonly Json[]
  /** Where the next page begins; null: this is the last one. */
  readonly next: Cursor | null
  readonly count?: number
}

export function listAnswer(request: GraphRequest, page: ListPage): Answer {
  return {
    status: 200,
    body: {
      '@odata.context': context(request, page.contextPath, page.select),
      ...(page.count === undefined ? {} : { '@odata.count': page.count }),
      ...(page.next === null ? {} : { '@odata.nextLink': link(request, page.next) }),
      value: page.value,
    },
  }
}

/** A page of what is in memory already, by offset. */
export function offsetPage<T>(
  items: readonly T[],
  cursor: Cursor,
  size: number,
): { items: readonly T[]; next: Cursor | null } {
  const start = cursor.position + (cursor.page === 0 ? cursor.options.skip : 0)
  const end = start + size
  const next = end < items.length ? { ...cursor, position: end, page: cursor.page + 1 } : null
  return { items: items.slice(start, end), next }
}

export interface DeltaPage {
  readonly contextPath: string
  readonly select: readonly string[] | null
  readonly value: readonly Json[]
}

/** A page of a delta round: with a next link while there is more, with a delta link at its end. */
export function deltaAnswer(
  request: GraphRequest,
  page: DeltaPage,
  where: { cursor: Cursor; more: boolean; position: number },
): Answer {
  const { cursor, more, position } = where
  const next: Cursor = more
    ? { ...cursor, kind: 'skip', position, page: cursor.page + 1 }
    : endOfRound(cursor, position)
  return {
    status: 200,
    body: {
      '@odata.context': context(request, page.contextPath, page.select),
      [more ? '@odata.nextLink' : '@odata.deltaLink']: link(request, next),
      value: page.value,
    },
  }
}
