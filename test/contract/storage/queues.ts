/** QueueSender: a message that names a row, as the queue trigger of Azure Functions decodes it. */
import assert from 'node:assert/strict'
import type { QueueName, QueueSender } from '../../../src/ports.ts'
import type { Case } from './cases.ts'

export interface QueueWorld {
  sender: QueueSender
  /** Takes the messages that are there, each decoded from what was sent. */
  take(queue: QueueName): Promise<unknown[]>
}

const never = new AbortController().signal

export const QUEUE_CASES: readonly Case<QueueWorld>[] = [
  {
    name: 'a message arrives as it was sent, in its own queue',
    async run({ sender, take }) {
      await sender.prepare(never)
      await sender.prepare(never)
      await sender.send('backup-jobs', { run: 'rün-1' }, never)
      assert.deepEqual(await take('restore-jobs'), [])
      assert.deepEqual(await take('backup-jobs'), [{ run: 'rün-1' }])
    },
  },
  {
    name: 'a message that is larger than Azure takes is refused',
    async run({ sender, take }) {
      await sender.prepare(never)
      const large = sender.send('backup-jobs', { job: 'x'.repeat(60_000) }, never)
      await assert.rejects(large, { code: 'QueueMessageTooLarge', kind: 'bug' })
      assert.deepEqual(await take('backup-jobs'), [])
    },
  },
  {
    name: 'an aborted call throws the reason of its signal, and nothing is sent',
    async run({ sender, take }) {
      await sender.prepare(never)
      const stopped = AbortSignal.abort(new Error('enough'))
      await assert.rejects(sender.send('backup-jobs', { job: 'j' }, stopped), /enough/)
      await assert.rejects(sender.prepare(stopped), /enough/)
      assert.deepEqual(await take('backup-jobs'), [])
    },
  },
]

/** Where nobody has prepared anything yet. */
export const MISSING_QUEUE_CASES: readonly Case<QueueWorld>[] = [
  {
    name: 'a queue that nobody made is missing',
    async run({ sender }) {
      const early = sender.send('backup-jobs', { run: 'r' }, never)
      await assert.rejects(early, { code: 'QueuesMissing', kind: 'permanent' })
    },
  },
]
