/** Which readings depend on what was changed, and which of them must give the truth all the same. */
import type { SegmentRef } from '../../src/model/events.ts'
import type { OwnerId } from '../../src/model/ids.ts'
import { refsOf } from '../../src/model/representation.ts'
import { commitName, type StreamId } from '../../src/vault/names.ts'
import { OWNERS, STREAMS } from './build.ts'
import { commitIn, type Input, kindOf, ownerIn } from './input.ts'
import type { Prng } from './prng.ts'
import type { Reading } from './readings.ts'
import * as readings from './readings.ts'
import type { ContentTruth, PackTruth, Truth } from './truth.ts'

/** Blobs whose dependents are read; an input that changes more is read by sample. */
const FOCUS_MAX = 2
const CONTENTS_MAX = 3
/** One input in so many is followed by readings of everything. */
const ALL_IN = 1000
const REBUILD_IN = 16
const REBUILD_FORGED_IN = 4
const APART_IN = 30
/** Long content is 257 segments, and takes as long as everything else together. */
const LONG_IN = 8
/** Several shards, so that damage of a base is met amid a state; or one, which is faster. */
const FEW_ITEMS = 5
const MANY_ITEMS = 100
/** Searching by id opens every index of the owner. */
const LOST_IN = 4

export function planOf(truth: Truth, input: Input, prng: Prng): Reading[] {
  const names = [...input.changes.keys()]
  const focus = names.length <= FOCUS_MAX ? names : sample(names, FOCUS_MAX, prng)
  const plan = focus.flatMap((name) => dependents(truth, input, name, prng))
  if (prng.oneIn(APART_IN)) plan.push(...apart(truth, input, prng))
  if (prng.oneIn(ALL_IN)) plan.push(...everything(truth, input))
  return plan
}

function sample<T>(from: readonly T[], max: number, prng: Prng): T[] {
  const rest = [...from]
  const drawn: T[] = []
  while (rest.length > 0 && drawn.length < max)
    drawn.push(...rest.splice(prng.below(rest.length), 1))
  return drawn
}

function dependents(truth: Truth, input: Input, name: string, prng: Prng): Reading[] {
  switch (kindOf(name)) {
    case 'pack':
      return ofPack(truth, input, name, prng)
    case 'index':
      return ofIndex(truth, input, name, prng)
    case 'record': {
      const owner = ownerIn(name)
      return owner === undefined ? [] : [readings.ownerRecord(owner, false)]
    }
    case 'format':
      return [readings.format(false)]
    default:
      return ofCommit(truth, input, name, prng)
  }
}

function ofPack(truth: Truth, input: Input, name: string, prng: Prng): Reading[] {
  const pack = truth.packs.get(name)
  if (pack === undefined) return []
  const using = truth.contents.filter((c) => c.packs.includes(pack.id))
  const contents = sample(
    using.filter((c) => c.packs.length === 1 || prng.oneIn(LONG_IN)),
    CONTENTS_MAX,
    prng,
  )
  const [first, second] = contents
  return [
    readings.packAlone(pack, false),
    // A reader stops where a pack is full of what only looks like segments.
    readings.salvaged(pack, input.mutator !== 'plant headers of segments'),
    ...contents.map((c) => readings.content(c, isSure(truth, input, c))),
    ...(first ? moreOf(truth, input, first, prng) : []),
    ...(second && prng.oneIn(LOST_IN) ? [readings.lostContent(second, false)] : []),
    ...sample(refsIn(pack, using), 2, prng).map((ref) => readings.segment(pack.owner, ref)),
  ]
}

function moreOf(truth: Truth, input: Input, content: ContentTruth, prng: Prng): Reading[] {
  const sure = isSure(truth, input, content)
  if (content.representation.name === 'json') return [readings.metadata(content, sure)]
  return [readings.content(content, sure, prng.below(content.plain.length + 2))]
}

function refsIn(pack: PackTruth, using: readonly ContentTruth[]): SegmentRef[] {
  return using.flatMap((c) => refsOf(c.representation)).filter((ref) => ref.pack === pack.id)
}

/** Every segment that the content needs is where it was; a header that is lost is in the index. */
function isSure(truth: Truth, input: Input, content: ContentTruth): boolean {
  return packsOf(truth, content).every((pack) => {
    if (!input.changes.has(pack.name)) return true
    if (input.forged || input.changes.size > 1) return false
    const now = input.changes.get(pack.name)?.bytes
    return now !== undefined && hasSegments(pack, content, now)
  })
}

function packsOf(truth: Truth, { packs }: ContentTruth): PackTruth[] {
  return [...truth.packs.values()].filter(({ id }) => packs.includes(id))
}

function hasSegments(pack: PackTruth, { representation }: ContentTruth, now: Uint8Array): boolean {
  const { lists = [], segments } = representation
  const needed = new Set([...lists, ...segments].map(({ id }) => id))
  // Which segments a list names is not looked up: all of the pack then.
  return pack.layout.segments.every(({ header, offset, clear, body }) => {
    if (lists.length === 0 && !needed.has(header.id)) return true
    const end = offset + clear.length + body.length
    return Buffer.concat([clear, body]).equals(now.subarray(offset, end))
  })
}

function ofIndex(truth: Truth, input: Input, name: string, prng: Prng): Reading[] {
  const owner = ownerIn(name)
  const short = truth.contents.filter((c) => c.owner === owner && c.item !== 'long')
  const through = short.filter((c) => packsOf(truth, c).some((pack) => pack.index === name))
  return [
    ...sample(through, 1, prng).map((c) => readings.content(c, isSure(truth, input, c))),
    ...sample(through, 1, prng).map((c) => readings.lostContent(c, isIndexed(truth, input, c))),
    ...sample(short, prng.below(2), prng).map((c) =>
      readings.lostContent(c, isIndexed(truth, input, c)),
    ),
  ]
}

/** Packs and their indexes are as they were: what else is damaged must not stand in the way. */
function isIndexed(truth: Truth, input: Input, content: ContentTruth): boolean {
  const needed = packsOf(truth, content).flatMap(({ name, index }) => [name, index])
  return needed.every((name) => !input.changes.has(name))
}

function ofCommit(truth: Truth, input: Input, name: string, prng: Prng): Reading[] {
  const at = commitIn(name)
  if (at === undefined) return []
  const { stream, seq } = at
  const isCommit = kindOf(name) === 'commit'
  const state = (s: number, bases: boolean) =>
    readings.stateAt(stream, s, {
      ...{ sure: isStateSure(input, stream, s), bases },
      shardItems: prng.oneIn(4) ? FEW_ITEMS : MANY_ITEMS,
    })
  const last = truth.refs.get(stream)?.at(-1)?.seq ?? 1
  const plan = [readings.commitAt(stream, seq, false)]
  if (prng.oneIn(2)) plan.push(state(prng.oneIn(2) ? last : Math.max(1, seq - 1), true))
  if (prng.oneIn(3)) plan.push(state(1 + prng.below(last), prng.oneIn(2)))
  if (prng.oneIn(4)) plan.push(readings.chain(stream, false))
  if (input.forged) plan.push(readings.forgedContents(stream, seq))
  if (isCommit && prng.oneIn(LOST_IN)) plan.push(...ofIndex(truth, input, name, prng))
  if (isCommit && prng.oneIn(3))
    plan.push(readings.secretOf(stream.owner, hasSecret(truth, input, stream.owner)))
  if (prng.oneIn(input.forged ? REBUILD_FORGED_IN : REBUILD_IN)) {
    plan.push(readings.rebuilt(stream, prng.oneIn(2), false))
  }
  return plan
}

/** Nothing that the state needs was changed, or only a base, for which other blobs serve. */
function isStateSure(input: Input, stream: StreamId, seq: number): boolean {
  return [...input.changes.keys()].every((name) => {
    const at = commitIn(name)
    if (at === undefined || at.stream !== stream) return true
    const isBase = ['base index', 'base part'].includes(kindOf(name))
    if (isBase && !input.forged) return true
    // A forged commit may carry a base, which restates what was two commits before it.
    return (input.forged ? at.seq - 2 : at.seq) > seq
  })
}

/** A commit that carries the index secret is as it was. */
function hasSecret(truth: Truth, input: Input, owner: OwnerId): boolean {
  return STREAMS.filter((stream) => stream.owner === owner).some((stream) =>
    truth.refs.get(stream)?.some(({ seq }) => !input.changes.has(commitName(stream, seq))),
  )
}

/** The owner that nothing was done to. */
function apart(truth: Truth, input: Input, prng: Prng): Reading[] {
  return OWNERS.filter((owner) => isUntouched(input, owner)).flatMap((owner) => {
    const contents = truth.contents.filter((c) => c.owner === owner)
    const stream = prng.pick(STREAMS.filter((s) => s.owner === owner))
    const seq = truth.refs.get(stream)?.at(-1)?.seq ?? 1
    return [
      readings.content(prng.pick(contents), true),
      readings.stateAt(stream, seq, { sure: true, bases: true, shardItems: MANY_ITEMS }),
      readings.ownerRecord(owner, true),
    ]
  })
}

const isUntouched = (input: Input, owner: OwnerId) =>
  [...input.changes.keys()].every((name) => !name.includes(owner))

/** All that the vault gives, of everybody. */
function everything(truth: Truth, input: Input): Reading[] {
  const streams = STREAMS.flatMap((stream) => {
    const refs = truth.refs.get(stream) ?? []
    const isSound = isUntouched(input, stream.owner)
    const states = refs.flatMap(({ seq }) =>
      [true, false].map((bases) =>
        readings.stateAt(stream, seq, {
          ...{ sure: isStateSure(input, stream, seq), bases },
          shardItems: FEW_ITEMS,
        }),
      ),
    )
    const commits = refs.map(({ seq }) => {
      const isThere = !input.changes.has(commitName(stream, seq))
      return readings.commitAt(stream, seq, isSound && isThere)
    })
    const rebuilds = [
      readings.rebuilt(stream, false, isSound),
      readings.rebuilt(stream, true, false),
    ]
    return [...commits, ...states, ...rebuilds, readings.chain(stream, isSound)]
  })
  return [
    ...streams,
    ...truth.contents.map((c) => readings.content(c, isSure(truth, input, c))),
    ...[...truth.packs.values()].map((pack) =>
      readings.packAlone(pack, !input.changes.has(pack.name)),
    ),
    ...OWNERS.map((owner) => readings.ownerRecord(owner, isUntouched(input, owner))),
    ...OWNERS.map((owner) => readings.secretOf(owner, hasSecret(truth, input, owner))),
    readings.format(!input.changes.has('format.json')),
  ]
}
