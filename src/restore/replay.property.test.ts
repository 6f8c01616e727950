/**
 * Replay under everything that may go wrong between us, our tables and the service.
 *
 * The oracle is the target mailbox and the report, which must agree: a restored item is there
 * exactly once, any other is not there, nothing is missing from the report, and numbers add up.
 * Not covered: a service that shows an item later than the lag (an example test does).
 */
import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { graphId, NEVER } from '../catalogue/testing/fixtures.ts'
import { markOf } from './documents.ts'
import type { Restore, RestoreReport, StepOutcome } from './index.ts'
import { ALL, drive, ORIGINAL, planned, wholeReport } from './testing/drive.ts'
import { Process, ProcessDied } from './testing/process.ts'
import { CREATE_SCRIPTS, type CreateScript } from './testing/scripted-mailbox.ts'
import { LAG_MS, LEASE_MARGIN_MS, makeWorld, SLICE_MS, type World } from './testing/world.ts'

const RUNS = 100
const STEPS_MAX = 300
/** More than a whole replay passes, so that some processes live. */
const POINTS_MAX = 400

interface Story {
  items: number
  folderThere: boolean
  creates: CreateScript[]
  delaysMs: number[]
  /** Time that passes inside each create. */
  slowMs: number[]
  /** After how many port points each process dies; afterwards none does. */
  deaths: number[]
  /** Two steps at the same time. */
  twice: boolean
  /** Cancelled before this step. */
  cancelAt: number | undefined
}

const story: fc.Arbitrary<Story> = fc.record({
  items: fc.integer({ min: 1, max: 5 }),
  folderThere: fc.boolean(),
  creates: fc.array(fc.constantFrom(...CREATE_SCRIPTS), { maxLength: 10 }),
  delaysMs: fc.array(fc.integer({ min: 0, max: LAG_MS }), { maxLength: 10 }),
  slowMs: fc.array(fc.constantFrom(0, 1_000, SLICE_MS / 2, SLICE_MS), { maxLength: 6 }),
  deaths: fc.array(fc.integer({ min: 0, max: POINTS_MAX }), { maxLength: 6 }),
  twice: fc.boolean(),
  cancelAt: fc.option(fc.integer({ min: 0, max: 6 }), { nil: undefined, freq: 4 }),
})

/** One step of a process that may die in it; undefined if it did. */
async function tryStep(
  world: World,
  restore: Restore,
  job: string,
): Promise<StepOutcome | undefined> {
  try {
    return await restore.step(job, { deadline: world.clock.now() + SLICE_MS }, NEVER)
  } catch (error) {
    if (error instanceof ProcessDied) return undefined
    throw error
  }
}

interface Played {
  world: World
  report: RestoreReport
  job: string
  /** Processes that died. */
  deaths: number
}

async function play(told: Story): Promise<Played> {
  const world = await makeWorld()
  const { mailbox, clock } = world
  const mails = Array.from({ length: told.items }, (_, n) => world.mail(`m${n}`, 'f-inbox'))
  await world.commit([world.folder({ id: 'f-inbox', name: 'Inbox' }), ...mails])
  if (told.folderThere) mailbox.folders.push({ id: graphId('f-inbox'), name: 'Inbox' })
  const { job, restore } = await planned(world)
  await restore.start(job, undefined, 'operator', NEVER)
  mailbox.creates.push(...told.creates)
  mailbox.delaysMs.push(...told.delaysMs)
  const slowMs = [...told.slowMs]
  mailbox.onCreate = () => {
    clock.advance(slowMs.shift() ?? 0)
    return Promise.resolve()
  }
  let deaths = 0
  for (let n = 0; n < STEPS_MAX; n += 1) {
    if (n === told.cancelAt) await restore.cancel(job, NEVER)
    const workers = told.twice ? 2 : 1
    const steps = Array.from({ length: workers }, () => {
      const process = new Process(told.deaths[n])
      return tryStep(world, world.restore(process), job)
    })
    const outcomes = await Promise.all(steps)
    const ended = outcomes.some((o) => o?.state === 'done' || o?.state === 'failed')
    deaths += outcomes.filter((o) => o === undefined).length
    if (ended) return { world, job, deaths, report: await wholeReport(restore, job) }
    const waits = outcomes.map((o) => (o?.state === 'wait' ? o.waitMs : 1))
    const died = outcomes.some((o) => o === undefined)
    clock.advance(died ? SLICE_MS + LEASE_MARGIN_MS : Math.max(...waits))
  }
  assert.fail('the job never came to its end')
}

/** Plans two folders, of which one holds a conflict, with processes that die. */
async function planWith(dying: readonly number[]): Promise<RestoreReport & { deaths: number }> {
  const world = await makeWorld()
  const { mailbox, clock } = world
  await world.commit([
    world.folder({ id: 'f-inbox', name: 'Inbox' }),
    world.folder({ id: 'f-gone', name: 'Gone' }),
    ...['m1', 'm2', 'm3'].map((id) => world.mail(id, 'f-inbox', '<same>')),
    world.mail('m4', 'f-gone'),
  ])
  const inbox = graphId('f-inbox')
  mailbox.folders.push({ id: inbox, name: 'Inbox' })
  mailbox.mails.push({ id: inbox, container: inbox, identity: '<same>', mark: '', visibleAt: 0 })
  const restore = world.restore()
  const at = new Date(clock.now()).toISOString()
  const request = { resource: world.key, at, selection: ALL, destination: ORIGINAL }
  const { id } = await restore.create(request, 'operator', NEVER)
  let deaths = 0
  for (const points of dying) {
    if (await tryStep(world, world.restore(new Process(points)), id)) continue
    deaths += 1
    clock.advance(SLICE_MS + LEASE_MARGIN_MS)
  }
  await drive(world, restore, id)
  return { ...(await wholeReport(restore, id)), deaths }
}

function verdict(told: Story, world: World, job: string, report: RestoreReport): void {
  const items = report.lines.filter((line) => line.kind === 'item')
  assert.equal(items.length, told.items, 'every item has one line')
  assert.equal(new Set(items.map((line) => line.n)).size, told.items)
  for (const { n, outcome, newId } of items) {
    const made = world.mailbox.mails.filter((mail) => mail.mark === markOf(job, n))
    assert.equal(made.length, outcome === 'restored' ? 1 : 0, `${outcome} and made ${made.length}`)
    if (outcome === 'restored') assert.equal(made[0]?.id, newId)
  }
  const { restored, skipped, refused, failed, unknown, pending } = report.counts
  const { verified, differs, couldNotCheck } = report.counts
  assert.equal(restored + skipped + refused + failed + unknown + pending, told.items)
  assert.equal(verified + differs + couldNotCheck, restored)
  for (const outcome of ['restored', 'refused', 'failed', 'unknown', 'pending'] as const) {
    const lines = items.filter((line) => line.outcome === outcome).length
    assert.equal(report.counts[outcome], lines, outcome)
  }
  if (told.cancelAt === undefined) {
    assert.equal(report.state, 'done')
    assert.equal(pending, 0, 'each slot has come to its end')
  }
}

describe('a replay under lost answers, late items, deaths and doubled steps', () => {
  it('creates no item twice, forgets none, and its numbers add up', async () => {
    await fc.assert(
      fc.asyncProperty(story, async (told) => {
        const { world, report, job } = await play(told)
        verdict(told, world, job, report)
      }),
      { numRuns: RUNS },
    )
  })

  it('survives a death at every single point of a small replay', async () => {
    const base = { items: 2, folderThere: false, delaysMs: [LAG_MS], slowMs: [] }
    for (let point = 0; point < POINTS_MAX; point += 1) {
      const creates: CreateScript[] = ['applied-lost', 'lost']
      const told: Story = { ...base, creates, deaths: [point], twice: false, cancelAt: undefined }
      const { world, report, job, deaths } = await play(told)
      verdict(told, world, job, report)
      assert.equal(report.counts.restored, 2)
      if (deaths === 0) return
    }
    assert.fail('a step has fewer points than that')
  })

  it('comes to the same plan after a death at every single point of planning', async () => {
    const whole = await planWith([])
    for (let point = 0; point < POINTS_MAX; point += 1) {
      const { lines, totals, deaths } = await planWith([point])
      assert.deepEqual({ lines, totals }, { lines: whole.lines, totals: whole.totals })
      if (deaths === 0) return
    }
    assert.fail('planning has fewer points than that')
  })
})
