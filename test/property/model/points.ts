/**
 * The recovery points of a stream as the blobs tell them: every commit, opened in order, and what
 * the stream held after it, folded here by plain rules and by no code of the product.
 */
import assert from 'node:assert/strict'
import type {
  Cursor,
  DeletedEvent,
  LedgerEvent,
  LeftEvent,
  PastPlace,
  PutEvent,
  StreamEvent,
} from '../../../src/model/events.ts'
import type { GraphId } from '../../../src/model/ids.ts'
import type { ContentReader, StreamVault, VaultCommit } from '../../../src/vault/types.ts'
import type { Doing } from './source.ts'
import { DELETION_LAG_MS, NEVER, OWNER, type World } from './world.ts'

/** A version that is held, by the commit that put it there. */
export interface Held extends Omit<PutEvent, 'place'> {
  readonly place: PastPlace
}

export interface PointState {
  readonly seq: number
  readonly held: ReadonlyMap<GraphId, Held>
  /** Ledger entries, and items that left. */
  readonly open: ReadonlyMap<GraphId, LedgerEvent | LeftEvent>
  readonly cursors: ReadonlyMap<GraphId, Cursor>
  /** When the last ledger entry of an item ended, in ms. */
  readonly entryEnded: ReadonlyMap<GraphId, number>
}

const EMPTY: PointState = {
  seq: 0,
  held: new Map(),
  open: new Map(),
  cursors: new Map(),
  entryEnded: new Map(),
}

export class Points {
  readonly commits: VaultCommit[] = []
  readonly states: PointState[] = []
  readonly reader: ContentReader
  readonly stream: StreamVault

  private constructor(reader: ContentReader, stream: StreamVault) {
    this.reader = reader
    this.stream = stream
  }

  static async open(world: World<Doing>): Promise<Points> {
    const { vault } = world.built('restorer', world.storage.process('auditor'))
    const stream = await vault.stream(OWNER, world.source.workload, NEVER)
    return new Points(vault.reader(OWNER), stream)
  }

  /** Reads the commits that came since; those that were there are still the same. */
  async refresh(): Promise<void> {
    const seqs: number[] = []
    for await (const seq of this.stream.seqs(NEVER)) seqs.push(seq)
    assert.deepEqual(
      seqs,
      seqs.map((_, n) => n + 1),
      'the seqs have no gap',
    )
    assert.ok(seqs.length >= this.commits.length, 'no commit goes away')
    const newest = this.commits.at(-1)
    if (newest) {
      const again = await this.stream.readCommit(newest.seq, NEVER)
      assert.equal(again?.hash, newest.hash, 'a commit never changes')
    }
    for (const seq of seqs.slice(this.commits.length)) await this.#read(seq)
  }

  async #read(seq: number): Promise<void> {
    const before = this.commits.at(-1)
    const commit = await this.stream.readCommit(seq, NEVER, before)
    assert.ok(commit, 'a listed commit can be read')
    if (before) assert.ok(commit.time > before.time, 'commits get later')
    this.commits.push(commit)
    this.states.push(after(this.states.at(-1) ?? EMPTY, commit))
  }

  /** The newest state that a base restates and that is not after this commit, as far as was read. */
  restatedBefore(seq: number): number | undefined {
    const restated = this.commits.flatMap(({ base }) => base?.asOf ?? [])
    return restated.findLast((asOf) => asOf <= seq)
  }

  /** What was held after this commit; before the first one, nothing. */
  at(seq: number): PointState {
    return this.states[seq - 1] ?? EMPTY
  }
}

function after(before: PointState, commit: VaultCommit): PointState {
  const { seq, events, cursors, time } = commit
  for (const event of events) if (event.op === 'deleted') inTime(event, before, commit)
  const ending = events.filter((event) => before.open.get(event.item)?.op === 'ledger')
  const endings = ending.map((event) => [event.item, Date.parse(time)] as const)
  const state = {
    seq,
    held: new Map(before.held),
    open: new Map(before.open),
    cursors: new Map([...before.cursors, ...cursors.map((c) => [c.container, c] as const)]),
    entryEnded: new Map([...before.entryEnded, ...endings]),
  }
  const items = new Set(events.map((event) => event.item))
  assert.equal(items.size, events.length, `commit ${seq} has one event for an item`)
  for (const event of events) take(state, event, seq)
  return state
}

/** A whole round, begun later than the lag after it left, has passed without it (DESIGN 4). */
function inTime(
  { item, leftAt }: DeletedEvent,
  { open }: PointState,
  { round }: VaultCommit,
): void {
  const entry = open.get(item)
  assert.ok(entry?.op === 'left', 'what is told deleted has left before')
  assert.ok(entry.round < round.id, 'it left in an earlier round')
  const begun = Date.parse(round.startedAt)
  assert.ok(Date.parse(leftAt) + DELETION_LAG_MS <= begun, 'the round began after the lag')
}

function take(
  { held, open }: { held: Map<GraphId, Held>; open: Map<GraphId, LedgerEvent | LeftEvent> },
  event: StreamEvent,
  seq: number,
): void {
  const { item } = event
  const before = held.get(item)
  if (event.op === 'left' || event.op === 'ledger') {
    if (event.op === 'left') assert.deepEqual(event.place, before?.place, 'it left where it stood')
    open.set(item, event)
    return
  }
  open.delete(item)
  if (event.op === 'deleted') {
    assert.deepEqual(event.leaves, before?.place, 'what is told deleted was there')
    held.delete(item)
  }
  if (event.op !== 'put') return
  assert.deepEqual(event.leaves, before?.place, 'a new version ends the one before it')
  held.set(item, { ...event, place: { ...event.place, from: seq } })
}
