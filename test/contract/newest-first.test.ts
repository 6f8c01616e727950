/** The first copy of a library that takes many slices, over the simulated tenant. */
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
import type { Workload } from '../../src/workloads/workload.ts'
import { graphAs } from './tenant-graph.ts'
import { holdfastOver } from './workload/holdfast.ts'

const signal = AbortSignal.timeout(120_000)
const DAY_MS = 24 * 3_600_000
const [OLD, NEW] = [60, 12]
const CONTENT_MS = 1000

test('a first copy over many slices has the newest files first, in folders with names', async (t) => {
  const start = Date.now()
  let now = start - 1000 * DAY_MS
  const tenant = await startTenant({
    seed: { seed: 5, users: 1, messages: 0 },
    settings: { latencyMs: 0, unitsPerMinute: 1_000_000 },
    clock: () => now,
  })
  t.after(() => tenant.stop())
  const control = createControlClient(tenant.controlUrl)
  const source = await control.createSite({ path: '/sites/large' })
  const other = await control.createSite({ path: '/sites/other' })
  const put = async (path: string) => {
    const { id } = await control.putFile({ drive: source.drive, path, text: `content of ${path}` })
    return `${source.drive}/${id}` as GraphId
  }
  for (let n = 0; n < OLD; n += 1) await put(`Archive/old ${n}.txt`)
  now = start - DAY_MS
  const newest: GraphId[] = []
  for (let n = 0; n < NEW; n += 1) newest.push(await put(`Plans/new ${n}.txt`))
  now = start

  const workload = async (app: string) =>
    driveWorkload({
      ...{ graph: await graphAs(app, { tenant, control }), clock: systemClock, app },
      ...{ tenant: tenant.tenantId, pageSize: 10, includeInfected: false },
    })
  const reading = await workload(BACKUP_CLIENT_ID)
  // Time stands still in this Holdfast but for downloads.
  const slow: Workload = {
    ...reading,
    reader(owner) {
      const reader = reading.reader(owner)
      const content: typeof reader.content = async (...of) => {
        holdfast.clock.advance(CONTENT_MS)
        return await reader.content(...of)
      }
      return { ...reader, content }
    },
  }
  const scene = {
    ...{ kind: 'site' as const, source: source.id as GraphId, other: other.id as GraphId },
    ...{ reading: slow, writing: await workload(RESTORE_CLIENT_ID) },
  }
  const holdfast = await holdfastOver(scene, signal, { sliceMs: 15 * CONTENT_MS })
  const held = async () => new Set([...(await holdfast.held()).values()].flat())

  assert.equal((await holdfast.slice()).state, 'more')
  const first = await held()
  assert.ok(newest.every((id) => !first.has(id)))
  assert.equal((await holdfast.slice()).state, 'more')
  const second = await held()
  assert.deepEqual(
    newest.filter((id) => !second.has(id)),
    [],
  )
  assert.ok(second.size < OLD)
  const folders = await holdfast.folders()
  assert.ok(folders.includes('Plans'), `${folders}`)

  const { stored } = await holdfast.backUp()
  assert.ok(stored > 0)
  assert.equal((await held()).size, OLD + NEW)
  assert.equal((await control.counts({})).downloads, OLD + NEW)
})
