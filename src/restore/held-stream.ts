/**
 * A representation that is too long for memory, read from any offset.
 *
 * Each segment is checked against its id, which the sealed event names in its order. Read from the
 * beginning, length and SHA-256 of the whole are checked too; from an offset on, the length.
 */
import { AppError } from '../model/errors.ts'
import type { Representation } from '../model/events.ts'
import type { ContentReader } from '../vault/types.ts'
import type { HeldStream } from '../workloads/workload.ts'

export function heldStream(reader: ContentReader, representation: Representation): HeldStream {
  return {
    bytes: representation.bytes,
    read: (offset, signal) =>
      offset === 0
        ? reader.read(representation, signal)
        : readFrom(reader, representation, offset, signal),
  }
}

async function* readFrom(
  reader: ContentReader,
  { bytes, segments }: Representation,
  offset: number,
  signal: AbortSignal,
): AsyncGenerator<Uint8Array> {
  const whole = segments.reduce((sum, { plainBytes }) => sum + plainBytes, 0)
  if (whole !== bytes) throw lengthWrong()
  let start = 0
  for (const ref of segments) {
    const end = start + ref.plainBytes
    if (end > offset) {
      const plain = await reader.segment(ref, signal)
      if (plain.length !== ref.plainBytes) throw lengthWrong()
      yield plain.subarray(Math.max(0, offset - start))
    }
    start = end
  }
}

function lengthWrong(): AppError {
  return new AppError({
    code: 'ContentDamaged',
    kind: 'corrupt',
    message: 'The segments of a held version do not have the length that its event names.',
    hint: 'Verify the owner; restore another version of this item.',
  })
}
