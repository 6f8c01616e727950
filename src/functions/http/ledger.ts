/**
 * The ledger of a resource: items that were seen and could not be stored, and why (P3).
 */
import { z } from 'zod'
import type { OpenEntry } from '../../catalogue/types.ts'
import { keyHash } from '../../model/ids.ts'
import { workloadParam } from './input.ts'
import { getRoute } from './route.ts'
import { streamOf } from './stream-at.ts'

/** A longer ledger is a sign of trouble with the whole resource; the answer says that it is cut. */
const LINES_MAX = 1000
const ENTRIES_MAX = 100_000

export const listLedger = getRoute({
  name: 'apiListLedger',
  path: 'v1/ledger',
  right: 'browse',
  query: z.strictObject({
    resource: z.string({ error: 'must be the id of a resource' }).max(100),
    workload: workloadParam,
  }),
  async handle({ query, caller, signal }, deps) {
    const { resource, workload, tables } = await streamOf(
      query.resource,
      query.workload,
      deps,
      signal,
    )
    await deps.audit.record(
      { action: 'ledger-listed', by: caller.id, resource: resource.key, workload },
      signal,
    )
    const items = []
    let read = 0
    for await (const entry of tables.open(signal)) {
      read += 1
      const line = shown(entry)
      if (line !== undefined) items.push(line)
      if (items.length === LINES_MAX || read === ENTRIES_MAX) break
    }
    const cut = items.length === LINES_MAX || read === ENTRIES_MAX
    return { status: 200, json: { items, ...(cut && { cut }) } }
  },
})

/** Items that left and wait to be told deleted are open too, but nothing failed with them. */
function shown({ key, event, seq }: OpenEntry) {
  if (event.op !== 'ledger') return undefined
  const { reason, code, attempts, nextTry, place, display, kind } = event
  return {
    id: key,
    kind,
    name: display.name,
    container: keyHash(place.container),
    reason,
    code,
    attempts,
    nextTry,
    seq,
  }
}
