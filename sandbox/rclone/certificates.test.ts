import assert from 'node:assert/strict'
import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { type TestContext, test } from 'node:test'
import { connect, createServer } from 'node:tls'
import { type Authority, createAuthority } from './certificates.ts'

const NAMES = ['graph.example', 'login.example']
const HOUR_MS = 3_600_000

/** The port of a TLS server that shows the authority's certificate for these names. */
async function serverOf(t: TestContext, authority: Authority): Promise<number> {
  const { key, certificate } = authority.identityFor(NAMES)
  const server = createServer({ key, cert: certificate }, (socket) => socket.end('hello'))
  server.on('tlsClientError', () => undefined)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.after(() => server.close())
  return (server.address() as AddressInfo).port
}

/** What a client hears that trusts `ca` alone; rejects where TLS refuses. */
async function hear(port: number, servername: string, ca: string): Promise<string> {
  const socket = connect({ host: '127.0.0.1', port, servername, ca })
  const said: Buffer[] = []
  socket.on('data', (part) => said.push(part))
  try {
    await once(socket, 'end')
  } finally {
    socket.destroy()
  }
  return Buffer.concat(said).toString()
}

test('who trusts the authority trusts its certificate, for each of its names', async (t) => {
  const authority = createAuthority(Date.now())
  const port = await serverOf(t, authority)
  for (const name of NAMES) assert.equal(await hear(port, name, authority.certificate), 'hello')
})

test('another name and another authority are refused', async (t) => {
  const now = Date.now()
  const authority = createAuthority(now)
  const port = await serverOf(t, authority)
  await assert.rejects(hear(port, 'evil.example', authority.certificate), {
    code: 'ERR_TLS_CERT_ALTNAME_INVALID',
  })
  const stranger = createAuthority(now).certificate
  // Both authorities have one name: only the signature tells them apart.
  await assert.rejects(hear(port, 'graph.example', stranger), { code: 'CERT_SIGNATURE_FAILURE' })
})

test('certificates are good from an hour before to a day after, and only one may sign', () => {
  const now = Date.parse('2026-03-01T12:00:00Z')
  const authority = createAuthority(now)
  const root = new X509Certificate(authority.certificate)
  const leaf = new X509Certificate(authority.identityFor(NAMES).certificate)
  assert.ok(root.ca)
  assert.ok(!leaf.ca)
  assert.ok(leaf.checkIssued(root) && leaf.verify(root.publicKey))
  assert.equal(leaf.subjectAltName, 'DNS:graph.example, DNS:login.example')
  assert.deepEqual(leaf.keyUsage, ['1.3.6.1.5.5.7.3.1'])
  for (const { validFromDate, validToDate } of [root, leaf]) {
    assert.equal(validFromDate.getTime(), now - HOUR_MS)
    assert.equal(validToDate.getTime(), now + 24 * HOUR_MS)
  }
  assert.notEqual(root.serialNumber, leaf.serialNumber)
})

test('each run has keys of its own', () => {
  const [one, two] = [createAuthority(0), createAuthority(0)]
  const keyOf = ({ certificate }: Authority) =>
    new X509Certificate(certificate).publicKey.export({ type: 'spki', format: 'pem' })
  assert.notEqual(keyOf(one), keyOf(two))
})
