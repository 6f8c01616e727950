/**
 * The container tree of a stream as of one commit: folders with their names and places.
 *
 * The whole tree is one answer, each line with its parent's id. How many items a container held
 * is not said: no row knows it, and counting would read every list.
 */
import { z } from 'zod'
import type { Listed } from '../../catalogue/types.ts'
import { CONTAINERS } from '../../model/events.ts'
import { type KeyHash, keyHash } from '../../model/ids.ts'
import { atParam, workloadParam } from './input.ts'
import { getRoute } from './route.ts'
import { asOf, type StreamAt, streamOf } from './stream-at.ts'

/** Exchange allows some 10,000 folders in a mailbox. Above it the answer says that it is cut. */
const CONTAINERS_MAX = 20_000
const PAGE_ROWS = 1000
const PAGES_MAX = 1000

export const listContainers = getRoute({
  name: 'apiListContainers',
  path: 'v1/resources/{id}/containers',
  right: 'browse',
  query: z.strictObject({ workload: workloadParam, at: atParam }),
  async handle({ params, query: { workload, at }, caller, signal }, deps) {
    const stream = await streamOf(params.id, workload, deps, signal)
    const state = await asOf(stream, { at }, deps, signal)
    const { resource, seq, time } = state
    await deps.audit.record(
      {
        action: 'containers-listed',
        by: caller.id,
        resource: resource.key,
        workload: state.workload,
        seq,
      },
      signal,
    )
    const { rows, cut } = await readTree(state, signal)
    const known = new Set(rows.map((row) => row.key))
    const items = rows.map((row) => shown(row, known)).sort(byName)
    return { status: 200, json: { seq, time, items, ...(cut && { cut }) } }
  },
})

async function readTree(
  { tables, seq }: StreamAt,
  signal: AbortSignal,
): Promise<{ rows: Listed[]; cut: boolean }> {
  const rows: Listed[] = []
  let continuation: string | undefined
  for (let pages = 0; pages < PAGES_MAX; pages++) {
    const page = await tables.list(
      CONTAINERS,
      seq,
      { max: PAGE_ROWS, ...(continuation === undefined ? {} : { continuation }) },
      signal,
    )
    rows.push(...page.items)
    continuation = page.continuation
    if (continuation === undefined) return { rows, cut: false }
    if (rows.length >= CONTAINERS_MAX) break
  }
  return { rows, cut: true }
}

const collator = new Intl.Collator('en', { numeric: true })
const byName = (a: { name: string }, b: { name: string }) => collator.compare(a.name, b.name)

function shown(row: Listed, known: ReadonlySet<KeyHash>) {
  const { name, parent, wellKnownName, excluded } = row.display
  const parentKey = parent && keyHash(parent)
  return {
    id: row.key,
    name,
    /** Absent for the children of the root, which is no container of its own. */
    parent: parentKey && known.has(parentKey) ? parentKey : undefined,
    wellKnownName,
    excluded,
  }
}
