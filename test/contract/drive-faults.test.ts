/**
 * A library after an attack and its restore over a service that fails one call in ten, in every way
 * that the simulated tenant knows: capture, vault, catalogue and restore in memory, the drive
 * workload and the Graph client over HTTP. The verdict is the tenant's own state.
 */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  BACKUP_CLIENT_ID,
  type ControlClient,
  createControlClient,
  RESTORE_CLIENT_ID,
  startTenant,
  type Tenant,
} from '../../sandbox/tenant/index.ts'
import { UPLOAD_PIECE_BYTES } from '../../src/graph/index.ts'
import type { GraphId } from '../../src/model/ids.ts'
import type { Clock } from '../../src/ports.ts'
import { driveWorkload } from '../../src/workloads/drive/index.ts'
import { CONFLICT_POLICIES } from '../../src/workloads/workload.ts'
import { graphAs } from './tenant-graph.ts'
import { holdfastOver } from './workload/holdfast.ts'

const FILES = 24
/** Kinds of trouble that these restores meet at least, all together. */
const KINDS_MIN = 8
const met = new Set<string>()
const RATE = 60
const ATTEMPT_MS = 30_000 * RATE
const startedAt = Date.now()
const clock: Clock = {
  now: () => startedAt + (Date.now() - startedAt) * RATE,
  sleep: (ms, stop) => sleep(ms / RATE, undefined, { signal: stop }),
}
const signal = AbortSignal.timeout(300_000)

let tenant: Tenant
let control: ControlClient

before(async () => {
  tenant = await startTenant({
    seed: { seed: 11, users: 1, messages: 0, files: FILES, sites: CONFLICT_POLICIES.length },
    settings: { latencyMs: 0, throttling: false },
  })
  control = createControlClient(tenant.controlUrl)
})

after(() => tenant.stop())

const workloadOf = async (app: string) =>
  driveWorkload({
    graph: await graphAs(app, { tenant, control }, { clock, attemptMs: ATTEMPT_MS }),
    ...{ clock, app, tenant: 'tenant', pageSize: 50, includeInfected: false },
  })

/** Each file by its path: what is in it, its dates, and what is behind it. */
async function filesOf(drive: string) {
  const { items } = await control.driveSnapshot({ drive })
  const files = items.filter(({ kind }) => kind === 'file')
  return new Map(
    files.map((file) => {
      const { sha256, bytes, fsCreatedMs, fsModifiedMs, versions } = file
      const state = [sha256, bytes, fsCreatedMs, fsModifiedMs].join()
      return [file.path, { state, sha256, id: file.id, versions: versions.length }]
    }),
  )
}

/** A third is deleted, a third is overwritten, a third is left alone. */
async function attack(drive: string) {
  const paths = [...(await filesOf(drive)).keys()].sort()
  const [deleted, overwritten] = [0, 1].map((part) => paths.filter((_, n) => n % 3 === part))
  assert.ok(deleted && overwritten)
  for (const item of deleted) await control.deleteItem({ drive, item })
  for (const path of overwritten) await control.putFile({ drive, path, text: `encrypted ${path}` })
  return { paths, deleted, overwritten }
}

for (const [n, conflict] of CONFLICT_POLICIES.entries()) {
  test(`each file comes back once while one call in ten fails: ${conflict}`, async () => {
    const sites = (await control.sites({})).sites.filter(({ isPersonal }) => !isPersonal)
    const [site, other] = [sites[n], sites[(n + 1) % sites.length]]
    const [library] = site?.drives ?? []
    assert.ok(site && other && library)
    const drive = library.id
    const holdfast = await holdfastOver(
      {
        kind: 'site',
        source: site.id as GraphId,
        other: other.id as GraphId,
        reading: await workloadOf(BACKUP_CLIENT_ID),
        writing: await workloadOf(RESTORE_CLIENT_ID),
      },
      signal,
    )
    // Sorted first, it is one of those that are deleted: it comes back in several pieces.
    const generated = { seed: n, size: 2 * UPLOAD_PIECE_BYTES + 1 }
    await control.putFile({ drive, path: '0.bin', generated })
    await holdfast.backUp()
    const original = await filesOf(drive)
    const { paths, deleted, overwritten } = await attack(drive)
    const fault = await control.addFault({ path: '.*', action: 'mix', rate: 0.1 })

    const request = { selection: { all: true }, destination: { kind: 'original' }, conflict }
    const at = { seq: await holdfast.seq() }
    const { totals, counts, lines } = await holdfast.restored({ at, ...request })
    const { faults } = await control.listFaults({})
    const hits = faults.find(({ id }) => id === fault.id)?.hitsByAction ?? {}
    for (const kind of Object.keys(hits)) met.add(kind)
    await control.clearFaults({})
    const told = JSON.stringify(lines.filter(({ outcome }) => outcome !== 'alreadyThere'))
    assert.equal(totals.items, original.size)
    assert.deepEqual([totals.restore, totals.conflicts], [deleted.length, overwritten.length])
    assert.equal(counts.restored, totals.create, told)

    const now = await filesOf(drive)
    const same = (path: string) => now.get(path)?.state === original.get(path)?.state
    assert.deepEqual(
      paths.filter((path) => !overwritten.includes(path) && !same(path)),
      [],
      'what was lost is there again, and what was not lost is as it was',
    )
    const isBack = conflict === 'replace' || conflict === 'version'
    for (const path of overwritten) {
      const found = [...now.values()].filter((f) => f.sha256 === original.get(path)?.sha256)
      assert.equal(found.length, conflict === 'skip' ? 0 : 1, `${path} ${told}`)
      assert.equal(now.get(path)?.sha256 === original.get(path)?.sha256, isBack, path)
      if (conflict === 'version') assert.ok((now.get(path)?.versions ?? 0) >= 3, path)
    }
    const copies = conflict === 'copy' ? overwritten.length : 0
    assert.equal(now.size, original.size + copies, 'nothing is there twice')
  })
}

test('many kinds of trouble were met on the way', () => {
  assert.ok(met.size >= KINDS_MIN, [...met].join(' '))
})
