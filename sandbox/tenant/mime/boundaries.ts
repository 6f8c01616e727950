/**
 * Gives the multiparts of a kept MIME source new boundary strings.
 *
 * Invariants: every byte that is not a boundary token stays; what has no multipart comes back
 * equal. Signed and encrypted parts are left alone, because Exchange keeps them as one opaque
 * piece and a new boundary inside would break the signature. Parts whose boundary cannot be
 * replaced safely keep theirs: RFC 2231 continuations, no delimiter line, very short or padded
 * boundaries, and those that occur glued to other text, where parsers disagree what they mean.
 */

const NESTING_MAX = 20
/** Shorter boundaries occur by chance, and as prefixes of one another. */
const BOUNDARY_CHARACTERS_MIN = 8
const LF = 10

/** A token to replace: where it stands and which multipart it belongs to. */
interface Token {
  readonly start: number
  readonly end: number
  readonly multipart: number
}

interface Scan {
  readonly text: string
  readonly tokens: Token[]
  multiparts: number
}

interface Range {
  readonly start: number
  readonly end: number
}

/** Where the header block ends and the body starts; a range without a blank line has no body. */
function splitHeader(text: string, range: Range): { header: Range; bodyStart: number } | null {
  const blank = /\r?\n[ \t]*\r?\n/g
  blank.lastIndex = Math.max(range.start - 1, 0)
  const found = blank.exec(text)
  if (!found || found.index >= range.end) return null
  return {
    header: { start: range.start, end: found.index },
    bodyStart: Math.min(found.index + found[0].length, range.end),
  }
}

interface ContentType {
  readonly type: string
  readonly boundary: (Range & { readonly value: string }) | null
  readonly encoded: boolean
}

function readContentType(text: string, header: Range): ContentType {
  const block = text.slice(header.start, header.end)
  const field = /^content-type[ \t]*:((?:[^\n]|\n[ \t])*)/im.exec(block)
  const encoded = /^content-transfer-encoding[ \t]*:\s*(base64|quoted-printable)/im.test(block)
  if (!field?.[1]) return { type: 'text/plain', boundary: null, encoded }
  const type = (/^\s*([^\s;]+)/.exec(field[1])?.[1] ?? 'text/plain').toLowerCase()
  const parameter = /;\s*boundary\s*=\s*(?:"([^"\r\n]+)"|([^\s;"]+))/i.exec(field[1])
  const value = parameter?.[1] ?? parameter?.[2]
  if (!parameter || value === undefined) return { type, boundary: null, encoded }
  const fieldStart = header.start + field.index + (field[0].length - field[1].length)
  const quote = parameter[1] === undefined ? 0 : 1
  const end = fieldStart + parameter.index + parameter[0].length - quote
  return { type, boundary: { value, start: end - value.length, end }, encoded }
}

/**
 * Starts of the delimiter lines of a multipart; none where the boundary cannot be replaced
 * without a doubt.
 */
function delimiterLines(text: string, value: string, range: Range): number[] {
  if (value.length < BOUNDARY_CHARACTERS_MIN || value.endsWith(' ')) return []
  const lines: number[] = []
  const needle = `--${value}`
  for (let at = text.indexOf(needle, range.start); at >= 0 && at < range.end; ) {
    const after = text.slice(at + needle.length, at + needle.length + 2)
    const whole = after === '' || after === '--' || /^\s/.test(after)
    const atLineStart = at === range.start || text.charCodeAt(at - 1) === LF
    if (!whole || !atLineStart) return []
    lines.push(at)
    at = text.indexOf(needle, at + needle.length)
  }
  return lines
}

function scanEntity(scan: Scan, range: Range, depth: number): void {
  if (depth > NESTING_MAX) return
  const split = splitHeader(scan.text, range)
  if (!split) return
  const { type, boundary, encoded } = readContentType(scan.text, split.header)
  const body = { start: split.bodyStart, end: range.end }
  if (type === 'message/rfc822' && !encoded) {
    scanEntity(scan, body, depth + 1)
    return
  }
  if (!type.startsWith('multipart/') || !boundary) return
  if (type === 'multipart/signed' || type === 'multipart/encrypted') return
  const lines = delimiterLines(scan.text, boundary.value, body)
  if (lines.length === 0) return
  const multipart = scan.multiparts
  scan.multiparts += 1
  scan.tokens.push({ start: boundary.start, end: boundary.end, multipart })
  for (const [index, line] of lines.entries()) {
    const end = line + 2 + boundary.value.length
    scan.tokens.push({ start: line + 2, end, multipart })
    const nextLine = scan.text.indexOf('\n', end)
    if (nextLine < 0) continue
    // A part may begin with the blank line itself: then it has no header at all.
    scanEntity(scan, { start: nextLine + 1, end: lines[index + 1] ?? body.end }, depth + 1)
  }
}

/** Skips an mbox `From ` line, which is not part of the header. */
function entityStart(text: string): number {
  return text.startsWith('From ') ? text.indexOf('\n') + 1 : 0
}

export function refreshBoundaries(source: Uint8Array, freshToken: () => string): Buffer {
  const bytes = Buffer.from(source.buffer, source.byteOffset, source.byteLength)
  // Latin-1 keeps one character for one byte, so offsets in the text are offsets in the bytes.
  const scan: Scan = { text: bytes.toString('latin1'), tokens: [], multiparts: 0 }
  scanEntity(scan, { start: entityStart(scan.text), end: scan.text.length }, 0)
  if (scan.tokens.length === 0) return bytes
  const fresh = Array.from({ length: scan.multiparts }, (_, n) => `_${n}_${freshToken()}_`)
  const pieces: Buffer[] = []
  let position = 0
  for (const token of scan.tokens.toSorted((a, b) => a.start - b.start)) {
    pieces.push(bytes.subarray(position, token.start))
    pieces.push(Buffer.from(fresh[token.multipart] ?? '', 'latin1'))
    position = token.end
  }
  pieces.push(bytes.subarray(position))
  return Buffer.concat(pieces)
}
