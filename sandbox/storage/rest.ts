/**
 * The simulator's containers over HTTP, in the part of Azure's Blob REST API that Holdfast uses:
 * so the product's adapters meet versions, locks, holds and rights, which Azurite does not have.
 *
 * It was written from Microsoft's reference of that API, by us: it shows that the adapters keep to
 * those pages as we read them, not that Azure does. The identity is the first part of the path
 * (`/keeper/vault/name`); nothing is signed. For tests, on 127.0.0.1.
 */
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { AppError } from '../../src/model/errors.ts'
import type { BlobContainer, ListedVersion } from './blobs.ts'
import { IDENTITIES, type Identity, type IdentityName } from './identities.ts'
import type { SimulatedStorage } from './storage.ts'
import type { LockMode } from './versions.ts'

/** A listing's page is short, so that a listing has several. */
const PAGE_MAX = 5

export interface BlobServer {
  /** For the adapters, as this identity. */
  connectionString(role: IdentityName): string
  close(): Promise<void>
}

interface Asked {
  method: string
  container: BlobContainer
  identity: Identity
  name: string
  query: URLSearchParams
  header(name: string): string | undefined
  body: Uint8Array
}

interface Answer {
  status: number
  headers?: Record<string, string | number>
  body?: Uint8Array | string
}

/** Listens on a free port of 127.0.0.1 until it is closed. */
export async function serveBlobs(storage: SimulatedStorage): Promise<BlobServer> {
  const server = createServer((request, response) => {
    void reply(storage, request, response)
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const address = server.address()
  if (typeof address !== 'object' || address === null) throw new TypeError('No port.')
  const url = `http://127.0.0.1:${address.port}`
  return {
    connectionString: (role) => `BlobEndpoint=${url}/${role};SharedAccessSignature=sig=none`,
    async close() {
      server.close()
      server.closeAllConnections()
      await once(server, 'close')
    },
  }
}

async function reply(
  storage: SimulatedStorage,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk)
  const body = Buffer.concat(chunks)
  const { status, headers, body: sent } = answered(() => route(askedOf(storage, request, body)))
  response.writeHead(status, {
    date: storage.clock.serverTime().toUTCString(),
    'x-ms-version': request.headers['x-ms-version'] ?? '',
    ...headers,
  })
  response.end(request.method === 'HEAD' ? undefined : sent)
}

function askedOf(storage: SimulatedStorage, request: IncomingMessage, body: Uint8Array): Asked {
  const url = new URL(request.url ?? '/', 'http://host')
  const [role = '', container = '', ...rest] = url.pathname.slice(1).split('/')
  if (!Object.hasOwn(IDENTITIES, role)) throw fault(403, 'AuthenticationFailed')
  if (container !== 'vault' && container !== 'ops') throw fault(404, 'ContainerNotFound')
  return {
    method: request.method ?? '',
    container: storage[container],
    identity: IDENTITIES[role as IdentityName],
    name: decodeURIComponent(rest.join('/')),
    query: url.searchParams,
    header: (name) => request.headers[name]?.toString(),
    body,
  }
}

function answered(act: () => Answer): Answer {
  try {
    return act()
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    const { status = 500, storageCode = 'AuthorizationPermissionMismatch' } = error.context
    return {
      status: Number(status),
      headers: { 'x-ms-error-code': String(storageCode), 'content-type': 'application/xml' },
      body: `<?xml version="1.0"?><Error><Code>${storageCode}</Code><Message>.</Message></Error>`,
    }
  }
}

function route(asked: Asked): Answer {
  const { method, query } = asked
  const comp = query.get('comp') ?? ''
  switch (`${method} ${comp}`) {
    case 'PUT ':
      return put(asked)
    case 'GET list':
      return list(asked)
    case 'GET ':
    case 'HEAD ':
      return get(asked)
    case 'DELETE ':
      return remove(asked)
    case 'PUT immutabilityPolicies':
      return setLock(asked)
    case 'PUT legalhold':
      return setHold(asked)
    default:
      throw fault(501, 'APINotImplemented')
  }
}

function put({ container, identity, name, header, body }: Asked): Answer {
  const md5 = header('x-ms-blob-content-md5')
  const sum = createHash('md5').update(body).digest('base64')
  if (md5 !== undefined && md5 !== sum) throw fault(400, 'Md5Mismatch')
  if (header('if-none-match') === '*') {
    const { outcome } = container.create(identity, name, body)
    if (outcome === 'refused') throw fault(409, 'BlobAlreadyExists')
  } else {
    container.overwrite(identity, name, body)
  }
  const id = container.currentOf(name)?.id ?? ''
  return { status: 201, headers: { 'x-ms-version-id': id, etag: etagOf(id) } }
}

function get({ method, container, identity, name, query, header }: Asked): Answer {
  const version = container.look(identity, name, query.get('versionid') ?? undefined)
  if (!version) throw fault(404, 'BlobNotFound')
  const headers = headersOf(version)
  if (method === 'HEAD') {
    return { status: 200, headers: { ...headers, 'content-length': version.bytes.length } }
  }
  container.read(identity, name, version.id)
  const { bytes } = version
  const range = /^bytes=(\d+)-(\d*)$/.exec(header('x-ms-range') ?? header('range') ?? '')
  if (!range) return content(200, headers, bytes)
  const from = Number(range[1])
  if (from >= bytes.length) throw fault(416, 'InvalidRange')
  const to = range[2] ? Math.min(Number(range[2]), bytes.length - 1) : bytes.length - 1
  const contentRange = { 'content-range': `bytes ${from}-${to}/${bytes.length}` }
  return content(206, { ...headers, ...contentRange }, bytes.slice(from, to + 1))
}

function content(status: number, headers: Record<string, string>, body: Uint8Array): Answer {
  return { status, headers: { ...headers, 'content-length': body.length }, body }
}

function remove({ container, identity, name, query, header }: Asked): Answer {
  const id = query.get('versionid')
  if (id !== null) {
    container.deleteVersion(identity, name, id)
    return { status: 202 }
  }
  const match = header('if-match')
  const current = container.currentOf(name)
  if (match !== undefined && current && match !== etagOf(current.id)) {
    throw fault(412, 'ConditionNotMet')
  }
  container.deleteBlob(identity, name)
  return { status: 202 }
}

function setLock({ container, identity, name, query, header }: Asked): Answer {
  const untilMs = Date.parse(header('x-ms-immutability-policy-until-date') ?? '')
  const mode = (header('x-ms-immutability-policy-mode') ?? 'Unlocked') as LockMode
  container.setLock(identity, name, versionAsked(container, name, query), { untilMs, mode })
  return { status: 200 }
}

function setHold({ container, identity, name, query, header }: Asked): Answer {
  const held = header('x-ms-legal-hold') === 'true'
  container.setHold(identity, name, versionAsked(container, name, query), held)
  return { status: 200 }
}

function versionAsked(container: BlobContainer, name: string, query: URLSearchParams): string {
  return query.get('versionid') ?? container.currentOf(name)?.id ?? ''
}

function list({ container, identity, query }: Asked): Answer {
  const all = query.get('include')?.split(',').includes('versions')
  const prefix = query.get('prefix') ?? ''
  const versions = container.listVersions(identity, prefix).filter((v) => all || v.current)
  const from = Number(query.get('marker') ?? 0)
  const to = from + PAGE_MAX
  const marker = to < versions.length ? String(to) : ''
  const blobs = versions.slice(from, to).map((version) => entry(version, all ?? false))
  return {
    status: 200,
    headers: { 'content-type': 'application/xml' },
    body: `<?xml version="1.0"?><EnumerationResults><Prefix>${escaped(prefix)}</Prefix>
      <Blobs>${blobs.join('')}</Blobs><NextMarker>${marker}</NextMarker></EnumerationResults>`,
  }
}

function entry(version: ListedVersion, withVersion: boolean): string {
  const { lock, held } = version
  const properties = {
    'Creation-Time': version.createdAt.toUTCString(),
    'Last-Modified': version.createdAt.toUTCString(),
    Etag: etagOf(version.id),
    'Content-Length': version.bytes.length,
    BlobType: 'BlockBlob',
    ...(lock && {
      ImmutabilityPolicyUntilDate: new Date(lock.untilMs).toUTCString(),
      ImmutabilityPolicyMode: lock.mode.toLowerCase(),
    }),
    ...(held && { LegalHold: true }),
  }
  const listed = withVersion && {
    VersionId: version.id,
    ...(version.current && { IsCurrentVersion: true }),
  }
  const text = { Name: escaped(version.name), ...listed, Properties: elements(properties) }
  return `<Blob>${elements(text)}</Blob>`
}

function elements(values: Record<string, string | number | boolean>): string {
  const pairs = Object.entries(values)
  return pairs.map(([name, value]) => `<${name}>${value}</${name}>`).join('')
}

const escaped = (text: string) => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')

function headersOf(version: ListedVersion): Record<string, string> {
  const { lock, held } = version
  return {
    etag: etagOf(version.id),
    'content-type': 'application/octet-stream',
    'x-ms-blob-type': 'BlockBlob',
    'x-ms-creation-time': version.createdAt.toUTCString(),
    'last-modified': version.createdAt.toUTCString(),
    'x-ms-version-id': version.id,
    ...(version.current && { 'x-ms-is-current-version': 'true' }),
    ...(lock && {
      'x-ms-immutability-policy-until-date': new Date(lock.untilMs).toUTCString(),
      'x-ms-immutability-policy-mode': lock.mode.toLowerCase(),
    }),
    ...(held && { 'x-ms-legal-hold': 'true' }),
  }
}

const etagOf = (id: string) => `"0x${id}"`

function fault(status: number, storageCode: string): AppError {
  return new AppError({
    code: 'StorageFault',
    kind: 'permanent',
    message: `The simulated service answers ${storageCode}.`,
    context: { status, storageCode },
  })
}
