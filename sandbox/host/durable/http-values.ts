/** Small readers and answers that the durable HTTP API uses everywhere. Pure. */
import type { RpcAnswer, RpcRequest } from '../http/plain.ts'

export const continuationHeader = 'x-ms-continuation-token'
const pageSizeMax = 1000

/** The body as compact JSON text, null when there is none. */
export function readBody(body: string): string | 'invalid' | null {
  if (body.trim() === '') return null
  try {
    return JSON.stringify(JSON.parse(body))
  } catch (error) {
    if (error instanceof SyntaxError) return 'invalid'
    throw error
  }
}

/** The page that a list request wants: rows at most, and the id behind which it starts. */
export function pageOf(
  request: RpcRequest,
  defaultRows: number,
): { readonly rowsMax: number; readonly afterId: string } {
  const top = Number(request.query.get('top') ?? defaultRows)
  const rowsMax = Math.min(pageSizeMax, Number.isInteger(top) && top > 0 ? top : pageSizeMax)
  const token = request.headers[continuationHeader] ?? ''
  return { rowsMax, afterId: Buffer.from(token, 'base64url').toString('utf8') }
}

/** What the extension answers to an exception about an argument: a name, an id, a key. */
export function badArgument(message: string): RpcAnswer {
  return {
    status: 400,
    json: {
      Message: 'One or more of the arguments submitted is incorrect',
      ExceptionMessage: message,
      ExceptionType: 'System.ArgumentException',
    },
  }
}

export function badRequest(message: string): RpcAnswer {
  return { status: 400, json: { Message: message } }
}
