/** The requests of the drive writer, and what it makes of their answers. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { QuickXorHash, sharePointOf } from '../../graph/index.ts'
import { graphError, graphOn, json } from '../../graph/testing/scripted.ts'
import { AppError, hasCode } from '../../model/errors.ts'
import type { GraphId } from '../../model/ids.ts'
import { creationAt, searchAt } from '../testing/creation.ts'
import type { HeldVersion } from '../workload.ts'
import { createDriveWriter } from './restore.ts'
import { targetSite } from './site.ts'

const FOLDER = 'b!d/folder' as GraphId
const APP = 'restore-app'
const ADDRESS = 'http://127.0.0.1:9/up?tempauth=secret'
const DATES = {
  createdDateTime: '2020-01-02T03:04:05Z',
  lastModifiedDateTime: '2021-02-03T04:05:06Z',
}
const signal = new AbortController().signal
const hashOf = (text: string): string => {
  const hash = new QuickXorHash()
  hash.update(Buffer.from(text))
  return hash.digest()
}

interface Fields {
  name?: string
  text?: string
  hash?: string | undefined
  note?: HeldVersion['note']
  json?: Record<string, unknown>
}

function held(fields: Fields = {}): HeldVersion {
  const { name = 'a.txt', text = 'content', note } = fields
  const hash = 'hash' in fields ? fields.hash : hashOf(text)
  const hashes = hash === undefined ? {} : { hashes: { quickXorHash: hash } }
  const shown = { name, size: text.length, file: hashes, fileSystemInfo: DATES, ...fields.json }
  const bytes = Buffer.from(text)
  return {
    item: 'b!d/old' as GraphId,
    place: { container: FOLDER, sortKey: 'x' },
    display: { name },
    representations: new Map([['json', Buffer.from(JSON.stringify(shown))]]),
    streams: new Map([
      [
        'content',
        {
          bytes: bytes.byteLength,
          async *read(offset) {
            yield bytes.subarray(offset)
          },
        },
      ],
    ]),
    ...(note === undefined ? {} : { note }),
  }
}

/** Graph's answer for the file as the target has it. */
function file(fields: Fields = {}, more: Record<string, unknown> = {}): Record<string, unknown> {
  const { name = 'a.txt', text = 'content' } = fields
  const hash = 'hash' in fields ? fields.hash : hashOf(text)
  const hashes = hash === undefined ? {} : { hashes: { quickXorHash: hash } }
  return {
    ...{ id: 'new', name, size: text.length, file: hashes, fileSystemInfo: DATES },
    ...{ parentReference: { driveId: 'b!d', id: 'folder' }, eTag: '"1"', ...more },
  }
}

type Answer = unknown | Response | ((request: Request) => unknown)

/** Answers by the begin of `METHOD path`, the longest first; everything else is a mistake. */
function writerOn(answers: Record<string, Answer>) {
  const seen: { call: string; body: string }[] = []
  const { graph, clock } = graphOn(async (request) => {
    const { pathname, search } = new URL(request.url)
    const call = `${request.method} ${decodeURIComponent(pathname.replace('/v1.0', ''))}${search}`
    seen.push({ call, body: await request.clone().text() })
    const [key] = Object.keys(answers)
      .filter((prefix) => call.startsWith(prefix))
      .sort((a, b) => b.length - a.length)
    if (key === undefined) return graphError(418, `unexpected:${call}`)
    const answer = answers[key]
    const given: unknown = typeof answer === 'function' ? answer(request) : answer
    return given instanceof Response ? given.clone() : json(given)
  })
  const target = { sharePoint: sharePointOf(graph, 'tenant'), clock, site: 'site' as GraphId }
  return { writer: createDriveWriter(targetSite({ ...target, app: APP })), seen }
}

const SESSION = 'POST /drives/b!d/items/folder:/a.txt:/createUploadSession'
const ROOT = { 'GET /drives/b!d/root?': { id: 'root' } }
const at = creationAt(FOLDER, 'mark', { name: 'a.txt' })

test('a file is made by a session with its dates, over nothing that is there (row 18)', async () => {
  const { writer, seen } = writerOn({
    [SESSION]: { uploadUrl: ADDRESS },
    'PUT /up': () => json(file(), { status: 201 }),
  })
  const made = await writer.create(held(), at, signal)
  assert.deepEqual(made, { outcome: 'created', id: 'b!d/new', requests: 2 })
  assert.deepEqual(JSON.parse(seen[0]?.body ?? '').item, {
    '@microsoft.graph.conflictBehavior': 'fail',
    name: 'a.txt',
    fileSystemInfo: DATES,
    fileSize: 7,
  })
  assert.equal(seen[1]?.body, 'content')
})

test('every name that SharePoint takes reaches it unchanged', async () => {
  for (const name of ["it's 100% #1 & a+b;c=d@e$f,g.txt", 'Über 日本 😀 [1] {2} ~x^`.txt']) {
    const session = `POST /drives/b!d/root:/${name}:/createUploadSession`
    const { writer } = writerOn({
      [session]: { uploadUrl: ADDRESS },
      'PUT /up': () => json(file({ name }), { status: 201 }),
    })
    const creation = creationAt('b!d' as GraphId, 'mark', { name })
    assert.equal((await writer.create(held({ name }), creation, signal)).outcome, 'created', name)
  }
})

test('a new version goes to the file itself', async () => {
  const { writer, seen } = writerOn({
    'POST /drives/b!d/items/there/createUploadSession': { uploadUrl: ADDRESS },
    'PUT /up': () => json(file({}, { id: 'there' })),
  })
  const creation = { ...at, onto: 'b!d/there' as GraphId }
  const made = await writer.create(held(), creation, signal)
  assert.equal(made.outcome === 'created' && made.id, 'b!d/there')
  const { item } = JSON.parse(seen[0]?.body ?? '')
  assert.equal(item['@microsoft.graph.conflictBehavior'], 'replace')
})

test('an empty file is made without a session, and gets its dates', async () => {
  const { writer, seen } = writerOn({
    'PUT /drives/b!d/items/folder:/a.txt:/content?@microsoft.graph.conflictBehavior=fail': file({
      text: '',
    }),
    'PATCH /drives/b!d/items/new': file({ text: '' }),
  })
  const made = await writer.create(held({ text: '' }), at, signal)
  assert.equal(made.outcome, 'created')
  assert.deepEqual(JSON.parse(seen[1]?.body ?? ''), { fileSystemInfo: DATES })
})

test('what cannot be made is refused before anything is sent, with a reason', async () => {
  const { writer, seen } = writerOn({})
  const shortcut = held({ json: { remoteItem: { id: 'elsewhere' } } })
  const bare = { ...held(), streams: new Map() }
  for (const [version, code] of [
    [shortcut, 'Shortcut'],
    [bare, 'ContentNotHeld'],
  ] as const) {
    const made = await writer.create(version, at, signal)
    assert.equal(made.outcome === 'refused' && made.code, code)
  }
  assert.deepEqual(seen, [])
})

test('what the service will never take is refused in words for people', async () => {
  for (const [answer, code] of [
    [graphError(507, 'quotaLimitReached'), 'QuotaExceeded'],
    [graphError(400, 'pathIsTooLong'), 'PathTooLong'],
    [graphError(403, 'malwareDetected'), 'MalwareDetected'],
  ] as const) {
    const { writer } = writerOn({ [SESSION]: answer })
    const made = await writer.create(held(), at, signal)
    assert.equal(made.outcome === 'refused' && made.code, code)
    assert.ok(made.outcome === 'refused' && !made.message.includes('Graph call'))
  }
})

test('a name that was taken meanwhile is refused, unless what is there is ours', async () => {
  const taken = { [SESSION]: graphError(409, 'nameAlreadyExists') }
  const theirs = { 'GET /drives/b!d/items/folder:/a.txt': file({ text: 'another' }) }
  const refused = await writerOn({ ...taken, ...theirs }).writer.create(held(), at, signal)
  assert.equal(refused.outcome === 'refused' && refused.code, 'NameTaken')
  const ours = { 'GET /drives/b!d/items/folder:/a.txt': file() }
  const made = await writerOn({ ...taken, ...ours }).writer.create(held(), at, signal)
  assert.equal(made.outcome === 'created' && made.id, 'b!d/new')
})

test('an upload goes on where its session stands, and reads no byte before that', async () => {
  const text = 'x'.repeat(25 * 1024 * 1024)
  const piece = 10 * 1024 * 1024
  const kept: string[] = []
  const ranges: string[] = []
  let stops = 1
  let stand = 0
  const answers = {
    [SESSION]: { uploadUrl: ADDRESS },
    'GET /up': () => json({ nextExpectedRanges: [`${stand}-`] }),
    'PUT /up': (request: Request) => {
      ranges.push(request.headers.get('content-range') ?? '')
      stand = Math.min(stand + piece, text.length)
      if (stand === text.length) return json(file({ text }), { status: 201 })
      return json({ nextExpectedRanges: [`${stand}-`] }, { status: 202 })
    },
  }
  const keep = (upload: string) => Promise.resolve(void kept.push(upload))
  const creation = { ...at, keep, goesOn: () => stops-- > 0 }
  const { writer } = writerOn(answers)
  assert.deepEqual(await writer.create(held({ text }), creation, signal), { outcome: 'paused' })
  assert.equal(kept.length, 1)
  const version = held({ text })
  const read: number[] = []
  const stream = version.streams.get('content')
  assert.ok(stream)
  const watched = {
    ...stream,
    read(from: number) {
      read.push(from)
      return stream.read(from, signal)
    },
  }
  const [upload = ''] = kept
  const again = { ...version, streams: new Map([['content' as const, watched]]) }
  const made = await writer.create(again, { ...at, upload }, signal)
  assert.equal(made.outcome, 'created')
  assert.deepEqual(read, [piece])
  assert.deepEqual(ranges, [
    `bytes 0-${piece - 1}/${text.length}`,
    `bytes ${piece}-${2 * piece - 1}/${text.length}`,
    `bytes ${2 * piece}-${text.length - 1}/${text.length}`,
  ])
})

test('a session that is lost is begun anew, from the first byte', async () => {
  const { writer, seen } = writerOn({
    [SESSION]: { uploadUrl: ADDRESS },
    'GET /gone': graphError(404, 'itemNotFound'),
    'PUT /up': () => json(file(), { status: 201 }),
  })
  const upload = JSON.stringify({ v: 1, address: 'http://127.0.0.1:9/gone', total: 7 })
  const made = await writer.create(held(), { ...at, upload }, signal)
  assert.equal(made.outcome, 'created')
  assert.deepEqual(
    seen.map(({ call }) => call.split(' ')[0]),
    ['GET', 'POST', 'PUT'],
  )
})

test('content that turns out damaged ends before its last byte, so nothing is made', async () => {
  const { writer, seen } = writerOn({ [SESSION]: { uploadUrl: ADDRESS } })
  const damaged = {
    bytes: 7,
    async *read() {
      yield Buffer.from('conte')
      throw new AppError({ code: 'SegmentDamaged', kind: 'corrupt', message: 'Damaged.' })
    },
  }
  const version = { ...held(), streams: new Map([['content' as const, damaged]]) }
  await assert.rejects(
    writer.create(version, at, signal),
    (error) => hasCode(error, 'SegmentDamaged') && error.kind === 'permanent',
  )
  assert.ok(!seen.some(({ call }) => call.startsWith('PUT')))
})

test('a lost answer is resolved by name and content; of an Office file by who made it', async () => {
  const path = 'GET /drives/b!d/items/folder:/a.txt'
  const doc = { name: 'a.docx', text: 'content' }
  const since = Date.parse('2026-01-01T00:00:00Z')
  const byUs = { createdBy: { application: { id: APP } } }
  const rewritten = { ...doc, text: 'content and properties' }
  const late = { createdDateTime: '2026-01-01T00:00:09Z' }
  const early = { createdDateTime: '2025-01-01T00:00:00Z', fileSystemInfo: {} }
  for (const [answer, version, found] of [
    [file(), held(), 1],
    [file({ text: 'another' }), held(), 0],
    [graphError(404, 'itemNotFound'), held(), 0],
    [file(rewritten, { ...byUs, ...late }), held(doc), 1],
    [file(rewritten, byUs), held(doc), 1],
    [file(rewritten, { ...byUs, ...early }), held(doc), 0],
    [file(rewritten, late), held(doc), 0],
    [file({ text: 'another' }, { ...byUs, ...late }), held(), 0],
    [{ id: 'f', name: 'a.txt', folder: {} }, held(), 0],
  ] as const) {
    const { writer } = writerOn({ [path]: answer })
    const search = searchAt(FOLDER, 'mark', version, { name: 'a.txt', since })
    assert.equal((await writer.find(search, signal)).length, found, JSON.stringify(answer))
  }
})

test('a read-back compares name, folder, dates and content', async () => {
  const check = async (made: Record<string, unknown> | Response, version = held()) => {
    const { writer } = writerOn({ ...ROOT, 'GET /drives/b!d/items/new': made })
    const outcome = await writer.check('b!d/new' as GraphId, version, at, signal)
    if (outcome.outcome === 'could-not-check') return outcome.code
    assert.equal(outcome.seen?.container.startsWith('b!d'), true)
    return outcome.outcome === 'differs' ? outcome.fields.join() : 'verified'
  }
  assert.equal(await check(file()), 'verified')
  assert.equal(await check(file({ name: 'A.txt' })), 'name')
  const elsewhere = { parentReference: { driveId: 'b!d', id: 'root' } }
  assert.equal(await check(file({}, elsewhere)), 'folder')
  const dates = { fileSystemInfo: { ...DATES, createdDateTime: '2026-01-01T00:00:00Z' } }
  assert.equal(await check(file({}, dates)), 'createdDateTime')
  assert.equal(await check(file({ text: 'CONTENT' })), 'content')
  assert.equal(await check(graphError(404, 'itemNotFound')), 'ItemGone')
  assert.equal(await check(file({ hash: undefined })), 'HashNotShown')
  const unhashed = held({ hash: undefined })
  assert.equal(await check(file(), unhashed), 'verified', 'hashed from what is held')
  assert.equal(await check(file({ text: 'CONTENT' }), unhashed), 'content')
})

test('an Office file that SharePoint rewrote is told as such, and is whole (row 16)', async () => {
  const made = file({ name: 'a.docx', text: 'content and properties' })
  const { writer } = writerOn({ ...ROOT, 'GET /drives/b!d/items/new': made })
  const spot = { container: FOLDER, name: 'a.docx' }
  const outcome = await writer.check('b!d/new' as GraphId, held({ name: 'a.docx' }), spot, signal)
  assert.ok(outcome.outcome === 'differs' && outcome.isWhole)
  assert.deepEqual(outcome.fields, ['content (rewritten by SharePoint)'])
  const came = { hashDiffers: true, quickXorHash: hashOf('content'), bytes: 7 }
  const shown = { size: 22, file: { hashes: { quickXorHash: hashOf('content and properties') } } }
  const noted = held({ name: 'a.docx', note: came, json: shown })
  const same = writerOn({ ...ROOT, 'GET /drives/b!d/items/new': file({ name: 'a.docx' }) }).writer
  const whole = await same.check('b!d/new' as GraphId, noted, spot, signal)
  assert.equal(whole.outcome, 'verified', 'what came is what went back')
})

test('a new name is given once, and a lost answer is resolved by looking', async () => {
  const get = 'GET /drives/b!d/items/new'
  const named = writerOn({ [get]: file({ name: 'b.txt' }) })
  await named.writer.rename?.('b!d/new' as GraphId, 'b.txt', signal)
  assert.equal(named.seen.length, 1)
  const patch = 'PATCH /drives/b!d/items/new'
  const other = writerOn({ [get]: file(), [patch]: file({ name: 'b.txt' }) })
  await other.writer.rename?.('b!d/new' as GraphId, 'b.txt', signal)
  assert.deepEqual(JSON.parse(other.seen[1]?.body ?? ''), { name: 'b.txt' })
})

test('a folder with too many children is told by the delta of its drive (row 40)', async () => {
  const inside = (id: string, more: object = {}) => ({
    ...{ id, name: `${id}.txt`, file: {}, eTag: id, parentReference: { id: 'folder' }, ...more },
  })
  const { writer } = writerOn({
    'GET /drives/b!d/items/folder/children': graphError(400, 'invalidRequest'),
    'GET /drives/b!d/root/delta': {
      value: [
        { id: 'root', name: 'root', root: {}, folder: {} },
        inside('a'),
        inside('b'),
        inside('c', { file: undefined, folder: {} }),
        inside('d', { parentReference: { id: 'root' } }),
        { id: 'b', file: {}, deleted: {} },
      ],
      '@odata.deltaLink': 'http://127.0.0.1:9/v1.0/drives/b!d/root/delta?token=x',
    },
  })
  const found: string[] = []
  for await (const { id, kind = 'item' } of writer.existing(FOLDER, signal)) {
    found.push(`${id} ${kind}`)
  }
  assert.deepEqual(found, ['b!d/a item', 'b!d/c container'])
})
