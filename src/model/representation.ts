/**
 * Representations as a whole: the packs that they use, and the digest of long ones.
 *
 * Pure, and without any key: whoever may read events can prove from them what is used.
 */
import { createHash } from 'node:crypto'
import type { Representation, SegmentList, SegmentRef } from './events.ts'
import type { PackId } from './ids.ts'

const PACK_ID_BYTES = 32

/** Every pack that must be there for the content to be readable, each once. */
export function packsOf(representations: readonly Representation[]): PackId[] {
  const packs = new Set<PackId>()
  for (const { lists = [], segments } of representations) {
    for (const list of lists) {
      packs.add(list.pack)
      for (const pack of packsOfList(list)) packs.add(pack)
    }
    for (const { pack } of segments) packs.add(pack)
  }
  return [...packs]
}

/** The packs of the refs in a list. */
export function packsOfList({ packs }: Pick<SegmentList, 'packs'>): PackId[] {
  const bytes = Buffer.from(packs, 'base64')
  const ids: PackId[] = []
  for (let at = 0; at < bytes.length; at += PACK_ID_BYTES) {
    ids.push(bytes.subarray(at, at + PACK_ID_BYTES).toString('hex') as PackId)
  }
  return ids
}

/** What `SegmentList.packs` says for these refs. */
export function packsText(refs: readonly SegmentRef[]): string {
  const packs = new Set(refs.map(({ pack }) => pack))
  return Buffer.from([...packs].join(''), 'hex').toString('base64')
}

/** All that the representation itself names: its lists, and its own segments. */
export function refsOf({ lists = [], segments }: Representation): SegmentRef[] {
  return [...lists, ...segments]
}

/** `sha256` of content whose `digest` is `segments`. */
export function segmentsDigest(content: Pick<Representation, 'lists' | 'segments'>): string {
  const hash = createHash('sha256')
  const { lists = [], segments } = content
  for (const { id } of [...lists, ...segments]) hash.update(`${id}\n`)
  return hash.digest('hex')
}
