import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AppError } from '../model/errors.ts'
import { discover } from './discover.ts'
import { type RunsWorld, runsWorld } from './testing/world.ts'

const HOUR_MS = 3_600_000
const look = (world: RunsWorld) => discover(world, world.clock.now() + HOUR_MS, world.signal)
const unavailable = () =>
  new AppError({ code: 'GraphUnavailable', kind: 'transient', message: 'answered 500' })

test('P3: a mailbox that comes later than its user is found, though the directory is silent', async () => {
  const world = await runsWorld()
  world.without.add('ann')
  world.joins('ann')
  await look(world)
  assert.deepEqual(await world.states(), { ann: 'no-content' })
  world.without.clear()
  await look(world)
  assert.deepEqual(await world.states(), { ann: 'no-content' }, 'not asked again at each run')
  world.clock.advance(3 * HOUR_MS)
  await look(world)
  assert.deepEqual(await world.states(), { ann: 'protected' })
})

test('one mailbox that cannot be asked for keeps nobody else from being protected', async () => {
  const world = await runsWorld()
  world.trouble.set('bad', unavailable())
  world.joins('bad', 'good')
  assert.equal(await look(world), true)
  assert.deepEqual(await world.states(), { bad: 'no-content', good: 'protected' })
  world.trouble.clear()
  world.clock.advance(3 * HOUR_MS)
  await look(world)
  assert.deepEqual(await world.states(), { bad: 'protected', good: 'protected' })
})

test('several unavailable mailboxes in a row are the trouble of the service', async () => {
  const world = await runsWorld()
  const names = ['a', 'b', 'c', 'd', 'e']
  for (const name of names) world.trouble.set(name, unavailable())
  world.joins(...names)
  await assert.rejects(look(world), { code: 'GraphUnavailable' })
})
