/**
 * The state of a stream after a commit, computed from blobs alone (docs/format.md, 8.5): the
 * newest base that is not later, and the commits after it.
 *
 * Memory is bounded by shards: a state is read in slices of the key-hash space, each some
 * SHARD_ITEMS of items; what it costs is that the commits after the base are read once for each
 * shard. A damaged commit stops the work: a state that left out what is lost would launder the
 * loss. A base counts only if its commit lies on the chain that leads to the commit asked for.
 */
import { AppError, hasCode, invariant } from '../model/errors.ts'
import type { CommitRef, RoundState, StreamEvent } from '../model/events.ts'
import { type GraphId, type KeyHash, keyHash } from '../model/ids.ts'
import { keyOfLine } from './base-format.ts'
import { CHAIN_START, followChain } from './chain.ts'
import { damage, isDamage } from './damage.ts'
import type {
  BaseIndex,
  ChainEnd,
  StateCursor,
  StateEntry,
  StateItem,
  StateLine,
  StreamReader,
  VaultCommit,
} from './types.ts'

/** Items of one shard, about; at some 2 KiB each. */
export const SHARD_ITEMS = 20_000
/** Shards of one state: ten million items and more. */
export const SHARDS_MAX = 1024
/** Bases that may fail before the first commit serves; one that fails is damaged or forged. */
const BASES_TRIED_MAX = 8

export interface StateOptions {
  /** Items in memory at once, about. */
  shardItems?: number
  /** Seqs of bases that are not used. */
  without?: readonly number[]
  /**
   * Told of a damaged commit, over which the work then goes on: what it said is missing from the
   * state. For reading what is left after a loss, never for a base. May be told of one commit many
   * times. Default: throw.
   */
  overDamage?: (commit: CommitRef) => void
}

/**
 * How a state is computed; made once, and used for each of its shards. readShard changes to
 * another base where this one turns out to be damaged; `shards` stays.
 */
export interface StateSource {
  asOf: CommitRef
  options: StateOptions
  /** Seq of the commit that carries the base; 0: none. */
  baseSeq: number
  /** Power of two. */
  shards: number
  round: RoundState
  cursors: StateCursor[]
  base: BaseIndex | undefined
  stream: StreamReader
}

/**
 * Finds the base to begin with and walks the chain from there to `target` once, which proves that
 * both are on one chain. Throws `ChainGap`, `CommitDamaged`, `ChainBlocked`.
 */
export async function openState(
  stream: StreamReader,
  target: CommitRef,
  options: StateOptions,
  signal: AbortSignal,
): Promise<StateSource> {
  const seqs: number[] = []
  for await (const seq of stream.baseSeqs(signal)) {
    if (!options.without?.includes(seq)) seqs.push(seq)
  }
  let failed = 0
  for (const seq of seqs.reverse()) {
    const base = await baseAt(stream, seq, target, signal)
    // A past point has any number of later ones.
    if (base === 'later') continue
    const source = base && (await walk(stream, { target, base, baseSeq: seq }, options, signal))
    if (source !== undefined) return source
    failed += 1
    if (failed >= BASES_TRIED_MAX) break
  }
  const source = await walk(stream, { target, base: undefined, baseSeq: 0 }, options, signal)
  if (source !== undefined) return source
  throw new AppError({
    code: 'ChainGap',
    kind: 'corrupt',
    message: 'The chain of a stream does not lead to the commit that was asked for.',
    hint: 'Verify this owner: a commit is missing, or the head row does not fit the vault.',
    context: { owner: stream.owner, workload: stream.workload, seq: target.seq },
  })
}

/**
 * `later`: it restates a later state than the target's. Undefined where the commit or its base is
 * damaged, void or not there: another one serves.
 */
async function baseAt(
  stream: StreamReader,
  seq: number,
  target: CommitRef,
  signal: AbortSignal,
): Promise<BaseIndex | 'later' | undefined> {
  try {
    const commit = await stream.readCommit(seq, signal)
    if (commit?.base && commit.base.asOf > target.seq) return 'later'
    return commit && (await stream.base(commit, signal))
  } catch (error) {
    if (!isDamage(error)) throw error
    return undefined
  }
}

/** Undefined where the walk does not meet the base's commit and the target. */
async function walk(
  stream: StreamReader,
  way: { target: CommitRef; base: BaseIndex | undefined; baseSeq: number },
  options: StateOptions,
  signal: AbortSignal,
): Promise<StateSource | undefined> {
  const { target, base, baseSeq } = way
  const { shardItems = SHARD_ITEMS } = options
  let items = base?.parts.reduce((sum, p) => sum + (p.holds === 'state' ? p.lines : 0), 0) ?? 0
  const cursors = new Map<GraphId, StateCursor>()
  let round = base?.round
  try {
    for (const line of base ? await cursorsOf(stream, base, signal) : []) {
      cursors.set(line.cursor.container, line)
    }
  } catch (error) {
    if (!hasCode(error, 'BaseDamaged')) throw error
    return undefined
  }
  const met = { base: base === undefined, target: base?.asOf.hash === target.hash }
  const upTo = Math.max(target.seq, baseSeq)
  for await (const commit of commitsFrom(
    { stream, base, options },
    { upTo, whole: target.seq },
    signal,
  )) {
    if (commit.seq === baseSeq) met.base = commit.base?.hash === base?.asOf.hash
    if (commit.seq > target.seq) continue
    met.target ||= commit.hash === target.hash
    items += commit.events.filter((event) => event.op === 'put').length
    for (const cursor of commit.cursors) {
      cursors.set(cursor.container, { is: 'cursor', seq: commit.seq, cursor })
    }
    round = commit.round
  }
  if (!met.base || !met.target || round === undefined) return undefined
  const shards = Math.min(SHARDS_MAX, 2 ** Math.ceil(Math.log2(Math.max(1, items / shardItems))))
  const state = { asOf: target, round, cursors: sorted([...cursors.values()]) }
  return { ...state, shards, options, base, baseSeq, stream }
}

/**
 * The valid commits after the base (or all), up to this seq. Throws where one is damaged that is
 * not after `whole`: what comes later is walked for the chain alone.
 */
async function* commitsFrom(
  { stream, base, options: { overDamage } }: Pick<StateSource, 'stream' | 'base' | 'options'>,
  { upTo, whole }: { upTo: number; whole: number },
  signal: AbortSignal,
): AsyncGenerator<VaultCommit> {
  const from: ChainEnd = base ? { last: base.asOf, voids: [] } : CHAIN_START
  if ((from.last?.seq ?? 0) >= upTo) return
  for await (const { step } of followChain(stream, from, signal)) {
    if (step.is === 'damaged' && step.ref.seq <= whole) {
      if (overDamage === undefined) throw step.cause
      overDamage(step.ref)
    }
    if (step.is === 'commit') {
      if (step.commit.seq > upTo) return
      yield step.commit
      if (step.commit.seq === upTo) return
    }
  }
}

/** Items and entries whose key hashes fall into one shard, in their order. */
export async function readShard(
  source: StateSource,
  shard: number,
  signal: AbortSignal,
): Promise<StateLine[]> {
  for (let tried = 0; tried <= BASES_TRIED_MAX; tried += 1) {
    try {
      return await readShardOnce(source, shard, signal)
    } catch (error) {
      if (!hasCode(error, 'BaseDamaged')) throw error
      const without = [...(source.options.without ?? []), source.baseSeq]
      const options = { ...source.options, without }
      const other = await openState(source.stream, source.asOf, options, signal)
      Object.assign(source, other, { shards: source.shards })
    }
  }
  throw damage('BaseDamaged', 'one of the bases of a stream is whole', { seq: source.asOf.seq })
}

/** With the base of the source and no other. Throws `BaseDamaged`. */
export async function readShardOnce(
  source: StateSource,
  shard: number,
  signal: AbortSignal,
): Promise<StateLine[]> {
  const { asOf, shards } = source
  const inShard = (key: KeyHash) => shardOf(key, shards) === shard
  const items = new Map<GraphId, StateItem>()
  const entries = new Map<GraphId, StateEntry>()
  for await (const line of baseLines(source, shard, signal)) {
    if (!inShard(keyOfLine(line))) continue
    if (line.is === 'item') items.set(line.item, line)
    if (line.is === 'entry') entries.set(line.event.item, line)
  }
  const { seq } = asOf
  for await (const commit of commitsFrom(source, { upTo: seq, whole: seq }, signal)) {
    const events = commit.events.filter((event) => inShard(keyHash(event.item)))
    for (const event of events) fold({ items, entries }, event, commit.seq)
  }
  return sorted([...items.values(), ...entries.values()])
}

/** Lines of the parts that reach into the shard; also some of its neighbours. */
async function* baseLines(
  { base, stream, shards }: StateSource,
  shard: number,
  signal: AbortSignal,
): AsyncGenerator<StateLine> {
  if (base === undefined) return
  for (const part of base.parts) {
    const near = shardOf(part.first, shards) <= shard && shard <= shardOf(part.last, shards)
    if (part.holds === 'state' && near) yield* await stream.readBasePart(base, part, signal)
  }
}

/** What one event changes. */
export function fold(
  state: { items: Map<GraphId, StateItem>; entries: Map<GraphId, StateEntry> },
  event: StreamEvent,
  seq: number,
): void {
  const { items, entries } = state
  if (event.op === 'left' || event.op === 'ledger') {
    entries.set(event.item, { is: 'entry', seq, event })
    return
  }
  entries.delete(event.item)
  if (event.op === 'deleted') items.delete(event.item)
  if (event.op !== 'put') return
  const { item, kind, why, marker, display, representations } = event
  const place = { ...event.place, from: seq }
  items.set(item, { is: 'item', item, kind, seq, why, place, marker, display, representations })
}

async function cursorsOf(
  stream: StreamReader,
  base: BaseIndex,
  signal: AbortSignal,
): Promise<StateCursor[]> {
  const lines: StateCursor[] = []
  for (const part of base.parts) {
    if (part.holds !== 'cursors') continue
    for (const line of await stream.readBasePart(base, part, signal)) {
      if (line.is === 'cursor') lines.push(line)
    }
  }
  return lines
}

const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567'
/** Shards follow BASE32's order, lines the order of their texts: both must sort the same way. */
const orderedText = (key: string): string =>
  key.replace(/[a-z2-7]/g, (c) => String.fromCharCode(48 + BASE32.indexOf(c)))

/** In which of so many shards an item is. */
export function shardOf(key: string, shards: number): number {
  let bits = 0
  for (const c of key.slice(0, 4)) bits = bits * 32 + BASE32.indexOf(c)
  invariant(bits >= 0 && bits < 2 ** 20, 'a key hash is base 32')
  return Math.floor((bits * shards) / 2 ** 20)
}

/** In the order of the key hashes' bits; an item before its entry. */
function sorted<T extends StateLine>(lines: T[]): T[] {
  return lines
    .map((line) => ({ line, key: `${orderedText(keyOfLine(line))}${line.is === 'item' ? 0 : 1}` }))
    .sort((a, b) => (a.key < b.key ? -1 : 1))
    .map(({ line }) => line)
}
