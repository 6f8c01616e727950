/**
 * Storage queue triggers: polls, runs the function, deletes the message or lets it come back.
 *
 * A message is hidden for ten minutes while its function runs, renewed at half of that. A failed
 * run makes it visible again after `visibilityTimeout`; after `maxDequeueCount` runs it is copied
 * to `<queue>-poison` and deleted; so is one that begins more often, because hosts died under it,
 * and one whose text cannot be decoded, both without a run. At least once: a host that dies leaves
 * the message to come back. The next batch is taken as soon as no more than `newBatchThreshold`
 * messages are in work. A queue that does not exist counts as empty. Polling backs off from 100 ms to
 * `maxPollingInterval`, whose default is 2 s here and one minute on the real host.
 */
import { setTimeout as sleep } from 'node:timers/promises'
import type { DequeuedMessageItem, QueueClient, QueueServiceClient } from '@azure/storage-queue'
import { AbandonedError, errorText } from '../errors.ts'
import type { AppFunction } from '../functions.ts'
import type { HostLog } from '../log.ts'
import type { RunFunction } from '../run-function.ts'
import { type QueueSettings, resolveSettingNames } from '../settings.ts'
import type { RpcTypedData } from '../worker/protocol.ts'
import { queueService } from './connection.ts'

const pollingIntervalMsMin = 100
const hiddenSeconds = 600
const renewMs = 300_000
const messagesPerCallMax = 32
const poisonSuffix = '-poison'
const defaultConnection = 'AzureWebJobsStorage'

export interface QueueTriggersOptions {
  readonly functions: readonly AppFunction[]
  readonly env: Readonly<Record<string, string>>
  readonly run: RunFunction
  readonly log: HostLog
  readonly settings: QueueSettings
}

interface Trigger {
  readonly appFunction: AppFunction
  readonly service: QueueServiceClient
  readonly queue: QueueClient
  readonly inWork: Set<Promise<void>>
}

export class QueueTriggers {
  readonly #options: QueueTriggersOptions
  readonly #triggers: readonly Trigger[]
  readonly #stopping = new AbortController()
  readonly #loops: Promise<void>[] = []

  private constructor(options: QueueTriggersOptions, triggers: readonly Trigger[]) {
    this.#options = options
    this.#triggers = triggers
  }

  /** Rejects with `bad-setting` when a connection or a `%NAME%` is unset. */
  static async create(options: QueueTriggersOptions): Promise<QueueTriggers> {
    const triggers: Trigger[] = []
    for (const appFunction of options.functions) {
      const { binding } = appFunction.trigger
      const name = resolveSettingNames(String(binding['queueName'] ?? ''), options.env)
      const connection = binding['connection']
      const service = await queueService(
        typeof connection === 'string' && connection !== '' ? connection : defaultConnection,
        options.env,
      )
      const queue = service.getQueueClient(name.toLowerCase())
      triggers.push({ appFunction, service, queue, inWork: new Set() })
    }
    return new QueueTriggers(options, triggers)
  }

  start(): void {
    for (const trigger of this.#triggers) this.#loops.push(this.#loop(trigger))
  }

  /** No message is taken any more; waits for running functions, at most `drainMs`. */
  async stop(drainMs: number): Promise<void> {
    this.#stopping.abort()
    const limit = new AbortController()
    const { signal } = limit
    const timeout = sleep(drainMs, undefined, { signal }).catch(() => undefined)
    await Promise.race([this.#idle(), timeout])
    limit.abort()
  }

  async #idle(): Promise<void> {
    await Promise.all(this.#loops)
    await Promise.all(this.#triggers.flatMap(({ inWork }) => [...inWork]))
  }

  async #loop(trigger: Trigger): Promise<void> {
    const { log, settings } = this.#options
    const { signal } = this.#stopping
    let delayMs = pollingIntervalMsMin
    let failing = false
    while (!signal.aborted) {
      try {
        while (trigger.inWork.size > settings.newBatchThreshold) {
          await Promise.race(trigger.inWork)
        }
        if (signal.aborted) return
        const found = await this.#poll(trigger)
        failing = false
        delayMs = found ? pollingIntervalMsMin : delayMs * 2
        if (found) continue
      } catch (error) {
        if (signal.aborted) return
        // Said once for each outage: the loop goes on until the storage answers again.
        if (!failing) log('error', `queue ${trigger.queue.name}: ${errorText(error)}`)
        failing = true
        delayMs *= 2
      }
      delayMs = Math.min(delayMs, settings.maxPollingIntervalMs)
      await sleep(delayMs, undefined, { signal }).catch(() => undefined)
    }
  }

  /** Takes one batch and begins to run it; answers whether there was anything. */
  async #poll(trigger: Trigger): Promise<boolean> {
    const { signal } = this.#stopping
    let messages: readonly DequeuedMessageItem[]
    try {
      const response = await trigger.queue.receiveMessages({
        numberOfMessages: Math.min(messagesPerCallMax, this.#options.settings.batchSize),
        visibilityTimeout: hiddenSeconds,
        abortSignal: signal,
      })
      messages = response.receivedMessageItems
    } catch (error) {
      if (isNotFound(error)) return false
      throw error
    }
    for (const message of messages) {
      const work = this.#handle(trigger, message)
        .catch((error: unknown) => {
          this.#options.log('error', `queue ${trigger.queue.name}: ${errorText(error)}`)
        })
        .finally(() => trigger.inWork.delete(work))
      trigger.inWork.add(work)
    }
    return messages.length > 0
  }

  async #handle(trigger: Trigger, message: DequeuedMessageItem): Promise<void> {
    const { log, run, settings } = this.#options
    const { queue, appFunction } = trigger
    let { popReceipt } = message
    const text = decodeMessage(message.messageText, settings.messageEncoding)
    const unusable = text === undefined || message.dequeueCount > settings.maxDequeueCount
    if (unusable && !isPoisonQueue(queue.name)) {
      if (text === undefined) log('error', 'a queue message is no base64', appFunction.name)
      return await this.#poison(trigger, message, popReceipt)
    }
    const renew = setInterval(() => {
      queue.updateMessage(message.messageId, popReceipt, message.messageText, hiddenSeconds).then(
        (updated) => {
          popReceipt = updated.popReceipt ?? popReceipt
        },
        (error: unknown) => log('warning', `a message was not renewed: ${errorText(error)}`),
      )
    }, renewMs)
    try {
      const value = { string: text ?? message.messageText }
      await run(appFunction, { value, metadata: metadataOf(message, value) })
      await queue.deleteMessage(message.messageId, popReceipt)
    } catch (error) {
      // Left hidden: it comes back by itself, to whichever host runs then.
      if (error instanceof AbandonedError) return
      log('error', `the queue message failed: ${errorText(error)}`, appFunction.name)
      if (message.dequeueCount >= settings.maxDequeueCount && !isPoisonQueue(queue.name)) {
        await this.#poison(trigger, message, popReceipt)
      } else {
        const seconds = Math.ceil(settings.visibilityTimeoutMs / 1000)
        await queue.updateMessage(message.messageId, popReceipt, message.messageText, seconds)
      }
    } finally {
      clearInterval(renew)
    }
  }

  /** Copies before it deletes: a crash in between leaves two, never none. */
  async #poison(trigger: Trigger, message: DequeuedMessageItem, popReceipt: string): Promise<void> {
    const { queue, service, appFunction } = trigger
    const poison = service.getQueueClient(`${queue.name}${poisonSuffix}`)
    await poison.createIfNotExists()
    await poison.sendMessage(message.messageText, { messageTimeToLive: -1 })
    await queue.deleteMessage(message.messageId, popReceipt)
    const text = `a message went to ${poison.name} after ${message.dequeueCount} deliveries`
    this.#options.log('error', text, appFunction.name)
  }
}

/** The text of a message; undefined when it is no base64 although it must be. */
export function decodeMessage(text: string, encoding: 'base64' | 'none'): string | undefined {
  if (encoding === 'none') return text
  const dense = text.replace(/\s/g, '')
  if (dense.length % 4 !== 0 || !/^[a-z\d+/]*={0,2}$/i.test(dense)) return undefined
  return Buffer.from(dense, 'base64').toString('utf8')
}

/** What failed there once more has no further queue to go to: it comes back. */
function isPoisonQueue(name: string): boolean {
  return name.endsWith(poisonSuffix)
}

function isNotFound(error: unknown): boolean {
  return error instanceof Error && 'statusCode' in error && error.statusCode === 404
}

function metadataOf(
  message: DequeuedMessageItem,
  queueTrigger: RpcTypedData,
): Record<string, RpcTypedData> {
  const date = (value: Date): RpcTypedData => ({ json: JSON.stringify(value.toISOString()) })
  return {
    Id: { json: JSON.stringify(message.messageId) },
    PopReceipt: { json: JSON.stringify(message.popReceipt) },
    DequeueCount: { int: message.dequeueCount },
    InsertionTime: date(message.insertedOn),
    ExpirationTime: date(message.expiresOn),
    NextVisibleTime: date(message.nextVisibleOn),
    QueueTrigger: queueTrigger,
  }
}
