/** Files in the simulated tenant, for the workload contract. */
import {
  BACKUP_CLIENT_ID,
  createControlClient,
  RESTORE_CLIENT_ID,
  startTenant,
} from '../../../sandbox/tenant/index.ts'
import { systemClock } from '../../../src/adapters/system.ts'
import type { GraphId } from '../../../src/model/ids.ts'
import { driveWorkload } from '../../../src/workloads/drive/index.ts'
import { graphAs } from '../tenant-graph.ts'
import type { WorkloadScene } from './scene.ts'

const FILES = 24
const PAGE_SIZE = 10
const FOLDERS = ['', 'Plans', 'Plans/2026', 'Signed']

export async function driveScene(): Promise<WorkloadScene> {
  const tenant = await startTenant({
    seed: { seed: 7, users: 1, messages: 0 },
    settings: { latencyMs: 0, unitsPerMinute: 1_000_000 },
  })
  const control = createControlClient(tenant.controlUrl)
  const source = await control.createSite({ path: '/sites/contract' })
  const other = await control.createSite({ path: '/sites/other' })
  const { drive } = source
  const put = (folder: string, name: string, text: string) =>
    control.putFile({ drive, path: `${folder}/${name}`, text, modified: '2025-03-04T05:06:07Z' })
  for (let n = 0; n < FILES; n += 1) {
    await put(FOLDERS[n % FOLDERS.length] ?? '', `file ${n} #%&'+ü.txt`, `content of ${n}`)
  }
  await put('', 'empty.txt', '')
  await control.makeFolder({ drive, path: 'Archive' })
  let added = 0
  let asked = 0

  const driveOf = new Map([source, other].map((site) => [site.id, site.drive]))
  const snapshotOf = async (site: string) =>
    (await control.driveSnapshot({ drive: driveOf.get(site) ?? '' })).items
  const options = async (app: string) =>
    driveWorkload({
      ...{ graph: await graphAs(app, { tenant, control }), clock: systemClock, app },
      ...{ tenant: tenant.tenantId, pageSize: PAGE_SIZE, includeInfected: false },
    })
  const itemOf = (id: string) => ({ drive, item: id.split('/')[1] ?? '' })

  async function addFault(fault: Parameters<typeof control.addFault>[0]) {
    await control.addFault(fault)
    return async () => {
      await control.clearFaults({})
    }
  }

  return {
    kind: 'site',
    source: source.id as GraphId,
    other: other.id as GraphId,
    reading: await options(BACKUP_CLIENT_ID),
    writing: await options(RESTORE_CLIENT_ID),
    async members(site) {
      const items = await snapshotOf(site)
      const isFolder = new Set(items.filter(({ kind }) => kind !== 'file').map(({ id }) => id))
      const own = driveOf.get(site) ?? ''
      const containerOf = (parent: string | null) =>
        parent !== null && isFolder.has(parent) ? `${own}/${parent}` : own
      const files = items.filter(({ kind }) => kind === 'file')
      const byFolder = Map.groupBy(files, ({ parentId }) => containerOf(parentId))
      return new Map(
        [...byFolder].map(([folder, all]) => [folder, all.map(({ id }) => `${own}/${id}`).sort()]),
      )
    },
    async contents(site) {
      const files = (await snapshotOf(site)).filter(({ kind }) => kind === 'file')
      return files
        .map(({ path, name, sha256, fsModifiedMs }) => {
          const above = path.split('/').at(-2) ?? ''
          const folder = ['Plans', '2026', 'Signed', 'Archive'].includes(above) ? above : ''
          return JSON.stringify([name, sha256, fsModifiedMs, folder])
        })
        .sort()
    },
    async add() {
      added += 1
      const { id } = await put('Plans', `added ${added}.txt`, `added ${added}`)
      return `${drive}/${id}`
    },
    async edit(id) {
      const file = (await snapshotOf(source.id)).find((item) => item.id === itemOf(id).item)
      await control.putFile({ drive, path: file?.path ?? '', text: `edited ${id.slice(-8)}` })
    },
    async move(id) {
      const folder = (await snapshotOf(source.id)).find(({ name }) => name === 'Archive')
      await control.moveItem({ ...itemOf(id), target: folder?.id ?? '' })
    },
    async remove(id) {
      await control.deleteItem(itemOf(id))
    },
    async loseLinks() {
      await control.expireTokens({ drive })
    },
    throttle: (every) =>
      addFault({ path: '/v1.0/(sites|drives)/', action: 'throttled-fraction', rate: 1 / every }),
    spoil: (id) =>
      addFault({
        path: `/download/drives/${drive.replaceAll('!', '\\!')}/items/${itemOf(id).item}`,
        ...{ action: 'fail', rate: 1, status: 500, code: 'generalException' },
      }),
    async contentRequests() {
      const { downloads } = await control.counts({})
      const since = downloads - asked
      asked = downloads
      return since
    },
    close: () => tenant.stop(),
  }
}
