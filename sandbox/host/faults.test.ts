import assert from 'node:assert/strict'
import { test } from 'node:test'
import { StatusLag } from './durable/status-lag.ts'
import { FaultSwitches } from './faults.ts'
import { runToEnd, startGallery } from './testing/harness.ts'

test('a switch fires once, at its occasion, for its function only', () => {
  const faults = new FaultSwitches(['duplicate-activity:2@a'])
  const fired = ['b', 'a', 'b', 'a', 'a'].map((name) => faults.fires('duplicate-activity', name))
  assert.deepEqual(fired, [false, false, false, true, false])
  assert.equal(faults.fires('activity-after-effect', 'a'), false)
})

test('what is late is late by what the switch says, or by three seconds', () => {
  const faults = new FaultSwitches(['late-timer:1=50@a', 'late-timer:1@b'])
  assert.deepEqual([faults.lateMs('late-timer', 'a'), faults.lateMs('late-timer', 'b')], [50, 3000])
  assert.equal(faults.lateMs('late-timer', 'a'), 0)
})

test('a shuffle follows from its seed, loses nothing, and is none without the switch', () => {
  const items = Array.from({ length: 20 }, (_value, index) => index)
  const shuffled = (seed: string) => new FaultSwitches([`shuffle:${seed}`]).shuffled(items)
  assert.deepEqual(shuffled('7'), shuffled('7'))
  assert.notDeepEqual(shuffled('7'), shuffled('8'))
  assert.deepEqual(
    shuffled('7').toSorted((left, right) => left - right),
    items,
  )
  assert.equal(new FaultSwitches([]).shuffled(items), items)
})

test('what is no switch is refused with the list of those that are', () => {
  const wrong = [
    ...['', 'nonsense:1', 'duplicate-activity', 'duplicate-activity:0'],
    ...['duplicate-activity:1=5', 'shuffle:1@a', 'slow-rpc'],
  ]
  for (const text of wrong) {
    assert.throws(() => new FaultSwitches([text]), /is neither .*host-crash-before-commit/)
  }
})

test('a status lags behind a change, and never behind the first answer', () => {
  const lag = new StatusLag(100)
  const at = (status: number, nowMs: number): number => lag.tell('a', { status }, nowMs).status
  assert.deepEqual(
    [at(1, 0), at(2, 10), at(3, 109), at(3, 110), at(4, 120), at(4, 300)],
    [1, 1, 1, 3, 3, 4],
  )
  assert.equal(lag.tell('b', { status: 5 }, 310).status, 5)
  assert.equal(new StatusLag(0).tell('a', { status: 6 }, 0).status, 6)
})

test('an orchestration bears late and double answers, a slow client and any order', async (t) => {
  const faults = [
    ...['late-completion:1=200@add', 'duplicate-completion:2@add', 'shuffle:11'],
    ...['slow-rpc:20', 'start-delay:100', 'late-timer:1=200@timer'],
  ]
  const { url, host, workspace } = await startGallery({ faults })
  t.after(async () => {
    await host.stop()
    workspace.remove()
  })
  assert.deepEqual((await runToEnd(url, 'chain', 'late')).output, [3, 13])
  assert.equal(workspace.count('add 1 2'), 1)
  assert.equal((await runToEnd(url, 'timer', 'timer', { ms: 10 })).output, 'fired')
  const sums = Array.from({ length: 12 }, (_value, index) => index)
  assert.deepEqual((await runToEnd(url, 'fanOut', 'fan', { count: 12 })).output, sums)
})

test('the worker dies under an activity, which fails with the text of the real host', async (t) => {
  // The delay lets the answer to the start out before the worker that gives it dies.
  const faults = ['worker-kill-in-activity:1@slow', 'start-delay:500']
  const { url, host, workspace } = await startGallery({ faults })
  t.after(async () => {
    await host.stop()
    workspace.remove()
  })
  const killed = await runToEnd(url, 'calls', 'killed', { name: 'slow', input: { ms: 1000 } })
  assert.match(JSON.stringify(killed.output), /node exited with code 137/)
})
