/**
 * A restore of a real backup into a scripted mailbox that loses answers, over the simulator.
 *
 * The backup is a first copy that capture made in the same account. The target is empty in every
 * run, and its script is the same: some creates lose their answer, some are lost, some show late.
 */
import assert from 'node:assert/strict'
import type { SimulatedProcess } from '../../../sandbox/storage/index.ts'
import type { Resource } from '../../../src/catalogue/types.ts'
import { AppError } from '../../../src/model/errors.ts'
import { keyHash } from '../../../src/model/ids.ts'
import { createRestore, type ReportLine, type Restore } from '../../../src/restore/index.ts'
import {
  type ScriptedMailbox,
  scriptedMailbox,
} from '../../../src/restore/testing/scripted-mailbox.ts'
import type { StreamWriter } from '../../../src/workloads/workload.ts'
import { type CaptureWorld, NEVER, OWNER, USER } from './capture-world.ts'

export const SLICE_MS = 240_000
export const LEASE_MARGIN_MS = 60_000
const LAG_MS = 120_000
/** A job that does not end within this many steps never does. */
const STEPS_MAX = 100
const LINES_MAX = 100

/** Wraps what writes to the service: how a bug is planted. */
export type WriterPlant = (writer: StreamWriter) => StreamWriter

/** A job that was asked for and has no plan yet; and what must hold when it has ended. */
export interface RestoreStage {
  world: CaptureWorld
  job: string
  /** The mailbox as each run finds it. */
  target(world: CaptureWorld): ScriptedMailbox
  check(world: CaptureWorld, job: string, target: ScriptedMailbox): Promise<void>
}

export async function restoreStage(world: CaptureWorld): Promise<RestoreStage> {
  const process = world.storage.process('front')
  const { catalogue } = world.built('restorer', process)
  const resource = protectedUser(new Date(world.storage.clock.now()).toISOString())
  await catalogue.resources.update(resource.key, () => resource, NEVER)
  const target = scriptedTarget(world)
  const restore = restoreOf(world, process, target)
  const request = {
    resource: resource.key,
    at: new Date(world.storage.clock.now()).toISOString(),
    selection: { all: true },
    destination: { kind: 'original' },
  }
  const { id } = await restore.create(request, 'operator', NEVER)
  return { world, job: id, target: scriptedTarget, check: checkRestored }
}

/** An empty mailbox that loses and delays answers by a script. */
export function scriptedTarget({ storage }: CaptureWorld): ScriptedMailbox {
  const target = scriptedMailbox(storage.clock)
  target.creates.push('applied-lost', 'ok', 'lost', 'applied-down')
  target.delaysMs.push(LAG_MS / 2, LAG_MS)
  return target
}

/** A restore as one process sees it; its calls to the service pass the process too. */
export function restoreOf(
  world: CaptureWorld,
  process: SimulatedProcess,
  target: ScriptedMailbox,
  plant: WriterPlant = (writer) => writer,
): Restore {
  const { vault, catalogue } = world.built('restorer', process)
  return createRestore({
    vault,
    catalogue,
    pins: world.storage.open('restorer', process).ops,
    clock: world.storage.clock,
    random: process.random.branch(1),
    workloads: () => ({
      name: 'mail',
      compare: target.compare,
      conflicts: target.conflicts,
      pace: target.pace,
      writer: (owner) => plant(throughWriter(process, target.writer(owner))),
    }),
    settings: { lagMs: LAG_MS, sliceMs: SLICE_MS, leaseMarginMs: LEASE_MARGIN_MS },
  })
}

function throughWriter(process: SimulatedProcess, writer: StreamWriter): StreamWriter {
  const pass = <T>(op: string, effect: () => Promise<T>) =>
    process.call({ port: 'graph', op, target: 'the target' }, effect)
  return {
    // One at a time, as for the reader of capture-world.ts.
    concurrency: 1,
    requests: () => writer.requests(),
    identity: () => 'nothing is there to conflict with',
    containers: (signal) => pass('containers', () => writer.containers(signal)),
    createContainer: (name, parent, signal) =>
      pass('createContainer', () => writer.createContainer(name, parent, signal)),
    async *existing(container, signal) {
      yield* await pass('existing', () => collected(writer.existing(container, signal)))
    },
    create: (version, creation, signal) =>
      pass('create', () => writer.create(version, creation, signal)),
    find: (search, signal) => pass('find', () => writer.find(search, signal)),
    remove: (id, signal) => pass('remove', () => writer.remove(id, signal)),
    place: (id, spot, signal) => pass('place', () => writer.place(id, spot, signal)),
    check: (id, version, spot, signal) =>
      pass('check', () => writer.check(id, version, spot, signal)),
    present: (id, signal) => pass('present', () => writer.present(id, signal)),
    matches: (id, version, signal) => pass('matches', () => writer.matches(id, version, signal)),
    removeEmptyContainer: (id, signal) =>
      pass('removeEmptyContainer', () => writer.removeEmptyContainer(id, signal)),
  }
}

async function collected<T>(source: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = []
  for await (const one of source) all.push(one)
  return all
}

/** Plans, starts and replays, as orchestrations and a person would, until the job has ended. */
export async function drive(world: CaptureWorld, restore: Restore, job: string): Promise<void> {
  const { clock } = world.storage
  for (let n = 0; n < STEPS_MAX; n += 1) {
    const state = await stepOrStart(restore, job, clock.now() + SLICE_MS)
    if (state === 'ended') return
    clock.advance(state)
  }
  throw new Error('The job does not come to its end.')
}

/** Ms to wait before the next step. Storage that is in trouble is tried again later. */
async function stepOrStart(
  restore: Restore,
  job: string,
  deadline: number,
): Promise<number | 'ended'> {
  try {
    const outcome = await restore.step(job, { deadline }, NEVER)
    if (outcome.state === 'failed') throw new Error(`The job failed: ${outcome.code}.`)
    if (outcome.state === 'more') return 1
    if (outcome.state === 'wait') return outcome.waitMs
    const { state } = await restore.report(job, { max: 1 }, NEVER)
    if (state !== 'planned') return 'ended'
    await restore.start(job, undefined, 'operator', NEVER)
    return 1
  } catch (error) {
    if (error instanceof AppError && error.kind === 'transient') return SLICE_MS + LEASE_MARGIN_MS
    // Another started it between our look and our start: said in the one way or the other.
    const started = ['JobNotPlanned', 'PlanChanged']
    if (error instanceof AppError && started.includes(error.code)) return 1
    throw error
  }
}

/** Every item is in the target exactly once, in one folder of its name, and the report says so. */
export async function checkRestored(
  world: CaptureWorld,
  job: string,
  target: ScriptedMailbox,
): Promise<void> {
  const process = world.storage.process('visitor')
  const restore = restoreOf(world, process, target)
  const report = await restore.report(job, { max: LINES_MAX }, NEVER)
  assert.equal(report.state, 'done')
  const items = report.lines.filter((line: ReportLine) => line.kind === 'item')
  const held = world.box.items.size
  assert.equal(items.length, held, 'every item has a line')
  assert.equal(report.counts.restored, held, 'every item is restored')
  assert.equal(target.mails.length, held, 'no item is made twice')
  const made = new Set<string>(target.mails.map((mail) => mail.id))
  for (const { newId } of items) assert.ok(newId && made.delete(newId), 'a line names its item')
  const names = target.folders.map((folder) => folder.name)
  assert.deepEqual(names.toSorted(), [...world.box.containers.values()].toSorted())
}

function protectedUser(seenAt: string): Resource {
  return {
    key: keyHash(USER),
    kind: 'user',
    graphId: USER,
    name: 'Somebody',
    address: 'somebody@example.org',
    state: 'protected',
    reason: '',
    owner: OWNER,
    workloads: ['mail'],
    seenAt,
  }
}
