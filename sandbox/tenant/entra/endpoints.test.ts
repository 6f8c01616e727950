import assert from 'node:assert/strict'
import { test } from 'node:test'
import { createRemoteJWKSet, decodeJwt, jwtVerify } from 'jose'
import {
  API_RESOURCE,
  BACKUP_CLIENT_ID,
  BACKUP_CLIENT_SECRET,
  GRAPH_RESOURCE,
  RESTORE_CLIENT_ID,
} from '../index.ts'
import { startBench } from '../testing/harness.ts'

function tokenForm(change: Readonly<Record<string, string>> = {}): URLSearchParams {
  return new URLSearchParams({
    grant_type: 'client_credentials',
    client_id: BACKUP_CLIENT_ID,
    client_secret: BACKUP_CLIENT_SECRET,
    scope: `${GRAPH_RESOURCE}/.default`,
    ...change,
  })
}

test('a client-credentials token opens Graph and carries the granted permissions', async (t) => {
  const { tenant, call } = await startBench(t, { seed: { seed: 1, users: 1, messages: 0 } })
  const endpoint = `${tenant.url}/${tenant.tenantId}/oauth2/v2.0/token`
  const response = await fetch(endpoint, { method: 'POST', body: tokenForm() })
  assert.equal(response.status, 200)
  const { access_token: token, expires_in: life } = (await response.json()) as {
    access_token: string
    expires_in: number
  }
  assert.ok(life >= 3_600 && life <= 5_400)
  const claims = decodeJwt(token)
  assert.equal(claims.aud, GRAPH_RESOURCE)
  assert.equal(claims['appid'], BACKUP_CLIENT_ID)
  assert.ok((claims['roles'] as string[]).includes('Mail.Read'))
  assert.ok(!(claims['roles'] as string[]).includes('Mail.ReadWrite'))
  assert.equal((await call('/users', { as: { token } })).status, 200)
})

test('a wrong secret, client, scope or grant is refused as Entra refuses it', async (t) => {
  const { tenant } = await startBench(t)
  const endpoint = `${tenant.url}/${tenant.tenantId}/oauth2/v2.0/token`
  const ask = async (change: Readonly<Record<string, string>>) => {
    const response = await fetch(endpoint, { method: 'POST', body: tokenForm(change) })
    return [response.status, ((await response.json()) as { error: string }).error]
  }
  assert.deepEqual(await ask({ client_secret: 'wrong' }), [401, 'invalid_client'])
  assert.deepEqual(await ask({ client_id: 'nobody' }), [400, 'unauthorized_client'])
  assert.deepEqual(await ask({ scope: 'https://other.example/.default' }), [400, 'invalid_scope'])
  assert.deepEqual(await ask({ grant_type: 'password' }), [400, 'unsupported_grant_type'])
})

test('the managed identity endpoint answers as App Service does', async (t) => {
  const { tenant, call } = await startBench(t, { seed: { seed: 1, users: 1, messages: 0 } })
  const ask = (query: string, header = tenant.identityHeader) =>
    fetch(`${tenant.url}/msi/token?${query}`, { headers: { 'x-identity-header': header } })
  const query = `resource=${GRAPH_RESOURCE}&api-version=2019-08-01`
  const response = await ask(`${query}&client_id=${RESTORE_CLIENT_ID}`)
  const json = (await response.json()) as Record<string, string>
  assert.deepEqual(Object.keys(json).toSorted(), [
    ...['access_token', 'client_id', 'expires_on', 'resource', 'token_type'],
  ])
  assert.equal(json['client_id'], RESTORE_CLIENT_ID)
  // A managed identity's token lives a day.
  assert.ok(Number(json['expires_on']) > Date.now() / 1000 + 80_000)
  assert.equal((await call('/users', { as: { token: json['access_token'] ?? '' } })).status, 200)
  assert.equal((await ask(query, 'wrong')).status, 401)
  assert.equal((await ask(`resource=${GRAPH_RESOURCE}&api-version=2017-09-01`)).status, 400)
  assert.equal((await ask('resource=https://nobody.example&api-version=2019-08-01')).status, 400)
})

test('a person’s token for the API verifies against the published keys', async (t) => {
  const { tenant, control, call } = await startBench(t)
  const authority = `${tenant.url}/${tenant.tenantId}`
  const metadata = await fetch(`${authority}/v2.0/.well-known/openid-configuration`)
  const { issuer, jwks_uri: keys } = (await metadata.json()) as Record<string, string>
  const { token } = await control.issueApiToken({
    name: 'eve@sandbox.example',
    roles: ['Operator'],
  })
  const { payload } = await jwtVerify(token, createRemoteJWKSet(new URL(keys ?? '')), {
    issuer: issuer ?? '',
    audience: API_RESOURCE,
  })
  assert.deepEqual(payload['roles'], ['Operator'])
  // The same token is for another audience than Graph.
  const refused = await call('/users', { as: { token } })
  assert.deepEqual([refused.status, refused.json.error.code], [401, 'InvalidAuthenticationToken'])
})

test('an app’s token for another resource does not open Graph', async (t) => {
  const { call, control } = await startBench(t)
  const resource = 'https://vault.azure.net'
  const { token } = await control.issueAppToken({ clientId: BACKUP_CLIENT_ID, resource })
  const { status, json } = await call('/users', { as: { token } })
  assert.deepEqual([status, json.error.message], [401, 'Invalid audience.'])
})

test('missing, forged and expired tokens are refused with 401', async (t) => {
  let now = Date.now()
  const { tenant, call, control } = await startBench(t, {
    clock: () => now,
    seed: { seed: 1, users: 1, messages: 0 },
  })
  const { token } = await control.issueAppToken({ clientId: BACKUP_CLIENT_ID, lifeSeconds: 600 })
  assert.equal((await call('/users', { as: { token } })).status, 200)
  const forged = `${token.slice(0, -6)}AAAAAA`
  assert.equal((await call('/users', { as: { token: forged } })).status, 401)
  assert.equal((await fetch(`${tenant.url}/v1.0/users`)).status, 401)
  now += 601_000
  const expired = await call('/users', { as: { token } })
  assert.equal(expired.status, 401)
  assert.match(expired.json.error.message, /expired|Lifetime/)
})
