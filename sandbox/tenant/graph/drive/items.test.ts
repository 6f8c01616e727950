import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startBench } from '../../testing/harness.ts'

/** Legal in SharePoint, and each awkward somewhere. */
const NAMES = [
  '100 % sure.txt',
  "it's & so #1 + more.txt",
  'Überprüfung – Entwürfe.txt',
  '日本語 🦊.txt',
  'a=b;c,d@e!f$g~h^i`j{k}[l](m).txt',
  '.hidden',
  'trailing  double.txt',
  `${'long'.repeat(60)}.txt`,
]

test('children come by name, in pages that carry their options', async (t) => {
  const { walk, call, control } = await startBench(t)
  const { drive } = await control.createSite({ path: '/sites/finance' })
  for (const name of ['b.txt', 'A.txt', 'c/in.txt']) await control.putFile({ drive, path: name })
  const path = `/drives/${drive}/root/children`
  const { items, pages } = await walk(`${path}?$top=2&$select=id,name`)
  assert.deepEqual([items.map(({ name }) => name), pages], [['A.txt', 'b.txt', 'c'], 2])
  assert.deepEqual(Object.keys(items[2] ?? {}), ['id', 'name'])
  const folder = items[2]?.id
  const below = await walk(`/drives/${drive}/items/${folder}/children`)
  assert.deepEqual(
    below.items.map(({ name }) => name),
    ['in.txt'],
  )
  assert.equal((await call(`/drives/${drive}/items/root/children`)).json.value.length, 3)
})

test('folders with too many children cannot be listed, and their delta works (7, no. 40)', async (t) => {
  const { call, walk, control } = await startBench(t, { settings: { childrenListedMax: 3 } })
  const { drive } = await control.createSite({ path: '/sites/finance' })
  for (const n of [1, 2, 3]) await control.putFile({ drive, path: `full/${n}.txt` })
  const listed = () => call(`/drives/${drive}/root:/full:/children`)
  assert.equal((await listed()).status, 200)
  await control.putFile({ drive, path: 'full/4.txt' })
  const { status, json } = await listed()
  assert.deepEqual([status, json.error.code], [400, 'invalidRequest'])
  assert.equal((await walk(`/drives/${drive}/root/delta`)).items.length, 6)
})

test('names with every legal character are found by path and come back as they are', async (t) => {
  const { call, control } = await startBench(t)
  const { drive } = await control.createSite({ path: '/sites/finance' })
  for (const name of NAMES) {
    const { id } = await control.putFile({ drive, path: `in ${name}/${name}`, text: name })
    const folder = encodeURIComponent(`in ${name}`)
    const { json } = await call(`/drives/${drive}/root:/${folder}/${encodeURIComponent(name)}`)
    assert.deepEqual([json.id, json.name], [id, name])
    assert.equal(json.parentReference.path, `/drives/${drive}/root:/${folder}`)
    const fetched = await fetch(json['@microsoft.graph.downloadUrl'] ?? '')
    assert.equal(await fetched.text(), name)
  }
})

test('folders have the size and number of what is in them', async (t) => {
  const { call, control } = await startBench(t)
  const { drive } = await control.createSite({ path: '/sites/finance' })
  await control.putFile({ drive, path: 'a/b/one.txt', text: '12345' })
  await control.putFile({ drive, path: 'a/two.txt', text: '123' })
  await control.putFile({ drive, path: 'a/two.txt', text: '1234' })
  const folder = async (path: string) => {
    const { json } = await call(`/drives/${drive}/root:/${path}`)
    return [json.size, json.folder?.childCount]
  }
  assert.deepEqual(await folder('a'), [9, 2])
  await control.moveItem({ drive, item: 'a/b', target: '' })
  assert.deepEqual(
    [await folder('a'), await folder('b')],
    [
      [4, 1],
      [5, 1],
    ],
  )
  await control.deleteItem({ drive, item: 'b' })
  assert.equal((await call(`/drives/${drive}/root`)).json.size, 4)
  assert.equal((await call(`/drives/${drive}`)).json.quota.used, 4)
})

test('unknown properties and options are refused, absent ones left out', async (t) => {
  const { call, control } = await startBench(t)
  const { drive } = await control.createSite({ path: '/sites/finance' })
  const { id } = await control.putFile({ drive, path: 'one.txt' })
  const item = `/drives/${drive}/items/${id}`
  assert.equal((await call(`${item}?$select=shoeSize`)).status, 400)
  assert.equal((await call(`${item}?$expand=permissions`)).status, 400)
  const { json } = await call(`${item}?$select=name,malware,deleted`)
  assert.deepEqual(Object.keys(json), ['@odata.context', 'name'])
})

test('permissions say to whom, how, and where they come from', async (t) => {
  const { call, control } = await startBench(t)
  const { drive } = await control.createSite({ path: '/sites/finance' })
  const { id } = await control.putFile({ drive, path: 'a/one.txt' })
  const folder = (await call(`/drives/${drive}/root:/a`)).json.id
  const group = {
    kind: 'siteGroup',
    id: '5',
    displayName: 'Members',
    loginName: 'Members',
  } as const
  await control.shareItem({ drive, item: folder, grantees: [group], roles: ['write'] })
  const ada = { id: 'u1', displayName: 'Ada' }
  await control.shareItem({ drive, item: id, grantees: [ada], expires: '2027-01-01T00:00:00Z' })
  const link = { type: 'edit', scope: 'users' } as const
  await control.shareItem({ drive, item: id, link, grantees: [ada], hasPassword: true })
  const { value } = (await call(`/drives/${drive}/items/${id}/permissions`)).json
  const [grant, shared, inherited] = value
  assert.deepEqual([grant?.roles, grant?.grantedToV2?.['user']?.displayName], [['read'], 'Ada'])
  assert.equal(grant?.expirationDateTime, '2027-01-01T00:00:00Z')
  assert.deepEqual(
    [shared?.link?.type, shared?.link?.scope, shared?.hasPassword],
    ['edit', 'users', true],
  )
  assert.equal(shared?.grantedToIdentitiesV2?.length, 1)
  assert.deepEqual([inherited?.inheritedFrom?.id, grant?.inheritedFrom], [folder, undefined])
  assert.equal(inherited?.grantedToV2?.['siteGroup']?.displayName, 'Members')
  const one = await call(`/drives/${drive}/items/${id}/permissions/${shared?.id}`)
  assert.equal(one.json.id, shared?.id)
  await control.unshareItem({ drive, item: id })
  const left = (await call(`/drives/${drive}/items/${id}/permissions`)).json.value
  assert.deepEqual(
    left.map((each) => each.id),
    [inherited?.id],
  )
})

test('a drive has the permissions of its root, at the price of all permissions', async (t) => {
  const { call, control } = await startBench(t)
  const { drive } = await control.createSite({ path: '/sites/finance' })
  const root = (await call(`/drives/${drive}/root`)).json.id
  const grantees = [{ id: 'u1', displayName: 'Ada' }]
  await control.shareItem({ drive, item: root, grantees })
  await control.resetCounts({})
  const { value } = (await call(`/drives/${drive}/root/permissions`)).json
  assert.deepEqual(value, (await call(`/drives/${drive}/items/${root}/permissions`)).json.value)
  assert.equal(value[0]?.grantedToV2?.['user']?.displayName, 'Ada')
  assert.equal((await control.counts({})).units.permissions, 10)
})
