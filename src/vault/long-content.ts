/**
 * Content that is captured over several slices: one piece after another, a commit now and then.
 *
 * It must be named in every event on the way, and at last in that of a version, so the refs of
 * old pieces go into segments of their own, and the representation names those. A list holds refs
 * of earlier commits only: where the pieces of this one will lie is not known yet.
 */
import { AppError, invariant } from '../model/errors.ts'
import type {
  Representation,
  RepresentationName,
  SegmentList,
  SegmentRef,
} from '../model/events.ts'
import { packsText, segmentsDigest } from '../model/representation.ts'
import { CONTENT_SEGMENT_BYTES_MAX, LIST_SEGMENTS, LONG_CONTENT_CHARS_MAX } from './limits.ts'
import type { PackWriter } from './pack-writer.ts'

/** The content with one more piece. */
export async function extendContent(
  packs: PackWriter,
  before: Representation | undefined,
  { name, bytes: plain }: { name: RepresentationName; bytes: Uint8Array },
  signal: AbortSignal,
): Promise<Representation> {
  invariant(plain.length <= CONTENT_SEGMENT_BYTES_MAX, 'a piece is not longer than a segment')
  invariant(before === undefined || before.name === name, 'content is of one representation')
  const { lists = [], segments } = await folded(packs, before, signal)
  const added = [...segments, await packs.add('content', plain, signal)]
  const content: Representation = {
    name,
    bytes: (before?.bytes ?? 0) + plain.length,
    sha256: segmentsDigest({ lists, segments: added }),
    digest: 'segments',
    ...(lists.length > 0 && { lists }),
    segments: added,
  }
  const chars = JSON.stringify(content).length
  if (chars > LONG_CONTENT_CHARS_MAX) throw tooLong(content.bytes)
  return content
}

async function folded(
  packs: PackWriter,
  { lists = [], segments }: Pick<Representation, 'lists' | 'segments'> = { segments: [] },
  signal: AbortSignal,
): Promise<Pick<Representation, 'lists' | 'segments'>> {
  const oldest = segments.slice(0, LIST_SEGMENTS)
  const isReady = oldest.length === LIST_SEGMENTS && oldest.every(({ pack }) => pack !== '')
  if (!isReady) return { lists, segments }
  const list = await writeList(packs, oldest, signal)
  return { lists: [...lists, list], segments: segments.slice(LIST_SEGMENTS) }
}

async function writeList(
  packs: PackWriter,
  refs: readonly SegmentRef[],
  signal: AbortSignal,
): Promise<SegmentList> {
  const ref = await packs.add('content', Buffer.from(JSON.stringify(refs)), signal)
  const contentBytes = refs.reduce((sum, { plainBytes }) => sum + plainBytes, 0)
  // The very object of the pack writer, which fills in where it lies.
  return Object.assign(ref, { contentBytes, packs: packsText(refs) })
}

function tooLong(bytes: number): AppError {
  return new AppError({
    code: 'ContentTooLong',
    kind: 'permanent',
    message: 'Content is longer than this version of the format can name.',
    hint: 'The item goes to the ledger; every other item is stored.',
    context: { bytes },
  })
}
