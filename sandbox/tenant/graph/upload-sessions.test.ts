import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { type TestContext, test } from 'node:test'
import { type CallOptions, messagePath, startBench } from '../testing/harness.ts'

const ADA = 'ada.brandt@sandbox.example'
const SEED = { seed: 4, users: 1, messages: 3 }
const SIZE = 3 * 1024 * 1024 + 12_345
const FILE = Buffer.alloc(SIZE, 'holdfast ')
const PART = 1_310_720

async function startUpload(t: TestContext) {
  const clock = { ms: Date.parse('2026-11-20T10:00:00Z') }
  const bench = await startBench(t, { seed: SEED, clock: () => clock.ms })
  const { id } = await bench.control.deliver({ user: ADA, subject: 'big', isDraft: true })
  const path = `${messagePath(ADA, id)}/attachments`
  const open = (item: object = {}, how: CallOptions = {}) =>
    bench.call(`${path}/createUploadSession`, {
      ...how,
      json: { AttachmentItem: { attachmentType: 'file', name: 'big.bin', size: SIZE, ...item } },
    })
  return { ...bench, clock, id, path, open }
}

async function put(url: string, start: number, end: number, headers: Record<string, string> = {}) {
  const response = await fetch(url, {
    method: 'PUT',
    headers: { 'content-range': `bytes ${start}-${end - 1}/${SIZE}`, ...headers },
    body: FILE.subarray(start, end),
  })
  const text = await response.text()
  return { status: response.status, headers: response.headers, json: JSON.parse(text || '{}') }
}

test('a file comes in ranges and is an attachment with its last byte', async (t) => {
  const { open, control, call, bytes, path, id } = await startUpload(t)
  const { status, json } = await open({ contentType: 'text/x-big', isInline: false })
  assert.deepEqual([status, json.nextExpectedRanges], [201, ['0-']])
  for (let start = 0; start < SIZE; start += PART) {
    const end = Math.min(start + PART, SIZE)
    const answer = await put(json.uploadUrl, start, end)
    const listed = await call(`${path}?$select=name`)
    if (end < SIZE) {
      assert.deepEqual([answer.status, answer.json.nextExpectedRanges], [200, [String(end)]])
      assert.deepEqual(listed.json.value, [])
      continue
    }
    assert.equal(answer.status, 201)
    const place = answer.headers.get('location') ?? ''
    const attachment = /Attachments\('([^']+)'\)$/.exec(place)?.[1] ?? ''
    assert.ok((await bytes(`${path}/${attachment}/$value`)).equals(FILE))
  }
  const { messages } = await control.snapshot({ user: ADA })
  const [file, ...others] = messages.find((m) => m.immutableId === id)?.attachments ?? []
  assert.deepEqual([file?.sha256, others], [hash('sha256', FILE), []])
  assert.equal(file?.contentType, 'text/x-big')
  assert.equal((await put(json.uploadUrl, 0, PART)).status, 404, 'the session is over')
})

test('ranges out of order, of another file, or badly told are refused', async (t) => {
  const { open } = await startUpload(t)
  const { uploadUrl: url } = (await open()).json
  const gap = await put(url, PART, 2 * PART)
  assert.deepEqual([gap.status, gap.json.nextExpectedRanges], [416, ['0']])
  assert.equal((await put(url, 0, PART)).status, 200)
  const again = await put(url, 0, PART)
  assert.deepEqual([again.status, again.json.nextExpectedRanges], [416, [String(PART)]])
  const range = (text: string) => put(url, PART, 2 * PART, { 'content-range': text })
  assert.equal((await range(`bytes ${PART}-${2 * PART - 1}/${SIZE + 1}`)).status, 409)
  assert.equal((await range('bytes */*')).status, 400)
  assert.equal((await range(`bytes ${PART}-${PART + 9}/${SIZE}`)).status, 400, 'another length')
  assert.equal((await put(url, PART, PART + 1, { authorization: 'Bearer x' })).status, 401)
  assert.equal((await put(url.replace(/.$/, '!'), PART, SIZE)).status, 404, 'a guessed URL')
  const status = JSON.parse(await fetch(url).then((response) => response.text()))
  assert.deepEqual(status.nextExpectedRanges, [String(PART)])
  assert.equal((await fetch(url, { method: 'DELETE' })).status, 204)
  assert.equal((await fetch(url)).status, 404)
})

test('sessions are for files of 3 to 150 MB, and for those who may write', async (t) => {
  const { open, control } = await startUpload(t)
  const small = await open({ size: 1_000 })
  assert.equal(small.json.error.code, 'ErrorAttachmentSizeShouldNotBeLessThanMinimumSize')
  assert.equal((await open({ size: 151 * 1024 * 1024 })).status, 413)
  assert.equal((await open({ attachmentType: 'item' })).status, 400)
  assert.equal((await open({}, { as: 'backup' })).status, 403)
  await control.setMailboxCondition({ user: ADA, condition: 'over-quota' })
  assert.equal((await open()).status, 507)
})

test('a session expires, later with each range, at once by command', async (t) => {
  const { open, clock, control } = await startUpload(t)
  await control.settings({ uploadSessionMs: 10_000 })
  const { uploadUrl: url } = (await open()).json
  clock.ms += 9_000
  assert.equal((await put(url, 0, PART)).status, 200)
  clock.ms += 9_000
  assert.equal((await put(url, PART, 2 * PART)).status, 200)
  clock.ms += 10_000
  assert.equal((await put(url, 2 * PART, SIZE)).status, 404)
  const { uploadUrl: second } = (await open()).json
  assert.equal((await control.expireUploads({})).sessions, 2)
  assert.equal((await put(second, 0, PART)).status, 404)
})

test('faults meet ranges too: a lost answer has taken its bytes', async (t) => {
  const { open, control } = await startUpload(t)
  const { uploadUrl: url } = (await open()).json
  await control.addFault({ method: 'PUT', path: '/attachment-sessions/', action: 'drop-after' })
  await assert.rejects(put(url, 0, PART))
  assert.equal((await put(url, 0, PART)).status, 416)
  assert.equal((await put(url, PART, 2 * PART)).status, 200)
})
