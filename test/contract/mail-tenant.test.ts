/**
 * The mail workload against the simulated tenant, over HTTP: a mailbox is read through the real
 * client, what was read is compared with what the tenant says it sent, and it is restored into
 * another mailbox and compared with the tenant's own state by code that imports nothing of src.
 */
import assert from 'node:assert/strict'
import { hash, randomBytes } from 'node:crypto'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  type ControlClient,
  createControlClient,
  type MailboxSnapshot,
  type MessageSnapshot,
  startTenant,
  type Tenant,
} from '../../sandbox/tenant/index.ts'
import { BACKUP_CLIENT_ID, RESTORE_CLIENT_ID } from '../../sandbox/tenant/index.ts'
import { createDirectory, createGovernor, createGraph, type Graph } from '../../src/graph/index.ts'
import { CONTAINERS, type RepresentationName } from '../../src/model/events.ts'
import type { GraphId } from '../../src/model/ids.ts'
import type { Clock, Randomness } from '../../src/ports.ts'
import { mailWorkload } from '../../src/workloads/mail/index.ts'
import type { HeldVersion, Present, StreamReader } from '../../src/workloads/workload.ts'

const MESSAGES = 60
const signal = AbortSignal.timeout(60_000)
const clock: Clock = { now: Date.now, sleep: (ms, stop) => sleep(ms, undefined, { signal: stop }) }
const random: Randomness = { bytes: (count) => randomBytes(count) }

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
  reading = await graphAs(BACKUP_CLIENT_ID)
  writing = await graphAs(RESTORE_CLIENT_ID)
})

after(() => tenant.stop())

async function graphAs(clientId: string): Promise<Graph> {
  const { token } = await control.issueAppToken({ clientId })
  return createGraph({
    baseUrl: tenant.url,
    scope: 'https://graph.microsoft.com/.default',
    app: clientId,
    tokens: { token: () => Promise.resolve({ token, expiresAt: Number.MAX_SAFE_INTEGER }) },
    transport: (request) => fetch(request),
    governor: createGovernor({ clock, random }),
    clock,
    random,
  })
}

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
  const reader = mailWorkload({ graph: reading, pageSize: 20 }).reader({ graphId: userId as GraphId })
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
    representations.set(part.name, Buffer.concat(await Array.fromAsync(part.bytes)))
  }
  const { id, place, display } = item
  return { item: id, place, display, representations }
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
  const { messages } = await control.mimeLog({ user: userId })
  const truth = protectedMessages(await control.snapshot({ user: userId }))
  assert.deepEqual(new Set(versions.map(({ item }) => item)), new Set(truth.map((m) => m.immutableId)))
  for (const version of versions) {
    const mime = version.representations.get('mime')
    assert.ok(mime)
    const log = messages.find(({ id }: { id: string }) => id === version.item)
    assert.ok(log?.sha256.includes(hash('sha256', mime)), 'the MIME is one that was sent')
  }
  assert.ok(folders.items.some(({ display }) => display.wellKnownName === 'inbox'))
  assert.ok(folders.items.some(({ excluded }) => excluded === 'search-folder'))
  assert.ok(reader.requests() < versions.length + 80, `${reader.requests()} requests`)
})
