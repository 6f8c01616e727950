/**
 * What a company costs at the service, request by request: the real mail workload over HTTP
 * against the simulated tenant, driven by the real activities of a run. `npm run bench` shows the
 * same figures for a larger company.
 */

import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import {
  INCREMENTAL_BESIDE_MAX,
  type MailboxRequests,
  mailboxRequests,
} from '../../sandbox/run/budget.ts'
import { protectedFolders } from '../../sandbox/run/mailboxes.ts'
import {
  BACKUP_CLIENT_ID,
  type ControlClient,
  createControlClient,
  startTenant,
  type Tenant,
} from '../../sandbox/tenant/index.ts'
import { SLICE_SETTINGS } from '../../src/capture/testing/settings.ts'
import type { Run } from '../../src/catalogue/types.ts'
import { MemoryPool } from '../../src/concurrency/index.ts'
import { askHints, captureNext, endWave, isRunDue, planRun } from '../../src/runs/index.ts'
import { runRow, runsWorld } from '../../src/runs/testing/world.ts'
import { mailWorkload } from '../../src/workloads/mail/index.ts'
import { graphAs } from './tenant-graph.ts'

const MINUTE_MS = 60_000
const INTERVAL_MS = 15 * MINUTE_MS
const LAG_MS = 30 * MINUTE_MS
const FULL_READ_MS = 360 * MINUTE_MS
const MIB = 1024 * 1024
const USERS = 3
const MESSAGES = 40
const NEW_MAIL = 3

type RunsWorld = Awaited<ReturnType<typeof runsWorld>>

/** The times of storage and runs are moved by the test; only the client to Graph has real ones. */
function depsOf(world: RunsWorld, workload: ReturnType<typeof mailWorkload>) {
  const { vault, catalogue } = world
  const sizes = { sliceMs: 60 * MINUTE_MS, leaseSlackMs: MINUTE_MS }
  const settings = {
    ...{ ...SLICE_SETTINGS, ...sizes, commitEvents: 2000 },
    ...{ deletionLagMs: LAG_MS, intervalMs: INTERVAL_MS, fullReadMs: FULL_READ_MS },
  }
  return {
    ...{ ...world, memory: new MemoryPool(64 * MIB), holder: 'worker' },
    log: { info: () => undefined, error: () => undefined },
    runSettings: {
      ...sizes,
      lanes: 1,
      slotMs: 60 * MINUTE_MS,
      wavePauseMs: 1000,
      units: { perMinute: 1_250, perDay: 1_200_000 },
    },
    slice: { vault, catalogue, clock: world.clock, workload: () => workload, settings },
  }
}

describe('the request budget', { timeout: 120_000 }, () => {
  let tenant: Tenant
  let control: ControlClient
  let world: RunsWorld
  let deps: ReturnType<typeof depsOf>
  let folders: ReadonlyMap<string, number>
  let runs = 0

  before(async () => {
    tenant = await startTenant({ seed: { seed: 7, users: USERS, messages: MESSAGES } })
    control = createControlClient(tenant.controlUrl)
    folders = await protectedFolders(control)
    world = await runsWorld()
    world.joins(...folders.keys())
    const graph = await graphAs(BACKUP_CLIENT_ID, { tenant, control })
    deps = depsOf(world, mailWorkload({ graph, pageSize: 100 }))
  })
  after(() => tenant.stop())

  /** A run from its row to its end, as the orchestrator drives it; what it took, and its row. */
  async function work(kind: Run['kind']) {
    const { catalogue, signal, clock: times } = world
    await control.resetCounts({})
    runs += 1
    const id = `run-${runs}`
    await catalogue.runs.insert(runRow(id, times.now(), { kind, state: 'queued' }), signal)
    const input = { run: id, attempt: 1, wave: 0 }
    times.advance(1)
    await askHints(input, deps, signal)
    const { until } = await planRun(input, deps, signal)
    for (let n = 0; n < 100; n += 1) {
      if ((await captureNext({ run: id, until }, deps, signal)).state === 'idle') break
    }
    await endWave(input, deps, signal)
    const counts = { stored: 0, restated: 0 }
    let planned = 0
    for await (const entry of catalogue.runs.entries(id, signal)) {
      assert.equal(entry.state, 'done')
      planned += 1
      counts.stored += entry.counts.stored
      counts.restated += entry.counts.restated
    }
    const requests = mailboxRequests(await control.counts({}), folders)
    return { requests, planned, counts, hints: (await catalogue.runs.get(id, signal))?.hints }
  }

  /** A tick: what the timer does. Undefined: it made no run. */
  async function tick() {
    const { catalogue, clock: times, signal } = world
    return (await isRunDue(catalogue, times.now(), signal)) ? await work('scheduled') : undefined
  }

  const totals = (requests: readonly MailboxRequests[]) => requests.map(({ total }) => total)
  const once = Array.from({ length: USERS }, () => 1)

  async function quiet() {
    const run = await tick()
    assert.ok(run)
    assert.deepEqual(totals(run.requests), once)
    assert.deepEqual([run.planned, run.hints?.unchanged], [0, USERS])
  }

  test('an unchanged mailbox takes one request at a tick, from the first copy on', async () => {
    const first = await work('asked')
    assert.ok(first.counts.stored >= USERS * MESSAGES)
    assert.equal(await tick(), undefined, 'nobody is due for anything')
    world.clock.advance(INTERVAL_MS)
    await quiet()
    assert.equal(await tick(), undefined, 'they were asked just now')
  })

  test('a mailbox in which nothing is told is read again after the lag, and then after hours', async () => {
    world.clock.advance(LAG_MS)
    const settling = await tick()
    assert.equal(settling?.planned, USERS)
    for (let past = INTERVAL_MS; past < FULL_READ_MS; past += 4 * INTERVAL_MS) {
      world.clock.advance(4 * INTERVAL_MS)
      if (past + 4 * INTERVAL_MS < FULL_READ_MS) await quiet()
    }
    world.clock.advance(INTERVAL_MS)
    assert.equal((await tick())?.planned, USERS)
  })

  test('an incremental takes its folders, three requests, and one for each new message', async () => {
    for (const user of folders.keys()) {
      for (let n = 0; n < NEW_MAIL; n += 1) await control.deliver({ user, subject: `New ${n}` })
    }
    world.clock.advance(INTERVAL_MS)
    const run = await tick()
    assert.ok(run)
    assert.equal(run.counts.stored, USERS * NEW_MAIL)
    for (const mailbox of run.requests) {
      assert.equal(mailbox.content, NEW_MAIL)
      assert.ok(mailbox.beside <= mailbox.folders + INCREMENTAL_BESIDE_MAX, JSON.stringify(mailbox))
      assert.deepEqual([mailbox.confirming, mailbox.hidden], [1, 0])
    }
    world.clock.advance(INTERVAL_MS)
    await quiet()
  })

  test('a changed mailbox costs its neighbours nothing', async () => {
    const [ann = ''] = folders.keys()
    world.clock.advance(LAG_MS)
    await tick()
    await control.deliver({ user: ann, subject: 'For Ann' })
    world.clock.advance(INTERVAL_MS)
    const run = await tick()
    assert.ok(run)
    assert.equal(run.planned, 1)
    assert.deepEqual(totals(run.requests).slice(1), once.slice(1))
  })

  test('flags cost no content request', async () => {
    let flagged = 0
    for (const user of folders.keys()) {
      const { messages } = await control.messages({ user, folder: 'inbox' })
      for (const { id } of messages) {
        await control.flag({ user, message: id, flagStatus: 'complete' })
        flagged += 1
      }
    }
    const run = await work('asked')
    assert.deepEqual(run.counts, { stored: 0, restated: flagged })
    for (const mailbox of run.requests) assert.equal(mailbox.content, 0)
  })
})
