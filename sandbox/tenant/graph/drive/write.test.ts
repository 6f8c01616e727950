import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BACKUP_CLIENT_ID, RESTORE_CLIENT_ID } from '../../index.ts'
import { sha256, startDriveBench } from '../../testing/drive-bench.ts'

const BEHAVIOR = '@microsoft.graph.conflictBehavior'

test('a folder is made once: fail refuses, rename finds a name, replace leaves what is there', async (t) => {
  const { on, put, paths } = await startDriveBench(t)
  const make = (behavior?: string, name = 'Reports') =>
    on('root/children', {
      json: { name, folder: {}, ...(behavior === undefined ? {} : { [BEHAVIOR]: behavior }) },
    })
  const first = await make()
  assert.deepEqual([first.status, first.item.folder?.childCount], [201, 0])
  await put(`${first.item.id}:/one.txt:/content`, 'one')
  const again = await make('fail', 'REPORTS')
  assert.deepEqual([again.status, again.code], [409, 'nameAlreadyExists'])
  const renamed = await make('rename')
  assert.deepEqual([renamed.status, renamed.item.name], [201, 'Reports 1'])
  const replaced = await make('replace')
  assert.deepEqual([replaced.status, replaced.item.id], [200, first.item.id])
  assert.deepEqual(await paths(), ['Reports', 'Reports 1', 'Reports/one.txt'])
})

test('the root folder can be named without an id', async (t) => {
  const { call, drive, paths } = await startDriveBench(t)
  const root = `/drives/${drive}/root`
  const made = await call(`${root}/children`, { json: { name: 'Top', folder: {} } })
  assert.equal(made.status, 201)
  const put = await call(`${root}:/one.txt:/content`, { method: 'PUT', text: 'one' })
  assert.equal(put.status, 201)
  const session = await call(`${root}:/two.txt:/createUploadSession`, { json: {} })
  assert.equal(session.status, 200)
  assert.deepEqual(await paths(), ['Top', 'one.txt'])
})

test('what an app makes is made by the app, with the dates that it says', async (t) => {
  const { on } = await startDriveBench(t)
  const dates = {
    createdDateTime: '2019-01-02T03:04:05Z',
    lastModifiedDateTime: '2020-02-03T04:05:06Z',
  }
  const { item } = await on('root/children', {
    json: { name: 'Old', folder: {}, fileSystemInfo: dates },
  })
  assert.deepEqual(item.fileSystemInfo, dates)
  assert.equal(item.createdBy.application?.id, RESTORE_CLIENT_ID)
})

const BAD_NAMES = [
  'a:b',
  'what?',
  '"x"',
  'a*',
  '<a>',
  'a|b',
  'a\\b',
  'dot.',
  'blank ',
  ' blank',
  '~a',
]

test('names that SharePoint does not take are refused, others are not', async (t) => {
  const { on, put } = await startDriveBench(t)
  for (const name of BAD_NAMES) {
    const { status, code } = await on('root/children', { json: { name, folder: {} } })
    assert.deepEqual([status, code], [400, 'invalidRequest'], name)
    const file = await put(`root:/${encodeURIComponent(name)}:/content`, 'x')
    assert.equal(file.status, 400, name)
  }
  for (const name of [
    "it's #1 100% & so; on",
    'Entwürfe {ü} [1] 50€',
    '表.txt',
    '.hidden',
    'a~b',
  ]) {
    const { status, item } = await put(`root:/${encodeURIComponent(name)}:/content`, 'x')
    assert.deepEqual([status, item.name], [201, name])
  }
})

test('a path has at most 400 characters, also below a folder that is renamed', async (t) => {
  const { on, put } = await startDriveBench(t)
  const [one, two, three] = ['a'.repeat(120), 'b'.repeat(120), 'c'.repeat(100)]
  const { item: top } = await on('root/children', { json: { name: one, folder: {} } })
  const { item: below } = await on(`${top.id}/children`, { json: { name: two, folder: {} } })
  assert.equal((await put(`${below.id}:/${three}:/content`, 'x')).status, 201)
  const long = await put(`${below.id}:/${'d'.repeat(140)}:/content`, 'x')
  assert.deepEqual([long.status, long.code], [400, 'pathIsTooLong'])
  const renamed = await on(top.id, { method: 'PATCH', json: { name: 'e'.repeat(170) } })
  assert.deepEqual([renamed.status, renamed.code], [400, 'pathIsTooLong'])
})

test('PATCH renames and moves; a folder never goes into itself', async (t) => {
  const { on, put, paths } = await startDriveBench(t)
  const { item: folder } = await on('root/children', { json: { name: 'Here', folder: {} } })
  const { item: inner } = await on(`${folder.id}/children`, { json: { name: 'In', folder: {} } })
  const { item: file } = await put('root:/one.txt:/content', 'one')
  await put(`${folder.id}:/taken.txt:/content`, 'other')
  const patch = (id: string, json: object) => on(id, { method: 'PATCH', json })
  const taken = await patch(file.id, { name: 'taken.txt', parentReference: { id: folder.id } })
  assert.deepEqual([taken.status, taken.code], [409, 'nameAlreadyExists'])
  const moved = await patch(file.id, { name: 'two.txt', parentReference: { id: inner.id } })
  assert.deepEqual([moved.status, moved.item.name], [200, 'two.txt'])
  assert.equal((await patch(folder.id, { parentReference: { id: inner.id } })).status, 400)
  assert.equal((await patch('root', { name: 'Top' })).status, 400)
  assert.deepEqual(await paths(), ['Here', 'Here/In', 'Here/In/two.txt', 'Here/taken.txt'])
  const same = await patch(file.id, { name: 'TWO.txt' })
  assert.equal(same.item.name, 'TWO.txt', 'the case of its own name may change')
})

test('a tag that is no longer the present one is refused', async (t) => {
  const { on, put } = await startDriveBench(t)
  const { item } = await put('root:/one.txt:/content', 'one')
  await put('root:/one.txt:/content', 'two')
  const headers = { 'if-match': item.eTag }
  const patched = await on(item.id, { method: 'PATCH', json: { name: 'x' }, headers })
  assert.equal(patched.status, 412)
  assert.equal((await on(item.id, { method: 'DELETE', headers })).status, 412)
})

test('setting the modification time makes another version of a file', async (t) => {
  const { on, put, file } = await startDriveBench(t)
  const { item } = await put('root:/one.txt:/content', 'one')
  const json = { fileSystemInfo: { lastModifiedDateTime: '2020-02-03T04:05:06Z' } }
  const dated = await on(item.id, { method: 'PATCH', json })
  assert.equal(dated.item.fileSystemInfo.lastModifiedDateTime, '2020-02-03T04:05:06Z')
  const versions = (await file('one.txt'))?.versions.map((version) => version.sha256)
  assert.deepEqual(versions, [sha256('one'), sha256('one')])
})

test('what is deleted is gone from the drive, and the delta tells of it', async (t) => {
  const { on, put, walk, drive, paths } = await startDriveBench(t)
  const { item: folder } = await on('root/children', { json: { name: 'Here', folder: {} } })
  const { item } = await put(`${folder.id}:/one.txt:/content`, 'one')
  const { delta } = await walk(`/drives/${drive}/root/delta`)
  assert.equal((await on(folder.id, { method: 'DELETE' })).status, 204)
  assert.equal((await on(item.id)).status, 404)
  assert.equal((await on(folder.id, { method: 'DELETE' })).status, 404)
  assert.deepEqual(await paths(), [])
  const { items } = await walk(delta)
  const told = items.filter((each) => 'deleted' in each).map(({ id }) => id)
  assert.deepEqual(told, [folder.id])
})

test('an Office file is not found when it is to be replaced or deleted, where that is turned on', async (t) => {
  const { on, put, control, paths } = await startDriveBench(t)
  const { item } = await put('root:/plan.xlsx:/content', 'cells')
  await put('root:/note.txt:/content', 'text')
  await control.settings({ lostOfficeFiles: 1 })
  const replaced = await put('root:/plan.xlsx:/content', 'other cells')
  assert.deepEqual([replaced.status, replaced.code], [404, 'itemNotFound'])
  assert.equal((await on(item.id, { method: 'DELETE' })).status, 404)
  assert.equal((await put('root:/note.txt:/content', 'other text')).status, 200)
  assert.deepEqual(await paths(), ['note.txt', 'plan.xlsx'])
})

test('a locked site takes nothing, and neither does an app that may only read', async (t) => {
  const { on, put, control, site } = await startDriveBench(t)
  const read = await on('root/children', { as: 'backup', json: { name: 'x', folder: {} } })
  assert.deepEqual([read.status, read.code], [403, 'accessDenied'])
  await control.setAppPermissions({
    clientId: BACKUP_CLIENT_ID,
    permissions: ['Files.ReadWrite.All'],
  })
  const options = { as: 'backup' as const, json: {} }
  assert.equal((await on('root:/x:/createUploadSession', options)).status, 403)
  await control.setSiteState({ site, state: 'locked' })
  const locked = await put('root:/x.txt:/content', 'x')
  assert.deepEqual([locked.status, locked.inner], [423, 'resourceLocked'])
})

test('a write costs two units, one on permissions five', async (t) => {
  const { on, put, control } = await startDriveBench(t)
  const { item, headers } = await put('root:/one.txt:/content', 'one')
  assert.equal(headers.get('x-ms-resource-unit'), '2')
  await on(`${item.id}/createLink`, { json: { type: 'view', scope: 'organization' } })
  await on(item.id, { method: 'DELETE' })
  const { units } = await control.counts({})
  assert.deepEqual([units.total, units.permissions], [9, 5])
})
