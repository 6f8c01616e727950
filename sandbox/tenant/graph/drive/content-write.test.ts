import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sha256, startDriveBench } from '../../testing/drive-bench.ts'

const BEHAVIOR = '@microsoft.graph.conflictBehavior'

test('a file comes in one PUT, also one without a byte', async (t) => {
  const { put, file } = await startDriveBench(t)
  const made = await put('root:/one.txt:/content', 'one')
  assert.deepEqual([made.status, made.item.size, made.item.file?.mimeType], [201, 3, 'text/plain'])
  const empty = await put('root:/empty.bin:/content', '')
  assert.deepEqual([empty.status, empty.item.size, empty.item.file?.hashes], [201, 0, undefined])
  assert.equal((await file('empty.bin'))?.sha256, sha256(''))
})

test('a name that is taken: replaced by a new version, refused, or given another name', async (t) => {
  const { put, on, file, paths } = await startDriveBench(t)
  const first = await put('root:/one.txt:/content', 'one')
  const replaced = await put('root:/ONE.txt:/content', 'two')
  assert.deepEqual([replaced.status, replaced.item.id], [200, first.item.id])
  const versions = (await file('one.txt'))?.versions.map((version) => version.sha256)
  assert.deepEqual(versions, [sha256('two'), sha256('one')])
  const refused = await put(`root:/one.txt:/content?${BEHAVIOR}=fail`, 'three')
  assert.deepEqual([refused.status, refused.code], [409, 'nameAlreadyExists'])
  const renamed = await put(`root:/one.txt:/content?${BEHAVIOR}=rename`, 'four')
  assert.deepEqual([renamed.status, renamed.item.name], [201, 'one 1.txt'])
  await on('root/children', { json: { name: 'folder.txt', folder: {} } })
  assert.equal((await put('root:/folder.txt:/content', 'x')).status, 409)
  assert.deepEqual(await paths(), ['folder.txt', 'one 1.txt', 'one.txt'])
})

test('an item that is there gets a new version, whatever its name is by now', async (t) => {
  const { put, on, file } = await startDriveBench(t)
  const { item } = await put('root:/one.txt:/content', 'one')
  await on(item.id, { method: 'PATCH', json: { name: 'renamed.txt' } })
  const again = await put(`${item.id}/content`, 'two')
  assert.deepEqual([again.status, again.item.name], [200, 'renamed.txt'])
  assert.equal((await file('renamed.txt'))?.sha256, sha256('two'))
  assert.equal((await put('root/content', 'x')).status, 400)
  await on(item.id, { method: 'DELETE' })
  assert.equal((await put(`${item.id}/content`, 'three')).status, 404)
})

test('more than 250 MB do not come in one PUT, and leave nothing', async (t) => {
  const { on, paths } = await startDriveBench(t)
  const piece = Buffer.alloc(8 * 1024 * 1024)
  async function* pieces() {
    for (let n = 0; n < 33; n += 1) yield piece
  }
  const body = ReadableStream.from(pieces())
  const { status, code } = await on('root:/big.bin:/content', { method: 'PUT', body })
  assert.deepEqual([status, code], [413, 'maxFileSizeExceeded'])
  assert.deepEqual(await paths(), [])
})

test('a full drive takes nothing', async (t) => {
  const { put, control, drive, paths } = await startDriveBench(t)
  await control.setQuota({ drive, quotaBytes: 10 })
  assert.equal((await put('root:/one.txt:/content', 'six by')).status, 201)
  const full = await put('root:/two.txt:/content', 'six by')
  assert.deepEqual([full.status, full.code], [507, 'quotaLimitReached'])
  assert.deepEqual(await paths(), ['one.txt'])
})

test('SharePoint writes properties into Office files, so that size and hash differ', async (t) => {
  const { put, control, file } = await startDriveBench(t)
  await control.settings({ officeRewrites: true })
  const office = await put('root:/letter.docx:/content', 'a letter')
  assert.ok(office.item.size > 'a letter'.length)
  assert.notEqual((await file('letter.docx'))?.sha256, sha256('a letter'))
  const plain = await put('root:/letter.txt:/content', 'a letter')
  assert.equal(plain.item.size, 'a letter'.length)
})
