import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { describe, it } from 'node:test'
import { exportPKCS8, exportSPKI, importPKCS8, SignJWT, UnsecuredJWT } from 'jose'
import { AppError } from '../model/errors.ts'
import type { Access } from './access.ts'
import { type ApiRole, RIGHTS, type Right, ROLE_RIGHTS, ROLES } from './roles.ts'
import { AUDIENCE, startAuthority, TENANT } from './testing/authority.ts'

function headersWith(token: string): Headers {
  return new Headers({ authorization: `Bearer ${token}` })
}

async function codeOf(access: Access, token: string, right: Right = 'status'): Promise<string> {
  try {
    await access.authorise(headersWith(token), right)
    return 'accepted'
  } catch (error) {
    assert.ok(error instanceof AppError, String(error))
    assert.ok(!JSON.stringify([error.message, error.hint, error.context]).includes(token))
    return error.code
  }
}

describe('access', () => {
  it('a good token gives the caller with its known roles', async () => {
    const authority = await startAuthority()
    const token = await authority.token({ roles: ['Reader', 'Emperor'], name: 'Ada' })
    const caller = await authority.access.authorise(headersWith(token), 'content')
    assert.deepEqual(caller, { id: authority.oid, name: 'Ada', roles: ['Reader'] })
  })

  it('each role opens exactly its rights', async () => {
    const authority = await startAuthority()
    for (const role of ROLES) {
      const token = await authority.token({ roles: [role] })
      for (const right of RIGHTS) {
        const expected = ROLE_RIGHTS[role].includes(right) ? 'accepted' : 'RoleMissing'
        assert.equal(await codeOf(authority.access, token, right), expected, `${role} ${right}`)
      }
    }
  })

  it('only Reader opens content', () => {
    const opening = ROLES.filter((role: ApiRole) => ROLE_RIGHTS[role].includes('content'))
    assert.deepEqual(opening, ['Reader'])
  })

  it('no token, another scheme or two tokens are refused', async () => {
    const { access, token } = await startAuthority()
    const code = (value: string | undefined) =>
      access
        .authorise(new Headers(value === undefined ? {} : { authorization: value }), 'status')
        .then(
          () => 'accepted',
          (error: unknown) => (error instanceof AppError ? error.code : 'other'),
        )
    const good = await token({})
    assert.equal(await code(undefined), 'TokenMissing')
    assert.equal(await code(''), 'TokenMissing')
    assert.equal(await code(`Basic ${good}`), 'TokenInvalid')
    assert.equal(await code(`Bearer ${good}, Bearer ${good}`), 'TokenInvalid')
    assert.equal(await code(`Bearer ${'a'.repeat(20_000)}`), 'TokenInvalid')
    assert.equal(await code(`bearer ${good}`), 'accepted')
  })

  it('a header of a front is never trusted', async () => {
    const { access } = await startAuthority()
    const principal = Buffer.from(JSON.stringify({ userRoles: ['Admin'] })).toString('base64')
    const headers = new Headers({
      'x-ms-client-principal': principal,
      'x-ms-client-principal-id': 'someone',
      'x-ms-token-aad-access-token': 'token',
    })
    await assert.rejects(access.authorise(headers, 'status'), { code: 'TokenMissing' })
  })
})

describe('token tricks', () => {
  it('wrong issuer, audience, tenant or times are refused', async () => {
    const authority = await startAuthority()
    const now = authority.clock.now() / 1000
    const cases: [string, Parameters<typeof authority.token>[0], string][] = [
      ['other issuer', { issuer: 'https://login.example/other/v2.0' }, 'TokenInvalid'],
      ['other audience', { audience: 'https://graph.microsoft.com' }, 'TokenInvalid'],
      ['other tenant', { tid: '11111111-1111-1111-1111-111111111111' }, 'TokenInvalid'],
      ['expired', { exp: now - 61 }, 'TokenExpired'],
      ['expired within tolerance', { exp: now - 59 }, 'accepted'],
      ['not yet valid', { nbf: now + 61 }, 'TokenInvalid'],
      ['ID token', { nonce: 'n-0S6' }, 'TokenInvalid'],
      ['hostile caller id', { oid: '../../x' }, 'TokenInvalid'],
      ['no roles', { roles: undefined }, 'RoleMissing'],
      ['roles as text', { roles: 'Admin' }, 'TokenInvalid'],
    ]
    for (const [name, claims, code] of cases) {
      assert.equal(await codeOf(authority.access, await authority.token(claims)), code, name)
    }
  })

  it('a token without an expiry is refused', async () => {
    const authority = await startAuthority()
    assert.equal(
      await codeOf(authority.access, await authority.token({ exp: undefined })),
      'TokenInvalid',
    )
  })

  it('alg none is refused', async () => {
    const authority = await startAuthority()
    const token = new UnsecuredJWT({ ...authority.claims({ roles: ['Admin'] }) }).encode()
    assert.equal(await codeOf(authority.access, token), 'TokenInvalid')
  })

  it('our key under another algorithm is refused', async () => {
    const authority = await startAuthority()
    const pkcs8 = await exportPKCS8(authority.privateKey)
    const token = await new SignJWT(authority.claims({ roles: ['Admin'] }))
      .setProtectedHeader({ alg: 'PS256', kid: authority.kid })
      .sign(await importPKCS8(pkcs8, 'PS256'))
    assert.equal(await codeOf(authority.access, token), 'TokenInvalid')
  })

  it('HS256 signed with the public key as secret is refused', async () => {
    const authority = await startAuthority()
    const secrets = [await exportSPKI(authority.publicKey), JSON.stringify(authority.publicJwk)]
    for (const secret of secrets) {
      const encode = (part: object) => Buffer.from(JSON.stringify(part)).toString('base64url')
      const head = encode({ alg: 'HS256', typ: 'JWT', kid: authority.kid })
      const signed = `${head}.${encode(authority.claims({ roles: ['Admin'] }))}`
      const mac = createHmac('sha256', secret).update(signed).digest('base64url')
      assert.equal(await codeOf(authority.access, `${signed}.${mac}`), 'TokenInvalid')
    }
  })

  it('a key of somebody else under our key id is refused', async () => {
    const authority = await startAuthority()
    const stranger = await startAuthority()
    const token = await new SignJWT(authority.claims({ roles: ['Admin'] }))
      .setProtectedHeader({ alg: 'RS256', kid: authority.kid })
      .sign(stranger.privateKey)
    assert.equal(await codeOf(authority.access, token), 'TokenInvalid')
  })

  it('a key that the token itself brings is refused', async () => {
    const authority = await startAuthority()
    const stranger = await startAuthority()
    const token = await new SignJWT(authority.claims({ roles: ['Admin'] }))
      .setProtectedHeader({ alg: 'RS256', jwk: stranger.publicJwk, jku: 'https://evil.example/' })
      .sign(stranger.privateKey)
    assert.equal(await codeOf(authority.access, token), 'TokenInvalid')
    assert.equal(authority.fetched.filter((url) => url.includes('evil')).length, 0)
  })

  it('changed claims under an old signature are refused', async () => {
    const authority = await startAuthority()
    const [head = '', , mac = ''] = (await authority.token({ roles: ['Viewer'] })).split('.')
    const claims = JSON.stringify(authority.claims({ roles: ['Admin'] }))
    const forged = `${head}.${Buffer.from(claims).toString('base64url')}.${mac}`
    assert.equal(await codeOf(authority.access, forged, 'administer'), 'TokenInvalid')
  })
})

describe('signing keys', () => {
  it('are read once for many calls, also side by side', async () => {
    const authority = await startAuthority()
    const token = await authority.token({})
    await Promise.all(Array.from({ length: 5 }, () => codeOf(authority.access, token)))
    assert.equal(authority.fetched.length, 2)
    assert.ok(authority.fetched[0]?.endsWith(`/${TENANT}/v2.0/.well-known/openid-configuration`))
  })

  it('an unknown key id makes us look again, at most once a minute', async () => {
    const authority = await startAuthority()
    assert.equal(await codeOf(authority.access, await authority.token({})), 'accepted')
    await authority.rotate()
    const token = await authority.token({})
    assert.equal(await codeOf(authority.access, token), 'TokenInvalid')
    assert.equal(authority.fetched.length, 2)
    authority.clock.advance(61_000)
    assert.equal(await codeOf(authority.access, token), 'accepted')
    assert.equal(authority.fetched.length, 4)
    const strange = await authority.token({ kid: 'invented' })
    for (let i = 0; i < 10; i++)
      assert.equal(await codeOf(authority.access, strange), 'TokenInvalid')
    assert.equal(authority.fetched.length, 4)
  })

  it('held keys serve while the authority is away, for a day and no longer', async () => {
    const authority = await startAuthority()
    const hours = (count: number) => authority.clock.advance(count * 3_600_000)
    assert.equal(await codeOf(authority.access, await authority.token({})), 'accepted')
    authority.setDown(true)
    hours(23)
    assert.equal(await codeOf(authority.access, await authority.token({})), 'accepted')
    hours(2)
    assert.equal(await codeOf(authority.access, await authority.token({})), 'AuthorityUnavailable')
    authority.setDown(false)
    authority.clock.advance(6_000)
    assert.equal(await codeOf(authority.access, await authority.token({})), 'accepted')
  })

  it('an authority that is away is not asked again by every call', async () => {
    const authority = await startAuthority()
    authority.setDown(true)
    const token = await authority.token({})
    for (let i = 0; i < 5; i++) {
      assert.equal(await codeOf(authority.access, token), 'AuthorityUnavailable')
    }
    assert.equal(authority.fetched.length, 1)
  })

  it('the audience of the tests is the default of the setting', () => {
    assert.equal(AUDIENCE, 'api://holdfast')
  })
})
