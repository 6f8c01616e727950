import assert from 'node:assert/strict'
import { test } from 'node:test'
import { estimate } from './estimate.ts'

const pace = { requestsPerItem: 3, requestsPerMinute: 60, uploadBytesPerMinute: 1_000 }

test('a plan takes what its requests take, or its bytes where those take longer', () => {
  const of = { create: 20, folders: 5, permissions: 0, bytes: 100 }
  assert.deepEqual(estimate(of, pace), { requests: 65, minutes: 2 })
  assert.deepEqual(estimate({ ...of, bytes: 9_001 }, pace), { requests: 65, minutes: 10 })
})

test('long content takes more requests', () => {
  const of = { create: 1, folders: 0, permissions: 0, bytes: 950 }
  assert.equal(estimate(of, { ...pace, bytesPerRequest: 100 }).requests, 12)
})

test('permissions that come back take more requests', () => {
  const of = { create: 10, folders: 0, permissions: 4, bytes: 0 }
  assert.equal(estimate(of, { ...pace, requestsPerPermissions: 5 }).requests, 50)
})
