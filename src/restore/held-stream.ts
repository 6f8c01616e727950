/**
 * A representation that is too long for memory, read from any offset.
 *
 * Each segment is checked against its id, which the sealed event names in its order. Read from the
 * beginning, length and SHA-256 of the whole are checked too; from an offset on, the length.
 */
import type { Representation } from '../model/events.ts'
import type { ContentReader } from '../vault/types.ts'
import type { HeldStream } from '../workloads/workload.ts'

export function heldStream(reader: ContentReader, representation: Representation): HeldStream {
  return {
    bytes: representation.bytes,
    read: (offset, signal) =>
      offset === 0
        ? reader.read(representation, signal)
        : reader.readFrom(representation, offset, signal),
  }
}
