/**
 * Bad input gets a sentence that helps, repeats nothing of what was sent, and starts nothing.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { keyHash } from '../../model/ids.ts'
import { type CallOptions, OTHER, RESOURCE, startApi } from './testing/api.ts'
import { INBOX, messageKey } from './testing/held.ts'

const BASE = `v1/resources/${RESOURCE}`
const inbox = keyHash(INBOX)
/** Stands for a subject, a name or a token in a place where none belongs. */
const SENT = 'eyJTOPSECRET-Project_Falcon'

const restore = {
  resource: RESOURCE,
  at: '2026-02-10T00:00:00Z',
  selection: { all: true },
  destination: { kind: 'original' },
}

type Case = [name: string, call: string, options: CallOptions, status: number, code: string]

const queries: Case[] = [
  ['an unknown parameter', 'GET v1/resources', { query: { [SENT]: 'x' } }, 400, 'QueryInvalid'],
  ['a parameter of another call', 'GET v1/runs', { query: { at: 'now' } }, 400, 'QueryInvalid'],
  ['a parameter given twice', 'GET v1/runs?max=1&max=2', {}, 400, 'QueryInvalid'],
  ['max of nothing', 'GET v1/runs', { query: { max: '0' } }, 400, 'QueryInvalid'],
  ['max beyond all', 'GET v1/runs', { query: { max: '1001' } }, 400, 'QueryInvalid'],
  ['max as a word', 'GET v1/runs', { query: { max: SENT } }, 400, 'QueryInvalid'],
  ['max below zero', 'GET v1/runs', { query: { max: '-1' } }, 400, 'QueryInvalid'],
  ['a cursor made up', 'GET v1/runs', { query: { cursor: SENT } }, 400, 'BadCursor'],
  [
    'a forged cursor',
    'GET v1/runs',
    { query: { cursor: Buffer.from('{"list":"x","next":"y"}').toString('base64url') } },
    400,
    'BadCursor',
  ],
  [
    'an unknown workload',
    `GET ${BASE}/points`,
    { query: { workload: SENT } },
    400,
    'WorkloadUnknown',
  ],
  ['a time in words', `GET ${BASE}/containers`, { query: { at: SENT } }, 400, 'QueryInvalid'],
  [
    'a local time',
    `GET ${BASE}/containers`,
    { query: { at: '2026-02-01T00:00:00' } },
    400,
    'QueryInvalid',
  ],
  [
    'a day that is none',
    `GET ${BASE}/containers`,
    { query: { at: '2026-02-30T00:00:00Z' } },
    400,
    'QueryInvalid',
  ],
  [
    'a time in the future',
    `GET ${BASE}/containers`,
    { query: { at: '2030-01-01T00:00:00Z' } },
    400,
    'TimeInFuture',
  ],
  ['a missing container', `GET ${BASE}/items`, {}, 400, 'QueryInvalid'],
  [
    'a Graph id as container',
    `GET ${BASE}/items`,
    { query: { container: INBOX } },
    400,
    'MalformedId',
  ],
  ['a missing resource', 'GET v1/ledger', {}, 400, 'QueryInvalid'],
  ['a malformed resource', `GET v1/resources/${SENT}`, {}, 400, 'MalformedId'],
  ['a malformed run', `GET v1/runs/${encodeURIComponent('../x')}`, {}, 400, 'MalformedId'],
  [
    'a malformed restore',
    `POST v1/restores/${encodeURIComponent('a b')}/cancel`,
    {},
    400,
    'MalformedId',
  ],
  [
    'an unknown form',
    `GET ${BASE}/items/${messageKey(1)}/content`,
    { role: 'Reader', query: { as: SENT } },
    400,
    'QueryInvalid',
  ],
]

const bodies: Case[] = [
  ['malformed JSON', 'POST v1/runs', { raw: `{"resources": ["${SENT}` }, 400, 'BodyMalformed'],
  [
    'bytes that are no text',
    'POST v1/runs',
    { raw: new Uint8Array([0xff, 0xfe]) },
    400,
    'BodyMalformed',
  ],
  [
    'a wrong content type',
    'POST v1/runs',
    { json: {}, headers: { 'content-type': 'text/plain' } },
    415,
    'BodyTypeUnsupported',
  ],
  [
    'a compressed body',
    'POST v1/runs',
    { json: {}, headers: { 'content-encoding': 'gzip' } },
    415,
    'BodyTypeUnsupported',
  ],
  [
    'a body beyond 256 KiB',
    'POST v1/runs',
    { raw: ' '.repeat(256 * 1024 + 1) },
    413,
    'BodyTooLarge',
  ],
  ['a list as body', 'POST v1/runs', { json: [SENT] }, 400, 'BodyInvalid'],
  ['null as body', 'POST v1/runs', { json: null }, 400, 'BodyInvalid'],
  ['an unknown member', 'POST v1/runs', { json: { [SENT]: 1 } }, 400, 'BodyInvalid'],
  [
    'a prototype as member',
    'POST v1/runs',
    { raw: '{"__proto__":{"resources":[]}}' },
    400,
    'BodyInvalid',
  ],
  ['no resources at all', 'POST v1/runs', { json: { resources: [] } }, 400, 'BodyInvalid'],
  ['a malformed resource', 'POST v1/runs', { json: { resources: [SENT] } }, 400, 'MalformedId'],
  [
    'one unknown resource',
    'POST v1/runs',
    { json: { resources: [RESOURCE, keyHash('nobody')] } },
    404,
    'ResourceUnknown',
  ],
  [
    'one unprotected resource',
    'POST v1/runs',
    { json: { resources: [RESOURCE, OTHER] } },
    409,
    'NotProtected',
  ],
  [
    'ten thousand ids',
    'POST v1/runs',
    { json: { resources: Array.from({ length: 10_000 }, () => RESOURCE) } },
    413,
    'BodyTooLarge',
  ],
  [
    'eight thousand ids',
    'POST v1/runs',
    { json: { resources: Array.from({ length: 8_000 }, () => RESOURCE) } },
    400,
    'BodyInvalid',
  ],
  ['a body where none belongs', 'POST v1/setup', { json: { force: true } }, 400, 'BodyInvalid'],
  ['a wrong policy', 'PUT v1/policy', { json: { mode: SENT } }, 400, 'BodyInvalid'],
  ['no policy', 'PUT v1/policy', {}, 400, 'BodyInvalid'],
]

const restores: Case[] = [
  ['no body', 'POST v1/restores', {}, 400, 'BodyInvalid'],
  [
    'a selection of nothing',
    'POST v1/restores',
    { json: { ...restore, selection: {} } },
    400,
    'BodyInvalid',
  ],
  [
    'no items',
    'POST v1/restores',
    { json: { ...restore, selection: { items: [] } } },
    400,
    'BodyInvalid',
  ],
  [
    'five thousand items',
    'POST v1/restores',
    { json: { ...restore, selection: { items: Array(5000).fill(messageKey(1)) } } },
    400,
    'BodyInvalid',
  ],
  [
    'an unknown item',
    'POST v1/restores',
    { json: { ...restore, selection: { items: [messageKey(1), keyHash('none')] } } },
    404,
    'SelectionUnknown',
  ],
  [
    'an unknown resource',
    'POST v1/restores',
    { json: { ...restore, resource: keyHash('nobody') } },
    404,
    'ResourceUnknown',
  ],
  [
    'an unknown destination',
    'POST v1/restores',
    { json: { ...restore, destination: { kind: 'resource', resource: keyHash('nobody') } } },
    404,
    'DestinationUnknown',
  ],
  [
    'the future',
    'POST v1/restores',
    { json: { ...restore, at: '2030-01-01T00:00:00Z' } },
    400,
    'TimeInFuture',
  ],
  [
    'the distant past',
    'POST v1/restores',
    { json: { ...restore, at: '2001-01-01T00:00:00Z' } },
    404,
    'BeforeFirstPoint',
  ],
  ['a time in words', 'POST v1/restores', { json: { ...restore, at: SENT } }, 400, 'BodyInvalid'],
  [
    'an unknown member',
    'POST v1/restores',
    { json: { ...restore, [SENT]: 1 } },
    400,
    'BodyInvalid',
  ],
  [
    'an unknown conflict rule',
    'POST v1/restores',
    { json: { ...restore, conflict: SENT } },
    400,
    'BodyInvalid',
  ],
  ['a start of nothing', 'POST v1/restores/aaaa/start', {}, 404, 'JobUnknown'],
  [
    'a malformed plan hash',
    'POST v1/restores/aaaa/start',
    { json: { planHash: SENT } },
    400,
    'BodyInvalid',
  ],
]

for (const [group, cases] of Object.entries({ queries, bodies, restores })) {
  describe(`bad input: ${group}`, () => {
    for (const [name, call, options, status, code] of cases) {
      it(name, async () => {
        const api = await startApi()
        const [method = '', path = ''] = call.split(' ')
        const answer = await api.call(method, path, options)
        assert.deepEqual([answer.status, answer.json.code], [status, code], answer.text)
        assert.equal(answer.headers.get('content-type'), 'application/problem+json')
        assert.ok(String(answer.json.detail).length > 20)
        assert.ok(!answer.text.includes(SENT), 'the answer repeats what was sent')
        assert.ok(!api.logged.join().includes(SENT), 'the log repeats what was sent')
        assert.equal(api.sent.length, 0, 'a message was sent')
        assert.deepEqual([api.tables.dump('runs'), api.tables.dump('jobs')], [[], []])
      })
    }
  })
}

describe('cursors', () => {
  it('of another list, or of the same list with another time, are refused', async () => {
    const { call } = await startApi()
    const query = { container: inbox, max: '2' }
    const first = await call('GET', `${BASE}/items`, { query })
    const cursor = String(first.json.next)
    const others = [
      await call('GET', `${BASE}/items`, {
        query: { ...query, cursor, at: '2026-02-01T18:00:00Z' },
      }),
      await call('GET', `${BASE}/points`, { query: { cursor } }),
    ]
    for (const other of others) assert.equal(other.json.code, 'BadCursor')
  })

  it('cannot reach beyond the head', async () => {
    const { call } = await startApi()
    const query = { container: inbox, max: '2' }
    const first = await call('GET', `${BASE}/items`, { query })
    const inside = JSON.parse(Buffer.from(String(first.json.next), 'base64url').toString())
    const forged = Buffer.from(JSON.stringify({ ...inside, seq: 999 })).toString('base64url')
    const answer = await call('GET', `${BASE}/items`, { query: { ...query, cursor: forged } })
    assert.equal(answer.json.seq, 2)
  })

  it('with a continuation that the catalogue does not know are refused', async () => {
    const { call } = await startApi()
    const query = { container: inbox, max: '2' }
    const first = await call('GET', `${BASE}/items`, { query })
    const inside = JSON.parse(Buffer.from(String(first.json.next), 'base64url').toString())
    const forged = Buffer.from(JSON.stringify({ ...inside, next: SENT })).toString('base64url')
    const answer = await call('GET', `${BASE}/items`, { query: { ...query, cursor: forged } })
    assert.deepEqual([answer.status, answer.json.code], [400, 'BadContinuation'])
  })
})

it('what is missing and what is of the wrong type is said in plain words', async () => {
  const { call } = await startApi()
  const body = { json: { at: 'yesterday', selection: { items: 'x' }, destination: 'original' } }
  const detail = String((await call('POST', 'v1/restores', body)).json.detail)
  assert.match(detail, /resource: is missing; at: must be an ISO time/)
  assert.match(detail, /selection\.items: must be of type array, not string/)
  assert.match(detail, /destination: must be \{"kind": "original"\}, or/)
  assert.doesNotMatch(detail, /Invalid input/)
})
