/**
 * What must hold after a crash, whatever was interrupted.
 *
 * `checkVault` and `checkVisible` hold at every moment, also right after a death. `checkTables`
 * and `checkTruth` hold once the owner has been worked to rest. The checks read through the
 * vault's own reader (with the right to unwrap) but hash, link, rebuild and compare for
 * themselves.
 */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import type { StreamTables } from '../../../src/catalogue/types.ts'
import {
  CONTAINERS,
  type Commit,
  type PutEvent,
  type Representation,
  type StreamEvent,
} from '../../../src/model/events.ts'
import { type GraphId, seqName } from '../../../src/model/ids.ts'
import type { ContentReader, StreamVault, VaultCommit } from '../../../src/vault/types.ts'
import { applyAll, openEntries, sameAsFresh } from '../../fresh-tables.ts'
import { checkBases, checkStates } from './base-invariants.ts'
import { type CaptureWorld, NEVER, OWNER } from './capture-world.ts'

const LIST_MAX = 1000
const CONTENT_BYTES_MAX = 1024 * 1024

export interface Opened {
  commits: VaultCommit[]
  stream: StreamVault
  reader: ContentReader
}

/**
 * What was opened and found right in an earlier run from the same stage. Commits and packs are
 * known by the hash of their bytes, which every check computes anew, so they need no second look.
 */
export interface Proven {
  /** Bases, and states that were read from them. */
  states: Set<string>
  representations: Set<string>
  commits: Map<string, VaultCommit>
}

export const nothingProven = (): Proven => ({
  states: new Set(),
  representations: new Set(),
  commits: new Map(),
})

const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex')

/** The chain is unbroken and written once; every committed event resolves and hashes right. */
export async function checkVault(world: CaptureWorld, proven: Proven): Promise<Opened> {
  const { vault } = world.built('restorer', world.storage.process('auditor'))
  for (const name of world.storage.vault.names()) checkBlob(world.storage, name)
  const stream = await vault.stream(OWNER, 'mail', NEVER)
  const reader = vault.reader(OWNER)
  const commits: VaultCommit[] = []
  for await (const seq of stream.seqs(NEVER)) {
    assert.equal(seq, commits.length + 1, 'the seqs have no gap')
    const before = commits.at(-1)
    const key = `${seq} ${before?.hash} ${blobHash(world, seqName(seq))}`
    const commit = proven.commits.get(key) ?? (await stream.readCommit(seq, NEVER, before))
    assert.ok(commit, 'a listed commit can be read')
    proven.commits.set(key, commit)
    assert.equal(commit.previous, before?.hash ?? null, 'the chain is unbroken')
    if (before) assert.ok(commit.time > before.time, 'commits get later')
    commits.push(commit)
  }
  for (const { events } of commits) {
    for (const event of events) {
      if (event.op === 'put') await checkVersion(event, reader, proven.representations)
    }
  }
  checkHistory(commits)
  await checkBases(stream, commits, proven.states)
  return { commits, stream, reader }
}

function checkBlob({ vault }: CaptureWorld['storage'], name: string): void {
  const [first, ...others] = vault.versionsOf(name)
  assert.ok(first && others.length === 0, `${name} was written once`)
  const hash = /([0-9a-f]{64})\.(?:pk|mf|bi|bs)$/.exec(name)?.[1]
  if (hash !== undefined) assert.equal(sha256(first.bytes), hash, 'a name is the hash of its bytes')
}

function blobHash({ storage }: CaptureWorld, seq: string): string {
  const [version] = storage.vault.versionsOf(`c/${OWNER}/mail/${seq}/commit.json`)
  assert.ok(version, 'a listed commit is there')
  return sha256(version.bytes)
}

async function checkVersion(
  event: PutEvent,
  reader: ContentReader,
  proven: Set<string>,
): Promise<void> {
  assert.ok(event.representations.length > 0, `${event.item} is held in some way`)
  for (const representation of event.representations) {
    const key = JSON.stringify([event.item, representation])
    if (proven.has(key)) continue
    await checkContent(event, representation, reader)
    proven.add(key)
  }
}

async function checkContent(
  { item }: PutEvent,
  representation: Representation,
  reader: ContentReader,
): Promise<void> {
  if (representation.name === 'json') {
    const metadata = await reader.metadata(representation, NEVER)
    assert.equal(metadata.item, item, 'a metadata segment names its item')
    return
  }
  const bytes = await reader.readAll(representation, CONTENT_BYTES_MAX, NEVER)
  const hashed = representation.digest === 'segments' ? idsOf(representation) : bytes
  assert.equal(sha256(hashed), representation.sha256, `${item} hashes right`)
}

/** What the hash of content is of that was captured over several commits (docs/format.md, 8.3). */
function idsOf({ lists = [], segments }: Representation): Uint8Array {
  return Buffer.from([...lists, ...segments].map(({ id }) => `${id}\n`).join(''))
}

async function plainHash({ reader }: Opened, mime: Representation): Promise<string> {
  if (mime.digest === undefined) return mime.sha256
  return sha256(await reader.readAll(mime, CONTENT_BYTES_MAX, NEVER))
}

/** No version is stored twice, and nothing is ended that is not there. */
function checkHistory(commits: readonly Commit[]): void {
  const last = new Map<GraphId, StreamEvent>()
  const held = new Map<GraphId, PutEvent>()
  const deleted = new Set<GraphId>()
  for (const { seq, events } of commits) {
    const items = new Set(events.map((event) => event.item))
    assert.equal(items.size, events.length, `commit ${seq} has one event for an item`)
    for (const event of events) {
      // No id comes back in these mailboxes, so what was told deleted was there all the time.
      assert.ok(!deleted.has(event.item), `${event.item} is not told deleted while it is there`)
      const before = last.get(event.item)
      const version = held.get(event.item)
      if (event.op === 'put' && before?.op === 'put') {
        assert.notDeepEqual(stateOf(event), stateOf(before), `${event.item} is stored once`)
      }
      if (event.op === 'deleted') assert.ok(version, `${event.item} was held before its end`)
      last.set(event.item, event)
      if (event.op === 'put') held.set(event.item, event)
      if (event.op === 'deleted') deleted.add(event.item)
    }
  }
}

const stateOf = ({ marker, place }: PutEvent) => ({ marker, place })

/** At its head, the catalogue shows exactly what the commits up to there say; nothing above. */
export async function checkVisible(world: CaptureWorld, opened: Opened): Promise<void> {
  const tables = tablesOf(world)
  const head = (await tables.head(NEVER))?.seq ?? 0
  assert.ok(head <= opened.commits.length, 'the head is not ahead of the vault')
  const upToHead = { ...opened, commits: opened.commits.slice(0, head) }
  const truth = tablesOf(await rebuild(world, upToHead))
  const containers = containersOf(opened.commits)
  assert.deepEqual(await shown(tables, head, containers), await shown(truth, head, containers))
  for await (const { seq } of tables.open(NEVER)) assert.ok(seq <= head, 'no entry above the head')
  for (const cursor of world.storage.tables.rows('cursors')) {
    // Rows of the commit that is being applied may be there; a later seq has no commit at all.
    const seq = Number(cursor.values['seq'])
    assert.ok(seq <= opened.commits.length, 'no cursor is ahead of the commits')
  }
}

function tablesOf(world: CaptureWorld): StreamTables {
  const { catalogue } = world.built('restorer', world.storage.process('visitor'))
  return catalogue.stream(OWNER, 'mail')
}

function containersOf(commits: readonly Commit[]): GraphId[] {
  const events = commits.flatMap((commit) => commit.events)
  const ids = events.filter((event) => event.kind === 'container').map((event) => event.item)
  return [CONTAINERS, ...new Set(ids)]
}

async function shown(tables: StreamTables, head: number, containers: readonly GraphId[]) {
  const points = await tables.points({ max: LIST_MAX }, NEVER)
  const lists = []
  for (const container of containers) {
    const { items } = await tables.list(container, head, { max: LIST_MAX }, NEVER)
    const ids = items.map((item) => item.item)
    assert.equal(new Set(ids).size, ids.length, 'no item is listed twice')
    lists.push({ container, items })
    const held = await tables.current(ids, head, NEVER)
    lists.push([...held.values()])
  }
  return { points, lists }
}

/** Fresh tables, and every commit applied to them. */
export async function rebuild(world: CaptureWorld, opened: Opened): Promise<CaptureWorld> {
  const rebuilt = world.fork()
  rebuilt.storage.tables.clear()
  const { catalogue } = rebuilt.built('writer', rebuilt.storage.process('rebuild'))
  const tables = catalogue.stream(OWNER, 'mail')
  await applyAll(tables, opened.commits, opened.stream.secret, NEVER)
  return rebuilt
}

/** Every row that comes from commits is what a rebuild makes of them (P6). */
export async function checkTables(
  world: CaptureWorld,
  opened: Opened,
  proven: Proven,
): Promise<void> {
  const head = await tablesOf(world).head(NEVER)
  assert.equal(head?.hash, opened.commits.at(-1)?.hash, 'the head is the newest commit')
  const fresh = await rebuild(world, opened)
  const tablesIn = (of: CaptureWorld) => ({ storage: of.storage, tables: tablesOf(of) })
  await sameAsFresh(tablesIn(world), tablesIn(fresh), opened.stream.secret, NEVER)
  await checkStates(opened.stream, opened.commits, proven.states)
}

/**
 * The newest point holds what the mailbox holds now, and nothing else. Content is compared by its
 * hash: `checkVault` has read the bytes and hashed them.
 */
export async function checkTruth(world: CaptureWorld, opened: Opened): Promise<void> {
  const tables = tablesOf(world)
  const head = opened.commits.length
  const held = new Map<string, string>()
  for (const container of containersOf(opened.commits)) {
    const { items } = await tables.list(container, head, { max: LIST_MAX }, NEVER)
    const current = await tables.current(
      items.map((item) => item.item),
      head,
      NEVER,
    )
    for (const version of current.values()) {
      if (version.kind === 'container') continue
      assert.ok(!held.has(version.item), `${version.item} stands in one place`)
      const mime = version.representations.find((r) => r.name === 'mime')
      assert.ok(mime, `${version.item} has its content`)
      const flags = version.marker.decoration.split('@')[0] ?? ''
      const content = await plainHash(opened, mime)
      held.set(version.item, JSON.stringify({ container, content, flags }))
    }
  }
  const { items, excluded } = world.box
  const read = [...items].filter(([, { container }]) => !excluded.has(container))
  const truth = read.map(([item, { container, content, flags }]) => {
    const hash = sha256(Buffer.from(content))
    return [item, JSON.stringify({ container, content: hash, flags })] as const
  })
  assert.deepEqual(held, new Map(truth), 'what is held is what the mailbox holds')
  await checkContainers(world, tables, head)
  assert.deepEqual(await openEntries(tables, NEVER), [], 'nothing is left open')
}

async function checkContainers(
  world: CaptureWorld,
  tables: StreamTables,
  head: number,
): Promise<void> {
  const { items } = await tables.list(CONTAINERS, head, { max: LIST_MAX }, NEVER)
  const names = items.map(({ item, display }) => [item, display.name] as const)
  assert.deepEqual(new Map(names), new Map(world.box.containers), 'the folders are those')
}
