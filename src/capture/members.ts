/**
 * What is held of a container, or of all containers of which its cursor tells: members by their
 * lists, and ledger entries that were last seen there.
 */
import type { HeldItem, Listed } from '../catalogue/types.ts'
import { CONTAINERS, type ItemKind, type LedgerEvent } from '../model/events.ts'
import type { GraphId } from '../model/ids.ts'
import type { Comparison } from './round.ts'
import { scanLost } from './scan-lost.ts'
import type { StreamCapture } from './stream-capture.ts'
import { cursorOf, hasTrees, type Thing, tellerOf } from './tellers.ts'

/** Something that is held of a container, or could not be stored there. */
export interface Member {
  item: GraphId
  kind: ItemKind
  /** Absent for a ledger entry of which no version is held anywhere. */
  held?: HeldItem
}

/** Which things are meant: of one container, or all of which a cursor tells. */
export type Scope = (thing: Thing) => boolean

/** Everything of which this container's cursor tells. */
export function toldBy(capture: StreamCapture, container: GraphId): Scope {
  return (thing) => tellerOf(capture, thing) === container
}

/** Items that stand in this container itself. */
export function standingIn(container: GraphId): Scope {
  return ({ kind, place }) => kind === 'item' && place.container === container
}

/** False only where nothing of which the container's cursor tells is held, pending or in the ledger. */
export async function mayHold(capture: StreamCapture, container: GraphId): Promise<boolean> {
  const scope = toldBy(capture, container)
  if (capture.pending.hasPut(scope)) return true
  if (entriesOf(capture, scope).length > 0) return true
  if (capture.headSeq === 0) return false
  const { tables, signal } = capture.context
  const page = await tables.list(container, capture.headSeq, { max: 1 }, signal)
  if (page.items.length > 0 || page.continuation !== undefined) return true
  return hasTrees(capture) && (await holdsContainerOf(capture, container))
}

const CONTAINERS_PAGE = 1000

async function holdsContainerOf(capture: StreamCapture, teller: GraphId): Promise<boolean> {
  for await (const page of listPages(capture, CONTAINERS, { max: CONTAINERS_PAGE })) {
    if (page.items.some(({ item }) => item !== teller && cursorOf(capture, item) === teller)) {
      return true
    }
  }
  return false
}

/** A container's list as of a seq (the head's), page by page. */
export async function* listPages(
  capture: StreamCapture,
  container: GraphId,
  query: { max: number; continuation?: string | undefined; seq?: number },
): AsyncGenerator<ListPage> {
  const { tables, signal } = capture.context
  const { max, seq = capture.headSeq } = query
  let { continuation } = query
  do {
    const from = continuation
    const part = { max, ...(from !== undefined && { continuation: from }) }
    const page = await tables.list(container, seq, part, signal)
    continuation = page.continuation
    yield { items: page.items, from, continuation }
  } while (continuation !== undefined)
}

export interface ListPage {
  items: Listed[]
  /** Where this page begins, and where the next one does. */
  from: string | undefined
  continuation: string | undefined
}

/** Entries of the ledger whose item was last seen there. */
export function entriesOf(capture: StreamCapture, scope: Scope): LedgerEvent[] {
  const open = [...capture.open.values()].map((entry) => entry.event)
  return [...capture.pending.ledger(), ...open.filter((event) => event.op === 'ledger')].filter(
    (event) => scope(event) && (capture.pending.event(event.item) ?? event).op === 'ledger',
  )
}

/** Those of the items that the scan lacks. Throws `ScanLost`. */
export async function unseenAmong(
  capture: StreamCapture,
  comparison: Comparison,
  items: readonly GraphId[],
): Promise<GraphId[]> {
  const lacks = await lackedBy(capture, comparison, items)
  const scope = toldBy(capture, comparison.container)
  return lacks.filter((item) => !goesOnByItself(capture, scope, item))
}

/** Those of the items that the scan lacks, whatever else is known of them. Throws `ScanLost`. */
export async function lackedBy(
  capture: StreamCapture,
  { container, scan: id }: Comparison,
  items: readonly GraphId[],
): Promise<GraphId[]> {
  if (items.length === 0) return []
  const { tables, signal } = capture.context
  const lacks = await tables.scans.lacks({ container, id }, items, signal)
  if (lacks === undefined) throw scanLost()
  return lacks
}

/** What has left, what is pending, what could not be stored in another place: it has its own rule. */
function goesOnByItself(capture: StreamCapture, scope: Scope, item: GraphId): boolean {
  if (capture.pending.event(item)) return true
  const entry = capture.open.get(item)?.event
  return entry !== undefined && (entry.op === 'left' || !scope(entry))
}

/** Those of the unseen items that are still there. */
export async function membersAmong(
  capture: StreamCapture,
  scope: Scope,
  unseen: readonly GraphId[],
): Promise<Member[]> {
  const { tables, signal } = capture.context
  const items = unseen.filter((item) => !goesOnByItself(capture, scope, item))
  if (items.length === 0) return []
  const all = await tables.current(items, capture.headSeq, signal)
  return items.flatMap((item): Member[] => {
    const version = all.get(item)
    const held = version && !version.deleted ? version : undefined
    const entry = capture.open.get(item)?.event
    if (entry) return [{ item, kind: entry.kind, ...(held && { held }) }]
    return held && scope(held) ? [{ item, kind: held.kind, held }] : []
  })
}
