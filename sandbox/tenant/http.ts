/**
 * The thin HTTP floor that Graph, Entra and the control interface stand on: node:http, because
 * a bench must measure the product and not this tenant.
 *
 * Invariants: a body is read whole and at most to its limit; every request gets exactly one
 * answer, or its connection is destroyed on purpose; servers listen on loopback only.
 */
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'

/** A body that is made while it is sent: a file of any size takes no memory. */
export class StreamedBody {
  readonly size: number
  readonly chunks: () => Iterable<Uint8Array>

  constructor(size: number, chunks: () => Iterable<Uint8Array>) {
    this.size = size
    this.chunks = chunks
  }
}

export interface Answer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  /** An object is sent as JSON, bytes, streams and text as they are. */
  readonly body?: object | Uint8Array | StreamedBody | string
  /** Cuts the connection instead of answering. */
  readonly drop?: true
  /** Sends this share of the body (0 to 1) under the full length, then cuts the connection. */
  readonly cutAt?: number
}

export interface Call {
  readonly method: string
  /** Path as sent, still percent-encoded: ids may hold an encoded slash. */
  readonly rawPath: string
  readonly rawQuery: string
  readonly headers: IncomingMessage['headers']
  /** Reads the request body, once. Throws `BodyTooLarge` beyond the limit. */
  readBody(bytesMax: number): Promise<Buffer>
  /** The request body piece by piece, for what is too long to be held; in place of `readBody`. */
  stream(): AsyncIterable<Uint8Array>
}

export class BodyTooLarge extends Error {}

/** The client went away while it was sending: nobody is there to be answered. */
class ClientGone extends Error {}

/** How long a stop waits for calls that have begun. */
const STOP_WAIT_MS = 5_000

async function* streamBody(request: IncomingMessage): AsyncGenerator<Buffer> {
  try {
    for await (const chunk of request) {
      if (!Buffer.isBuffer(chunk)) throw new Error('the request stream was decoded already')
      yield chunk
    }
  } catch (error) {
    if (request.destroyed && !request.complete) throw new ClientGone('', { cause: error })
    throw error
  }
}

async function readBody(request: IncomingMessage, bytesMax: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of streamBody(request)) {
    size += chunk.length
    // The rest is read and dropped: a client that gets its answer mid-send sees a reset instead.
    if (size <= bytesMax) chunks.push(chunk)
  }
  if (size > bytesMax) throw new BodyTooLarge(`the body has ${size} bytes, ${bytesMax} are allowed`)
  return Buffer.concat(chunks)
}

function toCall(request: IncomingMessage): Call {
  const url = request.url ?? '/'
  const question = url.indexOf('?')
  return {
    method: request.method ?? 'GET',
    rawPath: question < 0 ? url : url.slice(0, question),
    rawQuery: question < 0 ? '' : url.slice(question + 1),
    headers: request.headers,
    readBody: (bytesMax) => readBody(request, bytesMax),
    stream: () => streamBody(request),
  }
}

/** Waits for a client that reads slowly; one that went away ends it. */
async function sendStream(
  response: ServerResponse,
  { answer, stream }: { readonly answer: Answer; readonly stream: StreamedBody },
): Promise<void> {
  response.writeHead(answer.status, { ...answer.headers, 'content-length': stream.size })
  response.flushHeaders()
  let left = Math.floor(stream.size * (answer.cutAt ?? 1))
  const gone = new AbortController()
  response.once('close', () => gone.abort())
  for (const chunk of stream.chunks()) {
    const part = chunk.subarray(0, left)
    left -= part.length
    if (!response.write(part)) await drained(response, gone.signal)
    if (left === 0 || gone.signal.aborted) break
  }
  if (answer.cutAt === undefined) response.end()
  else response.write('', () => response.socket?.destroy())
}

async function drained(response: ServerResponse, signal: AbortSignal): Promise<void> {
  try {
    await once(response, 'drain', { signal })
  } catch (error) {
    if (!signal.aborted) throw error
  }
}

async function send(response: ServerResponse, answer: Answer): Promise<void> {
  if (answer.drop) {
    response.socket?.destroy()
    return
  }
  const { body } = answer
  if (body instanceof StreamedBody) {
    await sendStream(response, { answer, stream: body })
    return
  }
  const raw = typeof body === 'string' || body instanceof Uint8Array
  const payload = raw || body === undefined ? (body ?? '') : JSON.stringify(body)
  response.writeHead(answer.status, {
    ...(raw || body === undefined ? {} : { 'content-type': 'application/json' }),
    ...answer.headers,
    ...(answer.status === 204 ? {} : { 'content-length': Buffer.byteLength(payload) }),
  })
  if (answer.cutAt === undefined) {
    response.end(payload)
    return
  }
  const bytes = Buffer.from(payload)
  const part = bytes.subarray(0, Math.floor(bytes.length * answer.cutAt))
  // The headers leave even where there is no body; the cut comes after what was written.
  response.flushHeaders()
  response.write(part, () => response.socket?.destroy())
}

export interface HttpService {
  readonly url: string
  stop(): Promise<void>
}

/**
 * `handle` must turn expected trouble into answers; what it throws is answered 500 and given to
 * `onBug`, because it is one.
 */
export async function serve(options: {
  readonly port: number
  readonly handle: (call: Call) => Promise<Answer>
  readonly onBug: (error: unknown) => void
}): Promise<HttpService> {
  const running = new Set<Promise<void>>()
  const server = createServer((request, response) => {
    const work = options.handle(toCall(request)).then(
      (answer) => send(response, answer),
      (error: unknown) => {
        if (error instanceof ClientGone) return
        options.onBug(error)
        const message = error instanceof Error ? error.message : String(error)
        return send(response, { status: 500, body: { error: { code: 'tenantBug', message } } })
      },
    )
    running.add(work)
    work.finally(() => running.delete(work)).catch(options.onBug)
  })
  server.keepAliveTimeout = 60_000
  await listen(server, options.port)
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    stop: async () => {
      const closed = new Promise<void>((resolve, reject) => {
        server.close((error) => (error ? reject(error) : resolve()))
      })
      // What has begun takes effect and is answered; idle connections are not waited for.
      await Promise.race([Promise.all(running), delay(STOP_WAIT_MS, null, { ref: false })])
      server.closeAllConnections()
      await closed
    },
  }
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', () => {
      server.off('error', reject)
      resolve()
    })
  })
}
