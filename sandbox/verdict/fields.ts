/**
 * Compares two messages of the tenant's own state, field by field, attachment by attachment.
 *
 * Every member of a snapshot is compared, also one that is added to it later: nothing has to be
 * remembered here for a loss to be found. Fields are named as Graph names them, because that is
 * how docs/fidelity.md lists them. Where a message stands is not compared here (places.ts).
 */
import { isDeepStrictEqual } from 'node:util'
import type { AttachmentSnapshot, MessageSnapshot } from '../tenant/index.ts'

export interface FieldDifference {
  /** Graph's name, such as `categories` or `attachments.contentType`. */
  readonly field: string
  readonly before: unknown
  readonly after: unknown
}

/** Where Graph's name is not the snapshot's. */
const GRAPH_NAMES: Readonly<Record<string, string>> = {
  seq: 'changeKey',
  immutableId: 'id',
  mutableId: 'id',
  createdMs: 'createdDateTime',
  modifiedMs: 'lastModifiedDateTime',
  receivedMs: 'receivedDateTime',
  sentMs: 'sentDateTime',
  to: 'toRecipients',
  cc: 'ccRecipients',
  bcc: 'bccRecipients',
  preview: 'bodyPreview',
  bodySha256: 'body',
  bodyBytes: 'body',
  bodyType: 'body',
  sourceSha256: '$value',
  headers: 'internetMessageHeaders',
  properties: 'singleValueExtendedProperties',
  readReceipt: 'isReadReceiptRequested',
  deliveryReceipt: 'isDeliveryReceiptRequested',
  focused: 'inferenceClassification',
}
/** Compared by other code. */
const ELSEWHERE: ReadonlySet<string> = new Set(['folderId', 'folderPath', 'attachments'])

const ATTACHMENT_NAMES: Readonly<Record<string, string>> = {
  kind: '@odata.type',
  sha256: 'contentBytes',
}
/** A nested message is compared member by member; its MIME is rendered from them. */
const NESTED_NAMES: Readonly<Record<string, string>> = { sha256: 'item.$value' }
const EML_ENDING = '.eml'

/** One difference for each field; those of attachments once for each attachment. */
export function differencesOf(before: MessageSnapshot, after: MessageSnapshot): FieldDifference[] {
  const own = compare(before, after, (name) =>
    ELSEWHERE.has(name) ? undefined : (GRAPH_NAMES[name] ?? name),
  )
  return [...own, ...attachmentDifferences(before.attachments, after.attachments)]
}

function compare(
  before: object,
  after: object,
  nameOf: (member: string) => string | undefined,
): FieldDifference[] {
  const [old, now] = [new Map(Object.entries(before)), new Map(Object.entries(after))]
  const found = new Map<string, FieldDifference>()
  for (const member of new Set([...old.keys(), ...now.keys()])) {
    const field = nameOf(member)
    if (field === undefined || found.has(field)) continue
    const [was, is] = [old.get(member), now.get(member)]
    if (!isDeepStrictEqual(was, is)) found.set(field, { field, before: was, after: is })
  }
  return [...found.values()]
}

function differencesOfAttachment(
  before: AttachmentSnapshot,
  after: AttachmentSnapshot,
): FieldDifference[] {
  if (isWholeAsFile(before, after)) {
    return [{ field: 'attachments.@odata.type', before: before.kind, after: after.kind }]
  }
  const { item: old, ...oldFacts } = before
  const { item: now, ...nowFacts } = after
  const names = old && now ? { ...ATTACHMENT_NAMES, ...NESTED_NAMES } : ATTACHMENT_NAMES
  const facts = compare(oldFacts, nowFacts, (name) => `attachments.${names[name] ?? name}`)
  const nested = compare(old ?? {}, now ?? {}, (name) => {
    return `attachments.item.${GRAPH_NAMES[name] ?? name}`
  })
  return [...facts, ...nested]
}

/** A nested message that came back as a file: every byte of it, under its name. */
function isWholeAsFile(before: AttachmentSnapshot, after: AttachmentSnapshot): boolean {
  const isFile = before.kind === 'item' && after.kind === 'file'
  return isFile && before.sha256 === after.sha256 && after.name === before.name + EML_ENDING
}

/** Likeness for pairing: bytes count most, then the name. */
function likeness(a: AttachmentSnapshot, b: AttachmentSnapshot): number {
  return (a.sha256 === b.sha256 ? 4 : 0) + (a.name === b.name ? 2 : 0) + (a.kind === b.kind ? 1 : 0)
}
/** Same bytes, or same name: anything less is another attachment. */
const LIKENESS_MIN = 2

function attachmentDifferences(
  before: readonly AttachmentSnapshot[],
  after: readonly AttachmentSnapshot[],
): FieldDifference[] {
  const unpaired = new Set(after)
  const found: FieldDifference[] = []
  for (const attachment of before) {
    const twin = mostAlike(attachment, unpaired)
    if (twin === undefined) {
      found.push({ field: 'attachments', before: labelOf(attachment), after: undefined })
      continue
    }
    unpaired.delete(twin)
    found.push(...differencesOfAttachment(attachment, twin))
  }
  for (const extra of unpaired) {
    found.push({ field: 'attachments', before: undefined, after: labelOf(extra) })
  }
  return found
}

function mostAlike(
  attachment: AttachmentSnapshot,
  candidates: ReadonlySet<AttachmentSnapshot>,
): AttachmentSnapshot | undefined {
  let best: { twin: AttachmentSnapshot; score: number } | undefined
  for (const twin of candidates) {
    const score = likeness(attachment, twin)
    if (score >= LIKENESS_MIN && score > (best?.score ?? 0)) best = { twin, score }
  }
  return best?.twin
}

function labelOf({ kind, name, size }: AttachmentSnapshot): string {
  return `${kind} "${name}", ${size} bytes`
}
