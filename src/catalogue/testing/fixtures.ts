/** Commits, owners and a still clock, for tests of the catalogue and of what stands on it. */
import { createHash } from 'node:crypto'
import {
  CONTAINERS,
  type Commit,
  type Cursor,
  NO_COUNTS,
  type PastPlace,
  type PutEvent,
  type StreamEvent,
} from '../../model/events.ts'
import { type GraphId, type OwnerId, parseOwnerId, parsePackId } from '../../model/ids.ts'
import type { Clock, Randomness, TableStore } from '../../ports.ts'
import { createCatalogue } from '../index.ts'
import type { Catalogue, Owner } from '../types.ts'

export const TENANT = '11111111-2222-3333-4444-555555555555'
export const OWNER: OwnerId = parseOwnerId('0123456789abcdef0123456789abcdef')
export const SECRET = new Uint8Array(32).fill(7)
export const EPOCH_MS = Date.UTC(2026, 0, 1)
export const NEVER = new AbortController().signal
export const LATER = Number.MAX_SAFE_INTEGER

export const graphId = (text: string): GraphId => text as GraphId
/** Like an Outlook id: with everything that a table key must not hold. */
export const messageId = (n: number): GraphId => graphId(`AAMkADAw/message+${n}#?\\=`)
export const folderId = (n: number): GraphId => graphId(`AAMkADAw/folder+${n}=`)

export interface StillClock extends Clock {
  advance(ms: number): void
}

export function stillClock(startMs = EPOCH_MS): StillClock {
  let now = startMs
  return {
    now: () => now,
    sleep: async () => {},
    advance(ms) {
      now += ms
    },
  }
}

/** Never the same twice, always the same sequence. */
export function countingRandom(): Randomness {
  let n = 0
  return {
    bytes(count) {
      n += 1
      const digest = createHash('sha512').update(String(n)).digest()
      return new Uint8Array(digest.subarray(0, count))
    },
  }
}

export function testCatalogue(tables: TableStore, clock: Clock = stillClock()): Catalogue {
  const random = countingRandom()
  const windows = { protectionDays: 30, generationDays: 30 }
  return createCatalogue({ tables, tenantId: TENANT, clock, random, ...windows })
}

export function anOwner(changes: Partial<Owner> = {}): Owner {
  return {
    owner: OWNER,
    resource: 'abcdefghijklmnopqrstuvwxyz' as Owner['resource'],
    graphId: graphId('user-1'),
    workloads: ['mail'],
    dueAt: iso(0),
    coverage: 'waiting',
    trouble: '',
    attempts: 0,
    ledgerOpen: 0,
    ...changes,
  }
}

export const iso = (offsetMs: number): string => new Date(EPOCH_MS + offsetMs).toISOString()
export const digest = (text: string): string => createHash('sha256').update(text).digest('hex')

export function aPut(
  item: GraphId,
  container: GraphId,
  changes: Partial<PutEvent> & { leaves?: PastPlace } = {},
): PutEvent {
  const kind = container === CONTAINERS ? 'container' : 'item'
  return {
    op: 'put',
    kind,
    item,
    why: 'new',
    place: { container, sortKey: digest(item).slice(0, 16) },
    marker: { content: digest(item), decoration: '', change: 'ck' },
    display: { name: `Secret subject of ${item}`, by: 'somebody@example.org', date: iso(0) },
    representations: [
      {
        name: 'mime',
        bytes: 10,
        sha256: digest(item),
        segments: [
          {
            id: digest(`segment ${item}`) as PutEvent['representations'][0]['segments'][0]['id'],
            pack: parsePackId(digest('pack')),
            offset: 0,
            sealedBytes: 42,
            plainBytes: 10,
          },
        ],
      },
    ],
    ...changes,
  }
}

/** The list row that this put opened. */
export function placeOf(event: PutEvent, seq: number): PastPlace {
  return { ...event.place, from: seq }
}

export function aCommit(
  seq: number,
  events: readonly StreamEvent[],
  changes: Partial<Commit> = {},
): Commit {
  return {
    owner: OWNER,
    workload: 'mail',
    seq,
    hash: digest(`commit ${seq}`),
    previous: seq === 1 ? null : digest(`commit ${seq - 1}`),
    time: iso(seq * 60_000),
    complete: false,
    packs: [],
    events: [...events],
    cursors: [],
    round: { id: 1, startedAt: iso(0), phase: 'reading' },
    counts: { ...NO_COUNTS, seen: events.length },
    ...changes,
  }
}

export function aCursor(container: GraphId, changes: Partial<Cursor> = {}): Cursor {
  const start = 'https://graph.example/delta?token=secret'
  return { container, start, position: null, round: 1, ...changes }
}
