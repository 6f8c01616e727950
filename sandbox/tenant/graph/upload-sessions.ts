/**
 * Attachments of 3 to 150 MB: `createUploadSession`, then ranges of at most 4 MB by PUT to a URL
 * that is its own authentication (facts/graph.md 3.2).
 *
 * Invariants: ranges come in order, without gap or overlap; the file becomes an attachment with
 * its last byte and not before; each range prolongs the session. Sessions live in memory and are
 * gone after a restart, as they would be after their expiry. As documented for Outlook, an
 * intermediate range answers 200 with one expected start, the last one 201 with the attachment's
 * place; which status refuses a range is decided here (416 out of order, 409 another total).
 */
import { randomBytes } from 'node:crypto'
import { z } from 'zod'
import type { Answer, Call } from '../http.ts'
import { attachmentId } from '../ids.ts'
import {
  POSTED_ATTACHMENT_BYTES_MAX,
  UPLOAD_RANGE_BYTES_MAX,
  UPLOADED_ATTACHMENT_BYTES_MAX,
} from '../limits.ts'
import type { TenantState } from '../state/tenant-state.ts'
import type { UploadSession } from '../state/upload-sessions.ts'
import { checkAdvanced } from './advanced-rule.ts'
import { badRequest, GraphError, itemNotFound } from './errors.ts'
import { parseBody, readLimited } from './inputs.ts'
import { messageId } from './json.ts'
import { checkQuota, findMailbox, findMessage, type GraphRequest } from './request.ts'

const UPLOAD_PATH = '/outlook/attachment-sessions/'

const SessionBody = z.strictObject({
  AttachmentItem: z.strictObject({
    '@odata.type': z.string().optional(),
    attachmentType: z.enum(['file', 'item', 'reference']),
    name: z.string().min(1),
    size: z.number().int().min(0),
    contentType: z.string().nullish(),
    contentId: z.string().nullish(),
    isInline: z.boolean().nullish(),
  }),
})

export async function createUploadSession(request: GraphRequest): Promise<Answer> {
  const user = findMailbox(request)
  checkQuota(user)
  const { AttachmentItem: item } = await parseBody(request, SessionBody)
  const message = findMessage(request, user)
  checkAdvanced(request, message)
  if (item.attachmentType !== 'file') throw badRequest('Only files are uploaded in sessions.')
  checkSize(item.size)
  const session = request.state.uploads.create({
    secret: randomBytes(24).toString('base64url'),
    user: user.id,
    message: message.immutableId,
    messageId: messageId(request, message),
    file: {
      name: item.name,
      size: item.size,
      contentType: item.contentType ?? 'application/octet-stream',
      contentId: item.contentId ?? null,
      isInline: item.isInline ?? false,
    },
  })
  const origin = new URL(request.root).origin
  return {
    status: 201,
    body: {
      '@odata.context': `${request.root}/$metadata#microsoft.graph.uploadSession`,
      uploadUrl: `${origin}${UPLOAD_PATH}${session.id}?authtoken=${session.secret}`,
      ...progress(session, '0-'),
    },
  }
}

function checkSize(size: number): void {
  if (size < POSTED_ATTACHMENT_BYTES_MAX) {
    throw new GraphError(
      400,
      'ErrorAttachmentSizeShouldNotBeLessThanMinimumSize',
      'Files of less than 3 MB are posted in one request.',
    )
  }
  if (size > UPLOADED_ATTACHMENT_BYTES_MAX) {
    throw new GraphError(
      413,
      'ErrorAttachmentSizeLimitExceeded',
      'The attachment is larger than the service allows.',
    )
  }
}

function progress({ expiresMs }: UploadSession, next: string) {
  return { expirationDateTime: new Date(expiresMs).toISOString(), nextExpectedRanges: [next] }
}

export function isUploadPath(rawPath: string): boolean {
  return rawPath.startsWith(UPLOAD_PATH)
}

export async function answerUpload(state: TenantState, call: Call): Promise<Answer> {
  if (call.headers.authorization !== undefined) {
    throw new GraphError(401, 'InvalidAudience', 'The URL is pre-authenticated: send no token.')
  }
  const session = state.uploads.find(call.rawPath.slice(UPLOAD_PATH.length))
  const secret = new URLSearchParams(call.rawQuery).get('authtoken')
  if (!session || session.secret !== secret) throw itemNotFound()
  switch (call.method) {
    case 'GET':
      return { status: 200, body: progress(session, String(session.received)) }
    case 'DELETE':
      state.uploads.remove(session)
      return { status: 204 }
    case 'PUT':
      return takeRange(state, session, call)
    default:
      throw new GraphError(405, 'Request_BadRequest', 'PUT, GET or DELETE an upload session.')
  }
}

const RANGE = /^bytes (\d{1,12})-(\d{1,12})\/(\d{1,12})$/

async function takeRange(state: TenantState, session: UploadSession, call: Call): Promise<Answer> {
  const bytes = await readLimited(() => call.readBody(UPLOAD_RANGE_BYTES_MAX))
  const [, first, last, total] = RANGE.exec(String(call.headers['content-range'] ?? '')) ?? []
  if (first === undefined || last === undefined || total === undefined) {
    throw badRequest('The Content-Range header is missing or not valid.')
  }
  if (Number(total) !== session.file.size) {
    throw new GraphError(409, 'ErrorUploadConflict', 'The session is for another size.')
  }
  const [start, end] = [Number(first), Number(last) + 1]
  // Looked at after the body: another range may have come meanwhile.
  if (start !== session.received || end > session.file.size) return refusedRange(session)
  if (bytes.length !== end - start || bytes.length === 0) {
    throw badRequest('The body is not as long as its Content-Range says.')
  }
  state.uploads.append(session, bytes)
  if (session.received < session.file.size) {
    return { status: 200, body: progress(session, String(session.received)) }
  }
  return finish(state, session)
}

function refusedRange(session: UploadSession): Answer {
  const error = {
    code: 'InvalidRange',
    message: 'The range is not the one that is expected next.',
  }
  return { status: 416, body: { error, ...progress(session, String(session.received)) } }
}

function finish(state: TenantState, session: UploadSession): Answer {
  state.uploads.remove(session)
  const user = state.users.find(session.user)
  const message = user && state.messages.find(user, session.message)
  if (!message) throw itemNotFound()
  const content = Buffer.concat(session.chunks)
  const attachment = state.db.transaction(() =>
    state.messages.addAttachment(
      message,
      {
        ...session.file,
        ...{ kind: 'file', contentLocation: null, recipe: null, item: null, content },
      },
      state.nowMs(),
    ),
  )
  const id = encodeURIComponent(attachmentId(session.messageId, attachment.key))
  const place = `Messages('${encodeURIComponent(session.messageId)}')/Attachments('${id}')`
  return {
    status: 201,
    headers: {
      location: `https://outlook.office.com/api/v2.0/Users('${session.user}')/${place}`,
    },
  }
}
