/** Planted bugs that only files have (plants.ts). */
import type { Catalogue } from '../../../../src/catalogue/types.ts'
import { hasCode } from '../../../../src/model/errors.ts'
import type { GraphId } from '../../../../src/model/ids.ts'
import type {
  Change,
  ContentOutcome,
  LongReader,
  Removed,
  Workload,
} from '../../../../src/workloads/workload.ts'
import { ofWorkload, type Parts, PLANTS } from '../plants.ts'
import { changing, withReader } from '../readers.ts'
import { itemOf } from './site.ts'

/** Of a folder that is gone nobody knows what stood in it. */
function forgetsMembers(parts: Parts): Parts {
  const stream: Catalogue['stream'] = (owner, workload) => {
    const tables = parts.catalogue.stream(owner, workload)
    const list: typeof tables.list = async (container, seq, query, signal) =>
      itemOf(container) === '' ? await tables.list(container, seq, query, signal) : { items: [] }
    return { ...tables, list }
  }
  return { ...parts, catalogue: { ...parts.catalogue, stream } }
}

/** What was seen in a folder is gone as soon as the folder is told under another name. */
function losesChildren(workload: Workload): Workload {
  const names = new Map<GraphId, string>()
  const places = new Map<GraphId, GraphId>()
  const lostBy = (change: Change): Removed[] => {
    if (change.op === 'removed') return []
    const { id, kind, place, display } = change
    if (kind === 'item') places.set(id, place.container)
    const before = names.get(id)
    names.set(id, display.name)
    if (kind === 'item' || before === undefined || before === display.name) return []
    const children = [...places].filter(([, container]) => container === id)
    return children.map(([child]) => ({ op: 'removed', kind: 'item', id: child }))
  }
  return changing(workload, (changes) => [...changes, ...changes.flatMap(lostBy)])
}

/** Pieces of what was begun are kept by their place, and not by the version that they are of. */
function mixesVersions(workload: Workload): Workload {
  const kept = new Map<string, Uint8Array>()
  const piecesOf = (long: LongReader): LongReader => ({
    ...long,
    async *read(item, from, pieceBytes, signal) {
      for await (const { bytes, next } of long.read(item, from, pieceBytes, signal)) {
        const place = `${item.id} ${next.offset} ${bytes.byteLength}`
        const before = kept.get(place)
        kept.set(place, before ?? bytes)
        yield { bytes: before ?? bytes, next }
      }
      for (const place of kept.keys()) if (place.startsWith(item.id)) kept.delete(place)
    },
  })
  return withReader(workload, ({ long }) => (long ? { long: piecesOf(long) } : {}))
}

/** Whatever came is taken for what was announced. */
function takesWrongBytes(workload: Workload): Workload {
  return withReader(workload, ({ content, long }) => ({
    content: async (item, signal) => unchecked(await content(item, signal)),
    ...(long && { long: { ...long, read: (...given) => tolerant(long.read(...given)) } }),
  }))
}

function unchecked(outcome: ContentOutcome): ContentOutcome {
  if (outcome.outcome !== 'content') return outcome
  const parts = outcome.parts.map((part) => ({ ...part, bytes: tolerant(part.bytes) }))
  return { ...outcome, parts }
}

async function* tolerant<T>(pieces: AsyncIterable<T>): AsyncGenerator<T> {
  try {
    yield* pieces
  } catch (error) {
    if (!hasCode(error, 'ContentDiffers')) throw error
  }
}

export const FILE_PLANTS = {
  ...PLANTS,
  'a deleted folder forgets what stood in it': forgetsMembers,
  'a renamed folder loses its children': ofWorkload(losesChildren),
  'a large file is pieced together from two versions': ofWorkload(mixesVersions),
  'a hash is not compared': ofWorkload(takesWrongBytes),
}
