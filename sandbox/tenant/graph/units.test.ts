import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { RESTORE_CLIENT_ID, type TenantOptions } from '../index.ts'
import { startBench } from '../testing/harness.ts'

async function startDrive(t: TestContext, options: TenantOptions = {}) {
  const bench = await startBench(t, {
    ...options,
    settings: { deltaNoise: false, ...options.settings },
  })
  const { id: site, drive } = await bench.control.createSite({ path: '/sites/finance' })
  const { id } = await bench.control.putFile({ drive, path: 'one.txt', text: 'one' })
  await bench.control.putFile({ drive, path: 'one.txt', text: 'two' })
  await bench.control.resetCounts({})
  return { ...bench, site, drive, item: `/drives/${drive}/items/${id}` }
}

test('every call costs what facts/graph.md 2.2 says, permissions five times one', async (t) => {
  const { call, walk, control, site, drive, item } = await startDrive(t)
  const delta = await walk(`/drives/${drive}/root/delta`)
  const sites = await walk('/sites/delta')
  const cost = async (path: string) => Number((await call(path)).headers.get('x-ms-resource-unit'))
  const costs = {
    item: await cost(item),
    drive: await cost(`/drives/${drive}`),
    site: await cost(`/sites/${site}`),
    children: await cost(`/drives/${drive}/root/children`),
    drives: await cost(`/sites/${site}/drives`),
    allSites: await cost('/sites/getAllSites'),
    deltaWithToken: await cost(delta.delta),
    deltaWithout: await cost(`/drives/${drive}/root/delta`),
    siteDeltaWithToken: await cost(sites.delta),
    content: await cost(`${item}/content`),
    versions: await cost(`${item}/versions`),
    oldVersion: await cost(`${item}/versions/1.0/content`),
    permissions: await cost(`${item}/permissions`),
  }
  assert.deepEqual(costs, {
    ...{ item: 1, drive: 1, site: 1, children: 2, drives: 2, allSites: 2 },
    ...{ deltaWithToken: 1, deltaWithout: 2, siteDeltaWithToken: 1 },
    ...{ content: 1, versions: 2, oldVersion: 1, permissions: 5 },
  })
  const { units } = await control.counts({})
  const sum = Object.values(costs).reduce((a, b) => a + b, 0) + 2 + 2
  assert.deepEqual([units.total, units.permissions, units.apps[RESTORE_CLIENT_ID]], [sum, 5, sum])
})

test('a download costs one unit, of the app that was given the URL', async (t) => {
  const { call, control, item } = await startDrive(t)
  const url = (await call(item)).json['@microsoft.graph.downloadUrl'] ?? ''
  await control.resetCounts({})
  await fetch(url)
  const part = await fetch(url, { headers: { range: 'bytes=0-0' } })
  await part.arrayBuffer()
  const counts = await control.counts({})
  assert.deepEqual(counts.units.kinds, { 'content.download': 2 })
  assert.deepEqual(counts.units.apps, { [RESTORE_CLIENT_ID]: 2 })
  assert.deepEqual([counts.downloads, counts.bytesOut], [2, 4])
})

test('from 80 % of the minute on answers say what is left, then they refuse, also downloads', async (t) => {
  let now = Date.parse('2026-03-01T10:00:15Z')
  const { call, item } = await startDrive(t, { clock: () => now, settings: { unitsPerMinute: 10 } })
  const url = (await call(item)).json['@microsoft.graph.downloadUrl'] ?? ''
  for (let n = 2; n < 8; n += 1) {
    assert.equal((await call(item)).headers.get('ratelimit-limit'), null)
  }
  const eighth = await call(item)
  const left = (headers: Headers) =>
    ['limit', 'remaining', 'reset'].map((name) => headers.get(`ratelimit-${name}`))
  assert.deepEqual(left(eighth.headers), ['10', '2', '45'])
  await call(item)
  await call(item)
  const refused = await call(item)
  assert.deepEqual([refused.status, refused.json.error.code], [429, 'activityLimitReached'])
  assert.equal(refused.headers.get('retry-after'), '45')
  assert.deepEqual(left(refused.headers), ['10', '0', '45'])
  const download = await fetch(url)
  await download.text()
  assert.deepEqual([download.status, download.headers.get('retry-after')], [429, '45'])
  assert.equal((await call(item, { as: 'backup' })).status, 200)
  now += 45_000
  assert.equal((await call(item)).status, 200)
})

test('refused calls are charged too, and the day has its own budget', async (t) => {
  let now = Date.parse('2026-03-01T23:00:00Z')
  const { call, control, item } = await startDrive(t, {
    clock: () => now,
    settings: { unitsPerDay: 3 },
  })
  for (let n = 0; n < 3; n += 1) assert.equal((await call(item)).status, 200)
  const refused = await call(item)
  assert.deepEqual([refused.status, refused.headers.get('retry-after')], [429, '3600'])
  assert.equal((await control.counts({})).units.total, 4)
  now += 60_000
  assert.equal((await call(item)).status, 429)
  now += 3_540_000
  assert.equal((await call(item)).status, 200)
})

test('calls of mail and of the directory cost no units', async (t) => {
  const { call, control } = await startDrive(t, { seed: { seed: 1, users: 1, messages: 1 } })
  const { headers } = await call('/users')
  assert.equal(headers.get('x-ms-resource-unit'), null)
  assert.equal((await control.counts({})).units.total, 0)
})

test('permissions use up the budget five times as fast', async (t) => {
  const clock = () => Date.parse('2026-03-01T10:00:00Z')
  const { call, item } = await startDrive(t, { clock, settings: { unitsPerMinute: 10 } })
  const asked = async () => (await call(`${item}/permissions`)).status
  assert.deepEqual([await asked(), await asked(), await asked()], [200, 200, 429])
})
