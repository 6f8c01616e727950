import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startBench } from '../../testing/harness.ts'

const SEED = { seed: 5, users: 2, messages: 0 }
const ADA = 'ada.brandt@sandbox.example'

test('the list of all sites has collections and OneDrives, and no subsites', async (t) => {
  const { walk, call, control } = await startBench(t, { seed: SEED })
  const { id: finance } = await control.createSite({ path: '/sites/finance' })
  const { id: audit } = await control.createSite({ path: 'audit', parent: '/sites/finance' })
  const { id: deep } = await control.createSite({ path: '2026', parent: '/sites/finance/audit' })
  const { id: personal } = await control.createOneDrive({ user: ADA })
  const { items, pages } = await walk('/sites/getAllSites?$top=1')
  assert.equal(pages, items.length)
  const ids = items.map(({ id }) => id)
  assert.ok(ids.includes(finance) && ids.includes(personal) && !ids.includes(audit))
  const mine = items.find(({ id }) => id === personal)
  assert.deepEqual(
    [mine?.isPersonalSite, items.find(({ id }) => id === finance)?.isPersonalSite],
    [true, false],
  )
  assert.match(finance, /^sandbox\.sharepoint\.com,[0-9a-f-]{36},[0-9a-f-]{36}$/)
  assert.match(personal, /^sandbox-my\.sharepoint\.com,/)
  assert.equal(finance.split(',')[1], audit.split(',')[1])
  const below = (await call(`/sites/${finance}/sites`)).json.value
  assert.deepEqual(
    below.map(({ id }) => id),
    [audit, deep],
  )
})

test('hidden and system libraries are shown to who selects system', async (t) => {
  const { call, control } = await startBench(t, { seed: SEED })
  const { id, drive } = await control.createSite({ path: '/sites/finance' })
  const hold = await control.createLibrary({
    site: id,
    name: 'Preservation Hold Library',
    system: true,
  })
  const more = await control.createLibrary({ site: id, name: 'More' })
  const idsOf = async (query: string) =>
    (await call(`/sites/${id}/drives${query}`)).json.value.map((each) => each.id)
  assert.deepEqual(await idsOf(''), [drive, more.id])
  assert.deepEqual(await idsOf('?$select=id,name'), [drive, more.id])
  assert.deepEqual(await idsOf('?$select=id,name,system'), [drive, hold.id, more.id])
  const listed = (await call(`/sites/${id}/drives?$select=id,system`)).json.value
  assert.deepEqual(
    listed.filter(({ system }) => system).map((each) => each.id),
    [hold.id],
  )
  assert.equal((await call(`/sites/${id}/drive`)).json.id, drive)
})

test('a locked or archived site is listed, and nothing in it can be read', async (t) => {
  const { call, control } = await startBench(t, { seed: SEED })
  const { id, drive } = await control.createSite({ path: '/sites/finance' })
  const { id: file } = await control.putFile({ drive, path: 'one.txt', text: '1' })
  const sub = await control.createSite({ path: 'audit', parent: '/sites/finance' })
  const url =
    (await call(`/drives/${drive}/items/${file}`)).json['@microsoft.graph.downloadUrl'] ?? ''
  const refused = [
    `/sites/${id}/drives`,
    `/sites/${id}/sites`,
    `/drives/${drive}`,
    `/drives/${drive}/root/delta`,
    `/drives/${drive}/items/${file}`,
    `/drives/${drive}/items/${file}/content`,
    `/drives/${drive}/items/${file}/permissions`,
    `/drives/${sub.drive}/root`,
  ]
  for (const state of ['locked', 'fullyArchived'] as const) {
    await control.setSiteState({ site: id, state })
    for (const path of refused) {
      const { status, json } = await call(path)
      const { code, innerError } = json.error
      assert.deepEqual([status, code, innerError.code], [423, 'notAllowed', 'resourceLocked'], path)
    }
    assert.equal((await fetch(url)).status, 423)
    const site = (await call(`/sites/${id}`)).json
    const status = state === 'locked' ? undefined : state
    assert.equal(site.siteCollection?.archivalDetails?.archiveStatus, status)
  }
  await control.setSiteState({ site: id, state: 'live' })
  assert.equal((await call(`/drives/${drive}`)).status, 200)
})

test('the delta of sites tells of new, changed and deleted ones, subsites too', async (t) => {
  const { walk, call, control } = await startBench(t, { seed: SEED })
  const { id, drive } = await control.createSite({ path: '/sites/finance', displayName: 'F' })
  const gone = await control.createSite({ path: '/sites/gone' })
  const first = await walk('/sites/delta?$select=id,displayName&$top=1')
  assert.ok(first.items.some((site) => site.id === id))
  const sub = await control.createSite({ path: 'audit', parent: '/sites/finance' })
  await control.renameSite({ site: id, displayName: 'Renamed' })
  await control.deleteSite({ site: gone.id })
  const second = await walk(first.delta)
  const told = second.items.map((site) => [site.id, site.deleted?.state ?? site.displayName])
  assert.deepEqual(
    new Map(told.map(([key, value]) => [key, value])),
    new Map([
      [sub.id, 'audit'],
      [id, 'Renamed'],
      [gone.id, 'Deleted'],
    ]),
  )
  assert.deepEqual((await walk(second.delta)).items, [])
  assert.deepEqual((await walk('/sites/delta?token=latest')).items, [])
  await control.createLibrary({ site: id, name: 'New' })
  assert.deepEqual(
    (await walk(second.delta)).items.map((site) => site.id),
    [id],
  )
  assert.equal((await call(`/sites/${gone.id}`)).json.error.code, 'itemNotFound')
  assert.equal((await call(`/drives/${gone.drive}`)).json.error.code, 'itemNotFound')
  await control.expireTokens({ drive: null })
  const expired = await call(second.delta)
  assert.equal(expired.json.error.innerError.code, 'resyncChangesApplyDifferences')
  assert.ok((await walk(expired.headers.get('location') ?? '')).items.length > 0)
  assert.equal((await call(`/drives/${drive}`)).status, 200)
})

test('a deleted library is gone with all in it, and a new one of its name is another', async (t) => {
  const { call, control } = await startBench(t, { seed: SEED })
  const { id, drive } = await control.createSite({ path: '/sites/finance' })
  await control.deleteLibrary({ drive })
  assert.equal((await call(`/drives/${drive}/root/delta`)).status, 404)
  const again = await control.createLibrary({ site: id, name: 'Documents' })
  assert.notEqual(again.id, drive)
})

test('a OneDrive is of type business and says whose it is', async (t) => {
  const { call, control } = await startBench(t, { seed: SEED })
  const { drive } = await control.createOneDrive({ user: ADA })
  const listed = (await call(`/users/${ADA}/drives`)).json.value
  assert.deepEqual(
    listed.map(({ id }) => id),
    [drive],
  )
  const { json } = await call(`/drives/${drive}?$select=id,driveType,owner,quota`)
  assert.deepEqual(Object.keys(json).slice(1), ['id', 'driveType', 'owner', 'quota'])
})

test('the files of a group are those of its site', async (t) => {
  const { call, control } = await startBench(t, { seed: SEED })
  const { drive } = await control.createSite({ path: '/sites/team', group: true })
  const { sites } = await control.sites({})
  const group = sites.find(({ path }) => path === '/sites/team')?.group
  assert.equal((await call(`/groups/${group}/drive`)).json.id, drive)
  const listed = (await call(`/groups/${group}/drives`)).json.value
  assert.deepEqual(
    listed.map(({ id }) => id),
    [drive],
  )
  const nobody = await call('/groups/11111111-2222-4333-8444-555555555555/drive')
  assert.deepEqual([nobody.status, nobody.json.error.code], [404, 'Request_ResourceNotFound'])
})

test('a call without the permission is refused in the words of SharePoint', async (t) => {
  const { call, control } = await startBench(t, { seed: SEED })
  const { drive } = await control.createOneDrive({ user: ADA })
  await control.setAppPermissions({
    clientId: 'b0a5c0de-0001-4000-8000-000000000001',
    permissions: ['Mail.Read'],
  })
  const { status, json } = await call(`/drives/${drive}/root/delta`, { as: 'backup' })
  assert.deepEqual([status, json.error.code], [403, 'accessDenied'])
})
