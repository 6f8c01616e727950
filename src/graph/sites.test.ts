import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hasCode } from '../model/errors.ts'
import { createSites } from './sites.ts'
import { BASE_URL, graphError, graphOn, json, type Step, scripted } from './testing/scripted.ts'

const signal = new AbortController().signal
const NEXT = '@odata.nextLink'
const DELTA = '@odata.deltaLink'

function sitesOn(...steps: Step[]) {
  const script = scripted(...steps)
  const { graph } = graphOn(script.transport)
  return { ...script, sites: createSites(graph, 'tenant') }
}

const site = (id: string, more: object = {}) => ({
  ...{ id, displayName: `Site ${id}`, webUrl: `https://c/${id}`, isPersonalSite: false, ...more },
})

test('all sites are listed page by page, the archived ones as archived', async () => {
  const archived = { siteCollection: { archivalDetails: { archiveStatus: 'fullyArchived' } } }
  const next = `${BASE_URL}/v1.0/sites/getAllSites?geo=EUR`
  const { sites, seen } = sitesOn(
    () => json({ value: [site('a'), site('b', archived)], [NEXT]: next }),
    () => json({ value: [site('p', { isPersonalSite: true })] }),
  )
  const first = await sites.all(null, signal)
  const second = await sites.all(first.next ?? null, signal)
  assert.deepEqual(
    [...first.sites, ...second.sites].map(({ id, state, isPersonal }) => [id, state, isPersonal]),
    [
      ['a', 'live', false],
      ['b', 'archived', false],
      ['p', 'live', true],
    ],
  )
  assert.equal(second.next, undefined)
  assert.equal(seen[1]?.url, next)
  assert.equal(sites.units(), 4)
})

test('a list of sites that repeats itself ends', async () => {
  const next = `${BASE_URL}/v1.0/sites/getAllSites?again`
  const again = () => json({ value: [site('a')], [NEXT]: next })
  const { sites } = sitesOn(again, again)
  const { next: link = null } = await sites.all(null, signal)
  await assert.rejects(sites.all(link, signal), (error) => hasCode(error, 'EndlessPages'))
})

test('deleted sites are told, and a link whose time is over is a resync', async () => {
  const link = `${BASE_URL}/v1.0/sites/delta?token=x`
  const { sites, seen } = sitesOn(
    () => json({ value: [site('a'), { id: 'b', deleted: {} }], [DELTA]: link }),
    () => graphError(404, 'itemNotFound'),
  )
  const page = await sites.changes(null, signal)
  assert.deepEqual([page.sites.map(({ id }) => id), page.removed], [['a'], [{ id: 'b' }]])
  assert.match(decodeURIComponent(seen[0]?.url ?? ''), /select=[^&]*deleted/)
  assert.equal(page.delta, link)
  await assert.rejects(sites.changes(link, signal), (error) => hasCode(error, 'ResyncNeeded'))
})

test('the sites below a site are listed', async () => {
  const { sites, seen } = sitesOn(() => json({ value: [site('sub')] }))
  assert.deepEqual(
    (await sites.subsites('h,c,w', signal)).map(({ id }) => id),
    ['sub'],
  )
  assert.equal(new URL(seen[0]?.url ?? '').pathname, '/v1.0/sites/h%2Cc%2Cw/sites')
})

test('live, archived, locked and deleted are states of a site', async () => {
  const archived = { siteCollection: { archivalDetails: { archiveStatus: 'recentlyArchived' } } }
  const there = () => json(site('a'))
  const states: [string, Step[]][] = [
    ['live', [there, () => json({ id: 'b!1' }), () => json({ id: 'root' })]],
    ['live', [there, () => graphError(404, 'itemNotFound')]],
    ['archived', [() => json(site('a', archived))]],
    ['locked', [there, () => json({ id: 'b!1' }), () => graphError(423, 'resourceLocked')]],
    ['locked', [() => graphError(423, 'resourceLocked')]],
    ['deleted', [() => graphError(404, 'itemNotFound')]],
  ]
  for (const [state, steps] of states) {
    const { sites, seen } = sitesOn(...steps)
    assert.deepEqual(await sites.look('a', signal), { state })
    assert.equal(seen.length, steps.length)
  }
  const { sites } = sitesOn(() => graphError(403, 'accessDenied'))
  await assert.rejects(sites.look('a', signal), (error) => hasCode(error, 'AccessDenied'))
})

test('a OneDrive says whose it is', async () => {
  const drive = { id: 'b!1', driveType: 'business', owner: { user: { id: 'ann' } } }
  const { sites } = sitesOn(
    () => json(site('a')),
    () => json(drive),
    () => json({ id: 'root' }),
  )
  assert.deepEqual(await sites.look('a', signal), { state: 'live', owner: 'ann' })
})

test('the site of a group says which group it is', async () => {
  const group = { id: 'team', displayName: 'The Team', email: 'team@contoso.example' }
  const drive = { id: 'b!1', driveType: 'documentLibrary', owner: { group } }
  const { sites } = sitesOn(
    () => json(site('a')),
    () => json(drive),
    () => json({ id: 'root' }),
  )
  const { id, displayName: name, email: address } = group
  assert.deepEqual(await sites.look('a', signal), { state: 'live', group: { id, name, address } })
})

test('a tenant without SharePoint says so', async () => {
  const error = { code: 'BadRequest', message: 'Tenant does not have a SPO license.' }
  const { sites } = sitesOn(() => json({ error }, { status: 400 }))
  await assert.rejects(sites.all(null, signal), (thrown) => hasCode(thrown, 'NoSharePointLicence'))
})
