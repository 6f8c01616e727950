/**
 * A roll back of a library in the simulated tenant that was overwritten and renamed file by file: the
 * verdict is the tenant's own state.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  BACKUP_CLIENT_ID,
  createControlClient,
  RESTORE_CLIENT_ID,
  startTenant,
} from '../../sandbox/tenant/index.ts'
import { systemClock } from '../../src/adapters/system.ts'
import type { GraphId } from '../../src/model/ids.ts'
import { driveWorkload } from '../../src/workloads/drive/index.ts'
import { graphAs } from './tenant-graph.ts'
import { holdfastOver } from './workload/holdfast.ts'

const FILES = 8
const signal = AbortSignal.timeout(120_000)

test('after ransomware every file has its content, name and folder again, on the same item', async (t) => {
  const tenant = await startTenant({
    seed: { seed: 3, users: 1, messages: 0 },
    settings: { latencyMs: 0, unitsPerMinute: 1_000_000 },
  })
  t.after(() => tenant.stop())
  const control = createControlClient(tenant.controlUrl)
  const { id, drive } = await control.createSite({ path: '/sites/team' })
  const other = await control.createSite({ path: '/sites/other' })
  const workloadOf = async (app: string) =>
    driveWorkload({
      ...{ graph: await graphAs(app, { tenant, control }), clock: systemClock, app },
      ...{ tenant: tenant.tenantId, pageSize: 10, includeInfected: false },
    })
  const holdfast = await holdfastOver(
    {
      ...{ kind: 'site', source: id as GraphId, other: other.id as GraphId },
      ...{ reading: await workloadOf(BACKUP_CLIENT_ID) },
      ...{ writing: await workloadOf(RESTORE_CLIENT_ID) },
    },
    signal,
  )
  const filesOf = async () => {
    const { items } = await control.driveSnapshot({ drive })
    return items.filter(({ kind }) => kind === 'file')
  }
  const shown = (files: Awaited<ReturnType<typeof filesOf>>) =>
    files.map(({ id: item, path, sha256, fsModifiedMs }) => [item, path, sha256, fsModifiedMs])

  const put = (path: string, text: string) => control.putFile({ drive, path, text })
  for (let n = 0; n < FILES; n += 1)
    await put(n % 2 === 0 ? `${n}.txt` : `Plans/${n}.txt`, `work ${n}`)
  await put('empty.txt', '')
  await control.makeFolder({ drive, path: 'Elsewhere' })
  await holdfast.settle()
  const from = { seq: await holdfast.seq() }
  const before = await filesOf()

  for (const { path, name } of before) {
    await put(path, `encrypted ${name}`)
    await control.renameItem({ drive, item: path, name: `${name}.locked` })
  }
  // One is moved out of its folder as well, and one is worked on after the second point.
  await control.moveItem({ drive, item: 'Plans/1.txt.locked', target: 'Elsewhere' })
  const note = await put('READ ME.txt', 'pay')
  await holdfast.settle()
  const until = { seq: await holdfast.seq() }
  await put('0.txt.locked', 'newer work')
  const work = (await filesOf()).find(({ path }) => path === '0.txt.locked')

  const { counts, lines } = await holdfast.restored({
    ...{ rollBack: { from, until, appeared: 'remove' }, selection: { all: true } },
    destination: { kind: 'original' },
  })
  assert.deepEqual(
    [counts.restored, counts.verified, counts.changedLater, counts.removed],
    [FILES, FILES, 1, 1],
    JSON.stringify(lines),
  )
  const after = await filesOf()
  assert.ok(!after.some((file) => file.id === note.id))
  const untouched = (files: typeof after) => files.filter((file) => file.id !== work?.id)
  assert.deepEqual(shown(untouched(after)).sort(), shown(untouched(before)).sort())
  assert.deepEqual(shown(after.filter((file) => file.id === work?.id)), work && shown([work]))
  assert.ok(
    untouched(after).every(({ versions }) => versions.length > 2),
    'no version is lost',
  )
})
