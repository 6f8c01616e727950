/**
 * Resource rows: what the tenant has, protected or not. One row each, changed by etag; a partition
 * for each kind, because a tenant may have more sites than users.
 */
import { RESOURCE_KINDS, type ResourceKind } from '../model/ids.ts'
import type { Row } from '../ports.ts'
import { badContinuation } from './continuation.ts'
import { resourcePartition } from './keys.ts'
import { type PageQuery, pageOf } from './read.ts'
import type { Room } from './room.ts'
import { decodeBody, encodeBody } from './rows.ts'
import { resourceSchema } from './schemas.ts'
import { changeRow } from './stamped.ts'
import type { Page, Resource, ResourceTable } from './types.ts'

const TABLE = 'resources'
const decode = (row: Row): Resource => decodeBody(row, resourceSchema)

export function createResourceTable(room: Room): ResourceTable {
  const partitionOf = (kind: ResourceKind) => resourcePartition(room.tenantId, kind)

  /** A key is the hash of a Graph id, so it stands in one partition at most. */
  const get: ResourceTable['get'] = async (key, signal) => {
    for (const kind of RESOURCE_KINDS) {
      const row = await room.tables.get(TABLE, partitionOf(kind), key, signal)
      if (row) return decode(row)
    }
    return undefined
  }

  const pageOfKind = (kind: ResourceKind, page: PageQuery, signal: AbortSignal) => {
    const query = { partition: partitionOf(kind), from: '' }
    return pageOf(
      room.tables,
      { table: TABLE, name: `${TABLE}~${kind}`, query },
      page,
      decode,
      signal,
    )
  }

  /** Fills a page over several kinds. A continuation names the kind in which it goes on. */
  async function list(
    { max, continuation }: PageQuery,
    kinds: readonly ResourceKind[],
    signal: AbortSignal,
  ): Promise<Page<Resource>> {
    const start = startOf(kinds, continuation)
    const items: Resource[] = []
    for (const [n, kind] of kinds.entries()) {
      if (n < start.kind) continue
      const goesOn = n === start.kind && start.at !== '' ? { continuation: start.at } : {}
      const isFull = items.length === max
      // What would be the next page tells whether there is one.
      const page = await pageOfKind(
        kind,
        { max: isFull ? 1 : max - items.length, ...goesOn },
        signal,
      )
      if (isFull && page.items.length > 0) return { items, continuation: `${kind}.` }
      items.push(...page.items)
      if (page.continuation !== undefined)
        return { items, continuation: `${kind}.${page.continuation}` }
    }
    return { items }
  }

  /** `last` is the row as the newest call of `change` saw it. */
  async function changeOf(
    kind: ResourceKind,
    key: string,
    change: (now: Resource | undefined) => Resource | undefined,
    signal: AbortSignal,
  ): Promise<{ last: Resource | undefined; written: Resource | undefined }> {
    const place = { table: TABLE, partition: partitionOf(kind), row: key } as const
    let last: Resource | undefined
    const written = await changeRow<Resource>(
      room,
      place,
      (row) => {
        last = row && decode(row)
        const next = change(last)
        return next && { values: encodeBody(next), result: next }
      },
      signal,
    )
    return { last, written }
  }

  return {
    get,
    list: ({ kind, ...page }, signal) => list(page, kind ? [kind] : RESOURCE_KINDS, signal),
    async update(key, change, signal) {
      for (const kind of RESOURCE_KINDS) {
        const { last, written } = await changeOf(kind, key, (now) => now && change(now), signal)
        if (last) return written ?? last
      }
      const kind = change(undefined)?.kind
      if (kind === undefined) return undefined
      const { last, written } = await changeOf(kind, key, change, signal)
      return written ?? last
    },
  }
}

/** Throws `BadContinuation`. */
function startOf(kinds: readonly ResourceKind[], text: string | undefined) {
  if (text === undefined) return { kind: 0, at: '' }
  const kind = kinds.findIndex((name) => text.startsWith(`${name}.`))
  if (kind < 0) throw badContinuation()
  return { kind, at: text.slice(text.indexOf('.') + 1) }
}
