import assert from 'node:assert/strict'
import { request } from 'node:http'
import { test } from 'node:test'
import { type DriveBench, sha256, startDriveBench } from '../../testing/drive-bench.ts'

const STEP = 320 * 1024
const BEHAVIOR = '@microsoft.graph.conflictBehavior'

interface RangeAnswer {
  readonly status: number
  readonly json: {
    readonly id?: string
    readonly name?: string
    readonly size?: number
    readonly nextExpectedRanges?: readonly string[]
    readonly error?: { readonly code: string }
    readonly fileSystemInfo?: { readonly lastModifiedDateTime: string }
  }
}

async function ask(url: string, how: RequestInit = {}): Promise<RangeAnswer> {
  const response = await fetch(url, how)
  const text = await response.text()
  return { status: response.status, json: text === '' ? {} : JSON.parse(text) }
}

function sendRange(url: string, bytes: Uint8Array, { at, total }: { at: number; total: number }) {
  const headers = rangeHeader(bytes, { at, total })
  return ask(url, { method: 'PUT', headers, body: Buffer.from(bytes) })
}

function rangeHeader({ length }: Uint8Array, { at, total }: { at: number; total: number }) {
  return { 'content-range': `bytes ${at}-${at + length - 1}/${total}` }
}

async function begin(bench: DriveBench, path: string, body: object = {}): Promise<string> {
  const { status, json } = await bench.on(`${path}/createUploadSession`, { json: body })
  assert.equal(status, 200, JSON.stringify(json))
  return (json as { uploadUrl: string }).uploadUrl
}

const BYTES = Buffer.alloc(STEP * 2 + 1_000, 'holdfast')
const TOTAL = { total: BYTES.length }

test('ranges come in order; the file is there with its last byte, with its dates', async (t) => {
  const bench = await startDriveBench(t)
  const dates = { lastModifiedDateTime: '2020-02-03T04:05:06Z' }
  const item = { fileSize: BYTES.length, fileSystemInfo: dates, name: 'big.bin' }
  const url = await begin(bench, 'root:/big.bin:', { item })
  assert.ok(!new URL(url).pathname.startsWith('/v1.0'))
  const first = await sendRange(url, BYTES.subarray(0, STEP), { at: 0, ...TOTAL })
  assert.deepEqual([first.status, first.json.nextExpectedRanges], [202, [`${STEP}-`]])
  assert.deepEqual(await bench.paths(), [])
  const seen = await ask(url)
  assert.deepEqual([seen.status, seen.json.nextExpectedRanges], [200, [`${STEP}-`]])
  const last = await sendRange(url, BYTES.subarray(STEP), { at: STEP, ...TOTAL })
  assert.deepEqual([last.status, last.json.name, last.json.size], [201, 'big.bin', BYTES.length])
  assert.equal(last.json.fileSystemInfo?.lastModifiedDateTime, '2020-02-03T04:05:06Z')
  assert.equal((await bench.file('big.bin'))?.sha256, sha256(BYTES))
  assert.equal((await ask(url)).status, 404, 'a session ends with its file')
})

test('a range that is there already, or that leaves a gap, is refused; the status tells', async (t) => {
  const bench = await startDriveBench(t)
  const url = await begin(bench, 'root:/big.bin:')
  const range = BYTES.subarray(0, STEP)
  await sendRange(url, range, { at: 0, ...TOTAL })
  const again = await sendRange(url, range, { at: 0, ...TOTAL })
  assert.deepEqual([again.status, again.json.error?.code], [416, 'invalidRange'])
  const ahead = await sendRange(url, BYTES.subarray(STEP * 2), { at: STEP * 2, ...TOTAL })
  assert.equal(ahead.status, 416)
  assert.deepEqual((await ask(url)).json.nextExpectedRanges, [`${STEP}-`])
})

test('ranges are multiples of 320 KiB below 60 MiB, and of one size of file', async (t) => {
  const bench = await startDriveBench(t)
  const url = await begin(bench, 'root:/big.bin:', { item: { fileSize: BYTES.length } })
  const odd = await sendRange(url, BYTES.subarray(0, 1_000), { at: 0, ...TOTAL })
  assert.equal(odd.status, 400)
  const other = await sendRange(url, BYTES.subarray(0, STEP), { at: 0, total: STEP * 5 })
  assert.equal(other.status, 400)
  const headers = { 'content-range': `bytes 0-${60 * 2 ** 20 - 1}/${2 ** 30}` }
  const free = await begin(bench, 'root:/other.bin:')
  assert.equal((await ask(free, { method: 'PUT', headers, body: 'x' })).status, 413)
  const short = { 'content-range': `bytes 0-${STEP - 1}/${BYTES.length}` }
  assert.equal((await ask(url, { method: 'PUT', headers: short, body: 'x' })).status, 400)
  assert.equal((await ask(url, { method: 'PUT', body: 'x' })).status, 400)
  assert.deepEqual((await ask(url)).json.nextExpectedRanges, ['0-'])
})

test('the URL is its own authentication: with a token it answers 401, changed 404', async (t) => {
  const bench = await startDriveBench(t)
  const url = await begin(bench, 'root:/big.bin:')
  assert.equal((await ask(url, { headers: { authorization: 'Bearer x' } })).status, 401)
  assert.equal((await ask(`${url}x`)).status, 404)
  assert.equal((await ask(url)).status, 200)
})

test('a new session is not found for a while, where that is turned on; an expired one never', async (t) => {
  const now = { ms: Date.now() }
  const bench = await startDriveBench(t, {
    clock: () => now.ms,
    settings: { uploadLagMs: 5_000, uploadSessionMs: 60_000 },
  })
  const url = await begin(bench, 'root:/small.bin:')
  const whole = { at: 0, total: 3 }
  assert.equal((await sendRange(url, Buffer.from('abc'), whole)).status, 404)
  now.ms += 6_000
  assert.equal((await sendRange(url, Buffer.from('abc'), whole)).status, 201)
  const late = await begin(bench, 'root:/late.bin:')
  now.ms += 60_001
  assert.equal((await ask(late)).status, 404)
  await bench.control.settings({ uploadLagMs: 0 })
  const cut = await begin(bench, 'root:/cut.bin:')
  assert.deepEqual(await bench.control.expireUploads({}), { sessions: 2 })
  assert.equal((await ask(cut)).status, 404)
})

test('each range lets the session live on', async (t) => {
  const now = { ms: Date.now() }
  const bench = await startDriveBench(t, {
    clock: () => now.ms,
    settings: { uploadSessionMs: 60_000 },
  })
  const url = await begin(bench, 'root:/big.bin:')
  now.ms += 40_000
  await sendRange(url, BYTES.subarray(0, STEP), { at: 0, ...TOTAL })
  now.ms += 40_000
  assert.equal((await ask(url)).status, 200)
  now.ms += 60_000
  assert.equal((await ask(url)).status, 404)
})

test('a name that was taken meanwhile is a conflict at the end; renamed where that was asked', async (t) => {
  const bench = await startDriveBench(t)
  const url = await begin(bench, 'root:/one.txt:', { item: { [BEHAVIOR]: 'fail' } })
  const other = await begin(bench, 'root:/one.txt:', { item: { [BEHAVIOR]: 'rename' } })
  await bench.put('root:/one.txt:/content', 'meanwhile')
  const conflict = await sendRange(url, Buffer.from('abc'), { at: 0, total: 3 })
  assert.deepEqual([conflict.status, conflict.json.error?.code], [409, 'upload_name_conflict'])
  const renamed = await sendRange(other, Buffer.from('abc'), { at: 0, total: 3 })
  assert.deepEqual([renamed.status, renamed.json.name], [201, 'one 1.txt'])
  assert.equal((await bench.file('one.txt'))?.sha256, sha256('meanwhile'))
  const known = await bench.on('root:/one.txt:/createUploadSession', { json: {} })
  assert.deepEqual([known.status, known.code], [409, 'nameAlreadyExists'])
})

test('a session for an item that is there makes a new version of it', async (t) => {
  const bench = await startDriveBench(t)
  const { item } = await bench.put('root:/one.txt:/content', 'one')
  const url = await begin(bench, item.id, { item: { [BEHAVIOR]: 'replace' } })
  const { status, json } = await sendRange(url, Buffer.from('two'), { at: 0, total: 3 })
  assert.deepEqual([status, json.id], [200, item.id])
  const versions = (await bench.file('one.txt'))?.versions.map((version) => version.sha256)
  assert.deepEqual(versions, [sha256('two'), sha256('one')])
})

test('with deferCommit the file is there after a closing POST only', async (t) => {
  const bench = await startDriveBench(t)
  const url = await begin(bench, 'root:/one.txt:', { deferCommit: true })
  assert.equal((await ask(url, { method: 'POST' })).status, 400, 'nothing has come')
  const whole = await sendRange(url, Buffer.from('one'), { at: 0, total: 3 })
  assert.deepEqual([whole.status, whole.json.nextExpectedRanges], [202, []])
  assert.deepEqual(await bench.paths(), [])
  assert.equal((await ask(url, { method: 'POST' })).status, 201)
  assert.deepEqual(await bench.paths(), ['one.txt'])
})

test('a full drive answers 507, at the beginning where the size is known', async (t) => {
  const bench = await startDriveBench(t)
  await bench.control.setQuota({ drive: bench.drive, quotaBytes: 1_000 })
  const known = await bench.on('root:/big.bin:/createUploadSession', {
    json: { item: { fileSize: 2_000 } },
  })
  assert.deepEqual([known.status, known.code], [507, 'quotaLimitReached'])
  const url = await begin(bench, 'root:/big.bin:')
  const range = await sendRange(url, BYTES.subarray(0, STEP), { at: 0, ...TOTAL })
  assert.equal(range.status, 507)
})

test('a session that is cancelled leaves nothing', async (t) => {
  const bench = await startDriveBench(t)
  const url = await begin(bench, 'root:/big.bin:')
  await sendRange(url, BYTES.subarray(0, STEP), { at: 0, ...TOTAL })
  assert.equal((await ask(url, { method: 'DELETE' })).status, 204)
  assert.equal((await ask(url)).status, 404)
  assert.deepEqual(await bench.paths(), [])
})

test('what cannot be a session is refused when it is asked for', async (t) => {
  const bench = await startDriveBench(t)
  const refused = async (path: string, json: object) =>
    (await bench.on(`${path}/createUploadSession`, { json })).status
  assert.equal(await refused('root:/x.txt:', { item: { fileSize: 0 } }), 400)
  assert.equal(await refused('root:/x.txt:', { item: { name: 'y.txt' } }), 400)
  assert.equal(await refused('root:/a?b.txt:'.replace('?', '%3F'), {}), 400)
  assert.equal(await refused('root', {}), 400)
  assert.equal(await refused('root:/x.txt:', { item: { createdBy: {} } }), 400)
})

test('each range costs what an upload costs, for the app that made the session', async (t) => {
  const bench = await startDriveBench(t)
  const url = await begin(bench, 'root:/one.txt:')
  await ask(url)
  await sendRange(url, Buffer.from('one'), { at: 0, total: 3 })
  const { units } = await bench.control.counts({})
  assert.deepEqual([units.total, Object.keys(units.apps).length], [5, 1])
})

test('a range that breaks off leaves nothing, and is sent again', async (t) => {
  const bench = await startDriveBench(t)
  const url = await begin(bench, 'root:/big.bin:')
  const range = { 'content-range': `bytes 0-${BYTES.length - 1}/${BYTES.length}` }
  const broken = request(url, {
    method: 'PUT',
    headers: { ...range, 'content-length': BYTES.length },
  })
  broken.on('error', () => undefined)
  await new Promise<void>((resolve) => {
    broken.write(BYTES.subarray(0, STEP), () => resolve())
  })
  broken.destroy()
  assert.deepEqual((await ask(url)).json.nextExpectedRanges, ['0-'])
  assert.equal((await sendRange(url, BYTES, { at: 0, ...TOTAL })).status, 201)
  assert.equal((await bench.file('big.bin'))?.sha256, sha256(BYTES))
})

test('faults meet ranges by the drive and the name of the file', async (t) => {
  const bench = await startDriveBench(t)
  const [one, two] = [await begin(bench, 'root:/one.bin:'), await begin(bench, 'root:/two.bin:')]
  const fault = { path: '^/upload/drives/.*/two\\.bin$', nth: 2 }
  await bench.control.addFault({ ...fault, action: 'unavailable-empty' })
  const range = BYTES.subarray(0, STEP)
  const first = { at: 0, ...TOTAL }
  const statuses = [
    (await sendRange(one, range, first)).status,
    (await sendRange(two, range, first)).status,
  ]
  assert.deepEqual(statuses, [202, 202])
  const rest = BYTES.subarray(STEP)
  const last = { at: STEP, ...TOTAL }
  assert.equal(
    (await fetch(two, { method: 'PUT', headers: rangeHeader(rest, last), body: rest })).status,
    503,
  )
  assert.equal((await sendRange(one, rest, last)).status, 201)
  assert.equal((await sendRange(two, rest, last)).status, 201)
})
