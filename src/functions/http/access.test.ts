/**
 * Who may call what, at the real handlers. The tricks with tokens themselves: src/access.
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { UnsecuredJWT } from 'jose'
import { type ApiRole, ROLES } from '../../access/index.ts'
import { ROUTES } from './index.ts'
import { RESOURCE, startApi } from './testing/api.ts'
import { messageKey } from './testing/held.ts'

/** The roles that may make a call, written down by hand: a change of a right shows here. */
const ALLOWED: Record<string, readonly ApiRole[]> = {
  'GET v1/status': ['Viewer', 'Reader', 'Operator', 'Approver', 'Admin'],
  'GET v1/resources': ['Viewer', 'Reader', 'Operator', 'Approver', 'Admin'],
  'GET v1/resources/{id}': ['Viewer', 'Reader', 'Operator', 'Approver', 'Admin'],
  'GET v1/resources/{id}/points': ['Viewer', 'Reader', 'Operator', 'Approver', 'Admin'],
  'GET v1/resources/{id}/containers': ['Reader', 'Operator', 'Admin'],
  'GET v1/resources/{id}/items': ['Reader', 'Operator', 'Admin'],
  'GET v1/resources/{id}/items/{item}': ['Reader', 'Operator', 'Admin'],
  'GET v1/resources/{id}/items/{item}/content': ['Reader'],
  'GET v1/ledger': ['Reader', 'Operator', 'Admin'],
  'POST v1/runs': ['Operator', 'Admin'],
  'GET v1/runs': ['Viewer', 'Reader', 'Operator', 'Approver', 'Admin'],
  'GET v1/runs/{id}': ['Viewer', 'Reader', 'Operator', 'Approver', 'Admin'],
  'POST v1/rebuilds': ['Admin'],
  'GET v1/rebuilds': ['Viewer', 'Reader', 'Operator', 'Approver', 'Admin'],
  'GET v1/rebuilds/{id}': ['Viewer', 'Reader', 'Operator', 'Approver', 'Admin'],
  'POST v1/restores': ['Operator', 'Admin'],
  'POST v1/restores/{id}/start': ['Operator', 'Admin'],
  'POST v1/restores/{id}/cancel': ['Operator', 'Admin'],
  'POST v1/restores/{id}/undo': ['Operator', 'Admin'],
  'GET v1/restores': ['Viewer', 'Reader', 'Operator', 'Approver', 'Admin'],
  'GET v1/restores/{id}': ['Viewer', 'Reader', 'Operator', 'Approver', 'Admin'],
  'GET v1/restores/{id}/items': ['Reader', 'Operator', 'Admin'],
  'GET v1/policy': ['Viewer', 'Reader', 'Operator', 'Approver', 'Admin'],
  'PUT v1/policy': ['Admin'],
  'POST v1/setup': ['Admin'],
}

const filled = (path: string) => path.replace('{id}', RESOURCE).replace('{item}', messageKey(1))

describe('roles', () => {
  it('the table names every route', () => {
    const routes = ROUTES.map((route) => `${route.method} ${route.path}`)
    assert.deepEqual(routes.toSorted(), Object.keys(ALLOWED).toSorted())
  })

  for (const { method, path } of ROUTES) {
    const name = `${method} ${path}`
    it(`${name} is open to ${ALLOWED[name]?.join(', ')} alone`, async () => {
      const api = await startApi()
      for (const role of ROLES) {
        const answer = await api.call(method, filled(path), { role })
        const allowed = ALLOWED[name]?.includes(role) ?? false
        assert.equal(answer.status !== 403, allowed, `${role}: ${answer.text}`)
        if (allowed) continue
        assert.equal(answer.json.code, 'RoleMissing')
        assert.match(answer.headers.get('www-authenticate') ?? '', /insufficient_scope/)
      }
    })
  }
})

describe('tokens', () => {
  it('without one every call is refused before its input is looked at', async () => {
    const api = await startApi()
    for (const { method, path } of ROUTES) {
      const answer = await api.call(method, filled(path), { token: '', query: { bad: 'x' } })
      assert.deepEqual([answer.status, answer.json.code], [401, 'TokenMissing'], path)
      assert.equal(answer.headers.get('www-authenticate'), 'Bearer realm="holdfast"')
    }
  })

  it('a bad one is refused, and nothing of it comes back', async () => {
    const api = await startApi()
    const { authority, clock } = api
    const late = clock.now() / 1000 - 3600
    const tokens: [string, string][] = [
      [await authority.token({ exp: late }), 'TokenExpired'],
      [await authority.token({ audience: 'https://graph.microsoft.com' }), 'TokenInvalid'],
      [await authority.token({ issuer: 'https://evil.example/' }), 'TokenInvalid'],
      [new UnsecuredJWT(authority.claims({ roles: ['Admin'] })).encode(), 'TokenInvalid'],
    ]
    for (const [token, code] of tokens) {
      const answer = await api.call('GET', 'v1/status', { token })
      assert.deepEqual([answer.status, answer.json.code], [401, code])
      assert.match(answer.headers.get('www-authenticate') ?? '', /error="invalid_token"/)
      const [, claims = ''] = token.split('.')
      assert.ok(!`${answer.text}${api.logged.join()}`.includes(claims))
    }
  })

  it('headers of a front change nothing', async () => {
    const { call } = await startApi()
    const headers = { 'x-ms-client-principal': 'x', 'x-ms-client-principal-name': 'admin' }
    const answer = await call('POST', 'v1/setup', { role: 'Viewer', headers })
    assert.equal(answer.status, 403)
  })

  it('an authority that is away is 503 with a time to wait', async () => {
    const api = await startApi()
    api.authority.setDown(true)
    const answer = await api.call('GET', 'v1/status')
    assert.deepEqual([answer.status, answer.json.code], [503, 'AuthorityUnavailable'])
    assert.equal(answer.headers.get('retry-after'), '5')
  })
})
