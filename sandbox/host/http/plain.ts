/** Plain request and answer values, and how they get from and to Node's HTTP server. */
import type { IncomingMessage, ServerResponse } from 'node:http'

/** The platform's own limit for request bodies. */
const bodyBytesMax = 104_857_600

export interface RpcRequest {
  readonly method: string
  readonly query: URLSearchParams
  /** Names in lower case; repeated headers joined. */
  readonly headers: Readonly<Record<string, string | undefined>>
  readonly body: string
}

export interface RpcAnswer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly json?: unknown
  /** Instead of `json`: a plain text. */
  readonly text?: string
}

export class BodyTooLargeError extends Error {}

/** Reads the whole body; rejects with BodyTooLargeError above 100 MB. */
export async function readBytes(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  let sizeBytes = 0
  for await (const chunk of request) {
    const bytes = Buffer.from(chunk)
    sizeBytes += bytes.length
    if (sizeBytes > bodyBytesMax) throw new BodyTooLargeError()
    chunks.push(bytes)
  }
  return Buffer.concat(chunks)
}

export function headersOf(request: IncomingMessage): Record<string, string> {
  const headers: Record<string, string> = {}
  for (const [name, value] of Object.entries(request.headers)) {
    if (value !== undefined) headers[name] = Array.isArray(value) ? value.join(', ') : value
  }
  return headers
}

export function writeAnswer(response: ServerResponse, answer: RpcAnswer): void {
  const { status, headers, json, text } = answer
  const body = json === undefined ? (text ?? '') : JSON.stringify(json)
  const type = json === undefined ? 'text/plain' : 'application/json'
  response.writeHead(status, {
    ...(body === '' ? {} : { 'content-type': `${type}; charset=utf-8` }),
    ...headers,
  })
  response.end(body)
}

/**
 * Decoded path segments; undefined when the escapes are broken. Empty ones are kept. With
 * `keepSlashes` an encoded slash stays encoded, as in the paths of ASP.NET Core.
 */
export function pathSegments(path: string, keepSlashes = false): string[] | undefined {
  const text = keepSlashes ? path.replace(/%2f/gi, '%252F') : path
  try {
    return text.split('/').map((segment) => decodeURIComponent(segment))
  } catch (error) {
    if (error instanceof URIError) return undefined
    throw error
  }
}
