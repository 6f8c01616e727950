/**
 * Refusals of Graph, in its words: `{"error":{"code","message","innerError":{...}}}`.
 * The codes are those of facts/graph.md 2.1; what this stand-in lacks answers 501 and says so.
 */
import type { Answer } from '../http.ts'

export class GraphError extends Error {
  readonly status: number
  readonly code: string
  readonly headers: Readonly<Record<string, string>>
  /** The code that says more, inside `innerError` (facts/graph.md 2.1). */
  readonly innerCode: string | undefined

  constructor(
    status: number,
    code: string,
    message: string,
    headers: Readonly<Record<string, string>> = {},
    innerCode?: string,
  ) {
    super(message)
    this.name = 'GraphError'
    this.status = status
    this.code = code
    this.headers = headers
    this.innerCode = innerCode
  }
}

export interface RequestIds {
  readonly requestId: string
  readonly clientRequestId: string
}

export function errorAnswer(error: GraphError, ids: RequestIds, nowMs: number): Answer {
  return {
    status: error.status,
    headers: error.headers,
    body: {
      error: {
        code: error.code,
        message: error.message,
        innerError: {
          ...(error.innerCode === undefined ? {} : { code: error.innerCode }),
          date: new Date(nowMs).toISOString().slice(0, 19),
          'request-id': ids.requestId,
          'client-request-id': ids.clientRequestId,
        },
      },
    },
  }
}

export const itemNotFound = () =>
  new GraphError(404, 'ErrorItemNotFound', 'The specified object was not found in the store.')

export const badRequest = (message: string) => new GraphError(400, 'BadRequest', message)

export const accessDenied = (message = 'Access is denied. Check credentials and try again.') =>
  new GraphError(403, 'ErrorAccessDenied', message)

/** For what real Graph has and this tenant has not: never a silent other meaning. */
export const notBuilt = (what: string) =>
  new GraphError(501, 'notImplemented', `The simulated tenant does not serve this: ${what}`)

export const unknownProperty = (name: string, type: string) =>
  new GraphError(
    400,
    'RequestBroker--ParseUri',
    `Could not find a property named '${name}' on type 'microsoft.graph.${type}'.`,
  )
