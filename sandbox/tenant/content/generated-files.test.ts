import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ControlClient } from '../index.ts'
import { startBench } from '../testing/harness.ts'

const SEED = { seed: 42, users: 4, messages: 0, files: 40, sites: 2, oddFiles: true }

async function snapshots(control: ControlClient) {
  const { sites } = await control.sites({})
  const drives = sites.flatMap((site) => site.drives)
  return Promise.all(drives.map(({ id }) => control.driveSnapshot({ drive: id })))
}

test('one seed gives the same drives, another seed others', async (t) => {
  const clock = () => Date.UTC(2026, 10, 1)
  const of = async (seed: number) => {
    const { control } = await startBench(t, { clock, seed: { ...SEED, seed } })
    return snapshots(control)
  }
  const [first, second, other] = [await of(42), await of(42), await of(43)]
  assert.deepEqual(first, second)
  assert.notDeepEqual(first[0]?.items, other[0]?.items)
})

test('generated drives have everything that a backup of files stumbles over', async (t) => {
  const { control } = await startBench(t, { seed: SEED })
  const { sites } = await control.sites({})
  assert.equal(
    sites.filter(({ isPersonal }) => isPersonal).length,
    3,
    'no OneDrive of a shared mailbox',
  )
  assert.ok(sites.some(({ isSubsite }) => isSubsite))
  assert.ok(sites.some(({ state }) => state === 'fullyArchived'))
  assert.ok(sites.some(({ state }) => state === 'locked'))
  assert.ok(sites.some(({ drives }) => drives.some(({ system }) => system)))
  const items = (await snapshots(control)).flatMap((drive) => drive.items)
  assert.ok(items.filter(({ kind }) => kind === 'file').length > 5 * SEED.files)
  for (const kind of ['folder', 'file', 'notebook', 'shortcut']) {
    assert.ok(
      items.some((item) => item.kind === kind),
      kind,
    )
  }
  assert.ok(items.some(({ kind, bytes }) => kind === 'file' && bytes === 0))
  assert.ok(items.some(({ malware }) => malware !== null))
  assert.ok(items.some(({ versions }) => versions.length > 3))
  assert.ok(items.some(({ permissions }) => permissions.some(({ hasPassword }) => hasPassword)))
  assert.ok(items.some(({ path }) => path.split('/').length > 6))
  assert.ok(items.some(({ name }) => name.includes('%')))
})

test('sizes and folders can be fixed, for benches', async (t) => {
  const seed = { seed: 1, users: 1, messages: 0, files: 30, folders: 12, fileBytes: 1_000 }
  const { control } = await startBench(t, { seed })
  const [drive] = await snapshots(control)
  const files = drive?.items.filter(({ kind }) => kind === 'file') ?? []
  assert.deepEqual([files.length, (drive?.items.length ?? 0) - files.length], [30, 12])
  assert.ok(files.every(({ bytes }) => bytes === 1_000))
})

test('a tenant without files has no sites', async (t) => {
  const { control } = await startBench(t, { seed: { seed: 1, users: 2, messages: 0 } })
  assert.deepEqual((await control.sites({})).sites, [])
})
