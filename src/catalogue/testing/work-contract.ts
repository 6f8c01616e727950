/**
 * Resources, owners and leases, runs and their plans, jobs, slots and notes, on every TableStore.
 * Every test has a tenant or an owner of its own.
 */
import assert from 'node:assert/strict'
import { randomBytes, randomUUID } from 'node:crypto'
import { describe, test } from 'node:test'
import { hasCode } from '../../model/errors.ts'
import { NO_COUNTS } from '../../model/events.ts'
import { keyHash, parseOwnerId } from '../../model/ids.ts'
import type { TableStore } from '../../ports.ts'
import { createCatalogue } from '../index.ts'
import type { Catalogue, Job, PlanEntry, Resource, Run } from '../types.ts'
import {
  anOwner,
  countingRandom,
  EPOCH_MS,
  graphId,
  iso,
  NEVER,
  type StillClock,
  stillClock,
} from './fixtures.ts'

interface Scene {
  catalogue: Catalogue
  clock: StillClock
}

function scene(tables: TableStore): Scene {
  const clock = stillClock()
  const windows = { protectionDays: 30, generationDays: 30 }
  const random = countingRandom()
  const tenantId = randomUUID()
  return { catalogue: createCatalogue({ tables, tenantId, clock, random, ...windows }), clock }
}

export function workContract(name: string, open: () => TableStore): void {
  describe(`the catalogue's own work: ${name}`, () => {
    test('a catalogue is ready only after it was said so; notes are kept', () =>
      notes(scene(open())))
    test('resources are changed one at a time and listed in pages', () => resources(scene(open())))
    test('an owner is inserted once and found among all', () => owners(scene(open())))
    test('a lease keeps others out until it runs out', () => leases(scene(open())))
    test('a round asked for while a slice runs is not forgotten', () => early(scene(open())))
    test('of many who claim an owner at once one gets it', () => race(scene(open())))
    test('a run is inserted once and listed newest first', () => runs(scene(open())))
    test('a plan hands out each owner once, in order, and takes it back at the end', () =>
      plans(scene(open())))
    test('lanes that claim at once never get the same owner', () => lanes(scene(open())))
    test('jobs keep long texts', () => jobs(scene(open())))
    test('a slot is changed only by who saw it last', () => slots(scene(open())))
  })
}

async function notes({ catalogue }: Scene): Promise<void> {
  assert.equal(await catalogue.ready(NEVER), false)
  await catalogue.markReady(NEVER)
  await catalogue.markReady(NEVER)
  assert.equal(await catalogue.ready(NEVER), true)
  assert.equal(await catalogue.note('directory', NEVER), undefined)
  const long = 'ä'.repeat(70_000)
  await catalogue.saveNote('directory', long, NEVER)
  assert.equal(await catalogue.note('directory', NEVER), long)
}

async function resources({ catalogue }: Scene): Promise<void> {
  const resource = (n: number): Resource => ({
    key: keyHash(`user-${n}`),
    kind: 'user',
    graphId: graphId(`user-${n}`),
    name: `User ${n}`,
    address: `user${n}@example.org`,
    state: 'unprotected',
    reason: '',
    workloads: ['mail'],
    seenAt: iso(0),
  })
  const key = resource(1).key
  assert.equal(await catalogue.resources.get(key, NEVER), undefined)
  for (const n of [1, 2, 3]) {
    await catalogue.resources.update(resource(n).key, () => resource(n), NEVER)
  }
  const owner = parseOwnerId('f'.repeat(32))
  const protect = (now: Resource | undefined) =>
    now && { ...now, state: 'protected' as const, owner }
  const changed = await catalogue.resources.update(key, protect, NEVER)
  assert.deepEqual(changed, { ...resource(1), state: 'protected', owner })
  assert.deepEqual(await catalogue.resources.update(key, () => undefined, NEVER), changed)
  for (const n of [4, 5]) {
    const site: Resource = { ...resource(n), kind: 'site', name: `Site ${n}` }
    await catalogue.resources.update(site.key, () => site, NEVER)
  }
  const users = ['User 1', 'User 2', 'User 3']
  const sites = ['Site 4', 'Site 5']
  for (const max of [1, 2, 3, 4, 5]) {
    assert.deepEqual(await namesOf(catalogue, { max }), [...users, ...sites], `pages of ${max}`)
  }
  assert.deepEqual(await namesOf(catalogue, { max: 1, kind: 'site' }), sites)
  const foreign = catalogue.resources.list({ max: 1, continuation: 'group.x' }, NEVER)
  await assert.rejects(foreign, { code: 'BadContinuation' })
}

/** Over all pages, none of which is empty: users first, each kind in the order of the names. */
async function namesOf(
  catalogue: Catalogue,
  query: { max: number; kind?: Resource['kind'] },
): Promise<string[]> {
  const found: Resource[] = []
  let continuation: string | undefined
  do {
    const from = continuation === undefined ? {} : { continuation }
    const page = await catalogue.resources.list({ ...query, ...from }, NEVER)
    assert.ok(page.items.length > 0)
    found.push(...page.items)
    continuation = page.continuation
  } while (continuation !== undefined)
  const kinds = Object.values(Object.groupBy(found, (r) => r.kind))
  return kinds.flatMap((of) => of.map((r) => r.name).sort())
}

async function owners({ catalogue }: Scene): Promise<void> {
  const ids = Array.from({ length: 20 }, () => parseOwnerId(randomBytes(16).toString('hex')))
  for (const owner of ids) await catalogue.owners.insert(anOwner({ owner }), NEVER)
  const [id = parseOwnerId('0'.repeat(32))] = ids
  await catalogue.owners.update(id, (now) => ({ ...now, ledgerOpen: 3 }), NEVER)
  await catalogue.owners.insert(anOwner({ owner: id }), NEVER)
  assert.equal((await catalogue.owners.get(id, NEVER))?.ledgerOpen, 3)
  const found = []
  for await (const { owner } of catalogue.owners.all(NEVER)) found.push(owner)
  assert.deepEqual(found, ids.toSorted())
  const unknown = parseOwnerId(randomBytes(16).toString('hex'))
  assert.equal(await catalogue.owners.update(unknown, (now) => now, NEVER), undefined)
  const claim = { holder: 'a', leaseMs: 1 }
  assert.equal(await catalogue.owners.claim(unknown, claim, NEVER), undefined)
}

async function leases({ catalogue, clock }: Scene): Promise<void> {
  const { owner } = anOwner()
  await catalogue.owners.insert(anOwner(), NEVER)
  const claim = (holder: string) => catalogue.owners.claim(owner, { holder, leaseMs: 1000 }, NEVER)
  const first = await claim('a')
  assert.ok(first)
  assert.equal(first.owner.attempts, 1)
  assert.equal(first.until, EPOCH_MS + 1000)
  assert.equal(await claim('b'), undefined)
  clock.advance(900)
  const renewed = await catalogue.owners.renew(first, 1000, NEVER)
  clock.advance(900)
  assert.equal(await claim('b'), undefined, 'it was renewed')
  clock.advance(200)
  const second = await claim('b')
  assert.ok(second, 'it has run out')
  assert.equal(second.owner.attempts, 2, 'the first one vanished')
  const lost = catalogue.owners.renew(renewed, 1000, NEVER)
  await assert.rejects(lost, (error) => hasCode(error, 'LeaseLost'))
  await catalogue.owners.release(renewed, { trouble: 'late' }, NEVER)
  assert.equal((await catalogue.owners.get(owner, NEVER))?.trouble, '', 'a lost lease is silent')
  await catalogue.owners.release(second, { coverage: 'covered', dueAt: iso(5000) }, NEVER)
  const after = await catalogue.owners.get(owner, NEVER)
  assert.deepEqual(after, anOwner({ coverage: 'covered', dueAt: iso(5000) }))
  const third = await claim('c')
  assert.equal(third?.owner.attempts, 1)
  if (third) await catalogue.owners.release(third, { attempts: 1 }, NEVER)
  assert.equal((await catalogue.owners.get(owner, NEVER))?.attempts, 1, 'more without progress')
}

async function early({ catalogue }: Scene): Promise<void> {
  const { owner } = anOwner()
  await catalogue.owners.insert(anOwner({ dueAt: iso(900) }), NEVER)
  const lease = await catalogue.owners.claim(owner, { holder: 'a', leaseMs: 1000 }, NEVER)
  assert.ok(lease)
  await catalogue.owners.update(owner, (now) => ({ ...now, dueAt: iso(100) }), NEVER)
  const renewed = await catalogue.owners.renew(lease, 1000, NEVER)
  await catalogue.owners.release(renewed, { dueAt: iso(9000) }, NEVER)
  assert.equal((await catalogue.owners.get(owner, NEVER))?.dueAt, iso(100))
}

async function race({ catalogue }: Scene): Promise<void> {
  const { owner } = anOwner()
  await catalogue.owners.insert(anOwner(), NEVER)
  const holders = Array.from({ length: 10 }, (_, n) => `holder-${n}`)
  const claims = await Promise.all(
    holders.map((holder) => catalogue.owners.claim(owner, { holder, leaseMs: 1000 }, NEVER)),
  )
  assert.equal(claims.filter((claim) => claim !== undefined).length, 1)
  assert.equal((await catalogue.owners.get(owner, NEVER))?.attempts, 1)
}

function aRun(id: string, createdMs: number): Run {
  return {
    id,
    kind: 'scheduled',
    state: 'queued',
    createdAt: iso(createdMs),
    heartbeatAt: iso(createdMs),
    attempt: 1,
    wave: 1,
    resources: [],
    by: 'timer',
    flags: { cancel: false, pause: false },
    trouble: '',
  }
}

async function runs({ catalogue }: Scene): Promise<void> {
  for (const n of [1, 3, 2]) {
    assert.equal(await catalogue.runs.insert(aRun(`run-${n}`, n), NEVER), true)
  }
  assert.equal(await catalogue.runs.insert(aRun('run-1', 9), NEVER), false)
  const wave = await catalogue.runs.update('run-1', (r) => ({ ...r, wave: r.wave + 1 }), NEVER)
  assert.deepEqual(wave, { ...aRun('run-1', 1), wave: 2 })
  assert.equal(await catalogue.runs.update('run-9', (r) => r, NEVER), undefined)
  const first = await catalogue.runs.list({ max: 2 }, NEVER)
  assert.deepEqual(
    first.items.map((r) => r.id),
    ['run-3', 'run-2'],
  )
  const continuation = first.continuation ?? ''
  const rest = await catalogue.runs.list({ max: 2, continuation }, NEVER)
  assert.deepEqual(rest.items, [wave])
  const bad = catalogue.runs.list({ max: 2, continuation: `${continuation}A` }, NEVER)
  await assert.rejects(bad, (error) => hasCode(error, 'BadContinuation'))
  await assert.rejects(catalogue.runs.get('a/b', NEVER), (e) => hasCode(e, 'MalformedName'))
}

function entriesFor(count: number): PlanEntry[] {
  return Array.from({ length: count }, (_, n) => ({
    owner: parseOwnerId(String(n).padStart(32, '0')),
    resource: keyHash(`user-${n}`),
    state: 'queued',
    counts: NO_COUNTS,
    requests: 0,
    bytes: 0,
    trouble: '',
    claimedUntil: 0,
  }))
}

async function plans({ catalogue: { runs }, clock }: Scene): Promise<void> {
  const plan = entriesFor(3).toReversed()
  await runs.plan('r', plan, NEVER)
  await runs.plan('r', entriesFor(3), NEVER)
  const claim = () => runs.claim('r', { claimMs: 1000 }, NEVER)
  const states = async () => {
    const found = new Map<string, string>()
    for await (const e of runs.entries('r', NEVER)) found.set(e.owner.slice(-1), e.state)
    return found
  }
  const one = await claim()
  assert.ok(one)
  assert.equal(one.entry.owner, plan[0]?.owner, 'in the order in which they were planned')
  assert.equal(one.entry.state, 'claimed')
  const beaten = await runs.settle('r', one, { ...one.entry, bytes: 7 }, NEVER)
  assert.ok(beaten, 'progress keeps the claim')
  const stale = await runs.settle('r', one, { ...one.entry, state: 'done' }, NEVER)
  assert.equal(stale, undefined, 'an old claim writes nothing')
  assert.ok(await runs.settle('r', beaten, { ...beaten.entry, state: 'queued' }, NEVER))
  const two = await claim()
  assert.equal(two?.entry.owner, plan[1]?.owner)
  if (two) await runs.settle('r', two, { ...two.entry, state: 'wait' }, NEVER)
  const three = await claim()
  assert.equal(three?.entry.owner, plan[2]?.owner)
  const again = await claim()
  assert.equal(again?.entry.owner, plan[0]?.owner, 'it was put back at the end')
  assert.equal(again?.entry.bytes, 7)
  if (again) await runs.settle('r', again, { ...again.entry, state: 'queued' }, NEVER)
  const more = await claim()
  assert.equal(more?.entry.owner, plan[0]?.owner, 'twice within a millisecond')
  if (more) await runs.settle('r', more, { ...more.entry, state: 'done' }, NEVER)
  assert.equal(await claim(), undefined)
  assert.deepEqual([...(await states())], [['0', 'claimed'], ['1', 'wait'], ['2', 'done']]) // biome-ignore format: a table
  clock.advance(1001)
  const taken = await claim()
  assert.equal(taken?.entry.owner, plan[2]?.owner, 'its claim ran out')
  if (three) assert.equal(await runs.settle('r', three, three.entry, NEVER), undefined)
  await runs.requeue('r', NEVER)
  await runs.requeue('r', NEVER)
  assert.deepEqual([...(await states())], [['0', 'claimed'], ['1', 'queued'], ['2', 'done']]) // biome-ignore format: a table
  assert.equal((await claim())?.entry.owner, plan[1]?.owner)
  assert.equal(await claim(), undefined)
}

async function lanes({ catalogue: { runs } }: Scene): Promise<void> {
  const plan = entriesFor(60)
  await runs.plan('r', plan, NEVER)
  const got: string[] = []
  const lane = async () => {
    for (let n = 0; n < plan.length + 1; n += 1) {
      const claim = await runs.claim('r', { claimMs: 1000 }, NEVER)
      if (!claim) return
      got.push(claim.entry.owner)
      await runs.settle('r', claim, { ...claim.entry, state: 'done' }, NEVER)
    }
  }
  await Promise.all([lane(), lane(), lane(), lane()])
  assert.deepEqual(
    got.sort(),
    plan.map((entry) => entry.owner),
  )
}

async function jobs({ catalogue: { jobs: table } }: Scene): Promise<void> {
  const job: Job = {
    id: 'job-1',
    kind: 'restore',
    state: 'planning',
    createdAt: iso(1),
    updatedAt: iso(1),
    heartbeatAt: iso(1),
    attempt: 1,
    by: 'somebody',
    request: 'r'.repeat(30_000),
    plan: '𝄞'.repeat(15_000),
    counts: { restored: 3 },
    flags: { cancel: false },
    trouble: '',
  }
  assert.equal(await table.insert(job, NEVER), true)
  assert.equal(await table.insert(job, NEVER), false)
  assert.deepEqual(await table.get('job-1', NEVER), job)
  await table.update('job-1', (now) => ({ ...now, state: 'planned' }), NEVER)
  assert.equal((await table.list({ max: 5 }, NEVER)).items[0]?.state, 'planned')
}

async function slots({ catalogue: { slots: table } }: Scene): Promise<void> {
  const job = `job-${randomBytes(4).toString('hex')}`
  const many = Array.from({ length: 250 }, (_, n) => ({ n, state: 'planned', body: `{"n":${n}}` }))
  await table.insert(job, many.slice(0, 130), NEVER)
  const first = await table.get(job, 5, NEVER)
  assert.ok(first)
  const doing = await table.replace(
    job,
    { ...many[5], n: 5, state: 'doing', body: '{}' },
    first.etag,
    NEVER,
  )
  assert.equal(doing?.state, 'doing')
  const late = await table.replace(job, { n: 5, state: 'done', body: '{}' }, first.etag, NEVER)
  assert.equal(late, undefined)
  await table.insert(job, many, NEVER)
  assert.equal((await table.get(job, 5, NEVER))?.state, 'doing', 'planning again changes nothing')
  const page = await table.page(job, { max: 200 }, NEVER)
  assert.deepEqual(
    page.items.map((slot) => slot.n),
    many.slice(0, 200).map((slot) => slot.n),
  )
  const continuation = page.continuation ?? ''
  const rest = await table.page(job, { max: 200, continuation }, NEVER)
  assert.equal(rest.items.length, 50)
  assert.equal(rest.continuation, undefined)
  assert.equal(await table.get(job, 999, NEVER), undefined)
}
