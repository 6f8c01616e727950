/**
 * The shape that commit.json and owner records share: a JSON object with a clear envelope and a
 * sealed body (docs/format.md, section 8).
 *
 * The envelope is kept as a JSON text inside the JSON, so that the bytes which are authenticated
 * with the body are beyond doubt. The outer JSON has exactly one form (these keys, this order, no
 * white space, canonical base64), so that no byte of the file can change unnoticed.
 */
import { z } from 'zod'
import { AppError } from '../model/errors.ts'
import { COMMIT_PACKS_MAX, COMMIT_PARTS_MAX, JSON_DEPTH_MAX, JSON_VALUES_MAX } from './limits.ts'
import { FORMAT_VERSION } from './pack-format.ts'

export interface SealedFile {
  /** JSON text; its UTF-8 bytes are bound to the body. */
  envelope: string
  /** As seal() gave it. */
  body: Uint8Array
  /** Blobs that lie inside the file instead of beside it, by the SHA-256 of their bytes. */
  inline: ReadonlyMap<string, Uint8Array>
}

/** Parts and indexes of packs. */
const INLINE_BLOBS_MAX = COMMIT_PARTS_MAX + COMMIT_PACKS_MAX

const version = z.object({ holdfast: z.int().positive() })
const shape = z.object({
  envelope: z.string(),
  body: z.base64(),
  inline: z.record(z.string().regex(/^[0-9a-f]{64}$/), z.base64()).default({}),
})

export function encodeSealedFile(file: SealedFile): Uint8Array {
  const base64 = (bytes: Uint8Array) => Buffer.from(bytes).toString('base64')
  const inline = Object.fromEntries([...file.inline].map(([name, b]) => [name, base64(b)]))
  const { envelope, body } = file
  return Buffer.from(
    JSON.stringify({ holdfast: FORMAT_VERSION, envelope, body: base64(body), inline }),
  )
}

/**
 * Undefined where it is not such a file. Throws `FormatUnknown` for one of a later version: that
 * is no damage, and must not be treated as such.
 */
export function parseSealedFile(bytes: Uint8Array): SealedFile | undefined {
  const json = parseJson(bytes)
  const numbered = version.safeParse(json)
  if (!numbered.success) return undefined
  if (numbered.data.holdfast !== FORMAT_VERSION) throw formatUnknown(numbered.data.holdfast)
  const parsed = hasFewBlobs(json) ? shape.safeParse(json) : undefined
  if (!parsed?.success) return undefined
  const { envelope, body, inline } = parsed.data
  const blobs = Object.entries(inline).map(
    ([name, text]) => [name, Buffer.from(text, 'base64')] as const,
  )
  const file = { envelope, body: Buffer.from(body, 'base64'), inline: new Map(blobs) }
  return Buffer.compare(encodeSealedFile(file), bytes) === 0 ? file : undefined
}

/** Looked at before the schema, which would name every key that is wrong. */
function hasFewBlobs(json: unknown): boolean {
  const { inline } = json as { inline?: unknown }
  if (typeof inline !== 'object' || inline === null) return false
  return Object.keys(inline).length <= INLINE_BLOBS_MAX
}

/**
 * Undefined where it is no JSON, or is deeper or has more values than any that is written. Invalid
 * UTF-8 is no JSON either.
 */
export function parseJson(bytes: Uint8Array | string, valuesMax = JSON_VALUES_MAX): unknown {
  try {
    const text =
      typeof bytes === 'string' ? bytes : new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    return isBounded(text, valuesMax) ? JSON.parse(text) : undefined
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof TypeError) return undefined
    throw error
  }
}

/** Looks at brackets and commas outside of strings; whether it is JSON shows later. */
export function isBounded(text: string, valuesMax = JSON_VALUES_MAX): boolean {
  let depth = 0
  let values = 1
  for (let at = 0; at < text.length; at += 1) {
    const unit = text.charCodeAt(at)
    if (unit === QUOTE) at = endOfString(text, at)
    else if (unit === COMMA) values += 1
    else if (unit === OPEN_ARRAY || unit === OPEN_OBJECT) {
      depth += 1
      values += 1
    } else if (unit === CLOSE_ARRAY || unit === CLOSE_OBJECT) depth -= 1
    if (depth > JSON_DEPTH_MAX || values > valuesMax) return false
  }
  return true
}

const [QUOTE, BACKSLASH, COMMA] = [0x22, 0x5c, 0x2c]
const [OPEN_ARRAY, CLOSE_ARRAY, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d]

/** Where the string that begins at `from` ends: at the next quote that is not escaped. */
function endOfString(text: string, from: number): number {
  for (let at = text.indexOf('"', from + 1); at !== -1; at = text.indexOf('"', at + 1)) {
    let escapes = 0
    while (text.charCodeAt(at - 1 - escapes) === BACKSLASH) escapes += 1
    if (escapes % 2 === 0) return at
  }
  return text.length
}

export function formatUnknown(found: number): AppError {
  return new AppError({
    code: 'FormatUnknown',
    kind: 'permanent',
    message: `This vault has format ${found}; this version of Holdfast knows ${FORMAT_VERSION}.`,
    hint: 'Use the version of Holdfast that wrote it, or a later one.',
    context: { found, known: FORMAT_VERSION },
  })
}
