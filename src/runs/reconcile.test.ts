import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decideRepair, PENDING_MS, type RepairInput } from './reconcile.ts'

const NOW = Date.parse('2026-11-21T12:00:00Z')
const ago = (ms: number) => new Date(NOW - ms).toISOString()

function decide(changes: Partial<RepairInput>, silentMs = 1000) {
  const row = { createdAt: ago(silentMs + 1), heartbeatAt: ago(silentMs) }
  return decideRepair({
    row,
    queued: false,
    instance: 'running',
    heartbeatMs: 600_000,
    queuedMs: 180_000,
    now: NOW,
    ...changes,
  }).repair
}

test('an instance that a worker crash failed is started again under the next attempt', () => {
  assert.equal(decide({ instance: 'failed' }), 'start')
})

test('a run whose instance completed without ending the row is started again', () => {
  assert.equal(decide({ instance: 'completed' }), 'start')
})

test('a lost queue message is noticed after a while, and not before', () => {
  assert.equal(decide({ instance: 'missing', queued: true }), 'none')
  assert.equal(decide({ instance: 'missing', queued: true }, 180_001), 'start')
})

test('an instance that vanished while it worked is started at once', () => {
  assert.equal(decide({ instance: 'missing' }), 'start')
})

test('an instance that is alive is left alone, one that hangs is replaced', () => {
  assert.equal(decide({}), 'none')
  assert.equal(decide({}, 600_001), 'restart')
  assert.equal(decide({ instance: 'pending' }), 'none')
  assert.equal(decide({ instance: 'pending' }, PENDING_MS + 1), 'restart')
})
