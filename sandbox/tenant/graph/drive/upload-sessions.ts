/**
 * Upload sessions of files of any size (facts/graph.md 3.7, and 7 nos. 14, 19): made by a call of
 * Graph, filled by PUTs to a URL that is its own authentication, outside `/v1.0`.
 *
 * Invariants: ranges come in order, each a multiple of 320 KiB but for the last and shorter than
 * 60 MiB; one that breaks off leaves nothing; the file is there with its last byte, or with a
 * closing POST where that was asked for, and not before. Each range prolongs the session.
 */
import { randomBytes } from 'node:crypto'
import { z } from 'zod'
import type { Answer, Call } from '../../http.ts'
import {
  FILE_RANGE_BYTES_STEP,
  FILE_RANGE_BYTES_UNDER,
  UNITS_LIST,
  UNITS_ONE,
} from '../../limits.ts'
import type { FileTarget, FileUpload } from '../../state/file-uploads.ts'
import type { TenantState } from '../../state/tenant-state.ts'
import { GraphError } from '../errors.ts'
import { parseBody, readLimited } from '../inputs.ts'
import type { GraphRequest } from '../request.ts'
import { namedBelow, targetOf } from './content-write.ts'
import { findItem, type ItemPlace } from './find.ts'
import { arrive, checkTarget, IncomingFile } from './incoming.ts'
import { itemAnswer } from './items.ts'
import { invalidRequest, notFound } from './refusals.ts'
import { CONFLICT_BEHAVIOR, datesOf, FileSystemInfo } from './write-inputs.ts'

const UPLOAD_PATH = /\/_api\/v2\.0\/drives\/[^/]+\/items\/uploadSession$/

const SessionBody = z.strictObject({
  item: z
    .strictObject({
      ...CONFLICT_BEHAVIOR,
      '@odata.type': z.string().optional(),
      name: z.string().optional(),
      description: z.string().optional(),
      fileSystemInfo: FileSystemInfo.optional(),
      fileSize: z.int().min(0).optional(),
    })
    .optional(),
  deferCommit: z.boolean().optional(),
})

/** POST `items/{folder}:/{name}:/createUploadSession`. */
export function createNamedSession(request: GraphRequest): Promise<Answer> {
  const place = findItem(request)
  const name = namedBelow(request, place)
  return create(request, place, {
    name,
    target: (behavior) => ({ folder: place.item.pk, name, behavior }),
  })
}

/** POST `items/{file}/createUploadSession`: a new version of it. */
export function createItemSession(request: GraphRequest): Promise<Answer> {
  const place = findItem(request)
  if (place.item.kind !== 'file') throw invalidRequest('Only files have content.')
  const { pk, name } = place.item
  return create(request, place, { name, target: () => ({ item: pk }) })
}

async function create(
  request: GraphRequest,
  place: ItemPlace,
  how: {
    readonly name: string
    readonly target: (behavior: 'fail' | 'rename' | 'replace') => FileTarget['place']
  },
): Promise<Answer> {
  const { state } = request
  const { item, deferCommit = false } = await parseBody(request, SessionBody)
  if (item?.name !== undefined && item.name !== how.name) {
    throw invalidRequest('The name in the body is not the one in the path.')
  }
  if (item?.fileSize === 0) throw invalidRequest('A file without a byte needs no session: PUT it.')
  const behavior = item?.['@microsoft.graph.conflictBehavior'] ?? 'fail'
  const dates = datesOf(item?.fileSystemInfo)
  const target = { ...targetOf(request, place, how.target(behavior)), dates }
  checkTarget(state, target, item?.fileSize ?? 0)
  const incoming = new IncomingFile(state, how.name)
  const session = state.fileUploads.create({
    secret: randomBytes(24).toString('base64url'),
    app: request.appId,
    target,
    incoming,
    answer: (made, isNew) => itemAnswer(request, { ...place, item: made }, isNew ? 201 : 200),
    size: item?.fileSize ?? null,
    deferCommit,
  })
  return {
    status: 200,
    body: {
      '@odata.context': `${request.root}/$metadata#microsoft.graph.uploadSession`,
      uploadUrl: uploadUrl(request, place, session),
      ...progress(session),
    },
  }
}

function uploadUrl(
  { root }: GraphRequest,
  { site, drive }: ItemPlace,
  session: FileUpload,
): string {
  const path = `${encodeURI(site.path)}/_api/v2.0/drives/${drive.id}/items/uploadSession`
  return `${new URL(root).origin}${path}?guid='${session.id}'&overwrite=False&tempauth=${session.secret}`
}

function progress({ expiresMs, incoming, size }: FileUpload) {
  const isWhole = size !== null && incoming.received === size
  return {
    expirationDateTime: new Date(expiresMs).toISOString(),
    nextExpectedRanges: isWhole ? [] : [`${incoming.received}-`],
  }
}

/** A range costs what an upload does; not published: whether each of a session does. */
export function fileUploadUnits({ method }: Pick<Call, 'method'>): number {
  return method === 'GET' ? UNITS_ONE : UNITS_LIST
}

export function isFileUploadPath(rawPath: string): boolean {
  return UPLOAD_PATH.test(rawPath)
}

/** What faults go by: URLs of sessions are different each time. */
export function uploadFaultPath(state: TenantState, call: Pick<Call, 'rawQuery'>) {
  const target = sessionOf(state, call)?.target
  if (!target) return undefined
  const { place } = target
  const name = 'item' in place ? state.items.byPk(place.item).name : place.name
  return `/upload/drives/${state.sites.drive(target.drive).id}/${name}`
}

/** The session that a URL is for, as long as it is good. */
export function sessionOf(state: TenantState, { rawQuery }: Pick<Call, 'rawQuery'>) {
  const query = new URLSearchParams(rawQuery)
  const session = state.fileUploads.find((query.get('guid') ?? '').replaceAll("'", ''))
  return session?.secret === query.get('tempauth') ? session : undefined
}

export async function answerFileUpload(state: TenantState, call: Call): Promise<Answer> {
  if (call.headers.authorization !== undefined) {
    throw new GraphError(401, 'unauthenticated', 'The URL is pre-authenticated: send no token.')
  }
  const session = sessionOf(state, call)
  const { uploadLagMs } = state.settings
  if (!session || state.preciseNowMs() < session.createdMs + uploadLagMs) {
    throw notFound('The upload session was not found')
  }
  switch (call.method) {
    case 'GET':
      return { status: 200, body: progress(session) }
    case 'DELETE':
      state.fileUploads.cancel(session)
      return { status: 204 }
    case 'POST':
      return commit(state, session)
    case 'PUT':
      return takeRange(state, session, call)
    default:
      throw new GraphError(405, 'invalidRequest', 'PUT, POST, GET or DELETE an upload session.')
  }
}

const RANGE = /^bytes (\d{1,15})-(\d{1,15})\/(\d{1,15})$/

interface Range {
  readonly start: number
  readonly end: number
  readonly total: number
}

function rangeOf(call: Call): Range {
  const header = String(call.headers['content-range'] ?? '')
  const [, first, last, total] = RANGE.exec(header) ?? []
  if (first === undefined || last === undefined || total === undefined) {
    throw invalidRequest('The Content-Range header is missing or not valid.')
  }
  return { start: Number(first), end: Number(last) + 1, total: Number(total) }
}

function checkRange(session: FileUpload, { start, end, total }: Range): void {
  if (end <= start || end > total) throw invalidRequest('The Content-Range header is not valid.')
  if (session.size !== null && session.size !== total) {
    throw invalidRequest('The session is for another size.')
  }
  if (end - start >= FILE_RANGE_BYTES_UNDER) {
    throw new GraphError(413, 'invalidRequest', 'A range must be shorter than 60 MiB.')
  }
  if (end < total && (end - start) % FILE_RANGE_BYTES_STEP !== 0) {
    throw invalidRequest('All ranges but the last must be a multiple of 320 KiB.')
  }
}

async function takeRange(state: TenantState, session: FileUpload, call: Call): Promise<Answer> {
  const range = rangeOf(call)
  checkRange(session, range)
  const bytes = await readLimited(() => call.readBody(FILE_RANGE_BYTES_UNDER))
  if (bytes.length !== range.end - range.start) {
    throw invalidRequest('The body is not as long as its Content-Range says.')
  }
  // Looked at after the body: another range, or the end of the session, may have come meanwhile.
  if (state.fileUploads.find(session.id) !== session) throw notFound()
  if (range.start !== session.incoming.received) return refusedRange(session)
  checkTarget(state, { ...session.target, place: anyPlace(session) }, range.end)
  session.size = range.total
  session.incoming.add(bytes)
  state.fileUploads.prolong(session)
  if (range.end < range.total || session.deferCommit) {
    return { status: 202, body: progress(session) }
  }
  return commit(state, session)
}

/** Whether the name is free is asked at the end. */
function anyPlace({ target: { place } }: FileUpload): FileTarget['place'] {
  return 'item' in place ? place : { ...place, behavior: 'rename' }
}

function refusedRange(session: FileUpload): Answer {
  const message = 'The uploaded fragment has already been received, or is not the next one.'
  const error = {
    code: 'invalidRange',
    message,
    innerError: { code: 'fragmentOverlap' },
  }
  return { status: 416, body: { error, ...progress(session) } }
}

function commit(state: TenantState, session: FileUpload): Answer {
  const { incoming, size } = session
  if (size === null || incoming.received !== size) {
    throw invalidRequest('The upload is not complete.')
  }
  const { place, isNew } = arriveNamed(state, session)
  state.fileUploads.finish(session)
  return session.answer(place.item, isNew)
}

function arriveNamed(state: TenantState, { target, incoming }: FileUpload) {
  try {
    return arrive(state, target, incoming)
  } catch (error) {
    if (!(error instanceof GraphError) || error.code !== 'nameAlreadyExists') throw error
    throw new GraphError(
      409,
      'upload_name_conflict',
      'Another file exists with the same name as the uploaded session.',
    )
  }
}
