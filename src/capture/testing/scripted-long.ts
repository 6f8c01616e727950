/** Reads scripted content piece by piece, and checks what it was given to go on from. */
import { invariant } from '../../model/errors.ts'
import type { LongReader, Present } from '../../workloads/workload.ts'

/** The next piece, empty at the end; `whole`: all of it, where the item is still the same. */
export type PieceOf = (
  item: Present,
  offset: number,
  bytes: number,
) => { piece: string; whole: string | undefined }

interface ScriptedLong extends Pick<LongReader, 'fromBytes' | 'name'> {
  /** Awaited before each piece. */
  beforePiece?: () => Promise<void>
  pieceOf: PieceOf
}

export function scriptedLong({
  fromBytes,
  name,
  beforePiece = async () => undefined,
  pieceOf,
}: ScriptedLong): LongReader {
  return {
    fromBytes,
    name,
    note: ({ marker }, { offset }) =>
      marker.content.includes('odd') ? { odd: offset } : undefined,
    async *read(item, from, pieceBytes) {
      let { offset, state } = from ?? { offset: 0, state: '0' }
      for (;;) {
        await beforePiece()
        const { piece, whole } = pieceOf(item, offset, pieceBytes)
        if (piece === '') {
          const isRight = whole === undefined || state === sumOf(0, whole)
          invariant(isRight, 'reading goes on with the state that it ended with')
          return
        }
        offset += piece.length
        state = sumOf(Number(state), piece)
        yield { bytes: new TextEncoder().encode(piece), next: { offset, state } }
      }
    },
  }
}

/** A sum over all characters, as a hash would be one over all bytes. */
function sumOf(before: number, text: string): string {
  return String([...text].reduce((sum, one) => (sum * 31 + one.charCodeAt(0)) % 1_000_003, before))
}
