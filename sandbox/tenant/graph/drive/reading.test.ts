import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startBench } from '../../testing/harness.ts'

const SEED = { seed: 5, users: 2, messages: 0 }
const ADA = 'ada.brandt@sandbox.example'

test('sites, libraries, folders and files are found by their ids', async (t) => {
  const { call, control } = await startBench(t, { seed: SEED })
  const { id, drive } = await control.createSite({ path: '/sites/finance', displayName: 'Finance' })
  const file = await control.putFile({ drive, path: 'a/b/c.txt', text: 'hello' })
  assert.match(drive, /^b![\w-]{64}$/)
  assert.match(file.id, /^01[A-Z2-7]{32}$/)
  assert.equal((await call(`/sites/${id}`)).json.id, id)
  assert.deepEqual(
    (await call(`/sites/${id}/drives`)).json.value.map((each) => each.id),
    [drive],
  )
  const item = (await call(`/drives/${drive}/items/${file.id}`)).json
  assert.equal(item.name, 'c.txt')
  const root = (await call(`/drives/${drive}/root/children`)).json.value
  assert.deepEqual(
    root.map(({ name }) => name),
    ['a'],
  )
  const byPath = (await call(`/drives/${drive}/root:/A/b/c.txt`)).json
  assert.equal(byPath.id, file.id)
  const below = (await call(`/drives/${drive}/root:/a/b:/children`)).json.value
  assert.deepEqual(
    below.map((each) => each.id),
    [file.id],
  )
  const sites = (await call('/sites/getAllSites')).json.value
  assert.ok(sites.some((each) => each.id === id))
})

test('a person without a OneDrive has no mysite', async (t) => {
  const { call, control } = await startBench(t, { seed: SEED })
  await control.settings({ sharePoint: true })
  const { id } = await control.createUser({
    displayName: 'N',
    userPrincipalName: 'n@sandbox.example',
    mailbox: null,
  })
  const none = await call(`/users/${id}/drive`)
  assert.deepEqual([none.status, none.json.error.message], [404, "User's mysite not found."])
  const { drive } = await control.createOneDrive({ user: id })
  assert.equal((await call(`/users/${id}/drive`)).json.id, drive)
  await control.settings({ sharePoint: false })
  const unlicensed = await call(`/users/${ADA}/drive`)
  assert.equal(unlicensed.json.error.message, 'Tenant does not have a SPO license.')
})

test('the delta of a drive enumerates, then tells of changes', async (t) => {
  const { control, walk } = await startBench(t, { seed: SEED })
  const { drive } = await control.createSite({ path: '/sites/finance' })
  await control.putFile({ drive, path: 'a/one.txt', text: '1' })
  const two = await control.putFile({ drive, path: 'a/two.txt', text: '2' })
  const first = await walk(`/drives/${drive}/root/delta`)
  assert.deepEqual(
    new Set(first.items.map(({ name }) => name)),
    new Set(['root', 'a', 'one.txt', 'two.txt']),
  )
  await control.deleteItem({ drive, item: two.id })
  const second = await walk(first.delta)
  assert.equal(second.items.find(({ id }) => id === two.id)?.name, undefined)
})
