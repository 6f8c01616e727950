/** Other bytes under the same quickXorHash and size, over the simulated tenant. */
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import {
  BACKUP_CLIENT_ID,
  createControlClient,
  RESTORE_CLIENT_ID,
  startTenant,
} from '../../sandbox/tenant/index.ts'
import { systemClock } from '../../src/adapters/system.ts'
import { QuickXorHash } from '../../src/graph/index.ts'
import { type GraphId, keyHash } from '../../src/model/ids.ts'
import { driveWorkload } from '../../src/workloads/drive/index.ts'
import { graphAs } from './tenant-graph.ts'
import { holdfastOver } from './workload/holdfast.ts'

const signal = AbortSignal.timeout(120_000)
const WEEK_MS = 7 * 24 * 3_600_000
const PATH = 'contract.bin'
/** Bytes so far apart stand at the same bit of the hash, so nothing is easier than to forge it. */
const PERIOD = 160

function forged(bytes: Buffer): Buffer {
  return Buffer.concat([bytes.subarray(PERIOD), bytes.subarray(0, PERIOD)])
}

function hashOf(bytes: Buffer): string {
  const hash = new QuickXorHash()
  hash.update(bytes)
  return hash.digest()
}

const sha256 = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')

test('a forged quickXorHash hides new content for a cycle, and not longer', async (t) => {
  const tenant = await startTenant({
    seed: { seed: 5, users: 1, messages: 0 },
    settings: { latencyMs: 0, unitsPerMinute: 1_000_000 },
  })
  t.after(() => tenant.stop())
  const control = createControlClient(tenant.controlUrl)
  const [source, other] = [
    await control.createSite({ path: '/sites/forged' }),
    await control.createSite({ path: '/sites/other' }),
  ]
  const workload = async (app: string) =>
    driveWorkload({
      ...{ graph: await graphAs(app, { tenant, control }), clock: systemClock, app },
      ...{ tenant: tenant.tenantId, pageSize: 10, includeInfected: false },
    })
  const scene = {
    ...{ kind: 'site' as const, source: source.id as GraphId, other: other.id as GraphId },
    ...{ reading: await workload(BACKUP_CLIENT_ID), writing: await workload(RESTORE_CLIENT_ID) },
  }
  const holdfast = await holdfastOver(scene, signal, { samplePercent: 100 })
  const put = (bytes: Buffer) =>
    control.putFile({ drive: source.drive, path: PATH, base64: bytes.toString('base64') })

  const before = Buffer.from(Array.from({ length: 2 * PERIOD }, (_, n) => (n * n) % 251))
  const after = forged(before)
  assert.equal(hashOf(after), hashOf(before))
  assert.notEqual(sha256(after), sha256(before))
  await put(before)
  await holdfast.backUp()
  const first = await holdfast.seq()

  await put(after)
  const { downloads } = await control.counts({})
  const { stored, restated } = await holdfast.backUp()
  assert.deepEqual([stored, restated], [0, 1])
  assert.equal((await control.counts({})).downloads, downloads, 'the hash is believed at first')

  holdfast.clock.advance(WEEK_MS)
  assert.equal((await holdfast.backUp()).stored, 1)

  const second = await holdfast.seq()
  for (const [seq, bytes] of [
    [first, before],
    [second, after],
  ] as const) {
    const folder = `as of ${seq}`
    const destination = { kind: 'resource', resource: keyHash(other.id), folder }
    const request = { at: { seq }, selection: { all: true }, destination }
    assert.equal((await holdfast.restored(request)).counts.verified, 1)
    const { items } = await control.driveSnapshot({ drive: other.drive })
    const file = items.find(({ path, kind }) => kind === 'file' && path.includes(folder))
    assert.equal(file?.sha256, sha256(bytes))
  }
})
