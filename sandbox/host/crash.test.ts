/** Kills: the host, the worker, in the middle of activities and of episodes; and what follows. */
import assert from 'node:assert/strict'
import { join } from 'node:path'
import { afterEach, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  callClient,
  finished,
  HostProcess,
  isAlive,
  runToEnd,
  start,
  statusOf,
  until,
  Workspace,
} from './testing/harness.ts'

let workspace = new Workspace()
const hosts: HostProcess[] = []

async function launch(
  options: { faults?: readonly string[]; env?: Record<string, string> } = {},
): Promise<HostProcess> {
  const host = await HostProcess.gallery(workspace, options)
  hosts.push(host)
  return host
}

afterEach(async () => {
  for (const host of hosts.splice(0)) await host.stop('SIGKILL')
  workspace.remove()
  workspace = new Workspace()
})

describe('the host is killed', () => {
  test('a running activity runs again, and its worker does not survive', async () => {
    const first = await launch()
    await start(first.url, 'longSlow', 'long')
    await until(() => workspace.count('slow begins long') === 1 || undefined, 'the activity')
    const workerPid = first.ready[0]?.workerPid ?? 0
    await first.stop('SIGKILL')
    await until(() => !isAlive(workerPid) || undefined, 'the worker to end')
    assert.equal(workspace.count('slow ends long'), 0)

    const second = await launch()
    const status = await finished(second.url, 'long')
    assert.deepEqual(status.output, ['slept', 2])
    assert.equal(workspace.count('slow begins long'), 2)
    assert.equal(workspace.count('add 1 1'), 1)
  })

  test('timers fire and events are delivered after a restart', async () => {
    const first = await launch()
    await start(first.url, 'timer', 'late', { ms: 1100 })
    await start(first.url, 'waits', 'events')
    await callClient(first.url, 'raiseEvent', 'events', 'go', 1)
    await first.stop('SIGKILL')

    const second = await launch()
    assert.equal((await finished(second.url, 'late')).output, 'fired')
    await callClient(second.url, 'raiseEvent', 'events', 'go', 2)
    assert.deepEqual((await finished(second.url, 'events')).output, [1, 2])
  })

  const crashes = [
    ['host-crash-before-commit:2@chain', 1],
    ['host-crash-in-episode:2@chain', 1],
    ['activity-after-effect:1@add', 2],
  ] as const
  for (const [fault, firstStepRuns] of crashes) {
    test(`${fault}: the orchestration goes on by itself`, async () => {
      const first = await launch({ faults: [fault] })
      // It may be dead before its answer to the start is out; what it had taken on is kept.
      await start(first.url, 'chain', 'crashed').catch((error: unknown) => {
        assert.ok(error instanceof TypeError, String(error))
      })
      assert.equal((await first.exit()).signal, 'SIGKILL')
      const second = await launch()
      assert.deepEqual((await finished(second.url, 'crashed')).output, [3, 13])
      assert.equal(workspace.count('add 1 2'), firstStepRuns)
    })
  }
})

describe('the worker ends', () => {
  test('an activity in flight fails with the exit code, the next has a new worker', async () => {
    const host = await launch()
    const call = { name: 'exit', input: { code: 1 } }
    const status = await runToEnd(host.url, 'calls', 'exits', call)
    assert.match(
      String(status.output),
      /Activity function 'exit' failed: node exited with code 1 \(0x1\)/,
    )
    assert.deepEqual((await runToEnd(host.url, 'chain', 'after')).output, [3, 13])
    assert.notEqual(host.ready.at(-1)?.workerPid, host.ready[0]?.workerPid)
  })

  test('kill -9 reads as code 137, drops HTTP calls, and the next worker serves', async () => {
    const host = await launch()
    await start(host.url, 'longSlow', 'killed')
    await until(() => workspace.count('slow begins long') === 1 || undefined, 'the activity')
    const call = fetch(`${host.url}/api/slowHttp`)
    // The call must be in the worker's hands before the kill.
    await until(async () => (await inFlight(host.url)) === 2 || undefined, 'the HTTP call')
    process.kill(host.ready[0]?.workerPid ?? 0, 'SIGKILL')
    await assert.rejects(call)
    await until(() => host.ready[1], 'the new worker')
    const status = await finished(host.url, 'killed')
    assert.match(String(status.output), /node exited with code 137 \(0x89\)/)
  })

  test('in an episode: the orchestration is Failed for good', async () => {
    const host = await launch({ faults: ['worker-kill-in-episode:2@chain'] })
    // The worker may be dead before the answer to the start is out.
    await start(host.url, 'chain', 'episode').catch((error: unknown) => {
      assert.ok(error instanceof TypeError, String(error))
    })
    await until(() => host.ready[1], 'the new worker')
    const status = await finished(host.url, 'episode')
    assert.equal(status.runtimeStatus, 'Failed')
    assert.match(String(status.output), /^Non-Deterministic workflow detected/)
  })

  test('an episode that blocks its worker is repeated in the next one', async () => {
    const host = await launch()
    const mark = join(workspace.folder, 'mark')
    const status = await runToEnd(host.url, 'blocksOnce', 'blocks', { mark })
    assert.deepEqual([status.runtimeStatus, status.output], ['Completed', { done: true }])
    assert.equal(host.ready.length, 2)
  })

  test('exit code 0 is not noticed: the activity hangs until functionTimeout', async () => {
    const host = await launch()
    const call = { name: 'exit', input: { code: 0 } }
    const status = await runToEnd(host.url, 'calls', 'exit-0', call)
    assert.match(String(status.output), /Timeout value of 00:00:02 was exceeded/)
  })

  test('functionTimeout replaces the worker; a sibling hangs until its own timeout', async () => {
    const host = await launch()
    const call = (ms: number, name: string): unknown => ({ name: 'slow', input: { ms, name } })
    await start(host.url, 'calls', 'too-long', call(20_000, 'a'))
    await until(() => workspace.count('slow begins a') === 1 || undefined, 'the first')
    await sleep(50)
    await start(host.url, 'calls', 'sibling', call(20_000, 'b'))
    const status = await finished(host.url, 'too-long')
    assert.match(String(status.output), /Timeout value of 00:00:02 was exceeded/)
    await until(() => host.ready[1], 'the new worker')
    const sibling = await finished(host.url, 'sibling')
    assert.match(String(sibling.output), /Timeout value of 00:00:02 was exceeded/)
    assert.equal((await runToEnd(host.url, 'chain', 'goes-on')).runtimeStatus, 'Completed')
  })
})

describe('other mishaps', () => {
  test('an activity that runs twice counts once', async () => {
    const host = await launch({ faults: ['duplicate-activity:1@add'] })
    assert.deepEqual((await runToEnd(host.url, 'chain', 'twice')).output, [3, 13])
    assert.equal(workspace.count('add 1 2'), 2)
  })

  test('a code change between two starts is non-deterministic; its activity runs', async () => {
    const first = await launch({ env: { FIRST_STEP: 'nothing' } })
    await start(first.url, 'changing', 'changed')
    await until(async () => (await eventCount(first.url, 'changed')) === 7 || undefined, 'a wait')
    await first.stop()
    const second = await launch({ env: { FIRST_STEP: 'add' } })
    await callClient(second.url, 'raiseEvent', 'changed', 'go', 1)
    const status = await finished(second.url, 'changed')
    assert.match(
      String(status.output),
      /^Non-Deterministic workflow detected: .* named 'nothing'.*named 'add'/,
    )
    await until(() => workspace.count('add 1 1') === 1 || undefined, 'the wrong activity')
  })

  test('SIGTERM stops cleanly and the state file is free again', async () => {
    const first = await launch()
    await first.stop('SIGTERM')
    assert.deepEqual(await first.exit(), { code: 0, signal: null })
    const second = await launch()
    assert.match(String((await statusError(second.url, 'none')) ?? ''), /404/)
  })

  test('Ctrl-C reaches the worker too, but only the host acts on it', async () => {
    const first = await launch()
    const call = { name: 'slow', input: { ms: 300, name: 'c' } }
    await start(first.url, 'calls', 'ctrl-c', call)
    await until(() => workspace.count('slow begins c') === 1 || undefined, 'the activity')
    process.kill(first.ready[0]?.workerPid ?? 0, 'SIGINT')
    await first.stop('SIGINT')
    assert.equal(workspace.count('slow ends c'), 1)
    const second = await launch()
    assert.equal((await finished(second.url, 'ctrl-c')).output, 'slept')
  })

  test('a taken port and a taken state file are refused with clear words', async () => {
    const first = await launch()
    const port = new URL(first.url).port
    const args = ['--app', join(import.meta.dirname, 'testing/apps/gallery'), '--port', port]
    const other = new Workspace()
    const second = new HostProcess([...args, '--state', other.stateFile], other.env())
    assert.equal((await second.exit()).code, 2)
    assert.ok(second.errors.some((line) => line.includes(`port ${port} is in use`)))
    other.remove()
    const third = new HostProcess(
      [...args.slice(0, 2), '--port', '0', '--state', workspace.stateFile],
      workspace.env(),
    )
    assert.equal((await third.exit()).code, 1)
    assert.ok(third.errors.some((line) => line.includes('is another host using it')))
  })
})

async function inFlight(url: string): Promise<number> {
  const response = await fetch(`${url}/admin/host/status`)
  return ((await response.json()) as { inFlight: number }).inFlight
}

async function eventCount(url: string, id: string): Promise<number | undefined> {
  const response = await fetch(`${url}/admin/instances`)
  const instances = (await response.json()) as { id: string; events: number }[]
  return instances.find((instance) => instance.id === id)?.events
}

async function statusError(url: string, id: string): Promise<string | undefined> {
  return await statusOf(url, id).then(
    () => undefined,
    (error: unknown) => String(error),
  )
}
