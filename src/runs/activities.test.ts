import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ScriptedMailbox } from '../capture/testing/scripted-mailbox.ts'
import { SLICE_SETTINGS } from '../capture/testing/settings.ts'
import { MemoryPool } from '../concurrency/index.ts'
import { AppError } from '../model/errors.ts'
import type { GraphId, OwnerId } from '../model/ids.ts'
import { captureNext, endWave, planRun } from './activities.ts'
import { discover } from './discover.ts'
import { runRow, runsWorld } from './testing/world.ts'

const MIB = 1024 * 1024
const HOUR_MS = 3_600_000

/** Long enough for everything that does not wait for something. */
async function turns(): Promise<void> {
  for (let turn = 0; turn < 50; turn += 1) await new Promise((done) => setImmediate(done))
}

/** Ann's mailbox, with a message in it. */
async function worldOfAnn() {
  const world = await runsWorld()
  const box = new ScriptedMailbox()
  box.createContainer('inbox' as GraphId, 'Inbox')
  box.put('a' as GraphId, { container: 'inbox' as GraphId, content: 'one' })
  const { catalogue, vault, clock } = world
  const sizes = { sliceMs: HOUR_MS, leaseSlackMs: 1000 }
  const memory = new MemoryPool(64 * MIB)
  const deps = {
    ...world,
    memory,
    holder: 'worker',
    log: { info: () => undefined, error: () => undefined },
    runSettings: {
      ...sizes,
      lanes: 2,
      slotMs: HOUR_MS,
      wavePauseMs: 1000,
      units: { perMinute: 1_250, perDay: 1_200_000 },
    },
    slice: {
      ...{ vault, catalogue, clock, workload: () => box.workload(clock) },
      settings: {
        ...{ ...SLICE_SETTINGS, ...sizes, commitEvents: 10, deletionLagMs: 0 },
      },
    },
  }
  const add = (id: string, at = clock.now()) =>
    catalogue.runs.insert(runRow(id, at, { kind: 'asked', state: 'queued' }), world.signal)
  const plan = (run: string) => planRun({ run, attempt: 1, wave: 0 }, deps, world.signal)
  const next = (run: string) =>
    captureNext({ run, until: new Date(clock.now() + HOUR_MS).toISOString() }, deps, world.signal)
  return { ...world, box, deps, add, plan, next }
}

for (const kind of ['transient', 'bug'] as const) {
  test(`P3: trouble with the directory (${kind}) is noted, and what is known is backed up all the same`, async () => {
    const world = await worldOfAnn()
    world.joins('ann')
    await discover(world, world.clock.now() + HOUR_MS, world.signal)
    world.directory.page = async () => {
      throw new AppError({ code: 'GraphUnavailable', kind, message: 'planned' })
    }
    await world.add('run')
    assert.equal((await world.plan('run')).state, 'done')
    assert.equal((await world.next('run')).state, 'done')
    assert.equal((await world.catalogue.runs.get('run', world.signal))?.trouble, 'GraphUnavailable')
  })
}

test('two runs in one worker never work one owner at the same time', async () => {
  const world = await worldOfAnn()
  world.joins('ann')
  for (const run of ['one', 'two']) {
    await world.add(run)
    await world.plan(run)
  }
  let other: string | undefined
  world.box.beforeContent = async () => {
    other ??= (await world.next('two')).state
  }
  assert.equal((await world.next('one')).state, 'done')
  assert.equal(other, 'wait')
  assert.equal(world.box.contentRequests, 1)
})

test('a run that was asked for and has open owners after a day has failed, not ended well', async () => {
  const world = await worldOfAnn()
  world.joins('ann')
  await world.add('run')
  await world.plan('run')
  world.clock.advance(25 * HOUR_MS)
  await endWave({ run: 'run', attempt: 1, wave: 0 }, world.deps, world.signal)
  const run = await world.catalogue.runs.get('run', world.signal)
  assert.deepEqual([run?.state, run?.trouble], ['failed', 'RunTooLong'])
})

test('a slice has its memory before its owner is claimed', async () => {
  const world = await worldOfAnn()
  world.joins('ann')
  await world.add('run')
  await world.plan('run')
  const release = await world.deps.memory.claim(64 * MIB, world.signal)
  const waiting = world.next('run')
  await turns()
  const states = []
  for await (const entry of world.catalogue.runs.entries('run', world.signal)) {
    states.push(entry.state)
  }
  assert.deepEqual(states, ['queued'])
  release()
  assert.equal((await waiting).state, 'done')
})

test('an owner with which two workers vanished waits until it is alone on its worker', async () => {
  const world = await worldOfAnn()
  world.joins('ann')
  await world.add('run')
  await world.plan('run')
  const { owners } = world.catalogue
  let ann: OwnerId | undefined
  for await (const { owner } of owners.all(world.signal)) ann = owner
  assert.ok(ann)
  for (let attempt = 0; attempt < 2; attempt += 1) {
    await owners.claim(ann, { holder: 'lost', leaseMs: 1 }, world.signal)
    world.clock.advance(2)
  }
  const other = await world.deps.memory.claim(16 * MIB, world.signal)
  const alone = world.next('run')
  await turns()
  const late = world.deps.memory.claim(16 * MIB, world.signal)
  let lateHasIt = false
  late.then(
    () => {
      lateHasIt = true
    },
    () => undefined,
  )
  world.box.beforeContent = async () => {
    await turns()
    assert.equal(lateHasIt, false, 'nobody else begins while it works')
  }
  await turns()
  assert.equal(world.box.contentRequests, 0, 'it has not begun beside the other')
  other()
  assert.equal((await alone).state, 'done')
  assert.equal(world.box.contentRequests, 1)
  ;(await late)()
})

test('one behind a fence waits for nobody and lets nobody wait; the run says what it waits for', async () => {
  const world = await worldOfAnn()
  const { catalogue, signal } = world
  world.joins('ann')
  await world.add('run')
  await world.plan('run')
  for await (const { owner } of catalogue.owners.all(signal)) {
    for (let attempt = 0; attempt < 2; attempt += 1) {
      await catalogue.owners.claim(owner, { holder: 'lost', leaseMs: 1 }, signal)
      world.clock.advance(2)
    }
    await catalogue.owners.claimFenced(owner, { holder: 'rebuild', leaseMs: 1000 }, signal)
  }
  await world.deps.memory.claim(16 * MIB, signal)
  assert.equal((await world.next('run')).state, 'wait')
  for await (const { state, trouble } of catalogue.runs.entries('run', signal)) {
    assert.deepEqual([state, trouble], ['wait', 'OwnerFenced'])
  }
})
