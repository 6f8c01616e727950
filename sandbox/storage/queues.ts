/** The queues: messages in the order in which they were sent; a sender may send one twice. */
import { QUEUES, type QueueName, type QueueSender } from '../../src/ports.ts'
import type { Identity } from './identities.ts'
import type { SimulatedProcess } from './process.ts'
import { queueError, queueTrouble } from './troubles.ts'

/** Azure's limit for one message, in base64 as it is sent. */
const MESSAGE_BYTES_MAX = 64 * 1024

export type Message = Readonly<Record<string, string>>

export class Queues {
  readonly #queues: Map<QueueName, readonly Message[]>

  constructor(like?: Queues) {
    this.#queues = new Map(like ? like.#queues : [])
  }

  /** Oldest first. */
  messages(queue: QueueName): readonly Message[] {
    return this.#queues.get(queue) ?? []
  }

  open(identity: Identity, process: SimulatedProcess): QueueSender {
    return {
      prepare: async (signal) => {
        signal.throwIfAborted()
        const call = { port: 'queue', op: 'prepare', target: '*' }
        await process.call(call, () => this.make(), queueTrouble)
      },
      send: async (queue, message, signal) => {
        signal.throwIfAborted()
        const call = { port: 'queue', op: 'send', target: queue }
        await process.call(call, () => this.#send(identity, queue, message), queueTrouble)
      },
    }
  }

  /** What `prepare` does, without a call. */
  make(): void {
    for (const queue of QUEUES) this.#queues.set(queue, this.messages(queue))
  }

  #send(identity: Identity, queue: QueueName, message: Message): void {
    const bytes = Buffer.from(JSON.stringify(message)).toString('base64').length
    if (bytes > MESSAGE_BYTES_MAX) throw queueError('QueueMessageTooLarge', 'bug')
    if (!identity.queues.includes(queue)) throw queueError('QueuesDenied', 'denied')
    const held = this.#queues.get(queue)
    if (!held) throw queueError('QueuesMissing', 'permanent')
    this.#queues.set(queue, [...held, { ...message }])
  }
}
