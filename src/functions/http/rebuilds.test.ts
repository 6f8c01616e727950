import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { linesOf, NOW, OTHER, RESOURCE, startApi } from './testing/api.ts'
import { OWNER } from './testing/held.ts'

const signal = new AbortController().signal
const rebuildOf = async (api: Awaited<ReturnType<typeof startApi>>, id: unknown) =>
  await api.catalogue.rebuilds.get(String(id), signal)

describe('POST v1/rebuilds', () => {
  it('writes the row, then wakes the backup role, and says where to look', async () => {
    const api = await startApi()
    const answer = await api.call('POST', 'v1/rebuilds', { json: { resources: [RESOURCE] } })
    const { id } = answer.json
    assert.equal(answer.status, 202)
    assert.equal(answer.headers.get('location'), `/api/v1/rebuilds/${id}`)
    assert.deepEqual(api.sent, [{ queue: 'backup-jobs', message: { rebuild: id } }])
    const rebuild = await rebuildOf(api, id)
    assert.deepEqual([rebuild?.scope, rebuild?.state], ['named', 'queued'])
    assert.deepEqual(
      rebuild?.open.map((entry) => entry.owner),
      [OWNER],
    )
  })

  it('without a body asks for everything, also where the catalogue is not ready; once', async () => {
    const api = await startApi()
    api.deps.catalogue = { ...api.catalogue, ready: () => Promise.resolve(false) }
    const answer = await api.call('POST', 'v1/rebuilds')
    assert.deepEqual([answer.status, (await rebuildOf(api, answer.json.id))?.scope], [202, 'all'])
    const second = await api.call('POST', 'v1/rebuilds')
    assert.deepEqual([second.status, second.json.code], [409, 'RebuildUnderWay'])
  })

  it('is recorded, or not begun', async () => {
    const api = await startApi()
    api.faults.audit = true
    assert.ok((await api.call('POST', 'v1/rebuilds')).status >= 500)
    assert.deepEqual([api.sent, api.tables.dump('runs')], [[], []])
  })

  it('is for an Admin, of what is held, and of workers that are stopped already', async () => {
    const api = await startApi()
    const ask = async (json: unknown, role: 'Admin' | 'Operator' = 'Admin') =>
      (await api.call('POST', 'v1/rebuilds', { json, role })).json.code
    assert.equal(await ask({}, 'Operator'), 'RoleMissing')
    assert.equal(await ask({ resources: [OTHER] }), 'NothingHeld')
    const unknown = RESOURCE.replace(/^./, RESOURCE.startsWith('a') ? 'b' : 'a')
    assert.equal(await ask({ resources: [unknown] }), 'ResourceUnknown')
    const later = new Date(NOW + 120_000).toISOString()
    assert.equal(await ask({ stoppedBefore: later }), 'TimeInFuture')
    assert.equal(await ask({ stoppedBefore: 'soon' }), 'BodyInvalid')
    assert.deepEqual(api.sent, [])
  })
})

describe('GET v1/rebuilds', () => {
  it('says how one goes and what its owners wait for, without naming them', async () => {
    const api = await startApi()
    const stoppedBefore = new Date(NOW - 1000).toISOString()
    const json = { resources: [RESOURCE], stoppedBefore }
    const { id } = (await api.call('POST', 'v1/rebuilds', { json })).json
    const dueAt = new Date(NOW + 60_000).toISOString()
    await api.catalogue.rebuilds.update(
      String(id),
      (now) => ({
        ...now,
        open: [{ owner: OWNER, dueAt, tries: 1, trouble: 'KeyStoreUnavailable' }],
      }),
      signal,
    )
    const shown = await api.call('GET', `v1/rebuilds/${id}`, { role: 'Viewer' })
    const expected = { nextAt: dueAt, open: 1, waiting: { KeyStoreUnavailable: 1 }, stoppedBefore }
    assert.deepEqual({ ...shown.json, ...expected }, shown.json)
    assert.ok(!shown.text.includes(OWNER))
    const list = await api.call('GET', 'v1/rebuilds', { role: 'Viewer' })
    assert.deepEqual(
      linesOf(list).map((line) => line.id),
      [id],
    )
    const none = await api.call('GET', 'v1/rebuilds/none', { role: 'Viewer' })
    assert.equal(none.json.code, 'RebuildUnknown')
  })
})
