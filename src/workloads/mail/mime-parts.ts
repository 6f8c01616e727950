/**
 * Takes a MIME message apart into its leaves, byte for byte.
 *
 * A parser that reads mail for people merges named text parts into the body and rewrites line
 * ends; a restore must not. So the tree is walked here, and postal-mime only reads the headers of
 * a leaf (encoded words, split file names). Tolerant as real mail needs it: a multipart without
 * its boundary is one leaf, and limits bound what a hostile message can cost.
 */
import PostalMime, { type Attachment } from 'postal-mime'

const DEPTH_MAX = 32
const PARTS_MAX = 1000

export interface Leaf {
  /** Lower case, for example `image/png`. */
  type: string
  /** Unfolded header lines by lower-case name; the first of each. */
  headers: ReadonlyMap<string, string>
  /** As it stands in the message, still encoded. */
  raw: Buffer
}

/** The parts of a message that are not multiparts themselves, in order. */
export function leavesOf(mime: Uint8Array): Leaf[] {
  const leaves: Leaf[] = []
  collect(Buffer.from(mime.buffer, mime.byteOffset, mime.byteLength), 'text/plain', 0, leaves)
  return leaves
}

function collect(entity: Buffer, usualType: string, depth: number, leaves: Leaf[]): void {
  if (leaves.length >= PARTS_MAX) return
  const { head, body } = splitHead(entity)
  const headers = headersOf(head)
  const value = headers.get('content-type') ?? ''
  // Also of a type without its second half: that is no text either.
  const type = /^\s*([^\s;]+)/.exec(value)?.[1]?.toLowerCase() ?? usualType
  const boundary = type.startsWith('multipart/') ? boundaryOf(value) : undefined
  const children = boundary === undefined ? [] : splitBody(body, boundary)
  if (children.length === 0 || depth >= DEPTH_MAX) {
    leaves.push({ type, headers, raw: body })
    return
  }
  const inside = type === 'multipart/digest' ? 'message/rfc822' : 'text/plain'
  for (const child of children) collect(child, inside, depth + 1, leaves)
}

/** The header of a message alone, with its empty line. */
export function headOf(message: Buffer): Buffer {
  return message.subarray(0, message.length - splitHead(message).body.length)
}

/** At the first empty line, whichever line ends the message has. */
function splitHead(entity: Buffer): { head: string; body: Buffer } {
  if (entity[0] === 0x0a) return { head: '', body: entity.subarray(1) }
  if (entity[0] === 0x0d && entity[1] === 0x0a) return { head: '', body: entity.subarray(2) }
  const ends = [
    { at: entity.indexOf('\r\n\r\n'), length: 4 },
    { at: entity.indexOf('\n\n'), length: 2 },
  ].filter(({ at }) => at !== -1)
  const end = ends.sort((a, b) => a.at - b.at)[0] ?? { at: entity.length, length: 0 }
  // Latin-1 keeps every byte; postal-mime decodes them.
  const head = entity.toString('latin1', 0, end.at)
  return { head, body: entity.subarray(end.at + end.length) }
}

function headersOf(head: string): Map<string, string> {
  const headers = new Map<string, string>()
  for (const line of head.replace(/\r?\n(?=[ \t])/g, '').split(/\r?\n/)) {
    const colon = line.indexOf(':')
    const name = line.slice(0, colon).trim().toLowerCase()
    if (colon > 0 && !headers.has(name)) headers.set(name, line.slice(colon + 1).trim())
  }
  return headers
}

function boundaryOf(contentType: string): string | undefined {
  const found = /;\s*boundary\s*=\s*(?:"([^"]+)"|([^\s;"]+))/i.exec(contentType)
  return found?.[1] ?? found?.[2]
}

/** What stands between the delimiter lines; the line end before a delimiter belongs to it. */
function splitBody(body: Buffer, boundary: string): Buffer[] {
  const mark = Buffer.from(`--${boundary}`, 'latin1')
  const parts: Buffer[] = []
  let begin = -1
  let at = body.indexOf(mark)
  while (at !== -1 && parts.length < PARTS_MAX) {
    const after = at + mark.length
    const tail = /^(--)?[ \t]*(?:\r?\n|$)/.exec(body.toString('latin1', after, after + 80))
    if (tail !== null && (at === 0 || body[at - 1] === 0x0a)) {
      if (begin !== -1) parts.push(body.subarray(begin, Math.max(begin, endBefore(body, at))))
      if (tail[1] === '--') return parts
      begin = after + tail[0].length
    }
    at = body.indexOf(mark, after)
  }
  // The closing delimiter is missing: the rest is the last part.
  if (begin !== -1) parts.push(body.subarray(begin))
  return parts
}

function endBefore(body: Buffer, at: number): number {
  return body[at - 2] === 0x0d ? at - 2 : at - 1
}

/** The bytes of a leaf without its transfer encoding. */
export function decodedBytes(leaf: Leaf): Buffer {
  const encoding = leaf.headers.get('content-transfer-encoding')?.toLowerCase() ?? ''
  if (encoding.includes('base64')) {
    // Buffer would take `-` and `_` for data; here they are noise, as RFC 2045 6.8 says.
    const text = leaf.raw.toString('latin1').replace(/[^A-Za-z0-9+/=]/g, '')
    return Buffer.from(text, 'base64')
  }
  if (!encoding.includes('quoted-printable')) return leaf.raw
  const text = leaf.raw
    .toString('latin1')
    .replace(/[ \t]+(?=\r?\n|$)/g, '')
    .replace(/=(?:\r?\n|$)/g, '')
    .replace(/=([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
  return Buffer.from(text, 'latin1')
}

/** File name, disposition and content id of a leaf, decoded. */
export async function readLeafHeaders(leaf: Leaf): Promise<Attachment | undefined> {
  const kept = ['content-disposition', 'content-id', 'content-description']
  const lines = kept.flatMap((name) => {
    const value = leaf.headers.get(name)
    return value === undefined ? [] : [`${name}: ${value}`]
  })
  // As another type, because text would be taken for the body instead of a part with a name.
  const parameters = /;.*$/s.exec(leaf.headers.get('content-type') ?? '')?.[0] ?? ''
  lines.push(`content-type: application/octet-stream${parameters}`, '', 'x')
  const parsed = await PostalMime.parse(Buffer.from(lines.join('\r\n'), 'latin1'))
  return parsed.attachments[0]
}
