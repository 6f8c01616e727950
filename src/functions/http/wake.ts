/**
 * Wakes the role that works a row which is written already.
 *
 * A message that cannot be sent is no failure of the call: the row stands, and the reconciler
 * starts what the row asks for. Answering an error instead would make callers ask twice, and
 * what they asked for would be done twice.
 */
import { AppError } from '../../model/errors.ts'
import type { QueueName } from '../../ports.ts'
import type { HttpDeps } from './deps.ts'

export async function wake(
  queue: QueueName,
  message: Readonly<Record<string, string>>,
  deps: HttpDeps,
  signal: AbortSignal,
): Promise<void> {
  try {
    await deps.queues.send(queue, message, signal)
  } catch (error) {
    if (!(error instanceof AppError) || error.kind === 'bug') throw error
    deps.log.error('wake-delayed', { queue, code: error.code, ...message })
  }
}
