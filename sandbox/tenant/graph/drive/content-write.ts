/**
 * Content in one call: PUT of up to 250 MB to a name in a folder, or to an item that is there
 * (facts/graph.md 3.7). Files without a byte can come in this way only.
 */
import type { Answer } from '../../http.ts'
import { PUT_CONTENT_BYTES_MAX } from '../../limits.ts'
import type { FileTarget } from '../../state/file-uploads.ts'
import type { TenantState } from '../../state/tenant-state.ts'
import { GraphError } from '../errors.ts'
import type { GraphRequest } from '../request.ts'
import { findItem, type ItemPlace } from './find.ts'
import { type Arrival, arrive, checkTarget, IncomingFile } from './incoming.ts'
import { itemAnswer } from './items.ts'
import { checkName, checkPath } from './names.ts'
import { invalidRequest } from './refusals.ts'
import { checkContainer, isContainer } from './write.ts'
import { actorOf } from './write-inputs.ts'

/** PUT `items/{folder}:/{name}:/content`. */
export function putNamed(request: GraphRequest): Promise<Answer> {
  const place = findItem(request)
  const name = namedBelow(request, place)
  const behavior = request.options.conflict ?? 'replace'
  const folder = { folder: place.item.pk, name, behavior }
  return take(request, targetOf(request, place, folder), name)
}

/** PUT `items/{file}/content`: a new version of it. */
export function putContent(request: GraphRequest): Promise<Answer> {
  const place = findItem(request)
  if (place.item.kind !== 'file') throw invalidRequest('Only files have content.')
  return take(request, targetOf(request, place, { item: place.item.pk }), place.item.name)
}

/** The name that the path gives to something in this folder. */
export function namedBelow(request: GraphRequest, place: ItemPlace): string {
  const name = request.param('path')
  if (isContainer(place.item)) checkName(name)
  checkContainer(place)
  checkPath(request.state, place, { name })
  return name
}

export function targetOf(
  request: GraphRequest,
  { drive }: ItemPlace,
  place: FileTarget['place'],
): FileTarget {
  return { drive: drive.pk, by: actorOf(request), dates: {}, place }
}

async function take(request: GraphRequest, target: FileTarget, name: string): Promise<Answer> {
  const { state } = request
  checkSize(Number(request.header('content-length') ?? 0))
  checkTarget(state, target, 0)
  const incoming = new IncomingFile(state, name)
  try {
    let size = 0
    for await (const bytes of request.stream()) {
      size += bytes.length
      // The rest is read and dropped: a client that gets its answer mid-send sees a reset instead.
      if (size <= PUT_CONTENT_BYTES_MAX) incoming.add(bytes)
    }
    checkSize(size)
  } catch (error) {
    incoming.discard()
    throw error
  }
  const { place, isNew } = arriveOrDiscard(state, target, incoming)
  return itemAnswer(request, place, isNew ? 201 : 200)
}

function arriveOrDiscard(state: TenantState, target: FileTarget, incoming: IncomingFile): Arrival {
  try {
    return arrive(state, target, incoming)
  } catch (error) {
    incoming.discard()
    throw error
  }
}

function checkSize(bytes: number): void {
  if (bytes <= PUT_CONTENT_BYTES_MAX) return
  throw new GraphError(
    413,
    'maxFileSizeExceeded',
    'The file is larger than one request may carry: use an upload session.',
  )
}
