/**
 * The vault that is fuzzed: two owners with two streams each, made by the product itself from one
 * seed, so that it is the same bytes in every run.
 *
 * Both owners get the same story in other words of the same lengths: packs, offsets and seqs agree,
 * and a blob or segment of the one fits where one of the other was. What was put in is kept in the
 * clear beside it (`Told`), past everything that the vault says of itself.
 */
import type {
  CommitRef,
  LedgerEvent,
  PutEvent,
  Representation,
  RepresentationName,
  StreamEvent,
} from '../../src/model/events.ts'
import { NO_COUNTS } from '../../src/model/events.ts'
import { type GraphId, type OwnerId, parseOwnerId, type WorkloadName } from '../../src/model/ids.ts'
import type { Clock, OwnerKeys, Randomness } from '../../src/ports.ts'
import { encodeCommit, openBody, parseCommit } from '../../src/vault/commit-format.ts'
import { sha256Hex } from '../../src/vault/create-once.ts'
import { createVault } from '../../src/vault/index.ts'
import { LIST_SEGMENTS } from '../../src/vault/limits.ts'
import { commitName, indexName, partName, type StreamId } from '../../src/vault/names.ts'
import { createMemoryBlobStore } from '../../src/vault/testing/memory-blob-store.ts'
import { baseOf } from '../../src/vault/testing/states.ts'
import type {
  BaseIndex,
  CommitWriter,
  StreamVault,
  VaultApi,
  VoidCommit,
} from '../../src/vault/types.ts'
import { fuzzKeys, withFixedPadding } from './keys.ts'
import { Prng } from './prng.ts'

/** Small, so that a few versions fill several packs. */
const PACK_BYTES = 4000
const START = Date.parse('2026-11-21T08:00:00.000Z')
const MINUTE_MS = 60_000
const PIECE_BYTES = 24
/** Of the seed of inputs, the vault knows nothing: it is the same for all of them. */
const VAULT_SEED = 20_261_121

export const OWNERS: readonly OwnerId[] = [
  parseOwnerId('a1b2c3d4e5f60718293a4b5c6d7e8f90'),
  parseOwnerId('b1b2c3d4e5f60718293a4b5c6d7e8f90'),
]
export const STREAMS: readonly StreamId[] = OWNERS.flatMap((owner) => [
  { owner, workload: 'mail' as const },
  { owner, workload: 'drive' as const },
])

/** A blob as it was written. */
export interface Blob {
  bytes: Uint8Array
  createdAt: Date
}

/** What a version was given: the plaintext of one representation. */
export interface Told {
  owner: OwnerId
  workload: WorkloadName
  item: string
  name: RepresentationName
  plain: Uint8Array
}

export interface Built {
  blobs: ReadonlyMap<string, Blob>
  keys: OwnerKeys
  clock: Clock
  random: Randomness
  refs: ReadonlyMap<StreamId, readonly CommitRef[]>
  told: readonly Told[]
}

/** The vault, in the clear and sealed. Takes half a second. */
export async function buildVault(): Promise<Built> {
  const prng = new Prng(VAULT_SEED)
  let now = START
  const clock = { now: () => now, sleep: async () => undefined }
  const store = createMemoryBlobStore(clock.now)
  const keys = fuzzKeys(OWNERS, prng)
  const told: Told[] = []
  const refs = new Map<StreamId, CommitRef[]>()
  await withFixedPadding(prng, async () => {
    const deps = { vault: store, keys, clock, random: prng, packBytes: PACK_BYTES }
    const vault = createVault({ ...deps, toolVersion: 'holdfast/fuzz' })
    await vault.prepare(never)
    for (const owner of OWNERS) {
      await vault.registerOwner({ owner, graphId: id('user'), kind: 'user', name: 'U' }, never)
    }
    for (const at of STREAMS) {
      const tick = () => {
        now += MINUTE_MS
      }
      const story = await beginStory({ vault, store, at, told, random: prng, tick })
      await (at.workload === 'mail' ? tellMail(story) : tellDrive(story))
      refs.set(at, story.refs)
    }
  })
  return { blobs: store.blobs, keys, clock, random: prng, refs, told }
}

const never = new AbortController().signal
const id = (text: string) => text as GraphId

/** A stream while it is written. */
interface Story {
  at: StreamId
  stream: StreamVault
  refs: CommitRef[]
  /** One commit with what `tell` puts into it; `beside`: nothing of it lies inside commit.json. */
  commit(
    tell: (writer: CommitWriter) => Promise<StreamEvent[]>,
    options?: { base?: BaseIndex; beside?: boolean },
  ): Promise<StreamEvent[]>
  /** Puts garbage at the next seq, which the next commit passes. */
  spoil(): Promise<void>
  /** Noise, or text that gains by compression, that nobody else has. */
  words(bytes: number): Uint8Array
  noise(bytes: number): Uint8Array
  keep(item: string, name: RepresentationName, plain: Uint8Array): Uint8Array
}

async function beginStory(on: {
  vault: VaultApi
  store: ReturnType<typeof createMemoryBlobStore>
  at: StreamId
  told: Told[]
  random: Prng
  tick(): void
}): Promise<Story> {
  const { vault, store, at, told, random, tick } = on
  const stream = await vault.stream(at.owner, at.workload, never)
  const refs: CommitRef[] = []
  let voids: VoidCommit[] = []
  return {
    at,
    stream,
    refs,
    async commit(tell, { base, beside } = {}) {
      tick()
      const writer = stream.begin(refs.at(-1), voids)
      const events = await tell(writer)
      const result = await writer.commit(
        { events, ...contentOf(refs.length, events) },
        { complete: refs.length % 3 === 0, ...(base && { base }) },
        never,
      )
      if (result.outcome !== 'committed') throw new Error('A fuzzed vault has one writer.')
      if (beside) await putBeside(store, stream, result.commit.seq, random)
      const { seq, hash, time } = (await stream.readCommit(result.commit.seq, never)) ?? nothing()
      refs.push({ seq, hash, time })
      voids = []
      return events
    },
    async spoil() {
      tick()
      const seq = (refs.at(-1)?.seq ?? 0) + voids.length + 1
      const bytes = Buffer.from(`{"holdfast":1,"garbage":"${random.next()}"}`)
      await store.create(commitName(at, seq), bytes, never)
      voids = [...voids, { seq, sha256: sha256Hex(bytes) }]
    },
    words: (bytes) =>
      Buffer.from(`${random.next()} and so on `.repeat(bytes / 10)).subarray(0, bytes),
    noise: (bytes) => random.bytes(bytes),
    keep(item, name, plain) {
      told.push({ ...at, item, name, plain })
      return plain
    },
  }
}

function nothing(): never {
  throw new Error('A commit that was written is there.')
}

function contentOf(n: number, events: readonly StreamEvent[]) {
  return {
    cursors: [
      { container: id('inbox'), start: null, position: `secret link ${n}`, round: n },
      { container: id(`folder ${n % 3}`), start: `start ${n}`, position: null, round: n },
    ],
    round: { id: n, startedAt: new Date(START).toISOString(), phase: 'reading' as const },
    counts: { ...NO_COUNTS, seen: events.length, stored: events.length },
  }
}

/**
 * Takes parts and indexes out of commit.json and seals it anew: as a large commit is written, of
 * which a small vault has none.
 */
async function putBeside(
  store: ReturnType<typeof createMemoryBlobStore>,
  stream: StreamVault,
  seq: number,
  random: Prng,
): Promise<void> {
  const name = commitName(stream, seq)
  const blob = store.blobs.get(name) ?? nothing()
  const parsed = parseCommit(blob.bytes, stream, seq)
  const body = await openBody(parsed, stream, stream.secret)
  const { envelope, file } = parsed
  const put = (at: string, sha256: string) =>
    store.blobs.set(at, { ...blob, bytes: file.inline.get(sha256) ?? nothing() })
  for (const part of envelope.parts) {
    if (part.inline) put(partName(stream, seq, part.sha256), part.sha256)
    part.inline = false
  }
  for (const { id: pack, createdAt, index } of envelope.packs) {
    if (index.inline) put(indexName(stream.owner, createdAt.slice(0, 7), pack), index.sha256)
    index.inline = false
  }
  const open = { envelope, body, inline: new Map(), secret: stream.secret }
  store.blobs.set(name, { ...blob, bytes: await encodeCommit(open, random.bytes(32)) })
}

async function* once(bytes: Uint8Array): AsyncIterable<Uint8Array> {
  if (bytes.length > 0) yield bytes
}

type Contents = Partial<Record<RepresentationName, Uint8Array>>

async function put(
  story: Story,
  writer: CommitWriter,
  item: string,
  contents: Contents,
  more: Partial<PutEvent> & { carried?: Representation[] } = {},
): Promise<PutEvent> {
  const { carried = [], ...event } = more
  const parts = Object.entries(contents).map(([name, plain]) => ({
    name: name as RepresentationName,
    bytes: once(story.keep(item, name as RepresentationName, plain)),
  }))
  const kind = event.kind ?? 'item'
  const of = { item: id(item), kind, container: id('inbox'), workload: story.at.workload }
  const json = { id: item, subject: `subject of ${item}`, owner: story.at.owner }
  const representations = await writer.addVersion({ ...of, json, parts, carried }, never)
  return {
    ...{ op: 'put', kind, item: id(item), why: 'new', representations },
    ...{ place: { container: id('inbox'), sortKey: item.replace(/\W/g, '-') } },
    ...{ marker: { content: 'c', decoration: 'd', change: 'k' }, display: { name: item } },
    ...event,
  }
}

const placeOf = (item: string, from: number) => ({
  ...{ container: id('inbox'), sortKey: item.replace(/\W/g, '-') },
  from,
})

function ledger(item: string, more: Partial<LedgerEvent> = {}): LedgerEvent {
  const why = { reason: 'refused', code: 'Refused', attempts: 1 } as const
  const place = { container: id('inbox'), sortKey: '1' }
  return {
    op: 'ledger',
    kind: 'item',
    item: id(item),
    place,
    display: { name: item },
    ...why,
    ...more,
  }
}

/**
 * Every kind of event, commits small and large, a void one, and two bases: each is carried two
 * commits after the one whose state it restates.
 */
async function tellMail(story: Story): Promise<void> {
  const { stream, refs, words, noise } = story
  const last = () => refs.at(-1) ?? nothing()
  await story.commit(async (w) => [
    await put(
      story,
      w,
      'inbox',
      {},
      { kind: 'container', place: { container: id('$containers'), sortKey: 'i' } },
    ),
    await put(story, w, 'm1', { mime: words(3000) }),
    await put(story, w, 'm2', { mime: words(2000), attachments: noise(1500) }),
    await put(story, w, 'm3', { mime: new Uint8Array(0) }),
  ])
  await story.commit(
    async (w) => [
      await put(
        story,
        w,
        'm1',
        { mime: words(3500) },
        { why: 'content', leaves: placeOf('m1', 1) },
      ),
      await put(story, w, 'm4', { mime: noise(3000), exact: noise(1000) }),
    ],
    { beside: true },
  )
  await story.spoil()
  await story.commit(async () => [
    { op: 'left', kind: 'item', item: id('m2'), place: placeOf('m2', 1), at: 'then', round: 1 },
    ledger('m5'),
  ])
  const first = await baseOf(stream, last())
  await story.commit(async (w) => [await put(story, w, 'm6', { mime: words(900) })])
  await story.commit(
    async (w) => [
      await put(story, w, 'm8', { mime: words(700) }),
      { op: 'deleted', kind: 'item', item: id('m2'), leaves: placeOf('m2', 1), leftAt: 'then' },
    ],
    { base: first },
  )
  const second = await baseOf(stream, last())
  await story.commit(
    async (w) => [
      await put(story, w, 'm7', { mime: words(1200) }),
      { op: 'resolved', kind: 'item', item: id('m5'), how: 'gone' },
    ],
    { beside: true },
  )
  await story.commit(async () => [], { base: second })
}

/** Captured over two commits: a list of segments, and one segment more. */
async function tellLong(story: Story): Promise<void> {
  const plain = story.keep('long', 'mime', story.noise(LIST_SEGMENTS * PIECE_BYTES + 7))
  const piece = (n: number) => ({
    name: 'mime' as const,
    bytes: plain.subarray(n * PIECE_BYTES, (n + 1) * PIECE_BYTES),
  })
  let content: Representation | undefined
  const [event] = await story.commit(async (w) => {
    for (let n = 0; n < LIST_SEGMENTS; n += 1) content = await w.extend(content, piece(n), never)
    const marker = { content: 'c', decoration: 'd', change: 'k' }
    const position = { offset: LIST_SEGMENTS * PIECE_BYTES, state: 's' }
    const progress = content && { marker, position, content }
    return [ledger('long', { reason: 'in-progress', ...(progress && { progress }) })]
  })
  content = event?.op === 'ledger' ? event.progress?.content : undefined
  await story.commit(async (w) => {
    const whole = await w.extend(content, piece(LIST_SEGMENTS), never)
    return [await put(story, w, 'long', {}, { carried: [whole] })]
  })
}

/** A moved file, long content, and a base that restates it. */
async function tellDrive(story: Story): Promise<void> {
  const { words, noise, stream, refs } = story
  await story.commit(
    async (w) => [
      await put(story, w, 'f1', { content: noise(2500), permissions: words(600) }),
      await put(story, w, 'f2', { content: words(5000) }),
    ],
    { beside: true },
  )
  const [moved] = await story.commit(async (w) => [
    await put(story, w, 'f3', { content: noise(800) }),
    await put(
      story,
      w,
      'f1',
      { content: noise(2600) },
      { why: 'content', leaves: placeOf('f1', 1) },
    ),
  ])
  await story.commit(async () =>
    moved?.op === 'put' ? [{ ...moved, why: 'moved', leaves: placeOf('f3', 2) }] : [],
  )
  await tellLong(story)
  const base = await baseOf(stream, refs.at(-1) ?? nothing())
  await story.commit(async (w) => [await put(story, w, 'f4', { content: noise(300) })], { base })
}
