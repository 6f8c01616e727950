/** The back-off: after each of two collisions five successes end it. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Stall } from './stall.ts'

test('a collision holds everything up until five work items have succeeded', () => {
  const stall = new Stall()
  assert.equal(stall.active, false)
  assert.equal(stall.collide(7), 'again')
  for (let count = 0; count < 5; count++) {
    assert.equal(stall.active, true)
    stall.succeeded()
  }
  assert.equal(stall.active, false)
})

test('the second collision of a start is its last, and counts from the beginning', () => {
  const stall = new Stall()
  stall.collide(7)
  for (let count = 0; count < 4; count++) stall.succeeded()
  assert.equal(stall.collide(7), 'last')
  stall.succeeded()
  assert.equal(stall.active, true)
  assert.equal(stall.collide(8), 'again')
})
