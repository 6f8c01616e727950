/**
 * Fetches a file's content: its bytes as they arrive, checked while they do.
 *
 * An empty file needs no request and a shortcut has no content of its own. What the service takes
 * for malware is fetched through its override where the setting says so, and else stands in the
 * ledger. Trouble with the file goes to the ledger; trouble with the site or the tenant is thrown.
 */
import { download, type JsonObject, objectOf, QuickXorHash, textOf } from '../../graph/index.ts'
import { AppError, hasCode } from '../../model/errors.ts'
import { itemFailure } from '../failure.ts'
import type { ContentOutcome, ContentPart, Present } from '../workload.ts'
import { type Note, verdictOn } from './checked.ts'
import { isInfected, sortOf } from './facets.ts'
import { addressOf } from './ids.ts'
import { sizeOf } from './markers.ts'
import { jsonOf } from './present.ts'
import { DOWNLOAD_CALL, originalOf, type SourceOptions } from './source.ts'

export interface ContentOptions extends SourceOptions {
  /** Fetches what the service takes for malware, through beta. */
  includeInfected: boolean
}

export interface ContentReader {
  fetch(item: Present, signal: AbortSignal): Promise<ContentOutcome>
}

export function createContentReader(options: ContentOptions): ContentReader {
  return {
    async fetch(item, signal) {
      const json = jsonOf(item)
      const isVersion = addressOf(item.id).version !== undefined
      if (!isVersion && sortOf(json) !== 'file') return { outcome: 'content', parts: [] }
      if (isInfected(json) && !options.includeInfected) return INFECTED
      if (sizeOf(json) === 0) return { outcome: 'content', parts: [partOf(nothing())] }
      try {
        return await begun(options, item, signal)
      } catch (error) {
        if (hasCode(error, 'ItemGone')) return { outcome: 'gone' }
        const failure = itemFailure(error)
        if (failure === undefined) throw error
        return { outcome: 'ledger', ...failure }
      }
    },
  }
}

const INFECTED = {
  outcome: 'ledger',
  reason: 'refused',
  code: 'MalwareDetected',
  retry: false,
} as const satisfies ContentOutcome

/** Of the bytes of this item: what JSON and HTML are held against. */
export function mediaTypeOf(item: JsonObject): { mediaType?: string } {
  const file = objectOf(item, 'file')
  const mediaType = file && textOf(file, 'mimeType')
  return mediaType === undefined ? {} : { mediaType }
}

/** The first bytes are there: what refuses the file has done so by now. */
async function begun(
  options: ContentOptions,
  item: Present,
  signal: AbortSignal,
): Promise<ContentOutcome> {
  const found: { note?: Note } = {}
  const bytes = checkedBytes(options, item, found, signal)
  const first = await bytes.next()
  return {
    outcome: 'content',
    parts: [partOf(resumed(first, bytes))],
    note: () => found.note,
  }
}

function partOf(bytes: AsyncIterable<Uint8Array>): ContentPart {
  return { name: 'content', bytes }
}

async function* nothing(): AsyncGenerator<Uint8Array> {}

async function* resumed(
  first: IteratorResult<Uint8Array, unknown>,
  rest: AsyncGenerator<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  try {
    if (first.done) return
    yield first.value
    yield* rest
  } finally {
    // Whoever stops at the first bytes must give back the slot of the rest.
    await rest.return(undefined)
  }
}

/** Of this file alone: neither the line nor the site is the trouble. */
export function contentDiffers(): AppError {
  return new AppError({
    code: 'ContentDiffers',
    kind: 'transient',
    message: 'The content of a file is not what the service says of it.',
    hint: 'Nothing to do: the item goes to the ledger and is tried again.',
    context: { call: DOWNLOAD_CALL },
  })
}

/** Throws `ContentDiffers` and `ContentChanged` where the bytes are not those of the item. */
async function* checkedBytes(
  options: ContentOptions,
  item: Present,
  found: { note?: Note },
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const json = jsonOf(item)
  const { source, stillThere } = originalOf(options, item)
  const hash = new QuickXorHash()
  let bytes = 0
  const pieces = download({ call: DOWNLOAD_CALL, source, ...mediaTypeOf(json), signal })
  for await (const piece of pieces) {
    hash.update(piece)
    bytes += piece.byteLength
    yield piece
  }
  const verdict = verdictOn(json, item.display.name, { bytes, quickXorHash: hash.digest() })
  if (verdict.is === 'right') return
  // What changed meanwhile is another state: no rewriting, and nothing that broke.
  await stillThere(signal)
  if (verdict.is === 'wrong') throw contentDiffers()
  found.note = verdict.note
}
