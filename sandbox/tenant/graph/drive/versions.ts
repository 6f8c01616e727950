/** Earlier versions of a file: thin metadata, and content by redirect (facts/graph.md 3.7). */
import type { ItemVersion } from '../../drive-model.ts'
import type { Answer } from '../../http.ts'
import { context } from '../lists.ts'
import type { GraphRequest } from '../request.ts'
import { downloadUrl } from './download-urls.ts'
import { findItem, type ItemPlace } from './find.ts'
import { versionJson } from './json.ts'
import { invalidRequest, malwareDetected, notFound } from './refusals.ts'

function contextPath({ drive, item }: ItemPlace): string {
  return `drives('${encodeURIComponent(drive.id)}')/items('${item.id}')/versions`
}

function findVersion(request: GraphRequest, { item }: ItemPlace): ItemVersion {
  const id = request.param('version')
  const version = request.state.items.versions(item).find(({ number }) => `${number}.0` === id)
  if (!version) throw notFound()
  return version
}

function findFile(request: GraphRequest): ItemPlace {
  const place = findItem(request)
  if (place.item.kind !== 'file') throw notFound()
  return place
}

/** Newest first, the current one included. */
export function listVersions(request: GraphRequest): Answer {
  const place = findFile(request)
  const { select } = request.options
  return {
    status: 200,
    body: {
      '@odata.context': context(request, contextPath(place), select),
      value: request.state.items.versions(place.item).map((each) => versionJson(each, select)),
    },
  }
}

export function getVersion(request: GraphRequest): Answer {
  const place = findFile(request)
  const { select } = request.options
  return {
    status: 200,
    body: {
      '@odata.context': `${context(request, contextPath(place), select)}/$entity`,
      ...versionJson(findVersion(request, place), select),
    },
  }
}

export function getVersionContent(request: GraphRequest): Answer {
  const place = findFile(request)
  const { number } = findVersion(request, place)
  if (number === place.item.version) {
    throw invalidRequest('You cannot get the content of the current version.')
  }
  if (place.item.malware !== null) throw malwareDetected()
  return { status: 302, headers: { location: downloadUrl(request, { ...place, version: number }) } }
}
