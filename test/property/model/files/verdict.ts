/** What makes a held file right at a point (verdict.ts). */
import type { GraphId } from '../../../../src/model/ids.ts'
import type { Held } from '../points.ts'
import type { ItemRules } from '../verdict.ts'
import { LARGE_BYTES } from './contents.ts'
import type { FileState } from './site.ts'

export interface FileTruth {
  /** SHA-256 of the plain bytes that are held of an item at the point. */
  readonly bytesHeld: ReadonlyMap<GraphId, string>
  /** Content of a file could not be read at some time: its entry explains what is missing. */
  readonly wasUnreadable: boolean
}

export function rulesOf(
  id: GraphId,
  { bytesHeld, wasUnreadable }: FileTruth,
): ItemRules<FileState> {
  const hash = bytesHeld.get(id)
  return {
    placeOf: ({ folder }) => folder,
    // The changes of a library are told by one cursor, and nothing moves from one to another.
    movesWhole: true,
    made: (_, past) =>
      past.some(({ sha256 }) => sha256 === hash) ? undefined : 'its bytes are of no state of it',
    differs(held, states) {
      if (!states.some(({ sha256 }) => sha256 === hash)) return 'an old content'
      return states.some(({ name }) => name === held.display.name) ? undefined : 'an old name'
    },
    mayBeOpen({ reason, code }, states) {
      if (wasUnreadable) return true
      if (reason === 'in-progress') return states.some(({ content }) => content.size >= LARGE_BYTES)
      // It changed while it was read; the entry is tried again when its wait is over.
      return code === 'ContentChanged'
    },
  }
}

export const contentOf = ({ representations }: Pick<Held, 'representations'>) =>
  representations.find(({ name }) => name === 'content')
