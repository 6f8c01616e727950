/** Which trouble is a reason to keep everything, and which only to wait. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AppError, type ErrorKind } from '../../model/errors.ts'
import { doubtOf } from './trouble.ts'

test('P1: what will be so the next time is a doubt; what passes is none', () => {
  const doubt = (kind: ErrorKind) => doubtOf(new AppError({ code: 'X', kind, message: 'x' }))
  const lasting = ['corrupt', 'permanent', 'denied'] as const
  assert.deepEqual(lasting.map(doubt), ['X', 'X', 'X'])
  const passing = ['transient', 'throttled', 'bug'] as const
  assert.deepEqual(passing.map(doubt), [undefined, undefined, undefined])
  assert.equal(doubtOf(Object.assign(new Error('x'), { kind: 'corrupt', code: 'X' })), undefined)
})
