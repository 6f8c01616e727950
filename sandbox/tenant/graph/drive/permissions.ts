/** Who may see an item: its own permissions and those that hold from above (facts/graph.md 3.7). */
import type { Answer } from '../../http.ts'
import { context } from '../lists.ts'
import type { GraphRequest } from '../request.ts'
import { findItem, type ItemPlace, rootOf } from './find.ts'
import { permissionJson } from './json.ts'
import { notFound } from './refusals.ts'

function contextPath({ drive, item }: ItemPlace): string {
  return `drives('${encodeURIComponent(drive.id)}')/items('${item.id}')/permissions`
}

export function listPermissions(request: GraphRequest): Answer {
  return listOf(request, findItem(request))
}

export function listRootPermissions(request: GraphRequest): Answer {
  return listOf(request, rootOf(request))
}

function listOf(request: GraphRequest, place: ItemPlace): Answer {
  return {
    status: 200,
    body: {
      '@odata.context': context(request, contextPath(place), null),
      value: request.state.sharing
        .effective(place.item)
        .map((effective) => permissionJson(place, effective)),
    },
  }
}

export function getPermission(request: GraphRequest): Answer {
  const place = findItem(request)
  const id = request.param('permission')
  const found = request.state.sharing
    .effective(place.item)
    .find(({ permission }) => permission.id === id)
  if (!found) throw notFound()
  return {
    status: 200,
    body: {
      '@odata.context': `${context(request, contextPath(place), null)}/$entity`,
      ...permissionJson(place, found),
    },
  }
}
