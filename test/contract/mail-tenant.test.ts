/**
 * The mail workload against the simulated tenant, over HTTP: a mailbox is read through the real
 * client, what was read is compared with what the tenant says it sent, and it is restored into
 * another mailbox and compared with the tenant's own state by code that imports nothing of src.
 */
import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { after, before, test } from 'node:test'
import {
  BACKUP_CLIENT_ID,
  type ControlClient,
  createControlClient,
  type MailboxSnapshot,
  type MessageSnapshot,
  RESTORE_CLIENT_ID,
  startTenant,
  type Tenant,
} from '../../sandbox/tenant/index.ts'
import { createDirectory, type Graph } from '../../src/graph/index.ts'
import { hasCode } from '../../src/model/errors.ts'
import { CONTAINERS, type RepresentationName } from '../../src/model/events.ts'
import type { GraphId } from '../../src/model/ids.ts'
import { mailWorkload } from '../../src/workloads/mail/index.ts'
import { creationAt, searchAt } from '../../src/workloads/testing/creation.ts'
import type { HeldVersion, Present, StreamReader } from '../../src/workloads/workload.ts'
import { graphAs } from './tenant-graph.ts'

const MESSAGES = 60
const signal = AbortSignal.timeout(60_000)

let tenant: Tenant
let control: ControlClient
let reading: Graph
let writing: Graph

before(async () => {
  tenant = await startTenant({
    seed: { seed: 7, users: 2, messages: MESSAGES },
    settings: { latencyMs: 0, mailAdvanced: true },
  })
  control = createControlClient(tenant.controlUrl)
  reading = await graphAs(BACKUP_CLIENT_ID, { tenant, control })
  writing = await graphAs(RESTORE_CLIENT_ID, { tenant, control })
})

after(() => tenant.stop())

async function users(): Promise<string[]> {
  const directory = createDirectory(reading, tenant.tenantId)
  const page = await directory.users(null, signal)
  const ids: string[] = []
  for (const user of page.users) {
    const state = await directory.mailbox(user.id, signal)
    if (state.state === 'ready') ids.push(user.id)
    else assert.equal(state.state, 'not-provisioned')
  }
  assert.ok(page.users.length > ids.length, 'one user has no mailbox')
  return ids
}

interface Stream {
  items: Present[]
  removed: string[]
  delta: string
}

async function readAll(
  reader: StreamReader,
  container: GraphId,
  from: string | null,
): Promise<Stream> {
  const items = new Map<string, Present>()
  const removed: string[] = []
  let link = from
  for (let pages = 0; pages < 500; pages += 1) {
    const page = await reader.changes(container, link, signal)
    for (const change of page.changes) {
      if (change.op === 'present') items.set(change.id, change)
      else removed.push(change.id)
    }
    if (page.delta !== undefined) return { items: [...items.values()], removed, delta: page.delta }
    link = page.next ?? null
  }
  throw new Error('too many pages')
}

interface Copy {
  folders: Stream
  streams: Map<GraphId, Stream>
  versions: HeldVersion[]
  reader: StreamReader
}

async function copyMailbox(userId: string): Promise<Copy> {
  const reader = mailWorkload({ graph: reading, pageSize: 20 }).reader({
    graphId: userId as GraphId,
  })
  const folders = await readAll(reader, CONTAINERS, null)
  const streams = new Map<GraphId, Stream>()
  const versions: HeldVersion[] = []
  for (const folder of folders.items.filter(({ hasCursor }) => hasCursor)) {
    const stream = await readAll(reader, folder.id, null)
    streams.set(folder.id, stream)
    for (const item of stream.items) versions.push(await hold(reader, item))
  }
  return { folders, streams, versions, reader }
}

async function hold(reader: StreamReader, item: Present): Promise<HeldVersion> {
  const content = await reader.content(item, signal)
  assert.equal(content.outcome, 'content')
  const representations = new Map<RepresentationName, Uint8Array>([
    ['json', Buffer.from(JSON.stringify(item.json))],
  ])
  for (const part of content.outcome === 'content' ? content.parts : []) {
    representations.set(part.name, await bytesOf(part.bytes))
  }
  const { id, place, display } = item
  return { item: id, place, display, representations, streams: new Map() }
}

async function bytesOf(stream: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = []
  for await (const chunk of stream) chunks.push(chunk)
  return Buffer.concat(chunks)
}

function protectedMessages(snapshot: MailboxSnapshot): MessageSnapshot[] {
  const hidden = /^(Sync Issues|Recoverable|Deletions|Purges|Versions)/
  const shown = new Set(
    snapshot.folders.filter((f) => !f.search && !hidden.test(f.path)).map(({ id }) => id),
  )
  return snapshot.messages.filter(({ folderId }) => shown.has(folderId))
}

test('a mailbox is read whole, byte for byte, within its budget of requests', async () => {
  const [userId = ''] = await users()
  await control.resetCounts({})
  const { versions, reader, folders } = await copyMailbox(userId)
  const truth = protectedMessages(await control.snapshot({ user: userId }))
  assert.deepEqual(
    new Set(versions.map(({ item }) => item)),
    new Set(truth.map((m) => m.immutableId)),
  )
  for (const version of versions) {
    const mime = version.representations.get('mime')
    const json = Buffer.from(version.representations.get('json') ?? []).toString()
    assert.ok('attachments' in JSON.parse(json), 'every page names the attachments')
    assert.ok(mime)
    const { answers } = await control.mimeLog({ message: version.item })
    assert.deepEqual(
      answers.map(({ sha256 }) => sha256),
      [hash('sha256', mime)],
    )
  }
  assert.ok(folders.items.some(({ display }) => display.wellKnownName === 'inbox'))
  assert.ok(folders.items.some(({ excluded }) => excluded === 'search-folder'))
  assert.ok(reader.requests() < versions.length + 80, `${reader.requests()} requests`)
})

test('a later round costs one request for each folder, and one for each new content', async () => {
  const [userId = ''] = await users()
  const { folders, streams, versions, reader } = await copyMailbox(userId)
  const [edited, read, flagged, moved, deleted] = versions.filter(
    ({ place, display }) => display.isRead === false && place.container !== undefined,
  )
  assert.ok(edited && read && flagged && moved && deleted)
  await control.edit({ user: userId, message: edited.item, body: 'another body' })
  await control.read({ user: userId, message: read.item, isRead: true })
  await control.flag({ user: userId, message: flagged.item, flagStatus: 'flagged' })
  await control.move({ user: userId, message: moved.item, folder: 'archive' })
  await control.delete({ user: userId, message: deleted.item, mode: 'recoverable' })

  const { compare } = mailWorkload({ graph: reading, pageSize: 100 })
  const markers = new Map(
    [...streams.values()].flatMap(({ items }) => items.map((item) => [item.id, item.marker])),
  )
  const start = reader.requests()
  await readAll(reader, CONTAINERS, folders.delta)
  const found = new Map<string, string>()
  const removed: string[] = []
  for (const [folder, stream] of streams) {
    const later = await readAll(reader, folder, stream.delta)
    removed.push(...later.removed)
    for (const item of later.items) {
      const before = markers.get(item.id)
      if (before !== undefined) found.set(item.id, compare(before, item.marker))
    }
  }
  assert.equal(found.get(edited.item), 'content')
  for (const { item } of [read, flagged, moved]) assert.equal(found.get(item), 'decoration')
  assert.deepEqual(new Set(removed), new Set([moved.item, deleted.item]))
  // The tenant sends an empty page now and then, so a folder may take two requests.
  assert.ok(reader.requests() - start <= streams.size + 8, `${reader.requests() - start} requests`)
  assert.equal(await reader.item(deleted.item, signal), undefined)
  assert.equal((await reader.item(moved.item, signal))?.id, moved.item)
})

test('a mailbox is restored into another one, found by its marks, and is the same', async () => {
  const [userId = '', otherId = ''] = await users()
  const { versions } = await copyMailbox(userId)
  const writer = mailWorkload({ graph: writing, pageSize: 100 }).writer({
    graphId: otherId as GraphId,
  })
  assert.ok(
    (await writer.containers(signal)).some(({ wellKnownName }) => wellKnownName === 'inbox'),
  )
  const parent = await writer.createContainer('Restored', undefined, signal)
  assert.equal(await writer.createContainer('restored', undefined, signal), parent)
  const folder = await writer.createContainer('All', parent, signal)
  const made = new Map<string, string>()
  for (const [index, version] of versions.entries()) {
    const mark = `job/${index}`
    const creation = creationAt(folder, mark)
    const outcome = await writer.create(version, creation, signal)
    if (outcome.outcome !== 'created') {
      assert.equal(outcome.outcome === 'refused' && outcome.code, 'needs-exact-lane')
      continue
    }
    const found = await writer.find(searchAt(folder, mark, version), signal)
    assert.deepEqual(found, [outcome.id])
    const check = await writer.check(outcome.id, version, creation, signal)
    assert.equal(check.outcome, 'verified', version.display.name)
    assert.equal(await writer.matches(outcome.id, version, signal), 'same', version.display.name)
    made.set(outcome.id, version.item)
  }
  const there = new Map<string, string>()
  for await (const { id, identity } of writer.existing(folder, signal)) there.set(id, identity)
  assert.deepEqual(new Set(there.keys()), new Set(made.keys()))
  const held = new Map(versions.map((version) => [version.item as string, version]))
  for (const [id, identity] of there) {
    const version = held.get(made.get(id) ?? '')
    assert.equal(version && writer.identity(version), identity)
  }
  await compareStates(userId, otherId, made)
  const [first = ''] = made.keys()
  await writer.remove(first as GraphId, signal)
  await writer.remove(first as GraphId, signal)
})

test('what somebody did to a restored message since is told from its content', async () => {
  const [userId = '', otherId = ''] = await users()
  const { versions } = await copyMailbox(userId)
  const { writer: open, compare } = mailWorkload({ graph: writing, pageSize: 100 })
  const writer = open({ graphId: otherId as GraphId })
  const folder = await writer.createContainer('Seen', undefined, signal)
  const ids: GraphId[] = []
  for (const [n, version] of versions.slice(0, 8).entries()) {
    const creation = creationAt(folder, `seen/${n}`)
    const made = await writer.create(version, creation, signal)
    if (made.outcome !== 'created') continue
    const check = await writer.check(made.id, version, creation, signal)
    const now = await writer.present(made.id, signal)
    assert.ok('seen' in check && check.seen && now)
    assert.equal(compare(check.seen.marker, now.marker), 'same')
    assert.equal(now.container, folder)
    ids.push(made.id)
  }
  const [read, edited, moved, binned, deleted] = ids
  assert.ok(read && edited && moved && binned && deleted)
  const before = await writer.present(read, signal)
  await control.flag({ user: otherId, message: read, flagStatus: 'flagged' })
  const flagged = await writer.present(read, signal)
  assert.ok(before && flagged)
  assert.equal(compare(before.marker, flagged.marker), 'decoration')
  const same = await writer.present(edited, signal)
  await control.edit({ user: otherId, message: edited, body: 'another body' })
  const changed = await writer.present(edited, signal)
  assert.ok(same && changed)
  assert.equal(compare(same.marker, changed.marker), 'content')
  await control.move({ user: otherId, message: moved, folder: 'archive' })
  assert.notEqual((await writer.present(moved, signal))?.container, folder)
  await control.move({ user: otherId, message: binned, folder: 'deleteditems' })
  assert.equal((await writer.present(binned, signal))?.discarded, true)
  await writer.remove(deleted, signal)
  assert.equal(await writer.present(deleted, signal), undefined)
  assert.equal(await writer.removeEmptyContainer(folder, signal), 'not-empty')
  for (const id of ids) await writer.remove(id, signal)
  assert.equal(await writer.removeEmptyContainer(folder, signal), 'removed')
  assert.equal(await writer.removeEmptyContainer(folder, signal), 'gone')
})

test('a create whose answer is lost is made once, and its mark finds it', async () => {
  const [userId = '', otherId = ''] = await users()
  const reader = mailWorkload({ graph: reading, pageSize: 100 }).reader({
    graphId: userId as GraphId,
  })
  const { items } = await readAll(reader, 'inbox' as GraphId, null)
  const [item] = items
  assert.ok(item)
  const version = await hold(reader, item)
  const writer = mailWorkload({ graph: writing, pageSize: 100 }).writer({
    graphId: otherId as GraphId,
  })
  const folder = await writer.createContainer('Lost answers', undefined, signal)
  for (const [action, copies] of [
    ['drop-before', 0],
    ['drop-after', 1],
  ] as const) {
    await control.addFault({ method: 'POST', path: '/messages$', action })
    const lost = writer.create(version, creationAt(folder, action), signal)
    await assert.rejects(lost, (error) => hasCode(error, 'AnswerLost'))
    const found = await writer.find(searchAt(folder, action, version), signal)
    assert.equal(found.length, copies, action)
  }
})

/** The verdict: the tenant's own state of originals and copies. */
async function compareStates(from: string, to: string, made: Map<string, string>): Promise<void> {
  const originals = new Map(
    (await control.snapshot({ user: from })).messages.map((m) => [m.immutableId, m]),
  )
  const copies = (await control.snapshot({ user: to })).messages
  let compared = 0
  for (const copy of copies) {
    const original = originals.get(made.get(copy.immutableId) ?? '')
    if (original === undefined) continue
    compared += 1
    assert.deepEqual(comparable(copy), comparable(original), original.subject)
  }
  assert.equal(compared, made.size)
  assert.ok(compared > MESSAGES / 2)
}

function comparable(message: MessageSnapshot) {
  const { subject, from, sender, to, cc, bcc, replyTo, bodyType, bodySha256 } = message
  const { importance, isRead, isDraft, flag, categories, internetMessageId } = message
  return {
    ...{ subject, from, sender, to, cc, bcc, replyTo, bodyType, bodySha256 },
    ...{ importance, isRead, isDraft, flag, categories, internetMessageId },
    hasAttachments: message.hasAttachments,
    received: Math.floor(message.receivedMs / 1000),
    sent: Math.floor(message.sentMs / 1000),
    attachments: message.attachments
      // A nested message comes back as a file of all its bytes (docs/fidelity.md).
      .map(({ kind, name, contentType, isInline, contentId, sha256 }) =>
        kind === 'item'
          ? { name: `${name}.eml`, isInline, contentType: 'message/rfc822', contentId, sha256 }
          : { name, isInline, contentType, contentId, sha256 },
      )
      .sort((a, b) => (a.name < b.name ? -1 : 1)),
  }
}
