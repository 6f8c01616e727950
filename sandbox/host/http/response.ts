/** Turns an HTTP function's return value into an HTTP answer. */
import type { ServerResponse } from 'node:http'
import type { RpcCookie, RpcTypedData } from '../worker/protocol.ts'

/** 'none' means unset in the contract; a real None is explicit. */
const sameSiteNames: Readonly<Record<string, string>> = {
  lax: 'Lax',
  strict: 'Strict',
  explicitNone: 'None',
}

/** No value is 204 with an empty body, as on the real host. */
export function writeFunctionAnswer(response: ServerResponse, answer: RpcTypedData | null): void {
  const http = answer?.http
  if (http === undefined) {
    response.writeHead(answer === null ? 204 : 200)
    response.end()
    return
  }
  for (const [name, value] of Object.entries(http.headers ?? {})) {
    // The length is that of the bytes below, and the connection is ours.
    if (!/^(content-length|transfer-encoding|connection)$/i.test(name)) {
      response.setHeader(name, value)
    }
  }
  const cookies = (http.cookies ?? []).map(cookieText)
  if (cookies.length > 0) response.setHeader('set-cookie', cookies)
  response.statusCode = Number(http.statusCode ?? '200')
  response.end(bodyOf(http.body))
}

function bodyOf(body: RpcTypedData | null | undefined): Uint8Array | string {
  return body?.bytes ?? body?.string ?? body?.json ?? ''
}

function cookieText(cookie: RpcCookie): string {
  const parts = [`${cookie.name}=${encodeURIComponent(cookie.value)}`]
  if (cookie.maxAge) parts.push(`Max-Age=${cookie.maxAge.value}`)
  if (cookie.expires) {
    parts.push(`Expires=${new Date(cookie.expires.value.seconds * 1000).toUTCString()}`)
  }
  if (cookie.domain) parts.push(`Domain=${cookie.domain.value}`)
  if (cookie.path) parts.push(`Path=${cookie.path.value}`)
  if (cookie.secure?.value) parts.push('Secure')
  if (cookie.httpOnly?.value) parts.push('HttpOnly')
  const sameSite = sameSiteNames[cookie.sameSite ?? '']
  if (sameSite !== undefined) parts.push(`SameSite=${sameSite}`)
  return parts.join('; ')
}
