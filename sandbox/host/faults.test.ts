import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FaultSwitches } from './faults.ts'

test('a switch fires once, at its occasion, for its function only', () => {
  const faults = new FaultSwitches(['duplicate-activity:2@a'])
  const fired = ['b', 'a', 'b', 'a', 'a'].map((name) => faults.fires('duplicate-activity', name))
  assert.deepEqual(fired, [false, false, false, true, false])
  assert.equal(faults.fires('activity-after-effect', 'a'), false)
})

test('what is no switch is refused with the list of those that are', () => {
  for (const text of ['', 'nonsense:1', 'duplicate-activity', 'duplicate-activity:0']) {
    assert.throws(() => new FaultSwitches([text]), /is not one of host-crash-before-commit/)
  }
})
