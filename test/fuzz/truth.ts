/**
 * What must come back: read once from the vault before anything is spoilt, and compared with what
 * was put in.
 */
import assert from 'node:assert/strict'
import { createCatalogue } from '../../src/catalogue/index.ts'
import { memoryTableStore } from '../../src/catalogue/testing/memory-table-store.ts'
import { hasCode } from '../../src/model/errors.ts'
import type { Representation, StreamEvent } from '../../src/model/events.ts'
import type { OwnerId, PackId, SegmentId } from '../../src/model/ids.ts'
import { packsOf } from '../../src/model/representation.ts'
import {
  createPackOpener,
  createVault,
  openPack,
  openState,
  REBUILD_START,
  readShard,
  rebuildStream,
  type StateOptions,
  type StreamVault,
  segmentNamer,
  type VaultApi,
} from '../../src/vault/index.ts'
import {
  commitName,
  commitsPrefix,
  packOfName,
  type StreamId,
  seqOfCommit,
} from '../../src/vault/names.ts'
import { type PackLayout, readLayout } from '../../src/vault/pack-reader.ts'
import { type Built, buildVault, OWNERS, STREAMS } from './build.ts'
import { SpoiltStore } from './spoilt-store.ts'

export interface PackTruth {
  name: string
  /** Where its index lies: a blob of its own, or the commit.json that holds it. */
  index: string
  id: PackId
  owner: OwnerId
  layout: PackLayout
}

export interface ContentTruth {
  owner: OwnerId
  stream: StreamId
  seq: number
  item: string
  representation: Representation
  plain: Buffer
  packs: readonly PackId[]
}

export interface Truth extends Built {
  /** By name. */
  packs: ReadonlyMap<string, PackTruth>
  /** Plaintext of every segment of an owner. */
  segments: ReadonlyMap<OwnerId, ReadonlyMap<SegmentId, Uint8Array>>
  contents: readonly ContentTruth[]
  /** JSON of commits and of states, by stream and seq. */
  commits: ReadonlyMap<StreamId, ReadonlyMap<number, string>>
  states: ReadonlyMap<StreamId, ReadonlyMap<number, string>>
  /** Rows of the stream as it was after each of its commits. */
  rows: ReadonlyMap<StreamId, ReadonlySet<string>>
  /** The same where its first commit has expired, and it begins at a base. */
  rowsFromBase: ReadonlyMap<StreamId, ReadonlySet<string>>
  records: ReadonlyMap<OwnerId, string>
  secrets: ReadonlyMap<OwnerId, Uint8Array>
}

const never = new AbortController().signal
/** Longer than any content here. */
const CONTENT_BYTES_MAX = 1 << 20
/** Seqs at which a commit of some stream carries a base. */
export const BASES: readonly number[] = [6, 8]

export function vaultOn({ keys, clock, random }: Built, store: SpoiltStore): VaultApi {
  return createVault({ vault: store, keys, clock, random, toolVersion: 'holdfast/fuzz' })
}

/** JSON with sorted keys: the same for the same value, whichever way it was read. */
export function textOf(value: unknown): string {
  return JSON.stringify(value, (_, one: unknown) =>
    typeof one === 'object' && one !== null && !Array.isArray(one)
      ? Object.fromEntries(Object.entries(one).sort(([a], [b]) => (a < b ? -1 : 1)))
      : one,
  )
}

/** The state after a commit, as JSON. */
export async function stateText(
  stream: StreamVault,
  at: Parameters<typeof openState>[1],
  options: StateOptions,
  signal: AbortSignal,
): Promise<string> {
  const source = await openState(stream, at, options, signal)
  const lines = []
  for (let n = 0; n < source.shards; n += 1) lines.push(...(await readShard(source, n, signal)))
  return textOf({ lines, cursors: source.cursors, round: source.round })
}

/** Rows of the stream, rebuilt into empty tables; those that are sealed anew each time left out. */
export async function rebuiltRows(
  built: Built,
  stream: StreamVault,
  overDamage: boolean,
  signal: AbortSignal,
): Promise<string> {
  const tables = memoryTableStore()
  const { clock, random } = built
  const catalogue = createCatalogue({
    ...{ tables, clock, random, protectionDays: 30, generationDays: 30 },
    tenantId: '11111111-2222-4333-8444-555555555555',
  })
  const rows = catalogue.stream(stream.owner, stream.workload)
  const options = { notAfter: Number.MAX_SAFE_INTEGER, overDamage }
  let progress = REBUILD_START
  for (let calls = 0; calls < 4 && progress.phase !== 'done'; calls += 1) {
    progress = await rebuildStream(stream, rows, progress, options, signal)
  }
  assert.equal(progress.phase, 'done')
  const dumped = (['heads', 'commits', 'items', 'listing'] as const).map((t) => tables.dump(t))
  return textOf({ dumped, lossy: progress.lossy })
}

/** Every representation that an event names. */
export function representationsOf(event: StreamEvent): Representation[] {
  if (event.op === 'put') return event.representations
  return event.op === 'ledger' && event.progress ? [event.progress.content] : []
}

export async function learnTruth(): Promise<Truth> {
  const built = await buildVault()
  const vault = vaultOn(built, new SpoiltStore(built.blobs))
  const secrets = new Map<OwnerId, Uint8Array>()
  const records = new Map<OwnerId, string>()
  const segments = new Map<OwnerId, Map<SegmentId, Uint8Array>>()
  for (const owner of OWNERS) {
    secrets.set(owner, await built.keys.indexSecret(owner, never))
    records.set(owner, textOf(await vault.ownerRecord(owner, never)))
    segments.set(owner, new Map())
  }
  const packs = new Map<string, PackTruth>()
  for (const [name, { bytes }] of built.blobs) {
    const id = name.startsWith('packs/') ? packOfName(name) : undefined
    const owner = OWNERS.find((o) => name.includes(o))
    if (id === undefined || owner === undefined) continue
    const index = indexOf(built, id)
    packs.set(name, { name, index, id, owner, layout: readLayout(bytes, owner) })
    const namer = segmentNamer(secrets.get(owner) ?? new Uint8Array())
    const opener = createPackOpener(built.keys, owner)
    const opened = openPack(bytes, owner, (header) => opener.keysOf(header, never), namer)
    for await (const { header, plain } of opened) segments.get(owner)?.set(header.id, plain)
  }
  const streams = await learnStreams(built, vault)
  checkTold(built, streams.contents)
  return { ...built, packs, segments, secrets, records, ...streams }
}

function indexOf({ blobs }: Built, pack: PackId): string {
  const inside = ([name, { bytes }]: [string, { bytes: Uint8Array }]) =>
    name.endsWith('commit.json') && Buffer.from(bytes).includes(`\\"id\\":\\"${pack}`)
  const blob = [...blobs.keys()].find((name) => name.startsWith('idx/') && name.includes(pack))
  const name = blob ?? [...blobs].find(inside)?.[0]
  assert.ok(name !== undefined, 'every pack has an index')
  return name
}

async function learnStreams(built: Built, vault: VaultApi) {
  const contents: ContentTruth[] = []
  const commits = new Map<StreamId, Map<number, string>>()
  const states = new Map<StreamId, Map<number, string>>()
  const rows = new Map<StreamId, Set<string>>()
  const rowsFromBase = new Map<StreamId, Set<string>>()
  for (const at of STREAMS) {
    const stream = await vault.stream(at.owner, at.workload, never)
    const reader = vault.reader(at.owner)
    const [ofCommits, ofStates] = [new Map<number, string>(), new Map<number, string>()]
    for (const ref of built.refs.get(at) ?? []) {
      const commit = await stream.readCommit(ref.seq, never)
      assert.ok(commit)
      ofCommits.set(ref.seq, textOf(commit))
      const state = await stateText(stream, ref, {}, never)
      const byCommits = await stateText(stream, ref, { without: BASES }, never)
      assert.ok(state === byCommits, 'bases restate what commits say')
      ofStates.set(ref.seq, state)
      for (const event of commit.events) {
        for (const representation of representationsOf(event)) {
          const read = await reader.readAll(representation, CONTENT_BYTES_MAX, never)
          const of = { owner: at.owner, stream: at, seq: ref.seq, item: event.item as string }
          const packs = packsOf([representation])
          contents.push({ ...of, representation, plain: Buffer.from(read), packs })
        }
      }
    }
    commits.set(at, ofCommits)
    states.set(at, ofStates)
    rows.set(at, await rowsOfAll(built, at, []))
    rowsFromBase.set(at, await rowsOfAll(built, at, [commitName(at, 1)]))
  }
  return { contents, commits, states, rows, rowsFromBase }
}

/** A chain that ends early, because what comes is void, has the rows of an earlier day. */
async function rowsOfAll(
  built: Built,
  at: StreamId,
  gone: readonly string[],
): Promise<Set<string>> {
  const rows = new Set<string>()
  const names = [...built.blobs.keys()].filter((name) => name.startsWith(commitsPrefix(at)))
  for (const { seq } of [{ seq: 0 }, ...(built.refs.get(at) ?? [])]) {
    const later = names.filter((name) => (seqOfCommit(name) ?? 0) > seq)
    const without = [...later, ...gone].map((name) => [name, undefined] as const)
    const store = new SpoiltStore(built.blobs, new Map(without))
    const stream = await vaultOn(built, store).stream(at.owner, at.workload, never)
    const held = await rebuiltRows(built, stream, false, never).catch((error: unknown) => {
      // No base before this seq says what the commit said that is gone.
      if (!hasCode(error, 'ChainGap')) throw error
      return undefined
    })
    if (held !== undefined) rows.add(held)
  }
  return rows
}

/** What came back is what was put in, and nothing is missing. */
function checkTold({ told }: Built, contents: readonly ContentTruth[]): void {
  for (const { owner, workload, item, name, plain } of told) {
    const found = contents.filter(
      (c) =>
        c.owner === owner &&
        c.stream.workload === workload &&
        c.item === item &&
        c.representation.name === name,
    )
    const isThere = found.some((c) => c.plain.equals(plain))
    assert.ok(isThere, `${name} of ${item} comes back as it was put in`)
  }
}
