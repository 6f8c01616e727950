/**
 * Mailboxes that are not ordinary ones, discovered and captured from the simulated tenant over
 * HTTP: each has a state that is shown, with its reason; none is a failure; and when a mailbox
 * comes or goes the state follows, and the copy stays.
 */

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BACKUP_CLIENT_ID, createControlClient, startTenant } from '../../sandbox/tenant/index.ts'
import type { MailboxCondition } from '../../sandbox/tenant/model.ts'
import { SLICE_SETTINGS } from '../../src/capture/testing/settings.ts'
import { MemoryPool } from '../../src/concurrency/index.ts'
import { createDirectory } from '../../src/graph/index.ts'
import { CONTAINERS } from '../../src/model/events.ts'
import type { OwnerId } from '../../src/model/ids.ts'
import { captureNext, discover, planRun, type RunDeps, userSource } from '../../src/runs/index.ts'
import { runRow, runsWorld } from '../../src/runs/testing/world.ts'
import { mailWorkload } from '../../src/workloads/mail/index.ts'
import { graphAs } from './tenant-graph.ts'

const HOUR_MS = 3_600_000
const MIB = 1024 * 1024

async function company() {
  const tenant = await startTenant({ settings: { latencyMs: 0 } })
  const control = createControlClient(tenant.controlUrl)
  const world = await runsWorld()
  const graph = await graphAs(BACKUP_CLIENT_ID, { tenant, control })
  const sources = [userSource(createDirectory(graph, tenant.tenantId))]
  const { catalogue, vault, clock, signal } = world
  const sizes = { sliceMs: HOUR_MS, leaseSlackMs: 1000 }
  const mail = mailWorkload({ graph, pageSize: 50 })
  const deps: RunDeps = {
    ...world,
    sources,
    memory: new MemoryPool(64 * MIB),
    holder: 'worker',
    log: { info: () => undefined, error: () => undefined },
    runSettings: {
      ...sizes,
      lanes: 1,
      slotMs: HOUR_MS,
      wavePauseMs: 1000,
      units: { perMinute: 1_250, perDay: 1_200_000 },
    },
    slice: {
      ...{ vault, catalogue, clock, workload: () => mail },
      settings: {
        ...{ ...SLICE_SETTINGS, ...sizes, commitEvents: 100, deletionLagMs: 0 },
      },
    },
  }
  let runs = 0

  /** Discovers and captures everybody who is protected; answers the troubles by name. */
  async function run(): Promise<Record<string, string>> {
    assert.equal(await discover(deps, clock.now() + HOUR_MS, signal), true)
    runs += 1
    const id = `run-${runs}`
    await catalogue.runs.insert(runRow(id, clock.now(), { kind: 'asked', state: 'queued' }), signal)
    await planRun({ run: id, attempt: 1, wave: 0 }, deps, signal)
    const until = new Date(clock.now() + HOUR_MS).toISOString()
    while ((await captureNext({ run: id, until }, deps, signal)).state !== 'idle');
    const troubles: Record<string, string> = {}
    for await (const entry of catalogue.runs.entries(id, signal)) {
      assert.ok(['done', 'wait'].includes(entry.state), `${entry.state} ${entry.trouble}`)
      const resource = await catalogue.resources.get(entry.resource, signal)
      if (entry.trouble) troubles[resource?.name ?? ''] = entry.trouble
    }
    return troubles
  }

  async function show(name: string) {
    const { items } = await catalogue.resources.list({ max: 100 }, signal)
    const resource = items.find((one) => one.name === name)
    assert.ok(resource, name)
    const owner = resource.owner ? await catalogue.owners.get(resource.owner, signal) : undefined
    const held = await heldOf(resource.owner)
    return { ...resource, coverage: owner?.coverage, dueAt: owner?.dueAt, held }
  }

  /** How many items the newest point holds; opened through the same doors as a restore. */
  async function heldOf(owner: OwnerId | undefined): Promise<number> {
    if (!owner) return 0
    const stream = catalogue.stream(owner, 'mail')
    const head = await stream.head(signal)
    if (!head) return 0
    let count = 0
    const folders = await stream.list(CONTAINERS, head.seq, { max: 1000 }, signal)
    for (const folder of folders.items) {
      const page = await stream.list(folder.item, head.seq, { max: 1000 }, signal)
      const held = await stream.current(
        page.items.map(({ item }) => item),
        head.seq,
        signal,
      )
      for (const { representations } of held.values()) {
        const mime = representations.find(({ name }) => name === 'mime')
        assert.ok(mime)
        assert.ok((await vault.reader(owner).readAll(mime, MIB, signal)).length > 0)
        count += 1
      }
    }
    return count
  }

  async function person(
    name: string,
    condition?: MailboxCondition,
    purpose: 'user' | 'shared' = 'user',
  ): Promise<string> {
    const user = `${name}@sandbox.example`
    const mailbox = { purpose, locale: 'en-GB' }
    await control.createUser({ displayName: name, userPrincipalName: user, mailbox })
    await control.deliver({ user, subject: `for ${name}` })
    if (condition) await control.setMailboxCondition({ user, condition })
    return user
  }

  return { control, run, show, person, clock, stop: () => tenant.stop() }
}

test('each condition of a mailbox is a state with a reason, and none fails a run', async (t) => {
  const { control, run, show, person, stop } = await company()
  t.after(stop)
  await person('ann')
  await person('full', 'over-quota')
  await person('team', undefined, 'shared')
  const locked = await person('locked')
  await control.updateUser({ user: locked, accountEnabled: false })
  await person('local', 'on-premises')
  await person('cheap', 'unlicensed')
  await person('asleep', 'inactive')
  await person('fenced', 'blocked')
  await person('travels', 'moving')
  const nobody = 'nobody@sandbox.example'
  await control.createUser({ displayName: 'nobody', userPrincipalName: nobody, mailbox: null })

  assert.deepEqual(await run(), {})
  const shown: Record<string, unknown[]> = {}
  for (const name of ['ann', 'full', 'team', 'locked', 'local', 'cheap', 'asleep', 'nobody']) {
    const { state, reason, purpose, enabled, coverage } = await show(name)
    shown[name] = [state, reason, purpose, enabled, coverage]
  }
  assert.deepEqual(shown, {
    ann: ['protected', '', 'user', true, 'covered'],
    // It can be read; only what would add to it is refused.
    full: ['protected', '', 'user', true, 'covered'],
    team: ['protected', '', 'shared', false, 'covered'],
    locked: ['protected', '', 'user', false, 'covered'],
    local: ['no-content', 'MailboxOnPremises', undefined, true, undefined],
    cheap: ['no-content', 'NoExchangePlan', undefined, true, undefined],
    asleep: ['no-content', 'NoExchangePlan', undefined, true, undefined],
    nobody: ['no-content', 'NoExchangePlan', undefined, false, undefined],
  })
  for (const [name, code] of [
    ['fenced', 'AccessDenied'],
    ['travels', 'MailboxMoving'],
  ] as const) {
    const { state, reason } = await show(name)
    assert.deepEqual([state, reason], ['unreachable', code])
  }
})

test('a licence that arrives, and a mailbox that goes and comes back, are followed', async (t) => {
  const { control, run, show, person, clock, stop } = await company()
  t.after(stop)
  const cheap = await person('cheap', 'unlicensed')
  const ann = await person('ann')
  assert.deepEqual(await run(), {})
  const before = await show('ann')
  assert.deepEqual([before.coverage, before.held], ['covered', 1])

  await control.setMailboxCondition({ user: cheap, condition: null })
  await control.setMailboxCondition({ user: ann, condition: 'unlicensed' })
  clock.advance(3 * HOUR_MS)
  assert.deepEqual(await run(), { ann: 'MailboxNotAvailable' })
  const arrived = await show('cheap')
  assert.deepEqual([arrived.state, arrived.coverage, arrived.held], ['protected', 'covered', 1])
  const lost = await show('ann')
  assert.deepEqual([lost.state, lost.reason], ['no-content', 'NoExchangePlan'])
  assert.deepEqual([lost.coverage, lost.held], ['no-source', 1], 'the copy stays')
  assert.deepEqual(await run(), {}, 'it is not asked for at each run')

  await control.setMailboxCondition({ user: ann, condition: null })
  await control.deliver({ user: ann, subject: 'welcome back' })
  clock.advance(3 * HOUR_MS)
  assert.deepEqual(await run(), {})
  const back = await show('ann')
  assert.deepEqual([back.state, back.coverage, back.held], ['protected', 'covered', 2])
  assert.equal(back.owner, before.owner, 'its chain goes on')
})

test('a mailbox on the move is left alone for a while, and stays covered', async (t) => {
  const { control, run, show, person, clock, stop } = await company()
  t.after(stop)
  const ann = await person('ann')
  await run()
  await control.setMailboxCondition({ user: ann, condition: 'moving' })
  assert.deepEqual(await run(), { ann: 'MailboxMoving' })
  const { state, coverage, dueAt } = await show('ann')
  assert.deepEqual([state, coverage], ['protected', 'covered'])
  assert.equal(Date.parse(dueAt ?? '') - clock.now(), 15 * 60_000)
})
