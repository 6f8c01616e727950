import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { WORKLOADS } from '../../model/ids.ts'
import { type Body, linesOf, RESOURCE, startApi, type TestApi } from './testing/api.ts'
import { messageKey } from './testing/held.ts'

const signal = new AbortController().signal
const request = {
  resource: RESOURCE,
  at: '2026-02-01T18:00:00+01:00',
  selection: { items: [messageKey(0), messageKey(3)] },
  destination: { kind: 'original' },
}

async function planned(api: TestApi): Promise<string> {
  const answer = await api.call('POST', 'v1/restores', { role: 'Operator', json: request })
  assert.equal(answer.status, 202, answer.text)
  return String(answer.json.id)
}

describe('POST v1/restores', () => {
  it('writes a job in planning, wakes the restore role, and says where to look', async () => {
    const api = await startApi()
    const answer = await api.call('POST', 'v1/restores', { role: 'Operator', json: request })
    const id = String(answer.json.id)
    assert.deepEqual([answer.status, answer.json.state], [202, 'planning'])
    assert.equal(answer.headers.get('location'), `/api/v1/restores/${id}`)
    assert.deepEqual(api.sent, [{ queue: 'restore-jobs', message: { job: id } }])
    const job = await api.catalogue.jobs.get(id, signal)
    assert.equal(job?.by, api.authority.oid)
  })

  it('stands although the message could not be sent', async () => {
    const api = await startApi()
    api.faults.queue = true
    const id = await planned(api)
    assert.ok(await api.catalogue.jobs.get(id, signal))
  })
})

describe('a restore', () => {
  it('shows its state, request and totals, without names', async () => {
    const api = await startApi()
    const id = await planned(api)
    const { json } = await api.call('GET', `v1/restores/${id}`, { role: 'Viewer' })
    assert.deepEqual([json.id, json.state, json.by], [id, 'planning', api.authority.oid])
    assert.ok(json.totals !== undefined && json.counts !== undefined)
    assert.equal('lines' in json, false)
  })

  it('is in the list, newest first', async () => {
    const api = await startApi()
    const older = await planned(api)
    api.clock.advance(1000)
    const newer = await planned(api)
    const lines = linesOf(await api.call('GET', 'v1/restores', { role: 'Viewer' }))
    assert.deepEqual(
      lines.map((line) => line.id),
      [newer, older],
    )
  })

  it('has a report, page by page', async () => {
    const api = await startApi()
    const id = await planned(api)
    const report = await api.call('GET', `v1/restores/${id}/items`, { query: { max: '10' } })
    assert.deepEqual([report.status, report.json.items], [200, []])
  })

  it('cannot be started before it is planned', async () => {
    const api = await startApi()
    const id = await planned(api)
    api.sent.length = 0
    const answer = await api.call('POST', `v1/restores/${id}/start`)
    assert.deepEqual([answer.status, answer.json.code], [409, 'JobNotPlanned'])
    assert.equal(api.sent.length, 0)
  })

  it('is started with the hash of its plan, and the restore role is woken', async () => {
    const api = await startApi()
    const calls: unknown[] = []
    const id = await planned(api)
    const job = await api.catalogue.jobs.get(id, signal)
    assert.ok(job)
    api.deps.restore = {
      ...api.deps.restore,
      start: async (...args) => {
        calls.push(args.slice(0, 3))
        return { ...job, state: 'queued' }
      },
    }
    const planHash = 'a'.repeat(64)
    const answer = await api.call('POST', `v1/restores/${id}/start`, { json: { planHash } })
    assert.deepEqual([answer.status, answer.json.state], [202, 'queued'])
    assert.deepEqual(calls, [[id, planHash, api.authority.oid]])
    assert.equal(api.sent.length, 2)
  })

  it('is cancelled, also twice', async () => {
    const api = await startApi()
    const id = await planned(api)
    for (let n = 0; n < 2; n++) {
      const answer = await api.call('POST', `v1/restores/${id}/cancel`)
      assert.equal(answer.status, 202)
    }
    const job = await api.catalogue.jobs.get(id, signal)
    assert.equal(job?.flags.cancel, true)
  })

  it('leaves every step in the audit', async () => {
    const api = await startApi()
    const id = await planned(api)
    await api.call('POST', `v1/restores/${id}/start`)
    await api.call('GET', `v1/restores/${id}/items`)
    await api.call('POST', `v1/restores/${id}/cancel`)
    const rows = api.tables.dump('audit').map(([, values]): Body => values)
    const actions = rows.map((row) => row.action)
    assert.deepEqual(actions.toReversed(), [
      'restore-planned',
      'restore-started',
      'restore-report-read',
      'restore-cancelled',
    ])
  })
})

describe('POST v1/restores/{id}/undo', () => {
  /** A restore that ended before it made anything. */
  async function ended(api: TestApi): Promise<string> {
    const id = await planned(api)
    await api.catalogue.jobs.update(id, (now) => ({ ...now, state: 'cancelled' }), signal)
    return id
  }

  it('is a job of its own, in planning, and wakes the restore role', async () => {
    const api = await startApi()
    const id = await ended(api)
    api.sent.length = 0
    const answer = await api.call('POST', `v1/restores/${id}/undo`)
    const undo = String(answer.json.id)
    assert.deepEqual([answer.status, answer.json.state], [202, 'planning'])
    assert.notEqual(undo, id)
    assert.equal(answer.headers.get('location'), `/api/v1/restores/${undo}`)
    assert.deepEqual(api.sent, [{ queue: 'restore-jobs', message: { job: undo } }])
    const { json } = await api.call('GET', `v1/restores/${undo}`, { role: 'Viewer' })
    assert.equal(json.kind, 'undo')
    assert.equal(Object(json.request).undoes, id)
    assert.ok('removed' in Object(json.counts) && !('restored' in Object(json.counts)))
    const kinds = linesOf(await api.call('GET', 'v1/restores')).map((line) => line.kind)
    assert.deepEqual(kinds.toSorted(), ['restore', 'undo'])
  })

  it('asked for twice is the same job', async () => {
    const api = await startApi()
    const id = await ended(api)
    const first = await api.call('POST', `v1/restores/${id}/undo`)
    const second = await api.call('POST', `v1/restores/${id}/undo`)
    assert.deepEqual([second.status, second.json.id], [202, first.json.id])
  })

  it('is refused before the restore has ended, for an undo, and for nothing', async () => {
    const api = await startApi()
    const running = await api.call('POST', `v1/restores/${await planned(api)}/undo`)
    assert.deepEqual([running.status, running.json.code], [409, 'RestoreNotEnded'])
    const undo = await api.call('POST', `v1/restores/${await ended(api)}/undo`)
    const twice = await api.call('POST', `v1/restores/${String(undo.json.id)}/undo`)
    assert.deepEqual([twice.status, twice.json.code], [409, 'UndoOfUndo'])
    const none = await api.call('POST', 'v1/restores/aaaa/undo')
    assert.deepEqual([none.status, none.json.code], [404, 'JobUnknown'])
  })

  it('is in the audit before it is done', async () => {
    const api = await startApi()
    const id = await ended(api)
    await api.call('POST', `v1/restores/${id}/undo`)
    const [newest] = api.tables.dump('audit').map(([, values]): Body => values)
    assert.equal(newest?.action, 'restore-undo-planned')
  })
})

describe('policy and setup', () => {
  it('the policy is read and replaced', async () => {
    const api = await startApi()
    const policy = { mode: 'listed', include: ['ada@contoso.example'] }
    const answer = await api.call('PUT', 'v1/policy', { json: policy })
    assert.equal(answer.status, 200)
    const { json } = await api.call('GET', 'v1/policy', { role: 'Viewer' })
    assert.deepEqual(json, {
      n: 2,
      policy: {
        ...{ ...policy, exclude: [], workloads: [...WORKLOADS], fileVersions: 'none' },
        retention: 'forever',
      },
    })
  })

  it('setup may be called again', async () => {
    const api = await startApi()
    for (let n = 0; n < 2; n++) {
      const answer = await api.call('POST', 'v1/setup')
      assert.deepEqual([answer.status, answer.json.ready], [200, true])
    }
  })
})
