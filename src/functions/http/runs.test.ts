import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { PlanEntry } from '../../catalogue/types.ts'
import { NO_COUNTS } from '../../model/events.ts'
import type { OwnerId } from '../../model/ids.ts'
import { linesOf, OTHER, RESOURCE, startApi } from './testing/api.ts'

const signal = new AbortController().signal

function entry(n: number, changes: Partial<PlanEntry>): PlanEntry {
  return {
    owner: n.toString(16).padStart(32, '0') as OwnerId,
    resource: RESOURCE,
    state: 'queued',
    counts: NO_COUNTS,
    requests: 0,
    bytes: 0,
    trouble: '',
    claimedUntil: 0,
    ...changes,
  }
}

describe('POST v1/runs', () => {
  it('writes the row, then wakes the backup role, and says where to look', async () => {
    const api = await startApi()
    const answer = await api.call('POST', 'v1/runs', { json: { resources: [RESOURCE, RESOURCE] } })
    const id = String(answer.json.id)
    assert.equal(answer.status, 202)
    assert.equal(answer.headers.get('location'), `/api/v1/runs/${id}`)
    assert.deepEqual(api.sent, [{ queue: 'backup-jobs', message: { run: id } }])
    const run = await api.catalogue.runs.get(id, signal)
    assert.deepEqual(
      [run?.kind, run?.state, run?.resources, run?.by],
      ['asked', 'queued', [RESOURCE], api.authority.oid],
    )
    assert.match(id, /^20260301T000000Z-[0-9a-f]{12}$/)
  })

  it('without a body asks for everything that is due', async () => {
    const api = await startApi()
    const answer = await api.call('POST', 'v1/runs')
    const run = await api.catalogue.runs.get(String(answer.json.id), signal)
    assert.deepEqual([answer.status, run?.resources], [202, []])
  })

  it('stands although the message could not be sent: the reconciler has the row', async () => {
    const api = await startApi()
    api.faults.queue = true
    const answer = await api.call('POST', 'v1/runs')
    assert.equal(answer.status, 202)
    assert.ok(await api.catalogue.runs.get(String(answer.json.id), signal))
    assert.ok(api.logged.some((line) => line.includes('wake-delayed')))
  })

  it('says of a mailbox that is not there that no policy helps, and why it is not there', async () => {
    const api = await startApi()
    const ask = () => api.call('POST', 'v1/runs', { json: { resources: [OTHER] } })
    assert.match(String((await ask()).json.hint), /^Add the resource to the policy/)
    await api.catalogue.resources.update(
      OTHER,
      (now) => now && { ...now, state: 'no-content', reason: 'NoExchangePlan' },
      signal,
    )
    const { json } = await ask()
    assert.match(String(json.detail), /It has no mailbox to back up \(NoExchangePlan\)\.$/)
    assert.match(String(json.hint), /looked for again/)
    const points = await api.call('GET', `v1/resources/${OTHER}/points`)
    assert.match(String(points.json.detail), /NoExchangePlan/)
    assert.equal(points.json.hint, json.hint)
  })

  it('is not begun where it cannot be recorded', async () => {
    const api = await startApi()
    api.faults.audit = true
    const answer = await api.call('POST', 'v1/runs')
    assert.ok(answer.status >= 500)
    assert.deepEqual([api.sent, api.tables.dump('runs')], [[], []])
  })

  it('is refused while the catalogue is not ready', async () => {
    const api = await startApi()
    api.deps.catalogue = { ...api.catalogue, ready: () => Promise.resolve(false) }
    const answer = await api.call('POST', 'v1/runs')
    assert.deepEqual([answer.status, answer.json.code], [503, 'CatalogueNotReady'])
    assert.ok(Number(answer.headers.get('retry-after')) >= 1)
    assert.equal(api.sent.length, 0)
  })
})

describe('GET v1/runs', () => {
  it('sums over the plan: owners by state, counts, requests, bytes, troubles', async () => {
    const api = await startApi()
    const id = String((await api.call('POST', 'v1/runs')).json.id)
    const counts = { ...NO_COUNTS, seen: 5, stored: 3, unchanged: 2 }
    await api.catalogue.runs.plan(
      id,
      [
        entry(1, { state: 'done', counts, requests: 10, bytes: 1000 }),
        entry(2, { state: 'done', counts, requests: 1, bytes: 24 }),
        entry(3, { state: 'failed', trouble: 'MailboxNotAvailable' }),
        entry(4, {}),
      ],
      signal,
    )
    const { json } = await api.call('GET', `v1/runs/${id}`, { role: 'Viewer' })
    const expected = {
      owners: { total: 4, queued: 1, claimed: 0, done: 2, wait: 0, failed: 1 },
      counts: { ...NO_COUNTS, seen: 10, stored: 6, unchanged: 4 },
      requests: 11,
      bytes: 1024,
      troubles: { MailboxNotAvailable: 1 },
    }
    assert.deepEqual({ ...json, ...expected }, json)
  })

  it('says who was asked for a hint, and counts those requests too', async () => {
    const api = await startApi()
    const id = String((await api.call('POST', 'v1/runs')).json.id)
    const hints = { unchanged: 5, changed: 2, unanswered: 1, requests: 9 }
    await api.catalogue.runs.update(id, (run) => ({ ...run, hints }), signal)
    await api.catalogue.runs.plan(id, [entry(1, { state: 'done', requests: 10 })], signal)
    const { json } = await api.call('GET', `v1/runs/${id}`, { role: 'Viewer' })
    const expected = { requests: 19, hints: { asked: 8, ...hints } }
    assert.deepEqual({ ...json, ...expected }, json)
  })

  it('says of a run that waits for its next wave when that begins, and shows no beat to come', async () => {
    const api = await startApi()
    const id = String((await api.call('POST', 'v1/runs')).json.id)
    const nextAt = new Date(api.clock.now() + 300_000).toISOString()
    await api.catalogue.runs.update(id, (run) => ({ ...run, heartbeatAt: nextAt }), signal)
    const waiting = (await api.call('GET', `v1/runs/${id}`)).json
    assert.deepEqual([waiting.nextAt, waiting.heartbeatAt], [nextAt, undefined])
    api.clock.advance(300_000)
    const going = (await api.call('GET', `v1/runs/${id}`)).json
    assert.deepEqual([going.nextAt, going.heartbeatAt], [undefined, nextAt])
  })

  it('lists runs newest first, page by page', async () => {
    const api = await startApi()
    const ids: string[] = []
    for (let n = 0; n < 3; n++) {
      ids.unshift(String((await api.call('POST', 'v1/runs')).json.id))
      api.clock.advance(1000)
    }
    const first = await api.call('GET', 'v1/runs', { query: { max: '2' } })
    const query = { max: '2', cursor: String(first.json.next) }
    const second = await api.call('GET', 'v1/runs', { query })
    const listed = [...linesOf(first), ...linesOf(second)].map((line) => line.id)
    assert.deepEqual(listed, ids)
    assert.equal(second.json.next, undefined)
  })
})
