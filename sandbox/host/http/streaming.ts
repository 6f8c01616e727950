/**
 * HTTP streaming: with `app.setup({ enableHttpStream: true })` the worker has an HTTP server of its
 * own, and the host passes requests on to it as they come, and answers as they come back.
 *
 * Copied from the real host, though unkind: what answers is the worker's server alone. A handler
 * that throws, or whose value is no response, gives no answer at all; the connection stays open
 * until the client or the worker ends.
 */
import { type IncomingMessage, type ServerResponse, request as sendRequest } from 'node:http'
import { pipeline } from 'node:stream/promises'
import type { RpcTypedData } from '../worker/protocol.ts'

const hopByHop: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

export interface ForwardOptions {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  /** The worker's own server, from its capability `HttpUri`. */
  readonly target: string
  readonly invocationId: string
}

/** Resolves when the worker's answer is out; rejects when either side broke off. */
export async function forward(options: ForwardOptions): Promise<void> {
  const { request, response, target, invocationId } = options
  const headers = Object.fromEntries(
    Object.entries(request.headers).filter(([name]) => !hopByHop.has(name) && name !== 'host'),
  )
  const onward = sendRequest(new URL(encodedTwice(request.url ?? '/'), target), {
    method: request.method ?? 'GET',
    agent: false,
    headers: {
      ...headers,
      'x-forwarded-host': request.headers.host ?? 'localhost',
      'x-forwarded-proto': 'http',
      'x-ms-invocation-id': invocationId,
    },
  })
  response.once('close', () => onward.destroy())
  const answered = new Promise<IncomingMessage>((resolve, reject) => {
    onward.once('response', resolve)
    onward.once('error', reject)
  })
  // A worker that answers before it has read everything ends the sending; its answer counts.
  pipeline(request, onward).catch(() => undefined)
  const answer = await answered
  response.writeHead(
    answer.statusCode ?? 500,
    Object.fromEntries(Object.entries(answer.headers).filter(([name]) => !hopByHop.has(name))),
  )
  response.flushHeaders()
  await pipeline(answer, response)
}

/** The real host's proxy decodes all of a path but `%2F`, whose percent sign it encodes again. */
function encodedTwice(url: string): string {
  const [path = '', ...query] = url.split('?')
  return [path.replace(/%2f/gi, '%252F'), ...query].join('?')
}

/**
 * What the invocation itself carries: headers and parameters. The values of the query are among
 * the parameters, the last one of a repeated key; the library reads the query from the address.
 */
export function streamMetadata(
  headers: Readonly<Record<string, string>>,
  query: URLSearchParams,
  params: Readonly<Record<string, string>>,
): Record<string, RpcTypedData> {
  const texts = { ...Object.fromEntries(query), ...params }
  return {
    ...Object.fromEntries(Object.entries(texts).map(([name, string]) => [name, { string }])),
    Headers: { json: JSON.stringify(headers) },
    Query: { json: JSON.stringify(Object.fromEntries(query)) },
  }
}
