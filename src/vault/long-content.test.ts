/** Content that is captured over several commits: lists of refs, what they use, reading in them. */
import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { before, describe, test } from 'node:test'
import { BODY_UNITS_MAX } from '../catalogue/rows.ts'
import { hasCode } from '../model/errors.ts'
import type {
  CommitRef,
  LedgerEvent,
  Representation,
  SegmentList,
  SegmentRef,
  StreamEvent,
} from '../model/events.ts'
import type { OwnerId, PackId, SegmentId } from '../model/ids.ts'
import { packsOf, packsText } from '../model/representation.ts'
import type { StreamVault, VaultCommit } from './index.ts'
import {
  COMMIT_PACKS_MAX,
  CONTENT_SEGMENT_BYTES_MAX,
  EVENT_BYTES_MAX,
  LIST_SEGMENTS,
  LONG_CONTENT_CHARS_MAX,
} from './limits.ts'
import { commitName } from './names.ts'
import {
  collect,
  contentOf,
  graphId,
  memoryVault,
  never,
  putEvent,
  registered,
  type TestVault,
  version,
} from './testing/fixture.ts'

const GIB = 1024 ** 3
const PIECE_BYTES = 50
/** More than two lists and a half. */
const PIECES = LIST_SEGMENTS * 2 + 150
const PIECES_IN_COMMIT = 20

interface Long {
  on: TestVault
  owner: OwnerId
  mail: StreamVault
  plain: Buffer
  content: Representation
  /** In their order; the last one holds the version. */
  commits: VaultCommit[]
}

function inProgress(content: Representation): LedgerEvent {
  return {
    ...{ op: 'ledger', kind: 'item', item: graphId('long'), reason: 'in-progress', code: 'x' },
    ...{ place: { container: graphId('inbox'), sortKey: '1' }, display: { name: 'long' } },
    attempts: 0,
    progress: {
      marker: { content: 'c', decoration: 'd', change: 'k' },
      position: { offset: content.bytes, state: 'state' },
      content,
    },
  }
}

/** Captured as capture does it: nothing but what the last commit says is known to the next. */
async function captured(): Promise<Long> {
  const on = memoryVault(4000)
  const owner = await registered(on.vault)
  const mail = await on.vault.stream(owner, 'mail', never)
  const plain = randomBytes(PIECES * PIECE_BYTES - 13)
  const commits: VaultCommit[] = []
  const commit = async (writer: ReturnType<StreamVault['begin']>, event: StreamEvent) => {
    const result = await writer.commit(contentOf([event]), { complete: false }, never)
    assert.ok(result.outcome === 'committed')
    const { seq } = result.commit
    const previous: CommitRef | undefined = commits.at(-1)
    const read = await mail.readCommit(seq, never, previous)
    assert.ok(read)
    commits.push(read)
    const [said] = read.events
    assert.ok(said)
    return said
  }
  let content: Representation | undefined
  for (let at = 0; at < plain.length; ) {
    const writer = mail.begin(commits.at(-1))
    for (let n = 0; n < PIECES_IN_COMMIT && at < plain.length; n += 1) {
      const bytes = plain.subarray(at, at + PIECE_BYTES)
      content = await writer.extend(content, { name: 'content', bytes }, never)
      at += bytes.length
    }
    assert.ok(content)
    const said = await commit(writer, inProgress(content))
    content = said.op === 'ledger' ? said.progress?.content : undefined
  }
  assert.ok(content)
  const writer = mail.begin(commits.at(-1))
  const whole = { ...version('long'), carried: [content] }
  await commit(writer, putEvent('long', await writer.addVersion(whole, never)))
  return { on, owner, mail, plain, content, commits }
}

function progressOf(event: StreamEvent | undefined): Representation {
  assert.ok(event?.op === 'ledger' && event.progress)
  return event.progress.content
}

/** Older packs that a commit says it uses, to whoever may read its envelope. */
async function usedBy({ on, owner }: Long, seq: number): Promise<string[]> {
  const name = commitName({ owner, workload: 'mail' }, seq)
  const found = await on.store.read(name, never)
  assert.ok(found)
  return JSON.parse(JSON.parse(Buffer.from(found.bytes).toString()).envelope).used
}

describe('content that was captured over many commits', () => {
  let long: Long
  before(async () => {
    long = await captured()
  })

  test('is named by lists and by few segments, and comes back byte for byte', async () => {
    const { content, plain, on, owner } = long
    assert.equal(content.lists?.length, 2)
    assert.ok(content.segments.length < LIST_SEGMENTS)
    assert.equal(content.bytes, plain.length)
    const read = await collect(on.vault.reader(owner).read(content, never))
    assert.deepEqual(Buffer.concat(read), plain)
  })

  test('can be read on from any place', async () => {
    const { content, plain, on, owner } = long
    const reader = on.vault.reader(owner)
    const inList = LIST_SEGMENTS * PIECE_BYTES
    for (const offset of [0, 1, PIECE_BYTES, inList - 1, inList, inList + 7, plain.length]) {
      const read = await collect(reader.readFrom(content, offset, never))
      assert.deepEqual(Buffer.concat(read), plain.subarray(offset))
    }
  })

  test('says in the clear every pack that it uses, also on the way', async () => {
    const { commits, content } = long
    const added: PackId[] = []
    for (const commit of commits) {
      const [event] = commit.events
      const contents = event?.op === 'put' ? event.representations : [progressOf(event)]
      const own = new Set(commit.packs.map(({ id }) => id))
      const named = packsOf(contents).filter((pack) => !own.has(pack))
      assert.deepEqual(await usedBy(long, commit.seq), named.sort())
      assert.ok(named.every((pack) => added.includes(pack)))
      added.push(...own)
    }
    assert.ok(packsOf([content]).length > LIST_SEGMENTS / PIECES_IN_COMMIT)
  })

  test('is described by its metadata: a pack explains itself', async () => {
    const { commits, content, on, owner } = long
    const [event] = commits.at(-1)?.events ?? []
    assert.ok(event?.op === 'put')
    const [json] = event.representations
    assert.ok(json)
    const [described] = (await on.vault.reader(owner).metadata(json, never)).contents
    assert.equal(described?.digest, 'segments')
    assert.deepEqual(
      described?.lists,
      content.lists?.map(({ id }) => id),
    )
  })

  test('has the hash of its lists and segments, which a reader checks', async () => {
    const { content, on, owner } = long
    const ids = [...(content.lists ?? []), ...content.segments].map(({ id }) => `${id}\n`)
    assert.equal(content.sha256, createHash('sha256').update(ids.join('')).digest('hex'))
    const damaged = { ...content, segments: content.segments.slice(1) }
    const isDamage = (error: unknown) => hasCode(error, 'ContentDamaged')
    const reader = on.vault.reader(owner)
    await assert.rejects(collect(reader.read(damaged, never)), isDamage)
    await assert.rejects(collect(reader.readFrom(damaged, 60, never)), isDamage)
    const short = { ...content, bytes: content.bytes + 1 }
    await assert.rejects(collect(reader.read(short, never)), isDamage)
    await assert.rejects(collect(reader.readFrom(short, 60, never)), isDamage)
  })
})

/** Content of so many bytes as events name it: no piece is compressed, each pack holds 32 MiB. */
function named(bytes: number): Representation {
  const [id, pack] = ['i'.repeat(64) as SegmentId, 'f'.repeat(64) as PackId]
  const plainBytes = CONTENT_SEGMENT_BYTES_MAX
  const ref: SegmentRef = { id, pack, offset: 25_166_408, sealedBytes: 8_388_712, plainBytes }
  const packOf = (n: number) => n.toString(16).padStart(64, '0') as PackId
  const segments = Math.ceil(bytes / plainBytes)
  const lists: SegmentList[] = []
  for (let at = 0; at + LIST_SEGMENTS <= segments; at += LIST_SEGMENTS) {
    const refs = Array.from({ length: LIST_SEGMENTS }, (_, n) => ({
      ...ref,
      pack: packOf(Math.floor((at + n) / 4)),
    }))
    lists.push({ ...ref, contentBytes: LIST_SEGMENTS * plainBytes, packs: packsText(refs) })
  }
  // As many as there may be before they are a list.
  const rest = Array.from({ length: LIST_SEGMENTS + 3 }, () => ref)
  return { name: 'content', bytes, sha256: id, digest: 'segments', lists, segments: rest }
}

test('a file of 250 GiB, the longest that SharePoint takes, fits into events, rows and commits', () => {
  const content = named(250 * GIB)
  const chars = JSON.stringify(content).length
  assert.ok(chars < LONG_CONTENT_CHARS_MAX, `${chars}`)
  const display = { name: 'x'.repeat(400) }
  const position = { offset: 250 * GIB, state: 's'.repeat(500) }
  const { progress, ...entry } = inProgress(content)
  const event = { ...entry, display, progress: { ...progress, position } }
  assert.ok(JSON.stringify(event).length < BODY_UNITS_MAX)
  assert.ok(Buffer.byteLength(JSON.stringify(event)) < EVENT_BYTES_MAX)
  assert.ok(packsOf([content]).length < COMMIT_PACKS_MAX)
})

test('content that could not be named is refused, before its event fits nowhere', async () => {
  const on = memoryVault()
  const owner = await registered(on.vault)
  const writer = (await on.vault.stream(owner, 'mail', never)).begin(undefined)
  const piece = { name: 'content', bytes: randomBytes(10) } as const
  await assert.rejects(writer.extend(named(400 * GIB), piece, never), (error) =>
    hasCode(error, 'ContentTooLong'),
  )
})
