/** Queue and timer triggers, against Azurite and the real clock. */
import assert from 'node:assert/strict'
import { DatabaseSync } from 'node:sqlite'
import { after, before, describe, test } from 'node:test'
import { type QueueClient, QueueServiceClient } from '@azure/storage-queue'
import { Azurite } from './testing/azurite.ts'
import { type EmbeddedGallery, startGallery, until, Workspace } from './testing/harness.ts'

const queueName = 'work'
let azurite: Azurite
let queue: QueueClient
let poison: QueueClient

before(async () => {
  azurite = await Azurite.start()
  const service = QueueServiceClient.fromConnectionString(azurite.connectionString)
  queue = service.getQueueClient(queueName)
  poison = service.getQueueClient(`${queueName}-poison`)
})
after(async () => {
  await azurite.stop()
})

async function withGallery(
  workspace: Workspace,
  work: (gallery: EmbeddedGallery) => Promise<void>,
  env: Readonly<Record<string, string>> = {},
): Promise<void> {
  const own = { QUEUE_STORAGE: azurite.connectionString, QUEUE_NAME: queueName }
  const gallery = await startGallery({ env: workspace.env({ ...own, ...env }) }, workspace)
  try {
    await work(gallery)
  } finally {
    await gallery.host.stop()
  }
}

const base64 = (text: string): string => Buffer.from(text).toString('base64')

describe('storage queues', () => {
  test('messages arrive as text or as the object they spell, and are deleted', async () => {
    const workspace = new Workspace()
    await withGallery(workspace, async () => {
      // The queue is created while the host runs: until then it counts as empty.
      await queue.create()
      await queue.sendMessage(base64('plain text'))
      await queue.sendMessage(base64('{"job":1}'))
      await until(() => queueEffects(workspace).length === 2 || undefined, 'both messages')
      assert.deepEqual(queueEffects(workspace).sort(), [
        'queue object {"job":1} 1',
        'queue string "plain text" 1',
      ])
      await until(async () => (await messageCount(queue)) === 0 || undefined, 'an empty queue')
    })
    workspace.remove()
  })

  test('a message that always fails runs five times and becomes poison', async () => {
    const workspace = new Workspace()
    await withGallery(workspace, async () => {
      await queue.sendMessage(base64('{"fail":true}'))
      await until(async () => (await messageCount(poison)) === 1 || undefined, 'the poison queue')
      assert.deepEqual(
        queueEffects(workspace),
        [1, 2, 3, 4, 5].map((count) => `queue object {"fail":true} ${count}`),
      )
      const { receivedMessageItems } = await poison.receiveMessages()
      assert.equal(receivedMessageItems[0]?.messageText, base64('{"fail":true}'))
      await until(async () => (await messageCount(queue)) === 0 || undefined, 'an empty queue')
    })
    workspace.remove()
  })

  test('a message that is no base64 becomes poison without a run', async () => {
    const workspace = new Workspace()
    await withGallery(workspace, async () => {
      await queue.sendMessage('{"job":2}')
      await until(async () => (await messageCount(poison)) === 2 || undefined, 'the poison queue')
      assert.deepEqual(queueEffects(workspace), [])
    })
    workspace.remove()
  })
})

describe('timers', () => {
  test('runOnStartup runs at once, a schedule runs when it is due', async () => {
    const workspace = new Workspace()
    const env = { TIMER_SCHEDULE: '* * * * * *' }
    await withGallery(
      workspace,
      async () => {
        await until(() => timerEffects(workspace).length >= 2 || undefined, 'two runs')
        // A schedule of seconds has no status, as on the real host.
        assert.equal(timerEffects(workspace)[0], 'timer false undefined')
      },
      env,
    )
    workspace.remove()
  })

  test('an occurrence that was missed while the host was down is past due', async () => {
    const workspace = new Workspace()
    const runs = async (count: number): Promise<void> => {
      await until(() => timerEffects(workspace).length >= count || undefined, 'a run')
    }
    await withGallery(workspace, () => runs(1))
    const database = new DatabaseSync(workspace.stateFile)
    const [lastMs, nextMs] = [Date.UTC(2020, 0, 1), Date.UTC(2021, 0, 1)]
    database.prepare('UPDATE timer_triggers SET last_ms = ?, next_ms = ?').run(lastMs, nextMs)
    database.close()
    await withGallery(workspace, () => runs(2))
    assert.deepEqual(timerEffects(workspace), ['timer false string', 'timer true string'])
    workspace.remove()
  })

  test('one that is disabled runs only when it is told to', async () => {
    const workspace = new Workspace()
    const env = { TIMER_SCHEDULE: '* * * * * *', 'AzureWebJobs.atStart.Disabled': 'true' }
    const own = async ({ host }: EmbeddedGallery): Promise<void> => {
      const second = Math.floor(Date.now() / 1000)
      await until(() => Date.now() / 1000 > second + 2.1 || undefined, 'two occurrences')
      assert.deepEqual(timerEffects(workspace), [])
      await fetch(`${host.url}/admin/functions/atStart`, { method: 'POST', body: '{}' })
      await until(() => timerEffects(workspace).length > 0 || undefined, 'a run')
    }
    await withGallery(workspace, own, env)
    assert.equal(timerEffects(workspace).length, 1)
    workspace.remove()
  })
})

function queueEffects(workspace: Workspace): string[] {
  return workspace.effects().filter((line) => line.startsWith('queue '))
}

function timerEffects(workspace: Workspace): string[] {
  return workspace.effects().filter((line) => line.startsWith('timer '))
}

/** Hidden messages count too; a queue that does not exist has none. */
async function messageCount(client: QueueClient): Promise<number> {
  if (!(await client.exists())) return 0
  return (await client.getProperties()).approximateMessagesCount ?? 0
}
