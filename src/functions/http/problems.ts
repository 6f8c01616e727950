/**
 * Errors as RFC 9457 problem documents: the one place that turns a code into a status.
 *
 * A code keeps its status for ever; docs/api.md lists them and a test compares. What is not
 * listed gets the status of its kind. The text of an error that is not ours, or that is a defect
 * of ours, goes to nobody: the answer carries an occurrence id, and the log has the same id.
 */
import { AppError, type ErrorKind } from '../../model/errors.ts'

/** Codes that callers may rely on. */
export const PROBLEM_STATUS = {
  TokenMissing: 401,
  TokenInvalid: 401,
  TokenExpired: 401,
  RoleMissing: 403,
  AuthorityUnavailable: 503,
  MalformedId: 400,
  QueryInvalid: 400,
  BodyInvalid: 400,
  BodyMalformed: 400,
  BodyTooLarge: 413,
  BodyTypeUnsupported: 415,
  BadCursor: 400,
  BadContinuation: 400,
  TimeInFuture: 400,
  WorkloadUnknown: 400,
  ResourceUnknown: 404,
  RunUnknown: 404,
  RebuildUnknown: 404,
  JobUnknown: 404,
  ContainerUnknown: 404,
  ItemUnknown: 404,
  ItemDeleted: 404,
  BeforeFirstPoint: 404,
  NothingHeld: 404,
  NotProtected: 409,
  RepresentationMissing: 404,
  RequestInvalid: 400,
  DestinationUnknown: 404,
  DestinationOfAnotherKind: 409,
  DestinationUnavailable: 409,
  PointUnknown: 404,
  SelectionUnknown: 404,
  FolderNotProtected: 409,
  NothingBetween: 409,
  VersionNotRolledBack: 400,
  ConflictNotOffered: 400,
  PermissionsNotOffered: 400,
  JobNotPlanned: 409,
  PlanChanged: 409,
  RestoreNotEnded: 409,
  UndoOfUndo: 409,
  TooManyUndos: 409,
  PolicyChanged: 409,
  PolicyMissing: 409,
  RebuildUnderWay: 409,
  RebuildNeeded: 409,
  CatalogueNotReady: 503,
  AuditUnavailable: 503,
  CallTimedOut: 503,
  ContentTooLarge: 413,
  KeyMissing: 410,
  KeyDisabled: 409,
  Unexpected: 500,
} as const satisfies Record<string, number>
export type ProblemCode = keyof typeof PROBLEM_STATUS

/** For codes of the core that the list does not name. */
const KIND_STATUS: Readonly<Record<ErrorKind, number>> = {
  transient: 503,
  throttled: 503,
  permanent: 422,
  /** Not the caller's missing right but ours, towards Graph or a key. */
  denied: 502,
  corrupt: 500,
  bug: 500,
}

const STATUS_TITLES: Readonly<Record<number, string>> = {
  400: 'The request is not usable',
  401: 'Not signed in',
  403: 'Not allowed',
  404: 'Not found',
  409: 'Not possible in the present state',
  410: 'Gone for good',
  413: 'Too large',
  415: 'Unsupported content type',
  422: 'The request cannot be carried out',
  500: 'Something went wrong in Holdfast',
  502: 'Another service refused Holdfast',
  503: 'Not available at the moment',
}

export interface Problem {
  type: string
  title: string
  status: number
  detail: string
  code: string
  hint?: string
  /** Names this occurrence; the log has the same. */
  instance: string
}

/** Throw it where a request is refused. `hint` says what to do instead. */
export function refusal(
  code: ProblemCode,
  message: string,
  hint?: string,
  cause?: unknown,
): AppError {
  return new AppError({
    code,
    kind: 'permanent',
    message,
    ...(hint === undefined ? {} : { hint }),
    ...(cause === undefined ? {} : { cause }),
  })
}

/** Also says which headers go with it. */
export function problemOf(
  error: unknown,
  occurrence: string,
): { problem: Problem; headers: Record<string, string> } {
  const instance = `urn:holdfast:occurrence:${occurrence}`
  if (!(error instanceof AppError) || error.kind === 'bug') {
    return { problem: unexpected(instance), headers: {} }
  }
  const status = statusOf(error)
  const problem: Problem = {
    type: typeOf(error.code),
    title: STATUS_TITLES[status] ?? 'Error',
    status,
    detail: error.message,
    code: error.code,
    ...(error.hint === undefined ? {} : { hint: error.hint }),
    instance,
  }
  return { problem, headers: { ...challenge(error.code, status), ...retryAfter(error, status) } }
}

export function typeOf(code: string): string {
  const words = code.replace(/([a-z0-9])([A-Z])/g, '$1-$2').toLowerCase()
  return `/problems/${words}`
}

function statusOf(error: AppError): number {
  const listed: Readonly<Record<string, number>> = PROBLEM_STATUS
  return listed[error.code] ?? KIND_STATUS[error.kind]
}

function unexpected(instance: string): Problem {
  return {
    type: typeOf('Unexpected'),
    title: STATUS_TITLES[500] ?? 'Error',
    status: 500,
    detail: 'The call failed in a way that Holdfast does not know. Nothing is said about it here.',
    code: 'Unexpected',
    hint: 'Report the id under "instance"; the log of the app has an entry with the same id.',
    instance,
  }
}

/** RFC 6750, section 3: what a client that speaks OAuth looks at. */
function challenge(code: string, status: number): Record<string, string> {
  const errors: Readonly<Record<number, string>> = {
    401: 'invalid_token',
    403: 'insufficient_scope',
  }
  if (code === 'TokenMissing') return { 'www-authenticate': 'Bearer realm="holdfast"' }
  const error = errors[status]
  if (error === undefined) return {}
  return { 'www-authenticate': `Bearer realm="holdfast", error="${error}"` }
}

function retryAfter(error: AppError, status: number): Record<string, string> {
  if (status !== 503) return {}
  return { 'retry-after': String(Math.max(1, Math.ceil((error.retryAfterMs ?? 5_000) / 1000))) }
}
