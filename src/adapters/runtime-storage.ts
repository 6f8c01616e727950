/**
 * What the table and the queue adapter have in common: both speak to the runtime storage account,
 * and its refusals mean the same for both. Each adapter translates first what is its own.
 */
import { AppError } from '../model/errors.ts'

/** The signal's own reason where the deadline ended the call, else what `translate` makes of it. */
export async function translated<T>(
  signal: AbortSignal,
  call: () => Promise<T>,
  translate: (error: unknown) => unknown,
): Promise<T> {
  try {
    return await call()
  } catch (error) {
    signal.throwIfAborted()
    throw translate(error)
  }
}

/**
 * QueuesDenied, QueuesUnavailable, QueuesRefused; TablesDenied, TablesUnavailable, TablesRefused.
 * The messages of the service are dropped: they may quote keys (P9).
 */
export function refusal(
  service: 'queue' | 'table',
  status: number | undefined,
  serviceCode: string,
): AppError {
  const prefix = service === 'queue' ? 'Queues' : 'Tables'
  const context = { status: status ?? 0, serviceCode }
  if (status === 401 || status === 403) {
    return new AppError({
      code: `${prefix}Denied`,
      kind: 'denied',
      message: `The ${service} service refused the identity of this app.`,
      hint: 'Check the role assignments of the identity on the runtime storage account.',
      context,
    })
  }
  const passing = status === undefined || status === 408 || status === 429 || status >= 500
  return new AppError({
    code: passing ? `${prefix}Unavailable` : `${prefix}Refused`,
    kind: passing ? 'transient' : 'bug',
    message: passing
      ? `The ${service} service could not be reached, or was too busy, over several tries.`
      : `The ${service} service refused a request of Holdfast.`,
    context,
  })
}
