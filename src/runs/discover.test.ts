import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AppError } from '../model/errors.ts'
import { discover } from './discover.ts'
import { sourceLost } from './seen.ts'
import type { ResourceSource } from './sources.ts'
import { type RunsWorld, runsWorld } from './testing/world.ts'

const HOUR_MS = 3_600_000
const look = (world: RunsWorld) => discover(world, world.clock.now() + HOUR_MS, world.signal)
const unavailable = () =>
  new AppError({ code: 'GraphUnavailable', kind: 'transient', message: 'answered 500' })
const notUnderstood = () =>
  new AppError({ code: 'RequestNotUnderstood', kind: 'bug', message: 'answered 400' })

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

for (const trouble of [unavailable(), notUnderstood()]) {
  test(`one mailbox that cannot be asked for keeps nobody else from being protected (${trouble.code})`, async () => {
    const world = await runsWorld()
    world.trouble.set('bad', trouble)
    world.joins('bad', 'good')
    assert.equal(await look(world), true)
    assert.deepEqual(await world.states(), { bad: 'unreachable', good: 'protected' })
    world.trouble.clear()
    world.clock.advance(3 * HOUR_MS)
    await look(world)
    assert.deepEqual(await world.states(), { bad: 'protected', good: 'protected' })
  })
}

test('several unavailable mailboxes in a row are the trouble of the service', async () => {
  const world = await runsWorld()
  const names = ['a', 'b', 'c', 'd', 'e']
  for (const name of names) world.trouble.set(name, unavailable())
  world.joins(...names)
  await assert.rejects(look(world), { code: 'GraphUnavailable' })
})

test('P3: who left while the directory’s link was lost is gone, once the directory says so itself', async () => {
  const world = await runsWorld()
  world.joins('ann', 'bob', 'cat', 'dan')
  await look(world)
  // Cat was taken out of the directory; dan only does not show in this reading.
  world.losesLink('ann', 'bob', 'eve')
  world.departed.add('cat')
  assert.equal(await look(world), true)
  const protectedNow = { ann: 'protected', bob: 'protected', dan: 'protected', eve: 'protected' }
  assert.deepEqual(await world.states(), { ...protectedNow, cat: 'gone' })
  assert.deepEqual(world.asked.sort(), ['cat', 'dan'], 'nobody else is asked for')
  await look(world)
  assert.equal(world.asked.length, 2, 'and nobody twice')
})

test('P4: a full reading goes on over calls, and asks nobody twice', async () => {
  const world = await runsWorld()
  const names = ['a', 'b', 'c', 'd', 'e', 'f', 'g']
  world.joins(...names)
  await look(world)
  world.losesLink('a', 'b', 'c')
  for (const name of ['e', 'f']) world.departed.add(name)
  // Each call has time for one page or one question.
  const { exists } = world.directory
  world.directory.exists = async (user, signal) => {
    world.clock.advance(1000)
    return await exists(user, signal)
  }
  let calls = 1
  while (!(await discover(world, world.clock.now() + 500, world.signal))) calls += 1
  assert.ok(calls > 2, `${calls} calls`)
  assert.deepEqual(world.asked.sort(), ['d', 'e', 'f', 'g'])
  const states = await world.states()
  assert.deepEqual(
    names.filter((name) => states[name] === 'gone'),
    ['e', 'f'],
  )
})

test('a user of whom the directory says nothing certain is neither gone nor forgotten', async () => {
  const world = await runsWorld()
  world.joins('ann', 'bob')
  await look(world)
  world.losesLink('ann')
  world.trouble.set('bob', unavailable())
  assert.equal(await look(world), true)
  assert.deepEqual(await world.states(), { ann: 'protected', bob: 'protected' })
  world.trouble.clear()
  world.departed.add('bob')
  await look(world)
  assert.deepEqual(await world.states(), { ann: 'protected', bob: 'gone' })
})

test('a mailbox that went away and comes back keeps its owner', async () => {
  const world = await runsWorld()
  world.joins('ann')
  await look(world)
  const ann = async () => (await world.catalogue.resources.list({ max: 1 }, world.signal)).items[0]
  const before = await ann()
  assert.ok(before)
  await sourceLost(world, before.key, world.signal)
  assert.equal((await ann())?.state, 'protected', 'the directory says that it is there')
  world.without.add('ann')
  await sourceLost(world, before.key, world.signal)
  const lost = await ann()
  assert.deepEqual([lost?.state, lost?.reason], ['no-content', 'MailboxNotEnabledForRESTAPI'])
  world.without.clear()
  world.clock.advance(3 * HOUR_MS)
  await look(world)
  const after = await ann()
  assert.deepEqual([after?.state, after?.owner], ['protected', before.owner])
})

test('many without a mailbox hold up no run, and each has its turn', async () => {
  const world = await runsWorld()
  const names = Array.from({ length: 12 }, (_, n) => `guest-${n}`)
  for (const name of names) world.without.add(name)
  world.joins(...names)
  await look(world)
  world.clock.advance(3 * HOUR_MS)
  world.without.clear()
  const { content } = world.directory
  world.directory.content = async (user, signal) => {
    world.clock.advance(10_000)
    return await content(user, signal)
  }
  const left = async () =>
    Object.values(await world.states()).filter((s) => s !== 'protected').length
  for (const expected of [9, 6, 3, 0]) {
    assert.equal(await look(world), true)
    assert.equal(await left(), expected)
  }
})

test('trouble of one source keeps none of the others from being read', async () => {
  const world = await runsWorld()
  const sites: ResourceSource = {
    ...world.directory,
    kind: 'site',
    page: async () => {
      throw unavailable()
    },
  }
  world.joins('ann')
  const both = { ...world, sources: [sites, world.directory] }
  await assert.rejects(discover(both, world.clock.now() + HOUR_MS, world.signal), {
    code: 'GraphUnavailable',
  })
  assert.deepEqual(await world.states(), { ann: 'protected' })
})
