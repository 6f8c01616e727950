/**
 * Random commit streams that a real mailbox could have made, with a plain model of every state:
 * what each container held, which items were open in the ledger. The model knows nothing of rows.
 */
import fc from 'fast-check'
import type { Commit, PastPlace, StreamEvent } from '../../model/events.ts'
import type { GraphId } from '../../model/ids.ts'
import { aCommit, aCursor, aPut, digest, folderId, iso, messageId } from './fixtures.ts'

const ITEMS = 8
const FOLDERS = 3

/** State after one commit. */
export interface ModelState {
  /** Where each item that is held stands. */
  places: Map<GraphId, PastPlace>
  /** Item -> seq of the event that opened its ledger entry. */
  open: Map<GraphId, number>
}

export interface RandomStream {
  commits: Commit[]
  /** states[seq] is what holds at that seq; states[0] is empty. */
  states: ModelState[]
}

interface Step {
  item: number
  folder: number
  action: 'put' | 'leave' | 'ledger' | 'end'
}

const step: fc.Arbitrary<Step> = fc.record({
  item: fc.nat(ITEMS - 1),
  folder: fc.nat(FOLDERS - 1),
  action: fc.constantFrom('put', 'put', 'leave', 'ledger', 'end'),
})

export const randomStreams: fc.Arbitrary<RandomStream> = fc
  .array(fc.uniqueArray(step, { selector: (s) => s.item, maxLength: 6 }), {
    minLength: 2,
    maxLength: 8,
  })
  .map(buildStream)

export const FOLDER_IDS: readonly GraphId[] = Array.from({ length: FOLDERS }, (_, n) => folderId(n))

function buildStream(plan: Step[][]): RandomStream {
  const states: ModelState[] = [{ places: new Map(), open: new Map() }]
  const commits = plan.map((steps, n) => {
    const before = states[n] ?? { places: new Map(), open: new Map() }
    const now = { places: new Map(before.places), open: new Map(before.open) }
    const events = steps.flatMap((s) => eventOf(s, n + 1, now))
    states.push(now)
    return aCommit(n + 1, events, {
      complete: n % 3 === 2,
      cursors: [aCursor(folderId(n % FOLDERS), { round: n, position: `position ${n}` })],
      packs: [{ id: packId(n % 4), bytes: 9, createdAt: iso(0) }],
    })
  })
  return { commits, states }
}

const packId = (n: number) => digest(`pack ${n}`) as Commit['packs'][0]['id']

/** The event, if the item is in a state for it; moves the model on. */
function eventOf(s: Step, seq: number, model: ModelState): StreamEvent[] {
  const item = messageId(s.item)
  const place = model.places.get(item)
  const open = model.open.has(item)
  const fresh = aPut(item, folderId(s.folder), place ? { why: 'content', leaves: place } : {})
  switch (s.action) {
    case 'put':
      model.places.set(item, { ...fresh.place, from: seq })
      model.open.delete(item)
      return [fresh]
    case 'ledger':
      model.open.set(item, seq)
      return [ledgerEvent(fresh.place, item, seq)]
    case 'leave':
      if (!place) return []
      model.open.set(item, seq)
      return [{ op: 'left', kind: 'item', item, place, at: iso(seq), round: seq }]
    case 'end':
      if (!open) return []
      model.open.delete(item)
      model.places.delete(item)
      return place
        ? [{ op: 'deleted', kind: 'item', item, leaves: place, leftAt: iso(seq) }]
        : [{ op: 'resolved', kind: 'item', item, how: 'gone' }]
  }
}

function ledgerEvent(
  place: { container: GraphId; sortKey: string },
  item: GraphId,
  seq: number,
): StreamEvent {
  const why = { reason: 'refused', code: 'Refused', attempts: seq } as const
  return { op: 'ledger', kind: 'item', item, place, display: { name: 'Secret' }, ...why }
}
