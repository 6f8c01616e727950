/**
 * A golden vault as the product of today reads it: with the owner's keys alone (the secret store
 * is lost), the state of the stream from its blobs, and the rows that a rebuild makes of them.
 */
import { createCatalogue, type StreamTables } from '../../src/catalogue/index.ts'
import { memoryTableStore } from '../../src/catalogue/testing/memory-table-store.ts'
import { invariant } from '../../src/model/errors.ts'
import { CONTAINERS, type CommitRef, type Representation } from '../../src/model/events.ts'
import {
  type GraphId,
  isWorkloadName,
  keyHash,
  type OwnerId,
  parseOwnerId,
} from '../../src/model/ids.ts'
import {
  CHAIN_START,
  type ContentReader,
  createVault,
  followChain,
  type OwnerRecord,
  REBUILD_START,
  rebuildStream,
  recoverIndexSecret,
  type StateLine,
  type StreamVault,
} from '../../src/vault/index.ts'
import { stateByCommits, wholeState } from '../../src/vault/testing/states.ts'
import { type ExpectedItem, jsonHash, type Shown, sha256 } from './expected.ts'
import { type GoldenVault, keysOf } from './golden-folder.ts'

const CONTENT_BYTES_MAX = 10_000_000
const { signal } = new AbortController()
const clock = { now: () => Date.parse('2027-01-01T00:00:00Z'), sleep: async () => undefined }
const random = { bytes: (count: number) => new Uint8Array(count) }

export interface Product {
  owner: OwnerId
  stream: StreamVault
  reader: ContentReader
  record: OwnerRecord | undefined
  /** Valid commits by seq. */
  commits: Map<number, CommitRef>
  voids: number[]
}

export async function openProduct({ store, privateKeys, expected }: GoldenVault): Promise<Product> {
  const owner = parseOwnerId(expected.owner.id)
  const { workload } = expected
  invariant(isWorkloadName(workload), 'the workload of a golden vault is one that we know')
  const keys = keysOf(privateKeys, () => recoverIndexSecret({ vault: store, keys }, owner, signal))
  const vault = createVault({ vault: store, keys, clock, random, toolVersion: 'reader' })
  await vault.prepare(signal)
  const stream = await vault.stream(owner, workload, signal)
  const commits = new Map<number, CommitRef>()
  const voids: number[] = []
  for await (const { step } of followChain(stream, CHAIN_START, signal)) {
    invariant(step.is !== 'damaged', 'a golden vault is whole')
    if (step.is === 'void') voids.push(step.passed.seq)
    else commits.set(step.commit.seq, step.commit)
  }
  const record = await vault.ownerRecord(owner, signal)
  return { owner, stream, reader: vault.reader(owner), record, commits, voids }
}

/** The state after a commit, from blobs. */
export async function shownByBlobs(
  { stream, reader, commits }: Product,
  seq: number,
  from: 'base' | 'commits',
): Promise<Shown> {
  const ref = commits.get(seq)
  invariant(ref, 'a point is a valid commit')
  const stateOf = from === 'base' ? wholeState : stateByCommits
  return await shown((await stateOf(stream, ref)).lines, reader)
}

async function shown(lines: readonly StateLine[], reader: ContentReader): Promise<Shown> {
  const found: Shown = { items: {}, left: [], ledger: {} }
  for (const line of lines) {
    if (line.is === 'item') found.items[line.item] = await itemOf(line, reader)
    if (line.is !== 'entry') continue
    if (line.event.op === 'left') found.left.push(line.event.item)
    else found.ledger[line.event.item] = line.event.reason
  }
  found.left.sort()
  return found
}

/** Rows that a rebuild makes. */
export async function rebuiltTables({ owner, stream }: Product): Promise<StreamTables> {
  const catalogue = createCatalogue({
    ...{ tables: memoryTableStore(), clock, random, protectionDays: 30, generationDays: 30 },
    tenantId: '11111111-2222-4333-8444-555555555555',
  })
  const tables = catalogue.stream(owner, stream.workload)
  const options = { notAfter: Number.MAX_SAFE_INTEGER }
  let progress = REBUILD_START
  for (let n = 0; n < 3 && progress.phase !== 'done'; n += 1) {
    progress = await rebuildStream(stream, tables, progress, options, signal)
  }
  invariant(progress.phase === 'done', 'the rebuild comes to its end')
  return tables
}

/** What rows show at a point; `containers` are those that no list of containers names. */
export async function shownByTables(
  { reader }: Product,
  tables: StreamTables,
  { seq, containers }: { seq: number; containers: readonly string[] },
): Promise<Omit<Shown, 'ledger'>> {
  const items: Record<string, ExpectedItem> = {}
  const left: string[] = []
  const top = await listed(tables, CONTAINERS, seq)
  for (const container of new Set([CONTAINERS, ...top, ...containers])) {
    for (const item of await listed(tables, container as GraphId, seq)) {
      const held = await tables.item(keyHash(item), seq, signal)
      invariant(held, 'what is listed is held')
      items[item] = await itemOf(held, reader)
      if (await tables.hadLeft(keyHash(item), seq, signal)) left.push(item)
    }
  }
  return { items, left: left.sort() }
}

async function listed(tables: StreamTables, container: GraphId, seq: number): Promise<GraphId[]> {
  const { items } = await tables.list(container, seq, { max: 1000 }, signal)
  return items.map(({ item }) => item)
}

async function itemOf(
  held: {
    kind: string
    place: { container: string }
    display: { name: string }
    representations: Representation[]
  },
  reader: ContentReader,
): Promise<ExpectedItem> {
  const { kind, place, display } = held
  const representations: Record<string, string> = {}
  for (const of of held.representations) {
    const plain = await reader.readAll(of, CONTENT_BYTES_MAX, signal)
    const isJson = of.name === 'json'
    representations[of.name] = isJson
      ? jsonHash((await reader.metadata(of, signal)).json)
      : sha256(plain)
  }
  return { kind, container: place.container, name: display.name, representations }
}
