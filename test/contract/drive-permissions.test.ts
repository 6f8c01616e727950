/**
 * Who may see files, over the simulated tenant: backed up, taken away with the files, and brought
 * back by a restore. The verdict is the tenant's own state, and the mails that it sent.
 */
import assert from 'node:assert/strict'
import { after, afterEach, before, test } from 'node:test'
import {
  BACKUP_CLIENT_ID,
  type ControlClient,
  createControlClient,
  RESTORE_CLIENT_ID,
  startTenant,
  type Tenant,
} from '../../sandbox/tenant/index.ts'
import { systemClock } from '../../src/adapters/system.ts'
import { sharePointOf } from '../../src/graph/index.ts'
import { type GraphId, keyHash } from '../../src/model/ids.ts'
import type { ReportLine, RestoreReport } from '../../src/restore/index.ts'
import { driveWorkload } from '../../src/workloads/drive/index.ts'
import { rootOf } from '../../src/workloads/drive/item.ts'
import { graphAs } from './tenant-graph.ts'
import { holdfastOver } from './workload/holdfast.ts'

const signal = AbortSignal.timeout(240_000)
const UNITS_OF_A_CALL = 5
const WEEK_MS = 7 * 24 * 3_600_000
const FUTURE = '2099-01-01T00:00:00Z'
const PAST = '2020-01-01T00:00:00Z'

let tenant: Tenant
let control: ControlClient
let people: { id: string; displayName: string }[]

before(async () => {
  tenant = await startTenant({
    seed: { seed: 3, users: 3, messages: 0 },
    settings: { latencyMs: 0, throttling: false },
  })
  control = createControlClient(tenant.controlUrl)
  const { users } = await control.users({})
  people = users.map(({ id, profile }) => ({ id, displayName: profile.displayName }))
})

after(() => tenant.stop())

afterEach(async () => {
  await control.clearFaults({})
  await control.settings({ externalSharing: true })
})

let sites = 0

async function siteWithFile() {
  sites += 1
  const { id, drive } = await control.createSite({ path: `/sites/shared-${sites}` })
  const other = await control.createSite({ path: `/sites/elsewhere-${sites}` })
  const { id: item } = await control.putFile({ drive, path: 'Team/plan.txt', text: 'the plan' })
  await control.putFile({ drive, path: 'plain.txt', text: 'nobody in particular' })
  const workload = async (app: string) =>
    driveWorkload({
      ...{ graph: await graphAs(app, { tenant, control }), clock: systemClock, app },
      ...{ tenant: tenant.tenantId, pageSize: 10, includeInfected: false },
    })
  const scene = {
    ...{ kind: 'site' as const, source: id as GraphId, other: other.id as GraphId },
    ...{ reading: await workload(BACKUP_CLIENT_ID), writing: await workload(RESTORE_CLIENT_ID) },
  }
  const holdfast = await holdfastOver(scene, signal)
  const share = (permission: object, path = 'Team/plan.txt') =>
    itemAt(drive, path).then((one) => control.shareItem({ drive, item: one.id, ...permission }))
  return {
    ...{ drive, item, other, holdfast, share },
    user: (at: number, roles = ['read']) => ({ roles, grantees: [person(at)] }),
    /** Backed up, and then thrown away with its folder. */
    async loseIt() {
      await holdfast.backUp()
      await control.deleteItem({ drive, item })
      await control.deleteItem({ drive, item: (await itemAt(drive, 'Team')).id })
    },
    async restored(request: object = {}): Promise<RestoreReport> {
      const at = { seq: await holdfast.seq() }
      const destination = { kind: 'original' }
      return holdfast.restored({ at, selection: { all: true }, destination, ...request })
    },
  }
}

function person(at: number): { id: string; displayName: string } {
  const found = people[at]
  assert.ok(found)
  return { id: found.id, displayName: found.displayName }
}

async function itemAt(drive: string, path: string) {
  const { items } = await control.driveSnapshot({ drive })
  const found = items.find((item) => item.path === path)
  assert.ok(found, path)
  return found
}

/** What is given to it, as the tenant has it. */
async function given(drive: string, path: string): Promise<string[]> {
  const { permissions } = await itemAt(drive, path)
  return permissions
    .map(({ roles, grantees, link, expiresMs }) =>
      [
        ...(link ? [`link ${link.type} ${link.scope}`] : roles),
        ...grantees.map(({ displayName }) => displayName),
        ...(expiresMs === null ? [] : [new Date(expiresMs).toISOString()]),
      ].join(' '),
    )
    .sort()
}

function lineOf(report: RestoreReport, name: string): ReportLine {
  const line = report.lines.find((one) => one.name === name && one.action !== 'there')
  assert.ok(line, JSON.stringify(report.lines))
  return line
}

async function mails(): Promise<number> {
  return (await control.invitations({})).invitations.length
}

test('people and links come back to files and folders that are made anew, and nobody is mailed', async () => {
  const { drive, share, user, loseIt, restored } = await siteWithFile()
  await share(user(0, ['write']))
  await share({ ...user(1), expires: FUTURE })
  await share({ link: { type: 'view', scope: 'organization' } })
  await share({ link: { type: 'edit', scope: 'users' }, grantees: [person(1), person(2)] })
  await share(user(2), 'Team')
  const before = { file: await given(drive, 'Team/plan.txt'), folder: await given(drive, 'Team') }
  assert.deepEqual([before.file.length, before.folder.length], [4, 1])
  await loseIt()
  const report = await restored()
  assert.deepEqual(await given(drive, 'Team/plan.txt'), before.file)
  assert.deepEqual(await given(drive, 'Team'), before.folder)
  assert.deepEqual(await given(drive, 'plain.txt'), [])
  assert.equal(await mails(), 0)
  const { permissions, check } = lineOf(report, 'plan.txt')
  assert.deepEqual([permissions?.restored, permissions?.notRestored, check], [4, [], 'verified'])
  const addresses = permissions?.links?.map(({ scope, address }) => [scope, address !== undefined])
  assert.deepEqual(addresses?.sort(), [
    ['organization', true],
    ['users', true],
  ])
  assert.equal(lineOf(report, 'Team').permissions?.restored, 1)
  assert.deepEqual(
    [report.counts.permissionsRestored, report.counts.permissionsNotRestored],
    [5, 0],
  )
  assert.equal(report.totals.permissions, 2)
  // Two looks at each, and a call for each permission.
  assert.equal(report.permissionUnits, (2 + 4 + 2 + 1) * UNITS_OF_A_CALL)
})

test('what cannot be given again is told one by one, and the file comes back all the same', async () => {
  const { drive, share, user, loseIt, restored } = await siteWithFile()
  const gone = { id: '00000000-0000-4000-8000-00000000dead', displayName: 'Somebody Gone' }
  await share(user(0))
  await share({ link: { type: 'view', scope: 'anonymous' }, hasPassword: true })
  await share({ grantees: [{ kind: 'siteGroup', id: '7', displayName: 'Members' }] })
  await share({ grantees: [gone] })
  await share({ ...user(1), expires: PAST })
  await share(user(1, ['owner']))
  await share(user(2, []))
  await share({ grantees: [{ kind: 'application', id: 'app', displayName: 'Robot' }] })
  await share({ link: { type: 'edit', scope: 'users' } })
  await loseIt()
  const report = await restored()
  assert.deepEqual(await given(drive, 'Team/plan.txt'), [`read ${person(0).displayName}`])
  const { permissions, outcome, check, fields } = lineOf(report, 'plan.txt')
  assert.deepEqual([outcome, check, permissions?.restored], ['restored', 'differs', 1])
  assert.deepEqual(permissions?.notRestored.map(({ code }) => code).sort(), [
    ...['Application', 'Expired', 'LinkPeopleUnknown', 'NoRole', 'Owner'],
    ...['PasswordLink', 'PersonUnknown', 'SiteGroup'],
  ])
  const told = permissions?.notRestored.find(({ code }) => code === 'PersonUnknown')
  assert.match(told?.what ?? '', /Somebody Gone/)
  assert.ok(fields?.includes('permissions (siteGroup read)'))
  assert.doesNotMatch(JSON.stringify(fields), /Gone|Members|Robot/, 'kinds, never people')
  assert.equal(report.counts.permissionsNotRestored, 8)
  assert.equal(await mails(), 0)
})

test('an anonymous link comes back, and its address is kept nowhere', async () => {
  const { drive, share, loseIt, restored } = await siteWithFile()
  await share({ link: { type: 'view', scope: 'anonymous' } })
  await loseIt()
  const report = await restored()
  assert.deepEqual(await given(drive, 'Team/plan.txt'), ['link view anonymous'])
  assert.deepEqual(lineOf(report, 'plan.txt').permissions?.links, [
    { type: 'view', scope: 'anonymous' },
  ])
})

test('where sharing with people outside is off, their permissions are told and nothing fails', async () => {
  const { drive, share, user, loseIt, restored } = await siteWithFile()
  await share({ link: { type: 'view', scope: 'anonymous' } })
  await share(user(0))
  await loseIt()
  await control.settings({ externalSharing: false })
  const report = await restored()
  assert.deepEqual(await given(drive, 'Team/plan.txt'), [`read ${person(0).displayName}`])
  const { permissions, outcome } = lineOf(report, 'plan.txt')
  assert.equal(outcome, 'restored')
  assert.deepEqual(
    permissions?.notRestored.map(({ code }) => code),
    ['SharingDisabled'],
  )
})

test('a restore elsewhere lets nobody in, unless it is asked to', async () => {
  const { share, user, other, loseIt, restored } = await siteWithFile()
  await share(user(0))
  await loseIt()
  const to = (folder: string) => ({
    kind: 'resource',
    resource: keyHash(other.id as GraphId),
    folder,
  })
  const report = await restored({ destination: to('Left') })
  assert.equal(lineOf(report, 'plan.txt').permissions, undefined)
  assert.equal(report.permissionUnits, undefined, 'and nothing is asked')
  assert.deepEqual(await given(other.drive, 'Left/Documents/Team/plan.txt'), [])
  await restored({ destination: to('Asked'), permissions: 'restore' })
  assert.equal((await given(other.drive, 'Asked/Documents/Team/plan.txt')).length, 1)
})

test('in its own place they are left where that is asked for', async () => {
  const { drive, share, user, loseIt, restored } = await siteWithFile()
  await share(user(0))
  await loseIt()
  await restored({ permissions: 'leave' })
  assert.deepEqual(await given(drive, 'Team/plan.txt'), [])
})

test('who was let into a folder without a word to anybody is held after a week, and comes back', async () => {
  const { drive, share, user, loseIt, restored, holdfast } = await siteWithFile()
  await share(user(0), 'Team')
  await share(user(0))
  await holdfast.backUp()
  await share(user(1), 'Team')
  const quiet = await holdfast.backUp()
  assert.equal(quiet.restated, 0, 'no page tells of it')
  holdfast.clock.advance(WEEK_MS)
  const { restated } = await holdfast.backUp()
  assert.equal(restated, 1)
  const before = await given(drive, 'Team')
  await loseIt()
  await restored()
  assert.deepEqual(await given(drive, 'Team'), before)
})

test('who was let into a whole library is held after a week, and nothing is written again', async () => {
  const { drive, user, holdfast } = await siteWithFile()
  await holdfast.backUp()
  const sharePoint = sharePointOf(
    await graphAs(BACKUP_CLIENT_ID, { tenant, control }),
    tenant.tenantId,
  )
  const root = await rootOf(sharePoint, drive, signal)
  await control.shareItem({ drive, item: root, ...user(0) })
  assert.equal((await holdfast.backUp()).restated, 0, 'no list tells of it')
  for (const restated of [1, 0]) {
    holdfast.clock.advance(WEEK_MS)
    assert.equal((await holdfast.backUp()).restated, restated)
  }
})

test('lost answers give nothing twice', async () => {
  const { drive, share, user, loseIt, restored } = await siteWithFile()
  await share(user(0))
  await share({ link: { type: 'edit', scope: 'users' }, grantees: [person(1)] })
  await share({ link: { type: 'view', scope: 'organization' } })
  const before = await given(drive, 'Team/plan.txt')
  await loseIt()
  for (const path of ['/invite$', '/createLink$']) {
    await control.addFault({ path, action: 'drop-after', timesMax: 2, rate: 1 })
  }
  const report = await restored()
  assert.deepEqual(await given(drive, 'Team/plan.txt'), before)
  assert.equal(lineOf(report, 'plan.txt').permissions?.restored, 3)
  assert.equal(await mails(), 0)
})

test('a service that never answers costs the permissions, and not the file', async () => {
  const { drive, share, user, loseIt, restored } = await siteWithFile()
  await share(user(0))
  await loseIt()
  await control.addFault({ path: '/invite$', action: 'internal-error', rate: 1 })
  const report = await restored()
  const { outcome, permissions } = lineOf(report, 'plan.txt')
  assert.equal(outcome, 'restored')
  assert.equal(permissions?.notRestored.length, 1)
  assert.ok(await itemAt(drive, 'Team/plan.txt'))
})
