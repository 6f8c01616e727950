/**
 * Capture over the simulated tenant, through the real client: every way in which Graph refuses a
 * link or misleads a walk, and nothing that happened meanwhile is missed (facts on Graph, 7).
 */

import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { after, before, test } from 'node:test'
import {
  BACKUP_CLIENT_ID,
  type ControlClient,
  createControlClient,
  startTenant,
  type Tenant,
} from '../../sandbox/tenant/index.ts'
import { runSlice, type SliceResult } from '../../src/capture/index.ts'
import { SLICE_SETTINGS } from '../../src/capture/testing/settings.ts'
import { createDirectory, type Graph } from '../../src/graph/index.ts'
import { CONTAINERS } from '../../src/model/events.ts'
import { type GraphId, keyHash, parseOwnerId } from '../../src/model/ids.ts'
import { memoryBackend } from '../../src/vault/testing/memory-backend.ts'
import { mailWorkload } from '../../src/workloads/mail/index.ts'
import { graphAs } from './tenant-graph.ts'

const MIB = 1024 * 1024
const LAG_MS = 1_800_000
const HOUR_MS = 3_600_000
const SLICES_MAX = 20
/** Folders whose mail is shown to nobody. */
const NOT_READ = /^(Recoverable|Sync Issues|Deletions|Purges)/
const signal = AbortSignal.timeout(110_000)

let tenant: Tenant
let control: ControlClient
let graph: Graph
let user: string

before(async () => {
  tenant = await startTenant({
    seed: { seed: 7, users: 1, messages: 40 },
    settings: { latencyMs: 0, deltaNoise: false },
  })
  control = createControlClient(tenant.controlUrl)
  graph = await graphAs(BACKUP_CLIENT_ID, { tenant, control })
  user = await userWithMailbox()
})
after(() => tenant.stop())

async function userWithMailbox(): Promise<string> {
  const directory = createDirectory(graph, tenant.tenantId)
  for (const { id } of (await directory.users(null, signal)).users) {
    if ((await directory.mailbox(id, signal)).state === 'ready') return id
  }
  throw new Error('no user has a mailbox')
}

/** A backup of the mailbox, from nothing. */
async function backup(settings: { pageSize?: number } = {}) {
  const start = Date.now()
  const backend = memoryBackend({ start, packBytes: MIB })
  const { vault, catalogue } = backend
  const owner = parseOwnerId(randomBytes(16).toString('hex'))
  const graphId = user as GraphId
  await vault.prepare(signal)
  await vault.registerOwner({ owner, graphId, kind: 'user', name: 'U' }, signal)
  await catalogue.owners.insert(
    {
      owner,
      resource: keyHash(graphId),
      graphId,
      workloads: ['mail'],
      dueAt: new Date(start).toISOString(),
      coverage: 'waiting',
      trouble: '',
      attempts: 0,
      ledgerOpen: 0,
    },
    signal,
  )
  const workload = mailWorkload({ graph, pageSize: settings.pageSize ?? 10 })
  const deps = {
    vault,
    catalogue,
    workload: () => workload,
    clock: backend.clock,
    settings: { ...SLICE_SETTINGS, deletionLagMs: LAG_MS, sliceMs: 100_000 },
  }
  const tables = catalogue.stream(owner, 'mail')
  const slice = async (): Promise<SliceResult> =>
    await runSlice({ owner, holder: 't', progress: async () => undefined }, deps, signal)

  async function round(): Promise<SliceResult> {
    for (let n = 0; n < SLICES_MAX; n += 1) {
      const result = await slice()
      if (result.state === 'done') return result
      backend.clock.advance(60_000)
    }
    throw new Error('the mailbox does not settle')
  }

  /** Message ids by folder id, as the newest point lists them. */
  async function held(): Promise<Map<string, string[]>> {
    const head = await tables.head(signal)
    assert.ok(head)
    const found = new Map<string, string[]>()
    const folders = await tables.list(CONTAINERS, head.seq, { max: 1000 }, signal)
    for (const { item } of folders.items) {
      const { items } = await tables.list(item, head.seq, { max: 1000 }, signal)
      if (items.length > 0) found.set(item, items.map((listed) => listed.item).sort())
    }
    return found
  }

  /** The code of what is in the ledger; empty: nothing. */
  async function trouble(): Promise<string> {
    for await (const { event } of tables.open(signal)) if (event.op === 'ledger') return event.code
    return ''
  }

  /** Two rounds, the lag apart and late enough for the ledger, and then what is held is what is there. */
  async function settle(): Promise<void> {
    backend.clock.advance(HOUR_MS)
    await round()
    backend.clock.advance(LAG_MS)
    await round()
    assert.deepEqual(await held(), await there())
  }

  await round()
  return { slice, round, settle, held, trouble }
}

async function there(): Promise<Map<string, string[]>> {
  const { messages } = await control.snapshot({ user })
  const read = messages.filter(({ folderPath }) => !NOT_READ.test(folderPath))
  const groups = Map.groupBy(read, ({ folderId }) => folderId)
  return new Map([...groups].map(([folder, all]) => [folder, all.map((m) => m.immutableId).sort()]))
}

/** Something of everything, which no link will tell of. */
async function changes(): Promise<void> {
  const { messages } = await control.messages({ user, folder: 'inbox' })
  const [gone, moved] = messages.map((message) => message.id)
  assert.ok(gone && moved)
  await control.delete({ user, message: gone, mode: 'hard' })
  await control.move({ user, message: moved, folder: 'archive' })
  await control.deliver({ user, subject: 'new' })
}

for (const form of [
  'gone',
  'gone-location',
  'gone-bad-location',
  'not-found',
  'sync-folder-not-found',
  'sync-state-not-found',
  'sync-state-invalid',
] as const) {
  test(`P2: links that are refused in the form "${form}" hide no change and no deletion`, async () => {
    const { settle } = await backup()
    await changes()
    await control.expireLinks({ user, form })
    await settle()
  })
}

test('a position that expires amid a full read begins it again', async () => {
  const { settle, slice, trouble } = await backup({ pageSize: 3 })
  await changes()
  await control.expireLinks({ user })
  await control.settings({ positionLinkMs: 1 })
  try {
    await slice()
    assert.equal(await trouble(), 'LinksRefused')
  } finally {
    await control.settings({ positionLinkMs: 0 })
  }
  await settle()
})

test('a folder that vanished with more mail than a few is asked for, and gone', async () => {
  const { id } = await control.createFolder({ user, folder: 'msgfolderroot', name: 'Projects' })
  for (let n = 0; n < 25; n += 1) await control.deliver({ user, folder: id, subject: `p ${n}` })
  const { settle, round, held } = await backup()
  assert.equal((await held()).get(id)?.length, 25)
  await control.deleteFolder({ user, folder: id })
  await control.expireLinks({ user, kind: 'delta' })
  assert.equal((await round()).counts.left, 26, 'the folder and its mail')
  await settle()
})

for (const kind of ['repeat', 'endless'] as const) {
  test(`links that ${kind === 'repeat' ? 'name themselves' : 'never end'} are said, other folders are read, and later all is there`, async () => {
    const { settle, slice, trouble } = await backup()
    await control.loopLinks({ user, folder: 'inbox', kind })
    await control.deliver({ user, subject: 'late' })
    const { id } = await control.deliver({ user, folder: 'archive', subject: 'elsewhere' })
    const result = await slice()
    assert.deepEqual([result.state, await trouble()], ['done', 'EndlessPages'])
    assert.equal(result.counts.stored, 1, `${id} in the other folder`)
    await control.stopLoop({ user, folder: 'inbox' })
    await settle()
  })
}

test('folders that lag, each for itself, end no mail that was moved between them', async () => {
  const { settle, round } = await backup()
  const { id } = await control.deliver({ user, folder: 'archive', subject: 'mover' })
  await round()
  // The archive goes on showing what has been in the inbox for long.
  await control.setFolderLag({ user, folder: 'archive', lagMs: HOUR_MS })
  await control.move({ user, message: id, folder: 'inbox' })
  await round()
  await control.expireLinks({ user, folder: 'archive' })
  await round()
  await control.setFolderLag({ user, folder: 'archive', lagMs: null })
  await settle()
})

for (const kind of [
  'truncated-json',
  'raw-controls',
  'false-404',
  'throttled-fraction',
  'unavailable-html',
] as const) {
  test(`answers of the kind "${kind}" amid a full comparison hide nothing`, async () => {
    const { settle } = await backup()
    await changes()
    await control.expireLinks({ user })
    await control.addFault({ method: 'GET', path: '/messages/delta', action: kind, timesMax: 3 })
    try {
      await settle()
    } finally {
      await control.clearFaults({})
    }
  })
}
