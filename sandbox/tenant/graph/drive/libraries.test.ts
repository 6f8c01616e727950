import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startDriveBench } from '../../testing/drive-bench.ts'

test('a new library is a drive, and takes files', async (t) => {
  const { call, site, on, control } = await startDriveBench(t)
  const body = { displayName: 'Contracts', list: { template: 'documentLibrary' } }
  const made = await call(`/sites/${site}/lists`, { json: body })
  assert.equal(made.status, 201)
  const drive = await call(`/sites/${site}/lists/${made.json.id}/drive`)
  assert.deepEqual([drive.status, drive.json.name], [200, 'Contracts'])
  const listed = await call(`/sites/${site}/drives`)
  assert.ok(listed.json.value.some(({ id }) => id === drive.json.id))
  const put = await call(`/drives/${drive.json.id}/items/root:/one.txt:/content`, {
    ...{ method: 'PUT', text: 'one' },
  })
  assert.equal(put.status, 201)
  assert.equal((await on('root:/one.txt')).status, 404, 'the other library has none')
  const { drives } = await control.siteSnapshot({ site })
  assert.equal(drives.length, 2)
})

test('a name of a library is taken once; other lists are not served', async (t) => {
  const { call, site } = await startDriveBench(t)
  const make = async (displayName: string, template = 'documentLibrary') =>
    (await call(`/sites/${site}/lists`, { json: { displayName, list: { template } } })).status
  assert.equal(await make('documents'), 409)
  assert.equal(await make('Bad:Name'), 400)
  assert.equal(await make('Tasks', 'genericList'), 501)
})

test('the name of a deleted library is free again, under another id', async (t) => {
  const { call, site, control, drive } = await startDriveBench(t)
  await control.deleteLibrary({ drive })
  const body = { displayName: 'Documents', list: { template: 'documentLibrary' } }
  const { status, json } = await call(`/sites/${site}/lists`, { json: body })
  assert.equal(status, 201)
  const made = await call(`/sites/${site}/lists/${json.id}/drive`)
  assert.notEqual(made.json.id, drive)
})
