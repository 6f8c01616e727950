/** Single items of a drive, and the children of a folder. */
import type { Answer } from '../../http.ts'
import { DRIVE_PAGE_DEFAULT, DRIVE_PAGE_MAX } from '../../limits.ts'
import { openToken, sealToken } from '../cursor.ts'
import { context, pageSize } from '../lists.ts'
import type { GraphRequest } from '../request.ts'
import { findByPath, findItem, type ItemPlace, rootOf } from './find.ts'
import { type ItemView, itemJson } from './json.ts'
import { invalidRequest } from './refusals.ts'

const PAGE = { usual: DRIVE_PAGE_DEFAULT, max: DRIVE_PAGE_MAX }

export function plainView(request: GraphRequest): ItemView {
  return { request, inDelta: false, hierarchicalSharing: false, leavesOutUrl: false }
}

/** The item as the answer of a call that is about it. */
export function itemAnswer(request: GraphRequest, place: ItemPlace, status = 200): Answer {
  const { select } = request.options
  const path = `drives('${encodeURIComponent(place.drive.id)}')/items`
  return {
    status,
    body: {
      '@odata.context': `${context(request, path, select)}/$entity`,
      ...itemJson(place, plainView(request), select),
    },
  }
}

export function getRoot(request: GraphRequest): Answer {
  return itemAnswer(request, rootOf(request))
}

export function getItem(request: GraphRequest): Answer {
  return itemAnswer(request, findItem(request))
}

export function getByPath(request: GraphRequest): Answer {
  return itemAnswer(request, findByPath(request, rootOf(request)))
}

export function getBelowItem(request: GraphRequest): Answer {
  return itemAnswer(request, findByPath(request, findItem(request)))
}

interface ChildrenCursor {
  readonly folder: number
  readonly after: string
  readonly select: readonly string[] | null
  readonly top: number | null
}

function childrenOf(request: GraphRequest, place: ItemPlace): Answer {
  const { state, options } = request
  const { items, settings } = state
  if (items.childCount(place.item) > settings.childrenListedMax) {
    throw invalidRequest(
      'The attempted operation is prohibited because it exceeds the list view threshold.',
    )
  }
  const cursor = childrenCursor(request, place)
  const size = pageSize(request, cursor.top, PAGE)
  const found = items.children(place.item, { after: cursor.after, countMax: size + 1 })
  const shown = found.slice(0, size)
  const after = shown.at(-1)?.name
  const view = plainView(request)
  const link =
    found.length > size && after !== undefined
      ? `${request.root}${request.path}?$skiptoken=${sealToken(state, { ...cursor, after })}`
      : undefined
  const path = `drives('${encodeURIComponent(place.drive.id)}')/items('${place.item.id}')/children`
  return {
    status: 200,
    body: {
      '@odata.context': context(request, path, options.select),
      ...(options.count ? { '@odata.count': items.childCount(place.item) } : {}),
      ...(link === undefined ? {} : { '@odata.nextLink': link }),
      value: shown.map((item) => itemJson({ ...place, item }, view, cursor.select)),
    },
  }
}

function childrenCursor(
  { state, token, options }: GraphRequest,
  { item }: ItemPlace,
): ChildrenCursor {
  const { select, top } = options
  if (token === null) return { folder: item.pk, after: '', select, top }
  const cursor = openToken<ChildrenCursor>(state, token.text)
  if (cursor?.folder !== item.pk) throw invalidRequest('The provided token is not valid.')
  return cursor
}

export function listChildren(request: GraphRequest): Answer {
  return childrenOf(request, findItem(request))
}

export function listRootChildren(request: GraphRequest): Answer {
  return childrenOf(request, rootOf(request))
}

export function listChildrenByPath(request: GraphRequest): Answer {
  return childrenOf(request, findByPath(request, rootOf(request)))
}
