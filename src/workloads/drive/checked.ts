/**
 * Holds a file's bytes to what the service says of them: their number and their quickXorHash.
 *
 * Some files SharePoint rewrites on their way in or out, and then what it says is of other bytes
 * (7.16): of those it is noted what came. Of all others a difference means that
 * the bytes are not taken.
 */
import type { JsonObject } from '../../graph/index.ts'
import { isRewritten } from './facets.ts'
import { hashOf, sizeOf } from './markers.ts'

export interface Came {
  bytes: number
  quickXorHash: string
}

export type Verdict =
  | { is: 'right' }
  /** Differs as rewritten files do; `note` says what came instead. */
  | { is: 'rewritten'; note: Note }
  | { is: 'wrong' }

/** Stands in the metadata of a version whose bytes are not those that the service describes. */
export interface Note extends Record<string, unknown> {
  hashDiffers: true
  /** Of what came. */
  quickXorHash: string
  bytes: number
}

/**
 * Without a hash, and earlier versions have none, only the number of bytes can tell. `name`: what
 * the file is called, also where its JSON does not say it.
 */
export function verdictOn(item: JsonObject, name: string, came: Came): Verdict {
  const expected = hashOf(item)
  const isHashRight = expected === undefined || expected === came.quickXorHash
  if (isHashRight && came.bytes === sizeOf(item)) return { is: 'right' }
  if (!isRewritten({ ...item, name })) return { is: 'wrong' }
  return { is: 'rewritten', note: { hashDiffers: true, ...came } }
}
