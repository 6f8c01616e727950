/** Who may see what a restore made: brought back last, never at the cost of the file. */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { graphId, NEVER } from '../catalogue/testing/fixtures.ts'
import type { PutEvent } from '../model/events.ts'
import type { RestoreReport } from './index.ts'
import { drive, planned, replayed, undone, undoPlanned, wholeReport } from './testing/drive.ts'
import { type DriveWorld, LIBRARY, makeDriveWorld } from './testing/drive-world.ts'
import { Process, ProcessDied } from './testing/process.ts'
import { trouble } from './testing/scripted-mailbox.ts'
import { LEASE_MARGIN_MS, SLICE_MS } from './testing/world.ts'

const FILE = 'b!library/1'
const FOLDER = graphId('b!library/team')
/** More points of ports than a restore of a folder with a file passes. */
const POINTS_MAX = 400

/** A folder that ann sees, and in it a file that ann and bob see; both are gone. */
async function sharedFile(as = (event: PutEvent): PutEvent => event): Promise<DriveWorld> {
  const world = await makeDriveWorld()
  const file = world.file(FILE, FOLDER, 'plan.txt', 'the plan')
  await world.commit([
    world.folder(LIBRARY, 'Documents'),
    world.shared(world.folder(FOLDER, 'Team', LIBRARY), 'ann'),
    as(world.shared(file, 'ann bob')),
  ])
  return world
}

/** Who is let in, by the name of the file or folder. */
function letIn({ drive: target }: DriveWorld): Record<string, string[]> {
  const all = [...target.files, ...target.folders]
  const named = all.map(({ id, name }) => [name, target.letIn.get(id)] as const)
  return Object.fromEntries(named.flatMap(([name, who]) => (who ? [[name, who]] : [])))
}

function lineOf(report: RestoreReport, name = 'plan.txt') {
  const line = report.lines.find((one) => one.name === name)
  assert.ok(line, JSON.stringify(report.lines))
  return line
}

async function started(world: DriveWorld, request: Record<string, unknown> = {}) {
  const plan = await planned(world, request)
  await plan.restore.start(plan.job, plan.report.planHash, 'operator', NEVER)
  return plan
}

it('each is given once, and told once, wherever a worker dies', async () => {
  let deaths = 0
  for (let point = 0; point < POINTS_MAX; point += 1) {
    const world = await sharedFile()
    const { job, restore } = await started(world)
    const step = world.restore(new Process(point)).step(job, at(world), NEVER)
    const died = await step.then(
      () => false,
      (error) => {
        assert.ok(error instanceof ProcessDied, String(error))
        return true
      },
    )
    world.clock.advance(SLICE_MS + LEASE_MARGIN_MS)
    await drive(world, restore, job)
    const report = await wholeReport(restore, job)
    assert.deepEqual(letIn(world), { 'plan.txt': ['ann', 'bob'], Team: ['ann'] }, `point ${point}`)
    assert.equal(report.counts.permissionsRestored, 3)
    if (!died) break
    deaths += 1
  }
  assert.ok(deaths > 20 && deaths < POINTS_MAX, `${deaths}`)
})

const at = (world: DriveWorld) => ({ deadline: world.clock.now() + SLICE_MS })

describe('trouble with permissions', () => {
  it('is waited for a few times, and then told; the file is restored', async () => {
    const world = await sharedFile()
    world.drive.onPermit = () => Promise.reject(trouble('GraphUnavailable', 'transient'))
    const report = await replayed(world, await planned(world))
    const { outcome, check, permissions } = lineOf(report)
    assert.deepEqual([outcome, check], ['restored', 'verified'])
    assert.deepEqual(
      permissions?.notRestored.map(({ code }) => code),
      ['GraphUnavailable'],
    )
    assert.equal(world.drive.files.length, 1)
  })

  it('that passes leaves no trace', async () => {
    const world = await sharedFile()
    const answers = [trouble('AnswerLost', 'transient'), trouble('Throttled', 'throttled', 5_000)]
    world.drive.onPermit = async () => {
      const next = answers.shift()
      if (next) throw next
    }
    const report = await replayed(world, await planned(world))
    assert.deepEqual(letIn(world), { 'plan.txt': ['ann', 'bob'], Team: ['ann'] })
    assert.deepEqual(lineOf(report, 'Team').permissions, { restored: 1, notRestored: [] })
  })

  it('of the item alone is told at once', async () => {
    const world = await sharedFile()
    world.drive.onPermit = () => Promise.reject(trouble('ItemGone', 'permanent'))
    const report = await replayed(world, await planned(world))
    assert.equal(lineOf(report).permissions?.notRestored[0]?.code, 'ItemGone')
    assert.equal(report.counts.permissionsNotRestored, 2)
  })
})

it('permissions that were never read are told as such', async () => {
  const world = await sharedFile((event) => ({
    ...event,
    display: { ...event.display, unread: ['permissions'] },
    representations: event.representations.filter(({ name }) => name !== 'permissions'),
  }))
  const report = await replayed(world, await planned(world))
  assert.equal(lineOf(report).permissions?.notRestored[0]?.code, 'PermissionsNotHeld')
  assert.deepEqual(letIn(world), { Team: ['ann'] })
})

it('a cancelled restore gives nothing more, and says what it did not give', async () => {
  const world = await sharedFile()
  const { job, restore } = await started(world)
  world.drive.onPermit = async () => {
    if (world.drive.files.length > 0) await restore.cancel(job, NEVER)
    throw trouble('AnswerLost', 'transient')
  }
  await drive(world, restore, job)
  const report = await wholeReport(restore, job)
  assert.equal(lineOf(report).permissions?.notRestored[0]?.code, 'Cancelled')
  assert.deepEqual(letIn(world), { 'plan.txt': [], Team: [] })
  assert.equal(report.counts.restored, 1)
})

it('what is there, and what gets a new version, is left to those who may see it', async () => {
  const world = await sharedFile()
  world.drive.folders.push({ id: FOLDER, parent: LIBRARY, name: 'Team' })
  world.stand(FILE, FOLDER, 'plan.txt', 'encrypted', 1)
  const report = await replayed(world, await planned(world, { conflict: 'version' }))
  assert.equal(report.counts.restored, 1)
  assert.deepEqual(letIn(world), {})
  assert.equal(report.totals.permissions, 0)
})

it('what replaces a file gets the permissions of its version', async () => {
  const world = await sharedFile()
  world.drive.folders.push({ id: FOLDER, parent: LIBRARY, name: 'Team' })
  world.stand(FILE, FOLDER, 'plan.txt', 'encrypted', 1)
  await replayed(world, await planned(world, { conflict: 'replace' }))
  assert.deepEqual(letIn(world), { 'plan.txt': ['ann', 'bob'] })
})

it('an undo takes the file and its folder away, and with them who may see them', async () => {
  const world = await sharedFile()
  const plan = await started(world)
  await drive(world, plan.restore, plan.job)
  const report = await undone(world, await undoPlanned(world, plan.job))
  assert.deepEqual([report.counts.removed, report.counts.foldersRemoved], [1, 1])
  assert.deepEqual(letIn(world), {})
})
