/**
 * QueueSender over Azure Queue storage (and Azurite).
 *
 * A message is JSON in base64, as the queue trigger of Azure Functions expects by default. It may
 * be delivered more than once and out of order, so it only names a row. The SDK retries transport
 * trouble; a retry whose first answer was lost sends a message twice, which is harmless.
 */

import type { TokenCredential } from '@azure/identity'
import { QueueServiceClient, RestError } from '@azure/storage-queue'
import { AppError } from '../model/errors.ts'
import { QUEUES, type QueueSender } from '../ports.ts'
import { refusal, translated as translatedBy } from './runtime-storage.ts'

/** Azure's limit for one message, as it is sent. */
const MESSAGE_BYTES_MAX = 64 * 1024

export type AzureQueueOptions =
  | { connectionString: string }
  | { url: string; credential: TokenCredential }

export function azureQueueSender(options: AzureQueueOptions): QueueSender {
  const service =
    'url' in options
      ? new QueueServiceClient(options.url, options.credential)
      : QueueServiceClient.fromConnectionString(options.connectionString)
  return {
    async prepare(signal) {
      const create = (queue: string) =>
        service.getQueueClient(queue).createIfNotExists({ abortSignal: signal })
      await translated(signal, () => Promise.all(QUEUES.map(create)))
    },
    async send(queue, message, signal) {
      const text = Buffer.from(JSON.stringify(message)).toString('base64')
      if (text.length > MESSAGE_BYTES_MAX) throw tooLarge(text.length)
      const client = service.getQueueClient(queue)
      await translated(signal, () => client.sendMessage(text, { abortSignal: signal }))
    },
  }
}

function tooLarge(bytes: number): AppError {
  return new AppError({
    code: 'QueueMessageTooLarge',
    kind: 'bug',
    message: 'A queue message is larger than Azure takes; it should only name a row.',
    hint: 'This is a defect in Holdfast. Please report it with the context.',
    context: { bytes, bytesMax: MESSAGE_BYTES_MAX },
  })
}

function translated<T>(signal: AbortSignal, call: () => Promise<T>): Promise<T> {
  return translatedBy(signal, call, translateError)
}

function translateError(error: unknown): unknown {
  if (!(error instanceof RestError)) return error
  const { statusCode: status, code = '' } = error
  const context = { status: status ?? 0, serviceCode: code }
  if (status === 404) {
    return new AppError({
      code: 'QueuesMissing',
      kind: 'permanent',
      message: 'A queue of Holdfast does not exist.',
      hint: 'Run the setup, which makes the queues.',
      context,
    })
  }
  return refusal('queue', status, code)
}
