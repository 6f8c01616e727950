/**
 * Makes generated bodies and files from their recipes, whenever they are asked for.
 *
 * Invariant: a recipe always gives the same bytes, so nothing large is stored for generated
 * mail, and a snapshot of the tenant may hash what Graph was never asked for.
 */
import { deflateSync } from 'node:zlib'
import type { Attachment, BodyRecipe, FileRecipe, Message } from '../model.ts'
import { createRandom, type Random } from './random.ts'
import { VOCABULARIES, type Vocabulary } from './vocabulary.ts'

const PARAGRAPH_SENTENCES = 4

function vocabularyOf(language: string): Vocabulary {
  const found = VOCABULARIES[language] ?? VOCABULARIES['en']
  if (!found) throw new Error('there is no English vocabulary')
  return found
}

/** Paragraphs of about `bytes` bytes of UTF-8 in all; at least one sentence. */
function paragraphs(random: Random, words: Vocabulary, bytes: number): string[] {
  const result: string[] = []
  for (let size = 0; size < bytes || result.length === 0; ) {
    const sentences = Array.from({ length: PARAGRAPH_SENTENCES }, () =>
      random.pick(words.sentences),
    )
    const paragraph = sentences.join(' ')
    result.push(paragraph)
    size += Buffer.byteLength(paragraph)
  }
  return result
}

function escapeHtml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}

function newsletter(parts: readonly string[], image: string | undefined): string {
  const picture = image ? `<tr><td><img src="cid:${image}" alt="logo" width="64"></td></tr>` : ''
  const rows = parts.map(
    (part, n) =>
      `<tr><td style="padding:8px"><h2>#${n + 1}</h2><p>${escapeHtml(part)}</p></td></tr>`,
  )
  return (
    '<html><head><meta http-equiv="Content-Type" content="text/html; charset=utf-8"></head>' +
    `<body><table width="600">${picture}${rows.join('')}</table>` +
    '<p style="font-size:10px">Unsubscribe</p></body></html>'
  )
}

export function makeBody(recipe: BodyRecipe): string {
  const random = createRandom(recipe.seed)
  const words = vocabularyOf(recipe.language)
  if (recipe.kind === 'newsletter') {
    return newsletter(paragraphs(random, words, recipe.bytes), recipe.image)
  }
  const parts = paragraphs(random, words, recipe.bytes * (recipe.kind === 'reply' ? 0.5 : 1))
  const lines = [words.greeting, '', ...parts.flatMap((part) => [part, '']), words.closing]
  if (recipe.kind === 'reply') {
    const quoted = paragraphs(random, words, recipe.bytes * 0.5)
    lines.push('', words.wrote, ...quoted.map((part) => `> ${part}`))
  }
  return `${lines.join('\r\n')}\r\n`
}

/** The body of any message, stored or generated. */
export function bodyOf(message: Pick<Message, 'body' | 'recipe'>): string {
  if (message.body !== null) return message.body
  return message.recipe ? makeBody(message.recipe) : ''
}

function randomBytes(random: Random, length: number): Buffer {
  const bytes = Buffer.allocUnsafe(length)
  for (let i = 0; i < length; i += 1) bytes[i] = Math.floor(random.next() * 256)
  return bytes
}

function csv(random: Random, bytes: number): Buffer {
  const lines = ['date;part;quantity;price']
  for (let size = 25, n = 0; size < bytes; n += 1) {
    const date = `2026-${String(1 + (n % 12)).padStart(2, '0')}-11`
    const price = (random.next() * 900).toFixed(2)
    const line = `${date};P-${random.between(1000, 9999)};${random.between(1, 80)};${price}`
    lines.push(line)
    size += line.length + 2
  }
  return Buffer.from(`${lines.join('\r\n')}\r\n`)
}

function pdf(random: Random, bytes: number): Buffer {
  const stream = randomBytes(random, Math.max(64, bytes - 200))
  return Buffer.concat([
    Buffer.from(`%PDF-1.4\n1 0 obj\n<< /Length ${stream.length} >>\nstream\n`, 'latin1'),
    stream,
    Buffer.from('\nendstream\nendobj\ntrailer\n<< /Root 1 0 R >>\n%%EOF\n', 'latin1'),
  ])
}

/** A PNG by its frame; the pixels are noise. Checksums are left zero: nobody draws it. */
function png(random: Random, bytes: number): Buffer {
  const data = deflateSync(randomBytes(random, Math.max(64, bytes - 80)))
  const chunk = (name: string, body: Buffer) => {
    const head = Buffer.alloc(8)
    head.writeUInt32BE(body.length, 0)
    head.write(name, 4, 'latin1')
    return Buffer.concat([head, body, Buffer.alloc(4)])
  }
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a])
  return Buffer.concat([
    signature,
    chunk('IHDR', Buffer.from([0, 0, 0, 64, 0, 0, 0, 64, 8, 2, 0, 0, 0])),
    chunk('IDAT', data),
    chunk('IEND', Buffer.alloc(0)),
  ])
}

export function makeFile(recipe: FileRecipe): Buffer {
  const random = createRandom(recipe.seed)
  switch (recipe.kind) {
    case 'csv':
      return csv(random, recipe.bytes)
    case 'pdf':
      return pdf(random, recipe.bytes)
    case 'png':
      return png(random, recipe.bytes)
  }
}

/** Bytes of a file attachment, stored or generated. */
export function fileBytes(attachment: Pick<Attachment, 'content' | 'recipe'>): Uint8Array {
  if (attachment.content) return attachment.content
  return attachment.recipe ? makeFile(attachment.recipe) : new Uint8Array()
}
