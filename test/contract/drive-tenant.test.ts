/**
 * The drive workload against the simulated tenant, over HTTP: a site is read through the real
 * client, and what was read is compared with the tenant's own state, which no code of src tells.
 */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { after, before, test } from 'node:test'
import {
  BACKUP_CLIENT_ID,
  type ControlClient,
  createControlClient,
  startTenant,
  type Tenant,
} from '../../sandbox/tenant/index.ts'
import { systemClock } from '../../src/adapters/system.ts'
import { createSites, type Graph, sharePointOf } from '../../src/graph/index.ts'
import { hasCode } from '../../src/model/errors.ts'
import { CONTAINERS } from '../../src/model/events.ts'
import type { GraphId } from '../../src/model/ids.ts'
import { type DriveOptions, driveReading } from '../../src/workloads/drive/index.ts'
import { readPermissions } from '../../src/workloads/drive/permissions.ts'
import type { LongPosition, Present, Removed, StreamReader } from '../../src/workloads/workload.ts'
import { graphAs } from './tenant-graph.ts'

const signal = AbortSignal.timeout(120_000)
const PAGES_MAX = 1000

let tenant: Tenant
let control: ControlClient
let graph: Graph

before(async () => {
  tenant = await startTenant({
    seed: { seed: 11, users: 2, messages: 0 },
    settings: { latencyMs: 0, unitsPerMinute: 1_000_000 },
  })
  control = createControlClient(tenant.controlUrl)
  graph = await graphAs(BACKUP_CLIENT_ID, { tenant, control })
})

after(() => tenant.stop())

interface TestSite {
  site: GraphId
  drive: GraphId
}

let sites = 0

/** A site with a library of some folders and files of every sort. */
async function makeSite(): Promise<TestSite> {
  sites += 1
  const { id, drive } = await control.createSite({ path: `/sites/files-${sites}` })
  for (let n = 0; n < 30; n += 1) {
    const path = `${n % 2 === 0 ? 'Even' : 'Odd/Deep'}/file ${n} #%&'+ü.txt`
    await control.putFile({ drive, path, text: `content of ${n}` })
  }
  await control.putFile({ drive, path: 'empty.txt', text: '' })
  await control.putFile({ drive, path: 'data.json', text: '{"error":{"code":"itemNotFound"}}' })
  const generated = { seed: 1, size: 3_000_000, kind: 'binary' } as const
  await control.putFile({ drive, path: 'Odd/large.bin', generated })
  await control.putFile({ drive, path: 'Plan.docx', text: 'rewritten', shownSize: 7 })
  await control.putFile({ drive, path: 'no hash.one', text: 'x', shownHash: null })
  await control.makeFolder({ drive, path: 'Notebook', notebook: true })
  await control.putFile({ drive, path: 'Notebook/page.one', text: 'a page' })
  const target = await control.putFile({ drive, path: 'Even/target.txt', text: 'target' })
  await control.makeShortcut({ drive, path: 'pointer', target: { drive, item: target.id } })
  return { site: id as GraphId, drive: drive as GraphId }
}

function workload(options: Partial<DriveOptions> = {}) {
  return driveReading({
    ...{ graph, clock: systemClock, tenant: tenant.tenantId },
    ...{ pageSize: 10, includeInfected: false, ...options },
  })
}

interface Read {
  present: Map<string, Present>
  removed: Removed[]
  delta: string
  pages: number
}

async function readAll(
  reader: StreamReader,
  container: GraphId,
  from: string | null = null,
): Promise<Read> {
  const read: Read = { present: new Map(), removed: [], delta: '', pages: 0 }
  let link = from
  while (read.pages < PAGES_MAX) {
    const page = await reader.changes(container, link, signal)
    read.pages += 1
    for (const change of page.changes) {
      if (change.op === 'present') read.present.set(change.id, change)
      else read.removed.push(change)
    }
    if (page.delta !== undefined) return { ...read, delta: page.delta }
    link = page.next ?? null
  }
  throw new Error('the walk does not end')
}

async function sha256Of(bytes: AsyncIterable<Uint8Array>): Promise<string> {
  const hash = createHash('sha256')
  for await (const piece of bytes) hash.update(piece)
  return hash.digest('hex')
}

async function contentHash(reader: StreamReader, item: Present): Promise<string | null> {
  const outcome = await reader.content(item, signal)
  assert.equal(outcome.outcome, 'content', item.display.name)
  const [part] = outcome.outcome === 'content' ? outcome.parts : []
  return part === undefined ? null : await sha256Of(part.bytes)
}

/** Path of what was read, from names and parents alone. */
function pathOf(read: Read, id: string, drive: string): string {
  const names: string[] = []
  for (let at = id; at !== drive; ) {
    const one = read.present.get(at)
    assert.ok(one, `${at} is known`)
    names.unshift(one.display.name)
    at = one.kind === 'item' ? one.place.container : (one.display.parent ?? drive)
  }
  return names.join('/')
}

function named(read: Read, name: string): Present {
  const found = [...read.present.values()].find(({ display }) => display.name === name)
  assert.ok(found, name)
  return found
}

test('a library is read whole: every path, date and byte, at little more than a unit a file', async () => {
  const { site, drive } = await makeSite()
  const reader = workload().reader({ graphId: site })
  await control.resetCounts({})
  const drives = await readAll(reader, CONTAINERS)
  assert.ok(drives.present.has(drive))
  const read = await readAll(reader, drive)
  const truth = await control.driveSnapshot({ drive })
  assert.deepEqual(
    [...read.present.keys()].map((id) => pathOf(read, id, drive)).sort(),
    truth.items.map(({ path }) => path).sort(),
  )
  for (const item of truth.items) {
    const found = read.present.get(`${drive}/${item.id}`)
    assert.ok(found)
    assert.equal(
      found.kind,
      item.kind === 'folder' || item.kind === 'notebook' ? 'container' : 'item',
    )
    if (found.kind === 'container') continue
    assert.equal(await contentHash(reader, found), item.sha256, item.path)
    const json = JSON.stringify(found.json)
    assert.ok(json.includes(new Date(item.fsModifiedMs).toISOString().slice(0, 19)), item.path)
    assert.doesNotMatch(json, /tempauth/, 'no address is kept')
  }
  const { units } = await control.counts({})
  assert.deepEqual(reader.units?.(), { all: units.total, permissions: 0 })
  // The list of drives and pages of ten; files, less the empty one and the pointer; one question.
  const files = truth.items.filter(({ kind, bytes }) => kind === 'file' && bytes > 0).length
  assert.ok(units.total <= 2 + 1 + read.pages + files + 1, `${units.total} units`)
})

test('an unchanged library costs one unit, and after changes little more than they are', async () => {
  const { site, drive } = await makeSite()
  const { compare, reader: open } = workload()
  const reader = open({ graphId: site })
  const drives = await readAll(reader, CONTAINERS)
  const first = await readAll(reader, drive)
  const links = new Map([
    [CONTAINERS, drives.delta],
    [drive, first.delta],
  ])
  const start = reader.units?.().all ?? 0
  assert.equal(await reader.changedSince?.(links, signal), false)
  assert.equal((reader.units?.().all ?? 0) - start, 1)

  const folder = named(first, 'Odd')
  const [even = '', odd = ''] = [named(first, 'Even').id, folder.id].map((id) => id.split('/')[1])
  const at = (name: string) => ({ drive, item: named(first, name).id.split('/')[1] ?? '' })
  await control.renameItem({ ...at('Odd'), name: 'Renamed' })
  await control.moveItem({ ...at('data.json'), target: even })
  await control.putFile({ drive, path: 'empty.txt', text: 'no more' })
  await control.deleteItem(at('Plan.docx'))
  const made = await control.putFile({ drive, path: 'Even/new.txt', text: 'new' })
  const brief = await control.putFile({ drive, path: 'brief.txt', text: 'brief' })
  await control.deleteItem({ drive, item: brief.id })

  assert.equal(await reader.changedSince?.(links, signal), true)
  const before = reader.units?.().all ?? 0
  const later = await readAll(reader, drive, first.delta)
  assert.ok((reader.units?.().all ?? 0) - before <= later.pages + 1)
  const said = (name: string) => {
    const now = named(later, name)
    const then = first.present.get(now.id)
    return then === undefined ? 'new' : compare(then.marker, now.marker)
  }
  assert.equal(named(later, 'Renamed').id, `${drive}/${odd}`)
  assert.equal(said('data.json'), 'decoration')
  assert.equal(named(later, 'data.json').place.container, `${drive}/${even}`)
  assert.equal(said('empty.txt'), 'content')
  assert.equal(said('new.txt'), 'new')
  assert.ok(later.present.has(`${drive}/${made.id}`))
  const below = [...first.present.values()].filter(({ place }) => place.container === folder.id)
  assert.ok(below.length > 0)
  assert.ok(
    !below.some(({ id }) => later.present.has(id)),
    'below a renamed folder nothing is told',
  )
  const gone = new Set(later.removed.map(({ id }) => id))
  assert.ok(gone.has(named(first, 'Plan.docx').id))
  assert.ok(!later.present.has(`${drive}/${brief.id}`))
  assert.equal(await reader.item(named(first, 'Plan.docx').id, signal), undefined)
  assert.equal((await reader.item(folder.id, signal))?.display.name, 'Renamed')
})

test('a file that SharePoint rewrote is taken with a note; malware where the setting says so', async () => {
  const { site, drive } = await makeSite()
  const flagged = await control.putFile({ drive, path: 'bad.exe', text: 'eicar' })
  await control.flagMalware({ drive, item: flagged.id, malware: 'Eicar' })
  const reader = workload().reader({ graphId: site })
  const read = await readAll(reader, drive)
  const office = await reader.content(named(read, 'Plan.docx'), signal)
  assert.ok(office.outcome === 'content')
  for (const part of office.parts) await sha256Of(part.bytes)
  assert.equal(office.note?.()?.['hashDiffers'], true)
  const refused = await reader.content(named(read, 'bad.exe'), signal)
  assert.equal(refused.outcome === 'ledger' && refused.code, 'MalwareDetected')
  await control.setAppPermissions({
    clientId: BACKUP_CLIENT_ID,
    permissions: ['Sites.Read.All', 'Files.Read.All', 'User.Read.All'],
  })
  const forced = workload({ includeInfected: true }).reader({ graphId: site })
  const sha256 = createHash('sha256').update('eicar').digest('hex')
  assert.equal(await contentHash(forced, named(read, 'bad.exe')), sha256)
})

test('expired addresses, missing ones and ignored ranges lose no byte', async () => {
  const { site, drive } = await makeSite()
  await control.settings({ missingUrls: 0.5, ignoredRanges: 0.5 })
  try {
    const reader = workload().reader({ graphId: site })
    const read = await readAll(reader, drive)
    await control.expireDownloads({})
    const truth = await control.driveSnapshot({ drive })
    for (const item of truth.items) {
      const found = read.present.get(`${drive}/${item.id}`)
      if (found?.kind !== 'item') continue
      assert.equal(await contentHash(reader, found), item.sha256, item.path)
    }
  } finally {
    await control.settings({ missingUrls: 0, ignoredRanges: 0 })
  }
})

test('a long file goes on over slices, and is begun anew when it changed', async () => {
  const { site, drive } = await makeSite()
  const open = () => workload({ longBytes: 1_000_000 }).reader({ graphId: site })
  const large = named(await readAll(open(), drive), 'large.bin')
  const truth = await control.driveSnapshot({ drive })
  const hash = createHash('sha256')
  let at: LongPosition | undefined
  for (let slice = 0, ended = false; !ended && slice < 20; slice += 1) {
    const { long } = open()
    assert.ok(long)
    ended = true
    await control.expireDownloads({})
    for await (const { bytes, next } of long.read(large, at, 256 * 1024, signal)) {
      hash.update(bytes)
      at = next
      ended = false
      if (slice < 3) break
      ended = true
    }
  }
  const sha256 = truth.items.find(({ path }) => path === 'Odd/large.bin')?.sha256
  assert.equal(hash.digest('hex'), sha256)
  const generated = { seed: 2, size: 3_000_000, kind: 'binary' } as const
  await control.putFile({ drive, path: 'Odd/large.bin', generated })
  const again = open().long?.read(large, at, 256 * 1024, signal)
  await assert.rejects(
    async () => again && (await again[Symbol.asyncIterator]().next()),
    (error) => hasCode(error, 'ContentChanged'),
  )
})

test('a link that is refused, in whatever form, is a resync; a drive that is gone is gone', async () => {
  const { site, drive } = await makeSite()
  const reader = workload().reader({ graphId: site })
  for (const form of [
    'gone',
    'gone-location',
    'gone-bad-location',
    'gone-upload',
    'not-found',
  ] as const) {
    const { delta } = await readAll(reader, drive)
    await control.expireTokens({ drive, form })
    const refused = reader.changes(drive, delta, signal)
    await assert.rejects(refused, (error) => hasCode(error, 'ResyncNeeded'), form)
  }
  const { delta } = await readAll(reader, drive)
  await control.deleteLibrary({ drive })
  await assert.rejects(reader.changes(drive, delta, signal), (error) => hasCode(error, 'ItemGone'))
  assert.equal(await reader.item(drive, signal), undefined)
})

test('a delta that goes round in a circle, or never ends, is noticed', async () => {
  const { site, drive } = await makeSite()
  await control.loopDelta({ drive, kind: 'repeat' })
  const reader = workload().reader({ graphId: site })
  await assert.rejects(readAll(reader, drive), (error) => hasCode(error, 'EndlessPages'))
  await control.stopDeltaLoop({ drive })
  assert.ok((await readAll(workload().reader({ graphId: site }), drive)).present.size > 30)
})

test('sites are found with their states, and whose they are', async () => {
  const { site, drive } = await makeSite()
  const found = createSites(graph, tenant.tenantId)
  const listed = async () => {
    const ids = new Map<string, string>()
    let link: string | null = null
    do {
      const page: Awaited<ReturnType<typeof found.all>> = await found.all(link, signal)
      for (const one of page.sites) ids.set(one.id, one.state)
      link = page.next ?? null
    } while (link !== null)
    return ids
  }
  assert.equal((await listed()).get(site), 'live')
  assert.equal((await found.look(site, signal)).state, 'live')
  const { id: below } = await control.createSite({ path: '/sites/below', parent: site })
  assert.deepEqual(
    (await found.subsites(site, signal)).map(({ id }) => id),
    [below],
  )
  const reader = workload().reader({ graphId: site })
  const { delta } = await readAll(reader, drive)
  for (const state of ['locked', 'fullyArchived'] as const) {
    await control.setSiteState({ site, state })
    assert.equal((await found.look(site, signal)).state, state === 'locked' ? 'locked' : 'archived')
    const refused = reader.changes(drive, delta, signal)
    await assert.rejects(refused, (error) => hasCode(error, 'ContentNotAvailable'), state)
  }
  await control.setSiteState({ site, state: 'live' })
  const [person] = (await control.users({})).users
  assert.ok(person)
  const { id: personal } = await control.createOneDrive({ user: person.id })
  assert.ok((await listed()).has(personal))
  assert.equal((await found.look(personal, signal)).owner, person.id)
  const made = { path: '/sites/team', displayName: 'The Team', group: true }
  const { id: team } = await control.createSite(made)
  const { group } = await found.look(team, signal)
  assert.deepEqual([group?.name, group?.address.split('@')[0]], ['The Team', 'team'])
  assert.equal(group?.id, (await control.sites({})).sites.find(({ id }) => id === team)?.group)
  await control.deleteSite({ site })
  assert.equal((await found.look(site, signal)).state, 'deleted')
  const list = workload().reader({ graphId: site }).changes(CONTAINERS, null, signal)
  await assert.rejects(list, (error) => hasCode(error, 'ContentNotAvailable'))
})

test('who may see a file and what it was before are read where that is asked for', async () => {
  const { site, drive } = await makeSite()
  await control.putFile({ drive, path: 'Even/target.txt', text: 'second' })
  await control.putFile({ drive, path: 'Even/target.txt', text: 'third' })
  const grantee = { id: 'g', displayName: 'Guest' }
  await control.shareItem({ drive, item: 'Even/target.txt', grantees: [grantee] })
  const read = await readAll(workload().reader({ graphId: site }), drive)
  const shared = [...read.present.values()].filter(({ marker }) => marker.sharing !== undefined)
  const target = named(read, 'target.txt')
  assert.deepEqual(
    shared.map(({ id }) => id),
    [target.id],
  )
  const sharePoint = sharePointOf(graph, tenant.tenantId)
  const permissions = await readPermissions(sharePoint, target.id, signal)
  assert.equal(permissions.own.length, 1)
  assert.equal(sharePoint.permissionUnits(), 5)
  const reader = workload().reader({ graphId: site, earlierVersions: 'all' })
  const texts: string[] = []
  const versions = await reader.earlier?.(target, undefined, signal)
  assert.ok(Array.isArray(versions))
  for (const version of versions) {
    const outcome = await reader.content(version, signal)
    const [part] = outcome.outcome === 'content' ? outcome.parts : []
    const pieces: Uint8Array[] = []
    for await (const piece of part?.bytes ?? []) pieces.push(piece)
    texts.push(Buffer.concat(pieces).toString())
    assert.equal((await reader.item(version.id, signal))?.id, version.id)
  }
  assert.deepEqual(texts, ['second', 'target'])
  const truth = await control.driveSnapshot({ drive })
  const held = truth.items.find(({ path }) => path === 'Even/target.txt')
  assert.deepEqual(
    texts.map((text) => createHash('sha256').update(text).digest('hex')),
    held?.versions.slice(1).map(({ sha256 }) => sha256),
  )
})
