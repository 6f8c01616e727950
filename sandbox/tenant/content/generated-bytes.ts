/**
 * Bytes of files that nobody stored: any stretch of a file of any size, made again from a seed.
 *
 * Invariants: the same description gives the same bytes; every stretch is that of the whole. The
 * bytes begin with their own description, so that a copy of such a file is recognised when it
 * comes back and costs no room either (`readDescription`).
 */
import { createCipheriv, createHash, hash } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import type { GeneratedContent } from '../drive-model.ts'
import { QuickXorHash } from './quick-xor.ts'
import { VOCABULARIES } from './vocabulary.ts'

const BLOCK_BYTES = 16
const PAGE_BYTES = 65_536
const PIECE_BYTES = 262_144
/** Longest description; files shorter than theirs begin with its beginning. */
const DESCRIPTION_BYTES_MAX = 64
const TEXT_PAGES_MAX = 50

/** Bytes from `from` up to `to`, which is not included. */
export interface Stretch {
  readonly from: number
  readonly to: number
}

function descriptionOf({ seed, size, kind }: GeneratedContent): Buffer {
  return Buffer.from(`generated:${kind}:${seed}:${size}\n`)
}

/** What the beginning of a file says of it, where it is a generated one. */
export function readDescription(beginning: Uint8Array): GeneratedContent | null {
  const text = Buffer.from(beginning.subarray(0, DESCRIPTION_BYTES_MAX)).toString('latin1')
  const [, kind, seed, size] = /^generated:(binary|text):(\d{1,10}):(\d{1,15})\n/.exec(text) ?? []
  if (kind !== 'binary' && kind !== 'text') return null
  return { kind, seed: Number(seed), size: Number(size) }
}

function binaryStretch(seed: number, { from, to }: Stretch): Buffer {
  const block = Math.floor(from / BLOCK_BYTES)
  const counter = Buffer.alloc(BLOCK_BYTES)
  counter.writeBigUInt64BE(BigInt(block), 8)
  const key = hash('sha256', `generated:${seed}`, 'buffer').subarray(0, BLOCK_BYTES)
  const start = block * BLOCK_BYTES
  const stream = createCipheriv('aes-128-ctr', key, counter)
  return stream.update(Buffer.alloc(to - start)).subarray(from - start)
}

const textPages = new Map<number, Buffer>()

/** A page of sentences that all pages of the file share but for their first line. */
function textPage(seed: number): Buffer {
  const known = textPages.get(seed)
  if (known) return known
  const sentences = Object.values(VOCABULARIES).flatMap((words) => words.sentences)
  const page = Buffer.alloc(PAGE_BYTES, 0x20)
  let at = 0
  for (let n = seed % sentences.length; at < PAGE_BYTES; n = (n * 7 + seed + 1) % 9_973) {
    at += page.write(`${n};${sentences[n % sentences.length]}\r\n`, at)
    // A character that does not fit at the end is not written at all.
    if (PAGE_BYTES - at < 4) break
  }
  textPages.set(seed, page)
  const oldest = textPages.keys().next()
  if (textPages.size > TEXT_PAGES_MAX && !oldest.done) textPages.delete(oldest.value)
  return page
}

function textStretch(seed: number, { from, to }: Stretch): Buffer {
  const shared = textPage(seed)
  const first = Math.floor(from / PAGE_BYTES)
  const last = Math.floor((to - 1) / PAGE_BYTES)
  const pages = Array.from({ length: last - first + 1 }, (_, n) => {
    const page = Buffer.from(shared)
    page.write(`page ${String(first + n).padStart(9, '0')}\r\n`)
    return page
  })
  const start = first * PAGE_BYTES
  return Buffer.concat(pages).subarray(from - start, to - start)
}

/** One stretch in memory: for short ones. */
export function generatedStretch(content: GeneratedContent, { from, to }: Stretch): Buffer {
  const end = Math.min(to, content.size)
  if (from >= end) return Buffer.alloc(0)
  const stretch = content.kind === 'text' ? textStretch : binaryStretch
  const bytes = stretch(content.seed, { from, to: end })
  const description = descriptionOf(content)
  if (from < description.length) description.copy(bytes, 0, from)
  return bytes
}

/** Pieces of at most 256 KiB. */
export function* generatedPieces(
  content: GeneratedContent,
  { from, to }: Stretch = { from: 0, to: content.size },
): Generator<Buffer> {
  const end = Math.min(to, content.size)
  for (let at = from; at < end; at += PIECE_BYTES) {
    yield generatedStretch(content, { from: at, to: Math.min(at + PIECE_BYTES, end) })
  }
}

export interface Digest {
  readonly sha256: string
  readonly quickXorHash: string
}

/** Pieces between two breaths of a long reading: 16 MiB. */
const PIECES_AT_ONCE = 64
const DIGESTS_MAX = 10_000
const digests = new Map<string, Digest>()

/** Reads the whole of it once; asked again it is known. */
export function digestOfGenerated(content: GeneratedContent): Digest {
  const known = digests.get(keyOf(content))
  if (known) return known
  const reading = readForDigest(content)
  for (;;) {
    const { done, value } = reading.next()
    if (done) return value
  }
}

/** The same without keeping others waiting: 5 GB take many seconds. */
export async function digestLongGenerated(content: GeneratedContent): Promise<Digest> {
  const known = digests.get(keyOf(content))
  if (known) return known
  const reading = readForDigest(content)
  for (;;) {
    const { done, value } = reading.next()
    if (done) return value
    await setImmediate()
  }
}

function keyOf({ kind, seed, size }: GeneratedContent): string {
  return `${kind}:${seed}:${size}`
}

/** Pauses now and then; what it returns is known from then on. */
function* readForDigest(content: GeneratedContent): Generator<undefined, Digest> {
  const sha256 = createHash('sha256')
  const quickXor = new QuickXorHash()
  let pieces = 0
  for (const piece of generatedPieces(content)) {
    sha256.update(piece)
    quickXor.update(piece)
    pieces += 1
    if (pieces % PIECES_AT_ONCE === 0) yield
  }
  const digest = { sha256: sha256.digest('hex'), quickXorHash: quickXor.digest() }
  digests.set(keyOf(content), digest)
  const oldest = digests.keys().next()
  if (digests.size > DIGESTS_MAX && !oldest.done) digests.delete(oldest.value)
  return digest
}
