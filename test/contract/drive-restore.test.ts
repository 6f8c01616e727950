/**
 * The drive writer over the simulated tenant: what goes back is what was there, whatever becomes of
 * its uploads on the way. The verdict is the tenant's own state.
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  BACKUP_CLIENT_ID,
  type ControlClient,
  createControlClient,
  RESTORE_CLIENT_ID,
  startTenant,
  type Tenant,
} from '../../sandbox/tenant/index.ts'
import { UPLOAD_PIECE_BYTES } from '../../src/graph/index.ts'
import { hasCode } from '../../src/model/errors.ts'
import { CONTAINERS, type RepresentationName } from '../../src/model/events.ts'
import type { GraphId } from '../../src/model/ids.ts'
import type { Clock } from '../../src/ports.ts'
import { driveReading } from '../../src/workloads/drive/index.ts'
import { driveWriting } from '../../src/workloads/drive/restore.ts'
import { creationAt, searchAt } from '../../src/workloads/testing/creation.ts'
import type {
  HeldStream,
  HeldVersion,
  Present,
  StreamReader,
  StreamWriter,
} from '../../src/workloads/workload.ts'
import { graphAs } from './tenant-graph.ts'

const FILES = 25
const PAGES_MAX = 100
const SLICES_MAX = 20
/** Time runs faster here for the product, so that its waits take none. */
const RATE = 60
const ATTEMPT_MS = 30_000 * RATE
const startedAt = Date.now()
const clock: Clock = {
  now: () => startedAt + (Date.now() - startedAt) * RATE,
  sleep: (ms, stop) => sleep(ms / RATE, undefined, { signal: stop }),
}
const LONG_BYTES = 3 * UPLOAD_PIECE_BYTES + 12_345
const signal = AbortSignal.timeout(240_000)

let tenant: Tenant
let control: ControlClient
let read: (site: string) => StreamReader
let write: (site: string) => StreamWriter

before(async () => {
  tenant = await startTenant({
    seed: { seed: 5, users: 1, messages: 0, files: FILES, sites: 1 },
    settings: { latencyMs: 0, throttling: false },
  })
  control = createControlClient(tenant.controlUrl)
  const common = { clock, tenant: 'tenant' }
  const reading = driveReading({
    graph: await graphAs(BACKUP_CLIENT_ID, { tenant, control }, { clock, attemptMs: ATTEMPT_MS }),
    ...{ ...common, pageSize: 10, includeInfected: false, longBytes: Number.MAX_SAFE_INTEGER },
  })
  const writing = driveWriting({
    graph: await graphAs(RESTORE_CLIENT_ID, { tenant, control }, { clock, attemptMs: ATTEMPT_MS }),
    ...{ ...common, app: RESTORE_CLIENT_ID },
  })
  read = (site) => reading.reader({ graphId: site as GraphId })
  write = (site) => writing.writer({ graphId: site as GraphId })
})

after(() => tenant.stop())

async function allOf(reader: StreamReader, container: GraphId): Promise<Present[]> {
  const items = new Map<string, Present>()
  let link: string | null = null
  for (let pages = 0; pages < PAGES_MAX; pages += 1) {
    const page = await reader.changes(container, link, signal)
    for (const change of page.changes) if (change.op === 'present') items.set(change.id, change)
    if (page.delta !== undefined) return [...items.values()]
    link = page.next ?? null
  }
  throw new Error('too many pages')
}

function streamOf(bytes: Uint8Array): HeldStream {
  return {
    bytes: bytes.byteLength,
    async *read(offset) {
      yield bytes.subarray(offset)
    },
  }
}

async function hold(reader: StreamReader, item: Present): Promise<HeldVersion> {
  const content = await reader.content(item, signal)
  assert.equal(content.outcome, 'content')
  const streams = new Map<RepresentationName, HeldStream>()
  for (const part of content.outcome === 'content' ? content.parts : []) {
    const chunks: Uint8Array[] = []
    for await (const chunk of part.bytes) chunks.push(chunk)
    streams.set(part.name, streamOf(Buffer.concat(chunks)))
  }
  const note = content.outcome === 'content' ? content.note?.() : undefined
  const { id, place, display } = item
  const representations = new Map([['json' as const, Buffer.from(JSON.stringify(item.json))]])
  const held = { item: id, place, display, representations, streams }
  return note === undefined ? held : { ...held, note }
}

/** The libraries, folders and files of a site, as a backup reads them. */
async function copySite(site: string) {
  const reader = read(site)
  const drives = await allOf(reader, CONTAINERS)
  const all = (await Promise.all(drives.map(({ id }) => allOf(reader, id)))).flat()
  const folders = all.filter(({ kind }) => kind === 'container')
  const files = all.filter(({ kind }) => kind === 'item')
  const versions: HeldVersion[] = []
  for (const file of files) versions.push(await hold(reader, file))
  return { drives, folders, versions }
}

async function team(): Promise<{ site: string; drive: string }> {
  const { sites } = await control.sites({})
  const found = sites.find(({ isPersonal }) => !isPersonal)
  const [drive] = found?.drives ?? []
  assert.ok(found && drive)
  return { site: found.id, drive: drive.id }
}

/** What makes a file what it is, by its path below the library. */
async function truth(drive: string): Promise<string[]> {
  const { items } = await control.driveSnapshot({ drive })
  return items
    .filter(({ kind }) => kind === 'file')
    .map((f) => [f.path, f.sha256, f.bytes, f.fsCreatedMs, f.fsModifiedMs].join())
    .sort()
}

/** A file of one's own, with this many bytes, and the version that a backup has of it. */
async function oneFile(name: string, size: number): Promise<HeldVersion> {
  const { drive, id } = await control.createSite({ path: `/sites/from-${name}` })
  const dates = { created: '2020-02-03T04:05:06Z', modified: '2021-03-04T05:06:07Z' }
  await control.putFile({ drive, path: name, generated: { seed: 1, size }, ...dates })
  const [version] = (await copySite(id)).versions
  assert.ok(version)
  return version
}

async function emptySite(path: string): Promise<{ writer: StreamWriter; drive: GraphId }> {
  const { id, drive } = await control.createSite({ path: `/sites/${path}` })
  return { writer: write(id), drive: drive as GraphId }
}

test('a library goes to another site: bytes, names, folders and dates, one version each', async () => {
  const from = await team()
  const { folders, versions, drives } = await copySite(from.site)
  const { writer, drive } = await emptySite('all')
  const places = new Map<string, GraphId>(drives.map(({ id }) => [id, drive]))
  const waiting = [...folders]
  while (waiting.length > 0) {
    const folder = waiting.shift()
    assert.ok(folder)
    const parent = places.get(folder.display.parent ?? '')
    if (parent === undefined) waiting.push(folder)
    else {
      const id = await writer.createContainer(folder.display.name, parent, signal)
      assert.equal(await writer.createContainer(folder.display.name, parent, signal), id)
      places.set(folder.id, id)
    }
  }
  for (const version of versions) {
    const container = places.get(version.place.container)
    assert.ok(container)
    const spot = { container, name: version.display.name }
    const creation = creationAt(container, 'mark', spot)
    const made = await writer.create(version, creation, signal)
    assert.ok(made.outcome === 'created', JSON.stringify(made))
    const check = await writer.check(made.id, version, spot, signal)
    assert.equal(check.outcome, 'verified', JSON.stringify(check))
    assert.equal(await writer.matches(made.id, version, signal), 'same')
    const found = await writer.find(searchAt(container, 'mark', version, spot), signal)
    assert.deepEqual(found, [made.id])
    const again = await writer.create(version, creation, signal)
    assert.deepEqual(again.outcome === 'created' && again.id, made.id, 'it is found, not made')
  }
  assert.deepEqual(await truth(drive), await truth(from.drive))
  const { items } = await control.driveSnapshot({ drive })
  const twice = items.filter((item) => item.bytes > 0 && item.versions.length > 1)
  assert.deepEqual(twice, [], 'dates are set with the content (row 18)')
  const tree = await writer.containers(signal)
  assert.equal(tree.length, folders.length + 1)
  const names = new Set<string>()
  for await (const { name = '' } of writer.existing(drive, signal)) names.add(name)
  assert.equal(names.size, items.filter(({ path }) => !path.includes('/')).length)
})

test('a long upload outlives lost answers, and goes on where it was stopped', async () => {
  const version = await oneFile('long.bin', LONG_BYTES)
  const { writer, drive } = await emptySite('long')
  const spot = { container: drive, name: 'long.bin' }
  const actions = ['drop-before', 'drop-after', 'drop-before', 'drop-after'] as const
  const offsets: number[] = []
  const content = version.streams.get('content')
  assert.ok(content)
  const read = (offset: number) => {
    offsets.push(offset)
    return content.read(offset, signal)
  }
  const watched = { ...version, streams: new Map([['content' as const, { ...content, read }]]) }
  let upload: string | undefined
  for (let slice = 0; ; slice += 1) {
    assert.ok(slice < SLICES_MAX)
    const action = actions[slice]
    if (action !== undefined) await control.addFault({ method: 'PUT', path: 'upload', action })
    let pieces = 0
    const creation = creationAt(drive, 'mark', {
      ...spot,
      ...(upload === undefined ? {} : { upload }),
      keep: async (text) => {
        upload = text
      },
      goesOn: () => pieces++ < 1,
    })
    const made = await writer.create(watched, creation, signal)
    if (made.outcome === 'created') break
    assert.equal(made.outcome, 'paused')
    assert.deepEqual(await truth(drive), [], 'nothing is there before the last byte')
  }
  const { faults } = await control.listFaults({})
  assert.deepEqual(
    faults.slice(-actions.length).map(({ hits }) => hits),
    [1, 1, 1, 1],
  )
  const ascending = offsets.toSorted((a, b) => a - b)
  assert.deepEqual(offsets, ascending, 'what arrived is never read again')
  const [found] = await writer.find(searchAt(drive, 'mark', version, spot), signal)
  assert.ok(found)
  assert.equal((await writer.check(found, version, spot, signal)).outcome, 'verified')
})

test('an upload that the service forgot is begun anew', async () => {
  const version = await oneFile('forgotten.bin', LONG_BYTES)
  const { writer, drive } = await emptySite('forgotten')
  const spot = { container: drive, name: 'forgotten.bin' }
  let upload: string | undefined
  let pieces = 0
  const creation = creationAt(drive, 'mark', {
    ...spot,
    keep: async (text) => {
      upload = text
    },
    goesOn: () => pieces++ < 2,
  })
  assert.equal((await writer.create(version, creation, signal)).outcome, 'paused')
  await control.expireUploads({})
  const again = creationAt(drive, 'mark', { ...spot, upload: upload ?? '' })
  const made = await writer.create(version, again, signal)
  assert.ok(made.outcome === 'created')
  assert.equal((await writer.check(made.id, version, spot, signal)).outcome, 'verified')
})

test('whether the last piece arrived is told by what is there', async () => {
  const version = await oneFile('last.bin', 100_000)
  for (const [action, copies] of [
    ['drop-before', 0],
    ['drop-after', 1],
  ] as const) {
    const { writer, drive } = await emptySite(`last-${action}`)
    await control.addFault({ method: 'PUT', path: 'upload', action })
    const spot = { container: drive, name: 'last.bin' }
    const creating = writer.create(version, creationAt(drive, 'mark', spot), signal)
    if (copies === 0) {
      // The session says that it has nothing: so the piece goes again, in the same call.
      assert.equal((await creating).outcome, 'created')
    } else await assert.rejects(creating, (error) => hasCode(error, 'AnswerLost'))
    const found = await writer.find(searchAt(drive, 'mark', version, spot), signal)
    assert.equal(found.length, 1)
    assert.equal((await truth(drive)).length, 1)
  }
})

test('what stands in the way is told: a name that is taken, a quota that is used up', async () => {
  const version = await oneFile('way.bin', 10_000)
  const { writer, drive } = await emptySite('way')
  await control.putFile({ drive, path: 'WAY.BIN', text: 'of somebody' })
  const creation = creationAt(drive, 'mark', { name: 'way.bin' })
  const taken = await writer.create(version, creation, signal)
  assert.equal(taken.outcome === 'refused' && taken.code, 'NameTaken')
  await control.setQuota({ drive, quotaBytes: 100 })
  const free = creationAt(drive, 'mark', { name: 'free.bin' })
  const full = await writer.create(version, free, signal)
  assert.equal(full.outcome === 'refused' && full.code, 'QuotaExceeded')
})

test('a version goes onto a file, and a replacement takes its name', async () => {
  const version = await oneFile('twice.txt', 5_000)
  const { writer, drive } = await emptySite('twice')
  const put = await control.putFile({ drive, path: 'twice.txt', text: 'encrypted' })
  const there = `${drive}/${put.id}` as GraphId
  const onto = { container: drive, name: 'twice.txt', onto: there }
  const made = await writer.create(version, creationAt(drive, 'mark', onto), signal)
  assert.equal(made.outcome === 'created' && made.id, there)
  assert.equal((await writer.check(there, version, onto, signal)).outcome, 'verified')
  assert.deepEqual(await writer.find(searchAt(drive, 'mark', version, onto), signal), [there])
  const [item] = (await control.driveSnapshot({ drive })).items
  assert.equal(item?.versions.length, 2)

  const beside = { container: drive, name: 'twice (restored 2026-11-21).txt' }
  const other = await writer.create(version, creationAt(drive, 'mark', beside), signal)
  assert.ok(other.outcome === 'created')
  await assert.rejects(
    async () => writer.rename?.(other.id, 'twice.txt', signal),
    (error) => hasCode(error, 'NameTaken'),
  )
  await writer.remove(there, signal)
  await writer.remove(there, signal)
  assert.equal(await writer.present(there, signal), undefined)
  await writer.rename?.(other.id, 'twice.txt', signal)
  await writer.rename?.(other.id, 'twice.txt', signal)
  const { items } = await control.driveSnapshot({ drive })
  assert.deepEqual(
    items.map(({ path, versions }) => [path, versions.length]),
    [['twice.txt', 1]],
  )
})

test('a library that is gone is made anew, and folders go when they are empty', async () => {
  const version = await oneFile('new.txt', 500)
  const { writer } = await emptySite('library')
  const library = await writer.createContainer('Plans', undefined, signal)
  assert.equal(await writer.createContainer('plans', undefined, signal), library)
  const folder = await writer.createContainer('Inside', library, signal)
  const made = await writer.create(version, creationAt(folder, 'mark', { name: 'n.txt' }), signal)
  assert.ok(made.outcome === 'created')
  const tree = await writer.containers(signal)
  assert.equal(tree.find(({ isHome }) => isHome)?.name, 'Documents')
  assert.ok(tree.some(({ id, parent }) => id === folder && parent === library))
  assert.equal(await writer.removeEmptyContainer(folder, signal), 'not-empty')
  await writer.remove(made.id, signal)
  assert.equal(await writer.removeEmptyContainer(folder, signal), 'removed')
  assert.equal(await writer.removeEmptyContainer(folder, signal), 'gone')
})

test('what SharePoint does to Office files is met and told (rows 16, 17)', async () => {
  const version = await oneFile('office.docx', 20_000)
  const { writer, drive } = await emptySite('office')
  const spot = { container: drive, name: 'a.docx' }
  await control.settings({ officeRewrites: true, lostOfficeFiles: 1 })
  try {
    const made = await writer.create(version, creationAt(drive, 'mark', spot), signal)
    assert.ok(made.outcome === 'created')
    const check = await writer.check(made.id, version, spot, signal)
    assert.ok(check.outcome === 'differs' && check.isWhole === true)
    assert.deepEqual(check.fields, ['content (rewritten by SharePoint)'])
    const found = await writer.find(searchAt(drive, 'mark', version, spot), signal)
    assert.deepEqual(found, [made.id], 'our app made it, since it was sent')
    const onto = creationAt(drive, 'mark', { ...spot, onto: made.id })
    const again = await writer.create(version, onto, signal)
    assert.equal(again.outcome === 'refused' && again.code, 'RefusedAsGone')
    await assert.rejects(writer.remove(made.id, signal), (e) => hasCode(e, 'RefusedAsGone'))
    assert.ok(await writer.present(made.id, signal), 'nothing that is there is told as removed')
    await control.settings({ lostOfficeFiles: 0 })
    await writer.remove(made.id, signal)
    assert.equal(await writer.present(made.id, signal), undefined)
  } finally {
    await control.settings({ officeRewrites: false, lostOfficeFiles: 0 })
  }
})

test('a new session that is not known yet is waited for (row 19)', async () => {
  const version = await oneFile('fresh.bin', 20_000)
  const { writer, drive } = await emptySite('fresh')
  await control.settings({ uploadLagMs: 120 })
  try {
    const creation = creationAt(drive, 'mark', { name: 'fresh.bin' })
    assert.equal((await writer.create(version, creation, signal)).outcome, 'created')
  } finally {
    await control.settings({ uploadLagMs: 0 })
  }
})

test('a folder that cannot be listed is known all the same (row 40)', async () => {
  const { writer, drive } = await emptySite('full')
  for (const n of [1, 2, 3, 4]) await control.putFile({ drive, path: `${n}.txt`, text: 'x' })
  await control.putFile({ drive, path: 'folder/inside.txt', text: 'x' })
  await control.settings({ childrenListedMax: 3 })
  try {
    const found: string[] = []
    for await (const { name, kind = 'item' } of writer.existing(drive, signal)) {
      found.push(`${name} ${kind}`)
    }
    const files = [1, 2, 3, 4].map((n) => `${n}.txt item`)
    assert.deepEqual(found.sort(), [...files, 'folder container'])
  } finally {
    await control.settings({ childrenListedMax: 100_000 })
  }
})
