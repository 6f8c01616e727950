/** Entities through the whole host: worker process, SDK, listeners; and what a kill leaves. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { callClient, HostProcess, runToEnd, Workspace } from './testing/harness.ts'

test('a batch whose commit was lost runs again, no signal is lost, and calls are answered', async () => {
  const workspace = new Workspace()
  const entity = { name: 'counter', key: 'k' }
  const first = await HostProcess.gallery(workspace, {
    faults: ['host-crash-before-commit:1@Counter'],
  })
  // The host may be dead before its answer is out; what it had taken on is kept.
  await callClient(first.url, 'signalEntity', entity, 'add', 1).catch((error: unknown) =>
    assert.ok(error instanceof TypeError, String(error)),
  )
  assert.equal((await first.exit()).signal, 'SIGKILL')
  const second = await HostProcess.gallery(workspace)
  try {
    await callClient(second.url, 'signalEntity', entity, 'add', 10)
    const steps = [{ op: 'get', key: 'k' }]
    assert.deepEqual((await runToEnd(second.url, 'asksEntities', 'asks', steps)).output, [11])
    const state = await callClient(second.url, 'readEntityState', { name: 'COUNTER', key: 'k' })
    assert.deepEqual(state.value, { entityExists: true, entityState: 11 })
    assert.equal(workspace.count('k add 1'), 2)
  } finally {
    await second.stop('SIGKILL')
    workspace.remove()
  }
})
