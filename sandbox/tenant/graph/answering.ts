/**
 * What every call goes through, whatever answers it: faults, counting, refusals as JSON, and the
 * headers that each answer carries (`request-id`, `client-request-id`).
 *
 * Not here: sign-in, limits, permissions and routes; they are the `serve` of the work.
 */
import { randomUUID } from 'node:crypto'
import type { Counters } from '../counters.ts'
import { answerInstead, spoil } from '../fault-kinds.ts'
import type { FaultBoard, FaultSpec, TakenFault } from '../faults.ts'
import type { Answer, Call } from '../http.ts'
import type { TenantState } from '../state/tenant-state.ts'
import { errorAnswer, GraphError } from './errors.ts'

export interface FrontOptions {
  readonly state: TenantState
  readonly counters: Counters
  readonly faults: FaultBoard
}

export interface Work {
  readonly call: Call
  /** Client id; empty where the caller is unknown. */
  readonly app: string
  /** The name that it is counted under, refused or not: refused calls cost budget as well. */
  readonly kind: string
  /** What faults look at, where the path alone does not say what is asked for. */
  readonly faultPath?: string | undefined
  /** Id of the user whose mailbox is asked, where there is one. */
  readonly user?: string | undefined
  serve(): Promise<Answer>
}

type Ids = ReturnType<typeof requestIds>

export async function answerWork(options: FrontOptions, work: Work): Promise<Answer> {
  const { call, app } = work
  const ids = requestIds(call)
  const path = work.faultPath ?? decodedPath(call.rawPath)
  const fault = options.faults.take({ app, method: call.method, path })
  const instead = fault && answerOfFault(options, fault, ids)
  if (instead?.drop) return instead
  const answer = instead ?? (await servedAnswer(options, work, ids))
  options.counters.count(work.kind, answer.status, work.user)
  const whole = { ...answer, headers: { ...graphHeaders(ids), ...answer.headers } }
  return fault === null || instead ? whole : afterFault(fault, whole)
}

/** Refusals of the route as answers; anything else that is thrown is a bug. */
async function servedAnswer({ state }: FrontOptions, work: Work, ids: Ids): Promise<Answer> {
  try {
    return await work.serve()
  } catch (error) {
    if (!(error instanceof GraphError)) throw error
    return errorAnswer(error, ids, state.preciseNowMs())
  }
}

/** What a fault answers in place of the call; null: it lets the call be served. */
function answerOfFault({ state }: FrontOptions, fault: TakenFault, ids: Ids): Answer | null {
  const { action, spec } = fault
  const nowMs = state.preciseNowMs()
  if (action === 'hold') return null
  if (action === 'fail') return errorAnswer(faultError(spec), ids, nowMs)
  const instead = answerInstead(action, { seconds: spec.retryAfterSeconds, nowMs })
  if (instead === null) return null
  if ('answer' in instead) return instead.answer
  const { status, code, message, headers } = instead.refusal
  return errorAnswer(new GraphError(status, code, message, headers), ids, nowMs)
}

async function afterFault(fault: TakenFault, answer: Answer): Promise<Answer> {
  const { action } = fault
  if (action === 'fail') return answer
  if (action === 'hold') {
    await fault.hold()
    return answer
  }
  const spoilt = spoil(action, answer)
  if (spoilt === null) fault.missed()
  return spoilt ?? answer
}

function requestIds(call: Call) {
  const sent = call.headers['client-request-id']
  const requestId = randomUUID()
  return { requestId, clientRequestId: typeof sent === 'string' ? sent : requestId }
}

function graphHeaders(ids: Ids) {
  return {
    'cache-control': 'no-store, no-cache',
    'request-id': ids.requestId,
    'client-request-id': ids.clientRequestId,
    'x-ms-ags-diagnostic': '{"ServerInfo":{"DataCenter":"Sandbox","Slice":"E","Ring":"0"}}',
  }
}

function decodedPath(rawPath: string): string {
  try {
    return decodeURIComponent(rawPath)
  } catch (error) {
    if (error instanceof URIError) return rawPath
    throw error
  }
}

function faultError(spec: FaultSpec): GraphError {
  return new GraphError(
    spec.status ?? 503,
    spec.code ?? 'ServiceUnavailable',
    spec.message ?? 'A fault that a test asked for.',
    spec.headers,
  )
}
