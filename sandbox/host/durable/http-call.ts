/**
 * callHttp: the extension's built-in activity that makes one HTTP request, outside the app.
 *
 * Every status is a value; a refused connection, an unknown host or a missed deadline is a
 * failure. Quirks of the original: a body is text/plain unless a header says otherwise, and the
 * answer has no content headers (.NET keeps those elsewhere). Polling is not here: the interpreter
 * does it with timers.
 */
import { request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'

/** The activity's name in the history. */
export const httpActivityName = 'BuiltIn::HttpActivity'

/** As the SDK writes it. */
export interface HttpCallRequest {
  readonly method?: string
  readonly uri?: string
  readonly content?: string | undefined
  readonly headers?: Readonly<Record<string, string | readonly string[]>> | null
  readonly tokenSource?: unknown
  readonly asynchronousPatternEnabled?: boolean
}

export interface HttpCallAnswer {
  readonly statusCode: number
  readonly headers: Readonly<Record<string, string | readonly string[]>>
  readonly content: string
}

/** `message` becomes the reason of the failed task as it is. */
export class HttpCallError extends Error {}

const redirectsMax = 50
const contentBytesMax = 104_857_600
const contentHeaders: ReadonlySet<string> = new Set([
  'allow',
  'content-disposition',
  'content-encoding',
  'content-language',
  'content-length',
  'content-location',
  'content-md5',
  'content-range',
  'content-type',
  'expires',
  'last-modified',
])

/** Rejects with HttpCallError; nothing is retried, redirects are followed. */
export async function callHttp(call: HttpCallRequest, deadlineMs: number): Promise<HttpCallAnswer> {
  if (call.tokenSource !== undefined && call.tokenSource !== null) {
    throw new HttpCallError('callHttp with a tokenSource: this host has no managed identity')
  }
  const { uri } = call
  if (uri === undefined || !URL.canParse(uri)) {
    throw new HttpCallError(
      'An invalid request URI was provided. The request URI must either be an absolute URI or ' +
        'BaseAddress must be set.',
    )
  }
  const headers = requestHeaders(call)
  const signal = AbortSignal.timeout(deadlineMs)
  let target = new URL(uri)
  let method = (call.method ?? 'GET').toUpperCase()
  let content = call.content
  for (let hop = 0; ; hop++) {
    const answer = await send(target, { method, headers, content, signal, deadlineMs })
    const next = hop < redirectsMax ? redirectOf(answer, target) : undefined
    if (next === undefined) return answer
    target = next
    delete headers['authorization']
    if (answer.statusCode === 303 || (answer.statusCode < 303 && method === 'POST')) {
      method = 'GET'
      content = undefined
      delete headers['content-type']
    }
  }
}

/** A header of an answer, whatever its letter case; repeated ones joined. */
export function headerOf(
  headers: HttpCallAnswer['headers'] | null | undefined,
  name: string,
): string | undefined {
  const wanted = name.toLowerCase()
  const found = Object.entries(headers ?? {}).find(([key]) => key.toLowerCase() === wanted)?.[1]
  return typeof found === 'object' ? found.join(',') : found
}

function requestHeaders({ headers, content }: HttpCallRequest): Record<string, string[]> {
  const result: Record<string, string[]> = {}
  let contentType = ''
  for (const [name, value] of Object.entries(headers ?? {})) {
    const values = typeof value === 'string' ? [value] : [...value]
    const lower = name.toLowerCase()
    if (lower === 'content-type') {
      contentType = values.at(-1) ?? ''
      if (contentType.includes('multipart')) {
        throw new HttpCallError('Multipart content is not supported with CallHttpAsync.')
      }
    } else if (contentHeaders.has(lower)) {
      throw new HttpCallError(
        `Misused header name, '${name}'. Make sure request headers are used with ` +
          'HttpRequestMessage, response headers with HttpResponseMessage, and content headers ' +
          'with HttpContent objects.',
      )
    } else {
      result[lower] = values
    }
  }
  if (content === undefined) return result
  const isForm = contentType.toLowerCase() === 'application/x-www-form-urlencoded'
  result['content-type'] = [isForm ? `${contentType}; charset=utf-8` : contentType || 'text/plain']
  return result
}

function redirectOf({ statusCode, headers }: HttpCallAnswer, from: URL): URL | undefined {
  const location = headerOf(headers, 'location')
  if (![301, 302, 303, 307, 308].includes(statusCode) || location === undefined) return undefined
  if (!URL.canParse(location, from.href)) return undefined
  const next = new URL(location, from)
  return from.protocol === 'https:' && next.protocol !== 'https:' ? undefined : next
}

interface Hop {
  readonly method: string
  readonly headers: Readonly<Record<string, string[]>>
  readonly content: string | undefined
  readonly signal: AbortSignal
  readonly deadlineMs: number
}

async function send(target: URL, hop: Hop): Promise<HttpCallAnswer> {
  const { method, headers, content, signal } = hop
  const start = target.protocol === 'https:' ? requestHttps : requestHttp
  const body = content === undefined ? undefined : Buffer.from(content, 'utf8')
  try {
    return await new Promise<HttpCallAnswer>((resolve, reject) => {
      const length = body === undefined ? {} : { 'content-length': String(body.length) }
      const outgoing = start(target, { method, headers: { ...headers, ...length }, signal })
      outgoing.once('error', reject)
      outgoing.once('response', (response) => {
        const chunks: Buffer[] = []
        let sizeBytes = 0
        response.on('data', (chunk: Buffer) => {
          chunks.push(chunk)
          sizeBytes += chunk.length
          if (sizeBytes > contentBytesMax) {
            response.destroy(new Error(`the answer has more than ${contentBytesMax} bytes`))
          }
        })
        response.once('error', reject)
        response.once('end', () => {
          resolve({
            statusCode: response.statusCode ?? 0,
            headers: answerHeaders(response.rawHeaders),
            content: Buffer.concat(chunks).toString('utf8'),
          })
        })
      })
      outgoing.end(body)
    })
  } catch (error) {
    throw new HttpCallError(failureText(error, target, hop), { cause: error })
  }
}

/** Header names keep their letters: apps may look them up without care. */
function answerHeaders(raw: readonly string[]): Record<string, string | string[]> {
  const values = new Map<string, { readonly name: string; readonly values: string[] }>()
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const [name = '', value = ''] = raw.slice(index, index + 2)
    const lower = name.toLowerCase()
    if (contentHeaders.has(lower)) continue
    const known = values.get(lower)
    if (known === undefined) values.set(lower, { name, values: [value] })
    else known.values.push(value)
  }
  const entries = [...values.values()].map(
    ({ name, values: list }): [string, string | string[]] => [
      name,
      list.length === 1 ? (list[0] ?? '') : list,
    ],
  )
  return Object.fromEntries(entries)
}

function failureText(error: unknown, target: URL, { signal, deadlineMs }: Hop): string {
  if (signal.aborted) {
    const seconds = deadlineMs / 1000
    return (
      `The request was canceled due to the configured HttpClient.Timeout of ${seconds} seconds ` +
      'elapsing.'
    )
  }
  const { code = '' } = (error instanceof Error ? error : {}) as NodeJS.ErrnoException
  const port = target.port || (target.protocol === 'https:' ? '443' : '80')
  const place = `(${target.hostname}:${port})`
  if (code === 'ECONNREFUSED') return `Connection refused ${place}`
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN') return `Name or service not known ${place}`
  return `An error occurred while sending the request. ${code || String(error)} ${place}`
}
