/** The rclone that is installed, against the simulated tenant and Azurite. */
import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { startAzurite } from '../azurite/start.ts'
import { BACKUP_CLIENT_ID, createControlClient, startTenant } from '../tenant/index.ts'
import { findRclone, prepareCopy, startGraphProxy } from './index.ts'
import { folderOf } from './testing/stand-in.ts'

const rclone = await findRclone(process.env)
const FOLDERS = ['Plans', 'Plans/2026', 'Übersicht, neu #1']
const FILE_BYTES = 70_000

async function startLibrary(t: TestContext) {
  const tenant = await startTenant()
  t.after(() => tenant.stop())
  const control = createControlClient(tenant.controlUrl)
  const { drive } = await control.createSite({ path: '/sites/team' })
  for (const [seed, folder] of FOLDERS.entries()) {
    const generated = { seed, size: FILE_BYTES }
    await control.putFile({ drive, path: `${folder}/Budget 50%.bin`, generated })
  }
  return { tenant, control, drive }
}

test('rclone brings a library to Azurite, and again only what changed', {
  skip: rclone === undefined ? 'rclone is not installed' : false,
}, async (t) => {
  const { tenant, control, drive } = await startLibrary(t)
  const azurite = await startAzurite({ inMemory: true })
  t.after(() => azurite.stop())
  const proxy = await startGraphProxy(tenant.url)
  t.after(() => proxy.stop())
  const { token } = await control.issueAppToken({ clientId: BACKUP_CLIENT_ID })
  const { copy } = prepareCopy({
    ...{ folder: folderOf(t), proxy, driveId: drive, token },
    ...{ blobUrl: azurite.blobUrl, container: 'rclone' },
  })
  const counted = async () => {
    await control.resetCounts({})
    const program = rclone?.program ?? ''
    const { transfers, bytes } = await copy({ program, signal: new AbortController().signal })
    const { downloads, bytesOut, units } = await control.counts({})
    return { transfers, bytes, downloads, bytesOut, kinds: units.kinds }
  }
  const lists = { 'item.get': 1, 'children.list': 2 * (1 + FOLDERS.length) }
  const all = FOLDERS.length * FILE_BYTES
  assert.deepEqual(await counted(), {
    ...{ transfers: 3, bytes: all, downloads: 3, bytesOut: all },
    kinds: { ...lists, 'content.get': 3, 'content.download': 3 },
  })
  const nothing = { transfers: 0, bytes: 0, downloads: 0, bytesOut: 0 }
  assert.deepEqual(await counted(), { ...nothing, kinds: lists })
  await control.putFile({ drive, path: 'Plans/Budget 50%.bin', text: 'new' })
  assert.equal((await counted()).downloads, 1)
})
