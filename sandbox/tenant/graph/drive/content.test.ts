import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { type TestContext, test } from 'node:test'
import { generatedPieces } from '../../content/generated-bytes.ts'
import { quickXorHash } from '../../content/quick-xor.ts'
import type { TenantOptions } from '../../index.ts'
import { startBench } from '../../testing/harness.ts'

async function startDrive(t: TestContext, options: TenantOptions = {}) {
  const bench = await startBench(t, options)
  const { control, call } = bench
  const { drive } = await control.createSite({ path: '/sites/the finance' })
  const put = (path: string, text = path) => control.putFile({ drive, path, text })
  const item = (id: string) => `/drives/${drive}/items/${id}`
  const urlOf = async (id: string) =>
    (await call(`${item(id)}/content`)).headers.get('location') ?? ''
  return { ...bench, drive, put, item, urlOf }
}

/** As a client must do it: nothing but the URL. */
async function download(url: string, headers: Record<string, string> = {}) {
  const response = await fetch(url, { headers })
  const text = await response.text()
  return { status: response.status, headers: response.headers, text }
}

test('content is a redirect to a URL of its own, which needs no token', async (t) => {
  const { put, call, item, tenant } = await startDrive(t)
  const { id } = await put('a/one.txt', 'the bytes')
  const { status, headers } = await call(`${item(id)}/content`)
  const url = headers.get('location') ?? ''
  assert.equal(status, 302)
  assert.ok(url.startsWith(`${tenant.url}/sites/`) && !url.includes('/v1.0/'))
  const { text, headers: sent } = await download(url)
  assert.equal(text, 'the bytes')
  assert.equal(sent.get('content-type'), 'text/plain')
  const json = (await call(item(id))).json
  assert.equal((await download(json['@microsoft.graph.downloadUrl'] ?? '')).text, 'the bytes')
})

test('a download URL refuses a token, and a query in another order or encoding (7, no. 14)', async (t) => {
  const { put, urlOf } = await startDrive(t)
  const url = await urlOf((await put('one.txt')).id)
  const reordered = new URL(url)
  reordered.searchParams.sort()
  const encoded = url.replace('v1.', 'v1%2E')
  const extended = `${url}&more=1`
  for (const wrong of [reordered.href, encoded, extended]) {
    assert.notEqual(wrong, url)
    assert.deepEqual(await download(wrong).then(({ status, text }) => [status, text]), [401, ''])
  }
  const withToken = await download(url, { authorization: 'Bearer whatever' })
  assert.deepEqual([withToken.status, withToken.text], [401, ''])
  assert.equal((await download(url)).status, 200)
})

test('a download URL expires, by itself and by command (7, no. 15)', async (t) => {
  let now = Date.parse('2026-03-01T10:00:00Z')
  const { put, urlOf, control } = await startDrive(t, { clock: () => now })
  const { id } = await put('one.txt')
  const url = await urlOf(id)
  now += 3_599_000
  assert.equal((await download(url)).status, 200)
  now += 1_000
  assert.equal((await download(url)).status, 401)
  const fresh = await urlOf(id)
  assert.equal((await download(fresh)).status, 200)
  await control.expireDownloads({})
  assert.equal((await download(fresh)).status, 401)
})

test('a URL gives what the file is by then, and 404 in JSON once it is gone', async (t) => {
  const { put, urlOf, control, drive } = await startDrive(t)
  const { id } = await put('one.txt', 'old')
  const url = await urlOf(id)
  await put('one.txt', 'new')
  assert.equal((await download(url)).text, 'new')
  await control.deleteItem({ drive, item: id })
  const gone = await download(url)
  assert.equal(gone.status, 404)
  assert.equal(JSON.parse(gone.text).error.code, 'itemNotFound')
  assert.equal(gone.headers.get('content-type'), 'application/json')
})

test('ranges are answered in part, or whole where the service ignores them', async (t) => {
  const { put, urlOf, control } = await startDrive(t)
  const url = await urlOf((await put('one.txt', '0123456789')).id)
  const ranged = async (range: string) => {
    const { status, text, headers } = await download(url, { range })
    return [status, text, headers.get('content-range')]
  }
  assert.deepEqual(await ranged('bytes=2-4'), [206, '234', 'bytes 2-4/10'])
  assert.deepEqual(await ranged('bytes=7-'), [206, '789', 'bytes 7-9/10'])
  assert.deepEqual(await ranged('bytes=7-99'), [206, '789', 'bytes 7-9/10'])
  assert.deepEqual(await ranged('bytes=-3'), [206, '789', 'bytes 7-9/10'])
  assert.deepEqual(await ranged('bytes=10-'), [416, '', 'bytes */10'])
  await control.settings({ ignoredRanges: 1 })
  assert.deepEqual(await ranged('bytes=2-4'), [200, '0123456789', null])
})

test('bodies break off, come wrong, or are an error in JSON, by faults of the one file', async (t) => {
  const { put, urlOf, control, drive } = await startDrive(t)
  const text = 'x'.repeat(1_000_000)
  const { id } = await put('one.txt', text)
  const url = await urlOf(id)
  const other = await urlOf((await put('two.txt', text)).id)
  const path = `/download/drives/${drive}/items/${id}$`
  await control.addFault({ path, action: 'cut-answer' })
  assert.equal((await download(other)).text, text)
  await assert.rejects(download(url))
  await control.addFault({ path, action: 'wrong-bytes' })
  const wrong = (await download(url)).text
  assert.ok(wrong !== text && wrong.length === text.length)
  await control.addFault({ path, action: 'fail', status: 500, code: 'generalException' })
  const failed = await download(url)
  assert.equal(failed.status, 500)
  assert.equal(JSON.parse(failed.text).error.code, 'generalException')
  await control.addFault({ path, action: 'drop-before' })
  await assert.rejects(download(url))
  assert.equal((await download(url)).text, text)
  assert.ok((await control.listFaults({})).faults.every(({ hit }) => hit))
})

test('wrong bytes of two ranges do not cancel each other in the hash of the file', async (t) => {
  const { put, urlOf, control, drive } = await startDrive(t)
  const text = 'x'.repeat(10_000)
  const { id } = await put('one.txt', text)
  const url = await urlOf(id)
  await control.addFault({
    path: `/download/drives/${drive}/items/${id}$`,
    action: 'wrong-bytes',
    rate: 1,
  })
  // The middle of one and the middle of the other: 160 times 16 bytes apart.
  const first = (await download(url)).text.slice(0, 5120)
  const second = (await download(url, { range: 'bytes=5120-' })).text
  assert.notEqual(quickXorHash(Buffer.from(first + second)), quickXorHash(Buffer.from(text)))
})

test('known content is not given again: 304 for its eTag or cTag', async (t) => {
  const { put, call, item } = await startDrive(t)
  const { id } = await put('one.txt')
  const { eTag, cTag } = (await call(item(id))).json
  const asked = (tag: string) =>
    call(`${item(id)}/content`, { headers: { 'if-none-match': tag } }).then(({ status }) => status)
  assert.deepEqual([await asked(eTag), await asked(cTag ?? '')], [304, 304])
  await put('one.txt', 'new')
  assert.equal(await asked(eTag), 302)
})

test('the eTag changes with every change, the cTag with content', async (t) => {
  const { put, call, control, item, drive } = await startDrive(t)
  const { id } = await put('one.txt')
  const tags = async () => {
    const { eTag, cTag } = (await call(item(id))).json
    return [eTag, cTag]
  }
  const [eTag1, cTag1] = await tags()
  await control.renameItem({ drive, item: id, name: 'two.txt' })
  const [eTag2, cTag2] = await tags()
  await put('two.txt', 'new')
  const [eTag3, cTag3] = await tags()
  assert.equal(new Set([eTag1, eTag2, eTag3]).size, 3)
  assert.ok(cTag1 === cTag2 && cTag2 !== cTag3)
  assert.match(eTag1 ?? '', /^"\{[0-9A-F-]{36}\},1"$/)
  assert.match(cTag1 ?? '', /^"c:\{[0-9A-F-]{36}\},1"$/)
})

test('infected files are refused, but in beta to who says so (7, no. 20)', async (t) => {
  const { put, call, control, item, drive } = await startDrive(t)
  const { id } = await put('bad.txt', 'evil')
  await control.flagMalware({ drive, item: id, malware: 'EICAR' })
  const json = (await call(item(id))).json
  assert.equal(json.malware?.description, 'EICAR')
  const content = `${item(id)}/content`
  const v1 = await call(content)
  assert.deepEqual([v1.status, v1.json.error.code], [403, 'malwareDetected'])
  const byUrl = await download(json['@microsoft.graph.downloadUrl'] ?? '')
  assert.deepEqual([byUrl.status, JSON.parse(byUrl.text).error.code], [403, 'malwareDetected'])
  assert.equal((await call(content, { beta: true })).status, 403)
  const headers = { prefer: 'forceInfectedDownload' }
  assert.equal((await call(content, { headers })).status, 403)
  const forced = await call(content, { beta: true, headers })
  assert.equal(forced.status, 302)
  assert.equal((await download(forced.headers.get('location') ?? '')).text, 'evil')
  const stream = `/drives/${drive}/items/${id}/contentStream`
  assert.equal((await call(stream)).status, 501)
})

test('beta contentStream gives the bytes themselves, in ranges too', async (t) => {
  const { put, bytes, control, item, drive } = await startDrive(t)
  const { id } = await put('one.txt', 'the bytes')
  const stream = `${item(id)}/contentStream`
  assert.equal((await bytes(stream, { beta: true })).toString(), 'the bytes')
  await control.flagMalware({ drive, item: id, malware: 'EICAR' })
  const headers = { prefer: 'forceInfectedDownload' }
  assert.equal((await bytes(stream, { beta: true, headers })).toString(), 'the bytes')
})

test('a notebook is a folder and a package without content, its sections download (7, no. 5)', async (t) => {
  const { put, call, control, drive, item, urlOf } = await startDrive(t)
  const { id } = await control.makeFolder({ drive, path: 'Notes', notebook: true })
  const section = await put('Notes/One.one', 'ink')
  const { json } = await call(item(id))
  assert.ok(json.folder)
  assert.equal(json.package?.type, 'oneNote')
  assert.equal((await call(`${item(id)}/content`)).status, 404)
  assert.equal((await download(await urlOf(section.id))).text, 'ink')
})

test('folders and shortcuts have no content', async (t) => {
  const { put, call, control, drive, item } = await startDrive(t)
  const { id: target } = await put('a/one.txt')
  const other = await control.createSite({ path: '/sites/other' })
  const ref = { drive: other.drive, path: 'link to one', target: { drive, item: target } }
  const shortcut = await control.makeShortcut(ref)
  const path = `/drives/${other.drive}/items/${shortcut.id}`
  const { json } = await call(path)
  assert.equal(json.remoteItem?.id, target)
  assert.equal(json.file, undefined)
  assert.equal((await call(`${path}/content`)).status, 404)
  const folder = await call(`/drives/${drive}/root:/a`)
  assert.equal((await call(`${item(folder.json.id)}/content`)).status, 400)
})

test('earlier versions are read by their ids, the current one through the item alone', async (t) => {
  const { put, call, item } = await startDrive(t)
  const { id } = await put('one.txt', 'first')
  await put('one.txt', 'second')
  const versions = (await call(`${item(id)}/versions`)).json.value
  assert.deepEqual(
    versions.map((each) => [each.id, each.size]),
    [
      ['2.0', 6],
      ['1.0', 5],
    ],
  )
  const old = await call(`${item(id)}/versions/1.0/content`)
  assert.equal((await download(old.headers.get('location') ?? '')).text, 'first')
  const current = await call(`${item(id)}/versions/2.0/content`)
  assert.deepEqual([current.status, current.json.error.code], [400, 'invalidRequest'])
  assert.equal((await call(`${item(id)}/versions/2.0`)).json.id, '2.0')
  assert.equal((await call(`${item(id)}/versions/9.0/content`)).status, 404)
})

test('setting the dates of a file makes a version (7, no. 18)', async (t) => {
  const { put, call, control, item, drive } = await startDrive(t)
  const { id } = await put('one.txt')
  await control.setItemDates({ drive, item: id, modified: '2020-01-02T03:04:05Z' })
  const { json } = await call(item(id))
  assert.equal(json.fileSystemInfo.lastModifiedDateTime, '2020-01-02T03:04:05Z')
  assert.equal((await call(`${item(id)}/versions`)).json.value.length, 2)
})

test('a file may show another size and hash than its bytes have (7, no. 16)', async (t) => {
  const { call, control, item, drive, urlOf } = await startDrive(t)
  const shown = { shownSize: 999, shownHash: 'AAAAAAAAAAAAAAAAAAAAAAAAAAA=' }
  const { id } = await control.putFile({ drive, path: 'one.docx', text: 'real', ...shown })
  const { json } = await call(item(id))
  assert.deepEqual([json.size, json.file?.hashes?.quickXorHash], [999, shown.shownHash])
  assert.equal((await download(await urlOf(id))).text, 'real')
  const [truth] = (await control.driveSnapshot({ drive })).items
  assert.deepEqual([truth?.bytes, truth?.sha256], [4, hash('sha256', 'real')])
})

test('a generated file of any size is given piece by piece', async (t) => {
  const { control, drive, urlOf } = await startDrive(t)
  const size = 40_000_000
  const { id } = await control.putFile({ drive, path: 'big.bin', generated: { seed: 4, size } })
  const url = await urlOf(id)
  const part = await fetch(url, { headers: { range: 'bytes=39999990-' } })
  const whole = Buffer.concat([...generatedPieces({ seed: 4, size, kind: 'binary' })])
  assert.deepEqual(Buffer.from(await part.arrayBuffer()), whole.subarray(-10))
  const all = Buffer.from(await (await fetch(url)).arrayBuffer())
  assert.ok(all.equals(whole))
  const [truth] = (await control.driveSnapshot({ drive })).items
  assert.equal(truth?.sha256, hash('sha256', whole))
})
