import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { QueueServiceClient } from '@azure/storage-queue'
import { type Azurite, startAzurite } from '../../sandbox/azurite/start.ts'
import { azureQueueSender } from './azure-queue.ts'

const signal = new AbortController().signal
let azurite: Azurite
before(async () => {
  azurite = await startAzurite({ inMemory: true })
})
after(() => azurite.stop())

test('a message arrives as the base64 JSON that the queue trigger decodes', async () => {
  const { connectionString } = azurite
  const sender = azureQueueSender({ connectionString })
  const early = sender.send('backup-jobs', { run: 'r' }, signal)
  await assert.rejects(early, { code: 'QueuesMissing', kind: 'permanent' })
  await sender.prepare(signal)
  await sender.prepare(signal)
  await sender.send('backup-jobs', { run: 'rün-1' }, signal)
  const queue =
    QueueServiceClient.fromConnectionString(connectionString).getQueueClient('backup-jobs')
  const { receivedMessageItems: items } = await queue.receiveMessages({ numberOfMessages: 5 })
  const texts = items.map((item) => Buffer.from(item.messageText, 'base64').toString('utf8'))
  assert.deepEqual(texts, ['{"run":"rün-1"}'])
})

test('a message that Azure would refuse is refused before it is sent', async () => {
  const sender = azureQueueSender({ connectionString: azurite.connectionString })
  const large = sender.send('restore-jobs', { job: 'x'.repeat(60_000) }, signal)
  await assert.rejects(large, { code: 'QueueMessageTooLarge' })
})

test('an aborted call throws the reason of its signal', async () => {
  const sender = azureQueueSender({ connectionString: azurite.connectionString })
  const stopped = AbortSignal.abort(new Error('enough'))
  await assert.rejects(sender.send('restore-jobs', { job: 'j' }, stopped), /enough/)
})
