/**
 * A CONNECT proxy on loopback behind which Microsoft's hosts are the simulated tenant, for
 * programs whose addresses are fixed but that obey HTTPS_PROXY and can be told whom to trust.
 *
 * Invariants: nothing leaves the machine, because a host that is none of the three is refused;
 * requests and answers pass as they are but for two things. Downloads are sent on to a host of
 * their own, as the real service does it, and lose the token there: some of SharePoint's servers
 * refuse it, and so does the tenant, while rclone before 1.66 sends it along.
 */
import { once } from 'node:events'
import {
  Agent,
  createServer as createHttpServer,
  request as httpRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { pipeline } from 'node:stream/promises'
import { createAuthority } from './certificates.ts'

export const GRAPH_HOST = 'graph.microsoft.com'
export const LOGIN_HOST = 'login.microsoftonline.com'
/** Where downloads are sent; the real service has a host for each tenant. */
export const FILES_HOST = 'sandbox.sharepoint.com'
const HOSTS: readonly string[] = [GRAPH_HOST, LOGIN_HOST, FILES_HOST]
const TLS_PORT = 443

/** They are about one connection, and here are two (RFC 9110, 7.6.1). */
const HOP_BY_HOP = ['connection', 'keep-alive', 'proxy-connection', 'transfer-encoding', 'upgrade']

export interface GraphProxy {
  /** For HTTPS_PROXY. */
  readonly url: string
  /** PEM of the authority that whoever uses the proxy has to trust. */
  readonly authority: string
  stop(): Promise<void>
}

/** `tenantUrl`: the tenant's own, without a path. */
export async function startGraphProxy(tenantUrl: string): Promise<GraphProxy> {
  const authority = createAuthority(Date.now())
  const { key, certificate } = authority.identityFor(HOSTS)
  const agent = new Agent({ keepAlive: true })
  const sockets = new Set<Socket>()
  const tunnelEnd = createHttpsServer({ key, cert: certificate }, (request, response) => {
    forward({ tenantUrl, agent, request, response }).catch(() => response.destroy())
  })
  // A client that trusts somebody else ends the handshake: that is its own affair.
  tunnelEnd.on('tlsClientError', () => undefined)
  const front = createHttpServer((_, response) => response.writeHead(405).end())
  front.on('connect', (request: IncomingMessage, socket: Socket) => {
    sockets.add(socket)
    socket.on('error', () => socket.destroy()).once('close', () => sockets.delete(socket))
    if (!isOurs(request.url)) {
      socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n')
      return
    }
    socket.write('HTTP/1.1 200 Connection Established\r\n\r\n')
    tunnelEnd.emit('connection', socket)
  })
  front.listen(0, '127.0.0.1')
  await once(front, 'listening')
  return {
    url: `http://127.0.0.1:${(front.address() as AddressInfo).port}`,
    authority: authority.certificate,
    async stop() {
      agent.destroy()
      for (const socket of sockets) socket.destroy()
      front.close()
      front.closeAllConnections()
      await once(front, 'close')
    },
  }
}

function isOurs(target: string | undefined): boolean {
  return HOSTS.some((host) => target === `${host}:${TLS_PORT}`)
}

interface Forwarding {
  tenantUrl: string
  agent: Agent
  request: IncomingMessage
  response: ServerResponse
}

async function forward({ tenantUrl, agent, request, response }: Forwarding): Promise<void> {
  const { origin, host } = new URL(tenantUrl)
  const { method = 'GET', url = '/' } = request
  const headers = { ...passing(request.headers), host }
  if (request.headers.host === FILES_HOST) delete headers.authorization
  const onward = httpRequest(origin, { agent, method, path: url, headers })
  const answered = once(onward, 'response') as Promise<[IncomingMessage]>
  const [[answer]] = await Promise.all([answered, pipeline(request, onward)])
  const { location } = answer.headers
  response.writeHead(answer.statusCode ?? 502, {
    ...passing(answer.headers),
    ...(location === undefined ? {} : { location: ofFilesHost(location, origin) }),
  })
  await pipeline(answer, response)
}

function passing(headers: IncomingHttpHeaders): IncomingHttpHeaders {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !HOP_BY_HOP.includes(name)))
}

/** A place in the tenant, at the host where the client would look for it. */
function ofFilesHost(location: string, origin: string): string {
  return location.startsWith(`${origin}/`)
    ? `https://${FILES_HOST}${location.slice(origin.length)}`
    : location
}
