/**
 * Hints of a scheduled run: who is asked, what becomes of the answers, and that nothing is asked
 * twice or forgotten wherever a call stops.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { SLICE_SETTINGS } from '../capture/testing/settings.ts'
import type { Owner } from '../catalogue/types.ts'
import { MemoryPool } from '../concurrency/index.ts'
import { AppError } from '../model/errors.ts'
import { CONTAINERS } from '../model/events.ts'
import type { GraphId } from '../model/ids.ts'
import type { StreamReader, Workload } from '../workloads/workload.ts'
import { planRun } from './activities.ts'
import { discover } from './discover.ts'
import { askHints } from './hints.ts'
import { runRow, runsWorld } from './testing/world.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const INTERVAL_MS = 15 * MINUTE_MS
const input = { run: 'run', attempt: 1, wave: 0 }

/** People whose mailboxes are read to the end, and who are to be asked. */
async function company(...names: string[]) {
  const world = await runsWorld()
  const { catalogue, vault, clock, signal } = world
  world.joins(...names)
  await discover(world, clock.now() + HOUR_MS, signal)
  const at = (ms: number) => new Date(clock.now() + ms).toISOString()
  const cursor = { container: CONTAINERS, start: 'link', position: null, round: 1 }
  for await (const { owner } of catalogue.owners.all(signal)) {
    const times = { dueAt: at(HOUR_MS), hintAt: at(0) }
    await catalogue.owners.update(owner, (now) => ({ ...now, ...times }), signal)
    const secret = await vault.indexSecret(owner, signal)
    const save = { seq: 0, secret, notAfter: clock.now() }
    await catalogue.stream(owner, 'mail').saveCursors([cursor], save, signal)
  }
  const asked: string[] = []
  /** By name; who is not in it has not changed. */
  const answers = new Map<string, boolean | Error>()
  const mail = { ask: async (_name: string): Promise<void> => undefined }
  const reader = ({ graphId }: { graphId: GraphId }): StreamReader => ({
    ...{ changes: unused, content: unused, item: unused, concurrency: 1, requests: () => 1 },
    async changedSince(links) {
      assert.equal(links.get(CONTAINERS), 'link')
      asked.push(graphId)
      await mail.ask(graphId)
      const answer = answers.get(graphId) ?? false
      if (answer instanceof Error) throw answer
      return answer
    },
  })
  const workload: Workload = { name: 'mail', compare: () => 'same', reader }
  const sizes = { sliceMs: HOUR_MS, leaseSlackMs: 1000 }
  const settings = {
    ...{ ...SLICE_SETTINGS, ...sizes, commitEvents: 10, packBytes: 1, deletionLagMs: 0 },
    ...{ intervalMs: INTERVAL_MS, fullReadMs: HOUR_MS },
  }
  const deps = {
    ...{ ...world, memory: new MemoryPool(1), holder: 'worker' },
    log: { info: () => undefined, error: () => undefined },
    runSettings: {
      ...sizes,
      lanes: 2,
      slotMs: HOUR_MS,
      wavePauseMs: 1000,
      units: { perMinute: 1_250, perDay: 1_200_000 },
    },
    slice: { vault, catalogue, clock, workload: () => workload, settings },
  }
  const rows = async () => {
    const found: Record<string, Owner> = {}
    for await (const owner of catalogue.owners.all(signal)) found[owner.graphId] = owner
    return found
  }
  const kind = (is: 'scheduled' | 'asked') => runRow('run', clock.now(), { kind: is })
  const insert = (is: 'scheduled' | 'asked' = 'scheduled') =>
    catalogue.runs.insert({ ...kind(is), state: 'queued' }, signal)
  await insert()
  return {
    ...{ ...world, asked, answers, mail, rows, at },
    hints: () => askHints(input, deps, signal),
    plan: () => planRun(input, deps, signal),
    async planned() {
      const all = []
      for await (const { owner } of catalogue.runs.entries('run', signal)) all.push(owner)
      return all
    },
    run: async () => await catalogue.runs.get('run', signal),
  }
}

const unused = () => Promise.reject(new Error('a hint asks nothing else'))

test('owners that have not changed take one request each, no plan and no lane', async () => {
  const world = await company('ann', 'bob')
  world.clock.advance(1)
  assert.deepEqual(await world.hints(), { state: 'done', asked: 2, unchanged: 2 })
  const plan = await world.plan()
  assert.deepEqual([plan.state, plan.lanes, await world.planned()], ['done', 0, []])
  const counts = { unchanged: 2, changed: 0, unanswered: 0, requests: 2 }
  assert.deepEqual((await world.run())?.hints, counts)
  for (const { hintAt } of Object.values(await world.rows())) {
    assert.equal(hintAt, world.at(INTERVAL_MS))
  }
})

test('an owner that has changed is due from now on, and is planned alone', async () => {
  const world = await company('ann', 'bob', 'eve')
  world.answers.set('bob', true)
  world.answers.set('eve', throttled(7 * MINUTE_MS))
  assert.deepEqual(await world.hints(), { state: 'done', asked: 3, unchanged: 1 })
  const { bob, eve } = await world.rows()
  assert.equal(bob?.dueAt, world.at(0))
  assert.deepEqual([eve?.dueAt, eve?.hintAt], [world.at(HOUR_MS), world.at(7 * MINUTE_MS)])
  assert.equal((await world.plan()).lanes, 2)
  assert.deepEqual(await world.planned(), [bob?.owner])
  const counts = { unchanged: 1, changed: 1, unanswered: 1, requests: 3 }
  assert.deepEqual((await world.run())?.hints, counts)
})

test('P4: a call that is delivered twice asks nobody twice', async () => {
  const world = await company('ann', 'bob')
  world.answers.set('bob', true)
  world.clock.advance(1)
  await world.hints()
  assert.deepEqual(await world.hints(), { state: 'done', asked: 0, unchanged: 0 })
  assert.deepEqual(world.asked.toSorted(), ['ann', 'bob'])
  assert.deepEqual((await world.run())?.hints?.requests, 2)
})

test('a call whose time is over leaves the others to the next one', async () => {
  const names = Array.from({ length: 40 }, (_, n) => `user-${n}`)
  const world = await company(...names)
  world.mail.ask = async () => world.clock.advance(30_000)
  const first = await world.hints()
  assert.equal(first.state, 'more')
  assert.ok(first.asked < names.length)
  world.mail.ask = async () => undefined
  assert.equal((await world.hints()).state, 'done')
  assert.deepEqual(world.asked.toSorted(), names.toSorted())
})

test('where the service answers nobody, no more are asked, and the rest stay to be asked', async () => {
  const names = Array.from({ length: 60 }, (_, n) => `user-${n}`)
  const world = await company(...names)
  const down = new AppError({ code: 'GraphUnavailable', kind: 'transient', message: '503' })
  for (const name of names) world.answers.set(name, down)
  assert.equal((await world.hints()).state, 'done')
  assert.ok(world.asked.length < names.length, `${world.asked.length} were asked`)
  const left = Object.values(await world.rows()).filter((o) => o.hintAt === world.at(0))
  assert.equal(left.length, names.length - world.asked.length)
})

test('a defect that one owner meets keeps nobody else waiting, and is met by its own slice', async () => {
  const world = await company('ann', 'bob', 'eve')
  world.answers.set('ann', new AppError({ code: 'Planned', kind: 'bug', message: 'planned' }))
  world.answers.set('bob', new DOMException('the time is over', 'TimeoutError'))
  assert.deepEqual(await world.hints(), { state: 'done', asked: 3, unchanged: 1 })
  const { ann, bob } = await world.rows()
  assert.equal(ann?.dueAt, world.at(0))
  assert.deepEqual([bob?.dueAt, bob?.hintAt], [world.at(HOUR_MS), world.at(MINUTE_MS)])
})

test('who is not protected, or due anyway, is not asked', async () => {
  const world = await company('ann', 'bob')
  world.leaves('ann')
  await discover(world, world.clock.now() + HOUR_MS, world.signal)
  const { bob } = await world.rows()
  if (bob) {
    const due = (now: Owner) => ({ ...now, dueAt: world.at(0) })
    await world.catalogue.owners.update(bob.owner, due, world.signal)
  }
  assert.deepEqual(await world.hints(), { state: 'done', asked: 0, unchanged: 0 })
  assert.deepEqual(world.asked, [])
})

test('a run that a person asked for, or that was cancelled, asks nobody', async () => {
  for (const change of [{ kind: 'asked' as const }, { flags: { cancel: true, pause: false } }]) {
    const world = await company('ann')
    await world.catalogue.runs.update('run', (now) => ({ ...now, ...change }), world.signal)
    assert.equal((await world.hints()).asked, 0)
    assert.deepEqual(world.asked, [])
  }
})

test('what a slice has learnt while the hint was on its way counts more than the hint', async () => {
  const world = await company('ann')
  const { catalogue, signal } = world
  world.answers.set('ann', true)
  const later = { dueAt: world.at(HOUR_MS), hintAt: world.at(HOUR_MS) }
  world.mail.ask = async () => {
    const owner = (await world.rows())['ann']?.owner
    const lease =
      owner && (await catalogue.owners.claim(owner, { holder: 'a', leaseMs: 1 }, signal))
    if (lease) await catalogue.owners.release(lease, later, signal)
  }
  await world.hints()
  const { ann } = await world.rows()
  assert.deepEqual([ann?.dueAt, ann?.hintAt], [later.dueAt, later.hintAt])
})

test('a change that is told while a slice runs is not forgotten at its end', async () => {
  const world = await company('ann')
  const { catalogue, signal } = world
  world.answers.set('ann', true)
  const owner = (await world.rows())['ann']?.owner
  assert.ok(owner)
  let lease: Awaited<ReturnType<typeof catalogue.owners.claim>>
  world.mail.ask = async () => {
    lease = await catalogue.owners.claim(owner, { holder: 'a', leaseMs: HOUR_MS }, signal)
    world.clock.advance(1)
  }
  await world.hints()
  assert.ok(lease)
  await catalogue.owners.release(lease, { dueAt: world.at(HOUR_MS) }, signal)
  assert.equal((await world.rows())['ann']?.dueAt, world.at(0))
})

test('trouble with the tables ends the asking, and not the run', async () => {
  const world = await company('ann')
  world.catalogue.owners.update = () =>
    Promise.reject(new AppError({ code: 'TableBusy', kind: 'transient', message: 'planned' }))
  assert.deepEqual(await world.hints(), { state: 'done', asked: 0, unchanged: 0 })
})

function throttled(retryAfterMs: number): AppError {
  return new AppError({ code: 'Throttled', kind: 'throttled', message: 'planned', retryAfterMs })
}
