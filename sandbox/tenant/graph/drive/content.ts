/**
 * Bytes of files: `/content` and what it redirects to, ranges, versions, infected files
 * (facts/graph.md 3.7, and 7 nos. 14, 15, 20).
 *
 * Invariants: `/content` never answers bytes, and a download URL never looks at a token: one that
 * is sent makes it refuse. What is refused there is refused in JSON, under the file's own URL.
 */
import type { Content, DriveItem } from '../../drive-model.ts'
import { type Answer, type Call, StreamedBody } from '../../http.ts'
import type { TenantState } from '../../state/tenant-state.ts'
import type { GraphRequest } from '../request.ts'
import { downloadUrl, isDownloadPath, readDownloadUrl } from './download-urls.ts'
import { checkOpen, findItem, type ItemPlace } from './find.ts'
import { cTagOf, eTagOf } from './json.ts'
import { invalidRequest, malwareDetected, notFound } from './refusals.ts'

export { isDownloadPath }

export const DOWNLOAD_KIND = 'content.download'
const INFECTED_TOO = 'forceinfecteddownload'

export type Download = NonNullable<ReturnType<typeof readDownloadUrl>>

/** Only files have content: notebooks are folders, shortcuts point elsewhere (7, no. 5). */
function checkFile({ kind }: DriveItem): void {
  if (kind === 'notebook' || kind === 'shortcut') throw notFound()
  if (kind !== 'file') throw invalidRequest('You cannot get content for a folder')
}

function redirectTo(url: string): Answer {
  return { status: 302, headers: { location: url } }
}

function isUnchanged(request: GraphRequest, item: DriveItem): boolean {
  const known = request.header('if-none-match')
  return known !== undefined && [eTagOf(item), cTagOf(item)].includes(known)
}

export function getContent(request: GraphRequest): Answer {
  const place = findItem(request)
  checkFile(place.item)
  if (isUnchanged(request, place.item)) return { status: 304 }
  if (place.item.malware !== null) throw malwareDetected()
  return redirectTo(downloadUrl(request, place))
}

/** Beta: infected files too, for who says that infected files are wanted. */
function infectedPlace(request: GraphRequest): ItemPlace {
  const place = findItem(request)
  checkFile(place.item)
  const isForced = request.prefer.all.has(INFECTED_TOO)
  if (place.item.malware !== null && !isForced) throw malwareDetected()
  return place
}

export function getContentBeta(request: GraphRequest): Answer {
  const place = infectedPlace(request)
  if (isUnchanged(request, place.item)) return { status: 304 }
  return redirectTo(downloadUrl(request, { ...place, infected: true }))
}

/** Beta: the bytes themselves, under the token. */
export function getContentStream(request: GraphRequest): Answer {
  const { item } = infectedPlace(request)
  return bytesAnswer(request.state, {
    item,
    content: currentContent(request.state, item),
    range: request.header('range'),
    sent: request.count.sent,
  })
}

function currentContent(state: TenantState, { content }: DriveItem): Content {
  if (content === null) throw notFound()
  return state.contents.byPk(content)
}

/** What the URL was given for, whether or not it may be used so. */
export function lookUpDownload(state: TenantState, call: Call): Download | undefined {
  return readDownloadUrl(state, call) ?? undefined
}

/** All files of a site have one path: faults tell them apart by their ids. */
export function faultPathOf(state: TenantState, { ticket, item }: Download): string {
  const version = ticket.version === undefined ? '' : `/versions/${ticket.version}.0`
  return `/download/drives/${state.sites.drive(item.drive).id}/items/${item.id}${version}`
}

/** null: the URL is not good (any more), or came with a token. */
export function openDownload(state: TenantState, call: Call): Download | null {
  return call.headers.authorization === undefined ? readDownloadUrl(state, call) : null
}

export function answerDownload(
  state: TenantState,
  call: Call,
  { download, sent }: { readonly download: Download; readonly sent: (bytes: number) => void },
): Answer {
  const { ticket, item, site } = download
  if (call.method !== 'GET') throw invalidRequest('Only GET is supported')
  if (item.deleted || site.deleted || state.sites.drive(item.drive).deleted) throw notFound()
  checkOpen(site)
  if (item.malware !== null && !ticket.infected) throw malwareDetected()
  const version =
    ticket.version === undefined
      ? undefined
      : state.items.versions(item).find(({ number }) => number === ticket.version)
  if (ticket.version !== undefined && !version) throw notFound()
  return bytesAnswer(state, {
    item,
    content: version ? state.contents.byPk(version.content) : currentContent(state, item),
    range: call.headers.range,
    sent,
  })
}

interface Wanted {
  readonly item: DriveItem
  readonly content: Content
  readonly range: string | undefined
  readonly sent: (bytes: number) => void
}

function bytesAnswer(state: TenantState, { item, content, range, sent }: Wanted): Answer {
  const headers = {
    'content-type': item.mimeType ?? 'application/octet-stream',
    'accept-ranges': 'bytes',
    etag: eTagOf(item),
  }
  const isIgnored =
    range !== undefined &&
    state.trouble.happens(state.settings.ignoredRanges, 'range', item.id, range)
  const stretch = isIgnored ? null : stretchOf(range, content.size)
  if (stretch === 'outside') {
    return { status: 416, headers: { 'content-range': `bytes */${content.size}` } }
  }
  const { from, to } = stretch ?? { from: 0, to: content.size }
  sent(to - from)
  const body = new StreamedBody(to - from, () => state.contents.read(content, { from, to }))
  if (stretch === null) return { status: 200, headers, body }
  const part = `bytes ${from}-${to - 1}/${content.size}`
  return { status: 206, headers: { ...headers, 'content-range': part }, body }
}

/** One range, or none that is understood: then the whole is answered. */
function stretchOf(
  range: string | undefined,
  size: number,
): { from: number; to: number } | 'outside' | null {
  const [, first = '', last = ''] = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(range ?? '') ?? []
  if (first === '' && last === '') return null
  if (first === '') {
    return Number(last) === 0 || size === 0
      ? 'outside'
      : { from: Math.max(0, size - Number(last)), to: size }
  }
  const from = Number(first)
  if (from >= size) return 'outside'
  const to = last === '' ? size : Math.min(size, Number(last) + 1)
  return to <= from ? null : { from, to }
}
