/**
 * Request bodies of writes: what Graph takes, and what it refuses or quietly ignores.
 *
 * Invariant: a property that the v1.0 type does not have is refused (`RequestBodyRead`), so a
 * misspelt or beta-only property never passes unseen. Read-only properties are taken and
 * ignored, as Graph does it: a restore that relies on them finds out when it reads back.
 */
import { z } from 'zod'
import { canonicalPropertyId, isPropertyValue } from '../extended-properties.ts'
import { BodyTooLarge } from '../http.ts'
import type { Address, ExtendedProperty } from '../model.ts'
import { badRequest, GraphError } from './errors.ts'
import type { GraphRequest } from './request.ts'

export function readBody(request: GraphRequest): Promise<Buffer> {
  return readLimited(() => request.body())
}

/** Runs `read`, and refuses a body above its limit in Graph's words. */
export async function readLimited(read: () => Promise<Buffer>): Promise<Buffer> {
  try {
    return await read()
  } catch (error) {
    if (error instanceof BodyTooLarge) {
      throw new GraphError(
        413,
        'RequestEntityTooLarge',
        `The request is larger than it may be: ${error.message}.`,
      )
    }
    throw error
  }
}

export async function parseBody<T>(request: GraphRequest, schema: z.ZodType<T>): Promise<T> {
  const bytes = await readBody(request)
  if (!request.contentType.toLowerCase().startsWith('application/json')) {
    throw new GraphError(415, 'UnsupportedMediaType', 'The body must be application/json.')
  }
  let json: unknown
  try {
    json = JSON.parse(bytes.toString())
  } catch (error) {
    if (error instanceof SyntaxError) throw badRequest('Unable to read JSON request payload.')
    throw error
  }
  return checked(schema, json)
}

/** Checks against a schema; a refusal names the path and the reason, as Graph's OData reader. */
export function checked<T>(schema: z.ZodType<T>, json: unknown): T {
  const parsed = schema.safeParse(json)
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]
  const where = issue?.path.join('.') ?? ''
  throw new GraphError(
    400,
    'RequestBodyRead',
    `${where === '' ? '' : `${where}: `}${issue?.message}`,
  )
}

const Recipient = z.strictObject({
  '@odata.type': z.string().optional(),
  emailAddress: z.strictObject({
    '@odata.type': z.string().optional(),
    name: z.string().nullish(),
    address: z.string().nullish(),
  }),
})

export type RecipientInput = z.infer<typeof Recipient>

export function addressOf(input: RecipientInput): Address {
  const address = input.emailAddress.address ?? ''
  // Exchange shows the address where there is no name, or an empty one.
  return { address, name: input.emailAddress.name || address }
}

const ItemBody = z.strictObject({
  '@odata.type': z.string().optional(),
  contentType: z.string().transform((type) => (type.toLowerCase() === 'html' ? 'html' : 'text')),
  content: z.string(),
})

const DateTimeTimeZone = z.strictObject({ dateTime: z.string(), timeZone: z.string() })

const Flag = z.strictObject({
  '@odata.type': z.string().optional(),
  flagStatus: z.enum(['notFlagged', 'flagged', 'complete']),
  startDateTime: DateTimeTimeZone.optional(),
  dueDateTime: DateTimeTimeZone.optional(),
  completedDateTime: DateTimeTimeZone.optional(),
})

const Property = z.strictObject({ id: z.string(), value: z.string() })

const ATTACHMENT_COMMON = {
  '@odata.mediaContentType': z.string().optional(),
  name: z.string(),
  contentType: z.string().nullish(),
  isInline: z.boolean().optional(),
  // Read-only, so taken and ignored.
  id: z.string().optional(),
  size: z.number().optional(),
  lastModifiedDateTime: z.string().optional(),
}

const ITEM_COMMON = {
  subject: z.string().nullish(),
  body: ItemBody.optional(),
  from: Recipient.nullish(),
  sender: Recipient.nullish(),
  toRecipients: z.array(Recipient).optional(),
  ccRecipients: z.array(Recipient).optional(),
  bccRecipients: z.array(Recipient).optional(),
  replyTo: z.array(Recipient).optional(),
  importance: z
    .string()
    .toLowerCase()
    .pipe(z.enum(['low', 'normal', 'high']))
    .optional(),
  internetMessageId: z.string().nullish(),
  isRead: z.boolean().optional(),
}

/** Read-only properties of a message: taken, without any effect. */
const IGNORED = Object.fromEntries(
  [
    ...['id', 'createdDateTime', 'lastModifiedDateTime', 'changeKey', 'receivedDateTime'],
    ...['sentDateTime', 'hasAttachments', 'parentFolderId', 'conversationId', 'isDraft', 'webLink'],
    ...['bodyPreview', 'uniqueBody', '@odata.context', '@odata.etag', '@odata.type'],
  ].map((name) => [name, z.unknown().optional()]),
)

const NestedItem = z.strictObject({ ...ITEM_COMMON, ...IGNORED })

export const AttachmentBody = z.discriminatedUnion('@odata.type', [
  z.strictObject({
    ...ATTACHMENT_COMMON,
    '@odata.type': z.literal('#microsoft.graph.fileAttachment'),
    contentBytes: z.base64(),
    contentId: z.string().nullish(),
    contentLocation: z.string().nullish(),
  }),
  z.strictObject({
    ...ATTACHMENT_COMMON,
    '@odata.type': z.literal('#microsoft.graph.itemAttachment'),
    item: NestedItem,
  }),
  // v1.0 has no sourceUrl (it is beta): the metadata knows nothing of its own on this type.
  z.strictObject({
    ...ATTACHMENT_COMMON,
    '@odata.type': z.literal('#microsoft.graph.referenceAttachment'),
  }),
])

export type AttachmentInput = z.infer<typeof AttachmentBody>
export type NestedItemInput = z.infer<typeof NestedItem>

export const MessageBody = z.strictObject({
  ...ITEM_COMMON,
  ...IGNORED,
  flag: Flag.optional(),
  categories: z.array(z.string()).optional(),
  conversationIndex: z.base64().nullish(),
  inferenceClassification: z.enum(['focused', 'other']).optional(),
  isReadReceiptRequested: z.boolean().nullish(),
  isDeliveryReceiptRequested: z.boolean().nullish(),
  internetMessageHeaders: z
    .array(z.strictObject({ name: z.string(), value: z.string() }))
    .nullish(),
  singleValueExtendedProperties: z.array(Property).optional(),
  attachments: z.array(AttachmentBody).optional(),
})

export type MessageInput = z.infer<typeof MessageBody>

/** Canonical and checked, or refused as Exchange refuses them. */
export function propertiesOf(input: MessageInput): ExtendedProperty[] {
  return (input.singleValueExtendedProperties ?? []).map(({ id, value }) => {
    const canonical = canonicalPropertyId(id)
    if (canonical === null || !isPropertyValue(canonical, value)) {
      throw new GraphError(
        400,
        'ErrorInvalidProperty',
        `The property id or value is not valid: '${id}'.`,
      )
    }
    return { id: canonical, value }
  })
}
