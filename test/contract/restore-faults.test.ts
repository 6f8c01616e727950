/**
 * A ransomware day and its restore over a service that fails one call in ten, in every way that
 * the simulated tenant knows: the product's restore, mail workload and Graph client over HTTP.
 * The verdict is the tenant's own state. Time runs faster here for the product, so that its waits
 * take no time; the held versions are in memory, because the vault has no part in this.
 */
import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  BACKUP_CLIENT_ID,
  type ControlClient,
  createControlClient,
  type MessageSnapshot,
  RESTORE_CLIENT_ID,
  startTenant,
  type Tenant,
} from '../../sandbox/tenant/index.ts'
import { systemRandomness as random } from '../../src/adapters/system.ts'
import { createCatalogue } from '../../src/catalogue/index.ts'
import {
  aCommit,
  anOwner,
  iso,
  OWNER,
  SECRET,
  TENANT,
} from '../../src/catalogue/testing/fixtures.ts'
import { memoryTableStore } from '../../src/catalogue/testing/memory-table-store.ts'
import type { Catalogue, Resource } from '../../src/catalogue/types.ts'
import { AppError, invariant } from '../../src/model/errors.ts'
import { CONTAINERS, type PutEvent, type Representation } from '../../src/model/events.ts'
import { type GraphId, keyHash, parsePackId } from '../../src/model/ids.ts'
import type { Clock } from '../../src/ports.ts'
import { createRestore, type Restore, type RestoreDeps } from '../../src/restore/index.ts'
import { createMemoryBlobStore } from '../../src/vault/testing/memory-blob-store.ts'
import type { ContentReader } from '../../src/vault/types.ts'
import { mailWorkload } from '../../src/workloads/mail/index.ts'
import type { Present, StreamReader } from '../../src/workloads/workload.ts'
import { graphAs } from './tenant-graph.ts'

const MESSAGES = 60
const RATE = 60
const SLICE_MS = 240_000
const STEPS_MAX = 500
const never = new AbortController().signal
const startedAt = Date.now()
const clock: Clock = {
  now: () => startedAt + (Date.now() - startedAt) * RATE,
  sleep: (ms, stop) => sleep(ms / RATE, undefined, { signal: stop }),
}
const settings = { lagMs: 20_000, sliceMs: SLICE_MS, leaseMarginMs: 10_000 }

let tenant: Tenant
let control: ControlClient

before(async () => {
  tenant = await startTenant({
    seed: { seed: 11, users: 1, messages: MESSAGES },
    settings: { latencyMs: 0, mailAdvanced: true, throttling: false, filterLagMs: 100 },
  })
  control = createControlClient(tenant.controlUrl)
})

after(() => tenant.stop())

/** Plaintexts by their hash: all that a restore wants of a vault. */
class Held {
  readonly #bytes = new Map<string, Uint8Array>()

  add(name: Representation['name'], bytes: Uint8Array): Representation {
    const sha256 = hash('sha256', bytes)
    this.#bytes.set(sha256, bytes)
    const id = hash('sha256', `segment ${sha256}`) as Representation['segments'][0]['id']
    const pack = parsePackId(hash('sha256', 'pack'))
    const size = { sealedBytes: bytes.length + 32, plainBytes: bytes.length }
    return { name, bytes: bytes.length, sha256, segments: [{ id, pack, offset: 0, ...size }] }
  }

  vault(): RestoreDeps['vault'] {
    const unused = () => {
      throw new AppError({ code: 'NotScripted', kind: 'bug', message: 'Not used by a restore.' })
    }
    const bytesOf = ({ sha256 }: { sha256: string }) => {
      const bytes = this.#bytes.get(sha256)
      invariant(bytes !== undefined, 'the test holds what it restores')
      return Promise.resolve(bytes)
    }
    const reader: ContentReader = {
      read: unused,
      readFrom: unused,
      segment: unused,
      readAll: bytesOf,
      metadata: async (representation) => ({
        holdfast: 1,
        item: 'any' as GraphId,
        kind: 'item',
        container: 'any' as GraphId,
        workload: 'mail',
        capturedAt: iso(0),
        contents: [],
        json: JSON.parse(Buffer.from(await bytesOf(representation)).toString()),
      }),
    }
    return { reader: () => reader, indexSecret: () => Promise.resolve(SECRET) }
  }
}

async function allOf(reader: StreamReader, container: GraphId): Promise<Present[]> {
  const items = new Map<string, Present>()
  let link: string | null = null
  for (let pages = 0; pages < 500; pages += 1) {
    const page = await reader.changes(container, link, never)
    for (const change of page.changes) if (change.op === 'present') items.set(change.id, change)
    if (page.delta !== undefined) return [...items.values()]
    link = page.next ?? null
  }
  throw new Error('too many pages')
}

/** A put event of what is there now, with its plaintexts held. */
async function putOf(held: Held, reader: StreamReader, item: Present): Promise<PutEvent> {
  const { kind, id, place, marker, display, excluded } = item
  const representations = [held.add('json', Buffer.from(JSON.stringify(item.json)))]
  if (kind === 'item') {
    const content = await reader.content(item, never)
    assert.equal(content.outcome, 'content')
    for (const part of content.outcome === 'content' ? content.parts : []) {
      const chunks: Uint8Array[] = []
      for await (const chunk of part.bytes) chunks.push(chunk)
      representations.push(held.add(part.name, Buffer.concat(chunks)))
    }
  }
  const shown = excluded === undefined ? display : { ...display, excluded }
  return { op: 'put', kind, item: id, why: 'new', place, marker, display: shown, representations }
}

/** One commit of the whole mailbox as it is. */
async function backup(userId: string): Promise<{ catalogue: Catalogue; held: Held }> {
  const { reader: open } = mailWorkload({
    graph: await graphAs(BACKUP_CLIENT_ID, { tenant, control }, { attemptMs: SLICE_MS }),
    pageSize: 50,
  })
  const reader = open({ graphId: userId as GraphId })
  const held = new Held()
  const folders = await allOf(reader, CONTAINERS)
  const events: PutEvent[] = []
  for (const folder of folders) {
    events.push(await putOf(held, reader, folder))
    if (!folder.hasCursor) continue
    for (const item of await allOf(reader, folder.id)) events.push(await putOf(held, reader, item))
  }
  const windows = { protectionDays: 30, generationDays: 30 }
  const tables = memoryTableStore()
  const catalogue = createCatalogue({ tables, tenantId: TENANT, clock, random, ...windows })
  const user = { graphId: userId as GraphId, resource: keyHash(userId) }
  await catalogue.owners.insert(anOwner(user), never)
  const resource: Resource = {
    key: user.resource,
    kind: 'user',
    graphId: user.graphId,
    name: 'User',
    address: 'user@example.org',
    state: 'protected',
    reason: '',
    owner: OWNER,
    workloads: ['mail'],
    seenAt: iso(0),
  }
  await catalogue.resources.update(resource.key, () => resource, never)
  const notAfter = Number.MAX_SAFE_INTEGER
  await catalogue
    .stream(OWNER, 'mail')
    .apply(aCommit(1, events), { secret: SECRET, notAfter }, never)
  return { catalogue, held }
}

/** Plans, starts and works a job to its end, as its orchestrations do. */
async function driven(restore: Restore, job: string) {
  for (let n = 0; n < STEPS_MAX; n += 1) {
    const outcome = await restore.step(job, { deadline: clock.now() + SLICE_MS }, never)
    assert.notEqual(outcome.state, 'failed')
    if (outcome.state === 'wait') await clock.sleep(outcome.waitMs, never)
    if (outcome.state !== 'done') continue
    const report = await restore.report(job, { max: 1000 }, never)
    if (report.state !== 'planned') return report
    await restore.start(job, report.planHash, 'operator', never)
  }
  throw new Error('the job does not come to its end')
}

/** Every message of the mailbox that a user can see, by its content. */
async function visible(user: string): Promise<MessageSnapshot[]> {
  const snapshot = await control.snapshot({ user })
  const hidden = /^(Sync Issues|Recoverable|Deletions|Purges|Versions)/
  const shown = snapshot.folders.filter((f) => !f.search && !hidden.test(f.path))
  const ids = new Set(shown.map(({ id }) => id))
  return snapshot.messages.filter(({ folderId }) => ids.has(folderId))
}

const contentOf = (m: MessageSnapshot) =>
  JSON.stringify([m.folderId, m.internetMessageId, m.subject, m.bodySha256])

test('a restore and its undo lose nothing and make nothing twice while one call in ten fails', async () => {
  const [user] = (await control.users({})).users.filter(({ mailbox }) => mailbox)
  assert.ok(user)
  const { catalogue, held } = await backup(user.id)
  const original = await visible(user.id)
  const { encrypted, deleted } = await control.ransom({ user: user.id, share: 0.6, note: false })
  const attacked = await visible(user.id)
  const fault = await control.addFault({ path: '.*', action: 'mix', rate: 0.1 })
  const time = { clock, attemptMs: SLICE_MS }
  const graph = await graphAs(RESTORE_CLIENT_ID, { tenant, control }, time)
  const workload = mailWorkload({ graph, pageSize: 50 })
  const deps = {
    catalogue,
    vault: held.vault(),
    pins: createMemoryBlobStore(clock.now),
    workloads: () => workload,
    clock,
    random,
    settings,
  }
  const restore = createRestore(deps)
  const request = {
    resource: keyHash(user.id),
    at: { seq: 1 },
    selection: { all: true },
    destination: { kind: 'original' },
    conflict: 'copy',
  }

  const { id } = await restore.create(request, 'operator', never)
  const report = await driven(restore, id)
  const { totals, counts } = report
  assert.equal(totals.items, original.length)
  assert.deepEqual([totals.copy, totals.restore], [encrypted.length, deleted.length])
  assert.equal(totals.alreadyThere, original.length - encrypted.length - deleted.length)
  assert.equal(counts.restored + counts.refused, totals.create, 'each comes back or is refused')
  const refused = report.lines.filter((line) => line.outcome === 'refused')
  assert.ok(refused.every((line) => line.code === 'needs-exact-lane'))
  const now = (await visible(user.id)).map(contentOf)
  const missing = original.map(contentOf).filter((content) => !now.includes(content))
  assert.equal(missing.length, refused.length, 'nothing is lost')
  assert.equal(now.length, attacked.length + counts.restored, 'nothing is made twice')

  const undo = await restore.undo(id, 'operator', never)
  const undone = await driven(restore, undo.id)
  assert.equal(undone.counts.removed, counts.restored)
  const left = (await visible(user.id)).map(contentOf)
  assert.deepEqual(
    left.sort(),
    attacked.map(contentOf).sort(),
    'only what the restore made is gone',
  )

  const { faults } = await control.listFaults({})
  const hits = faults.find((each) => each.id === fault.id)?.hitsByAction ?? {}
  assert.ok(Object.keys(hits).length >= 12, `kinds met: ${Object.keys(hits).join(' ')}`)
})
