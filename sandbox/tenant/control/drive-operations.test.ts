import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { test } from 'node:test'
import { startBench } from '../testing/harness.ts'

const SEED = { seed: 9, users: 1, messages: 0 }
const ADA = 'ada.brandt@sandbox.example'

test('a drive is named by its id, its site or as one library of a site', async (t) => {
  const { control } = await startBench(t, { seed: SEED })
  const { id: site, drive } = await control.createSite({ path: '/sites/a' })
  const scans = await control.createLibrary({ site, name: 'Scans' })
  const mine = await control.createOneDrive({ user: ADA })
  const idOf = async (name: string) => (await control.driveSnapshot({ drive: name })).drive.id
  assert.equal(await idOf(drive), drive)
  assert.equal(await idOf('/sites/a'), drive)
  assert.equal(await idOf(site), drive)
  assert.equal(await idOf('/sites/a#Scans'), scans.id)
  assert.equal(await idOf(ADA), mine.drive)
  await assert.rejects(control.driveSnapshot({ drive: '/sites/b' }), { status: 400 })
})

test('the snapshot has paths, bytes, dates, versions and permissions', async (t) => {
  const { control } = await startBench(t, { seed: SEED })
  const { drive } = await control.createSite({ path: '/sites/a' })
  const times = { created: '2020-01-01T00:00:00Z', modified: '2021-01-01T00:00:00Z' }
  await control.putFile({ drive, path: 'a/b/one.txt', text: 'first', ...times, by: ADA })
  const { id } = await control.putFile({ drive, path: 'a/b/one.txt', text: 'second' })
  await control.shareItem({ drive, item: id, link: { type: 'view', scope: 'anonymous' } })
  const { items } = await control.driveSnapshot({ drive })
  assert.deepEqual(
    items.map(({ path, kind }) => [path, kind]),
    [
      ['a', 'folder'],
      ['a/b', 'folder'],
      ['a/b/one.txt', 'file'],
    ],
  )
  const file = items.at(-1)
  assert.equal(file?.sha256, hash('sha256', 'second'))
  assert.equal(file?.fsCreatedMs, Date.parse(times.created))
  assert.deepEqual(
    file?.versions.map(({ id, sha256 }) => [id, sha256]),
    [
      ['2.0', hash('sha256', 'second')],
      ['1.0', hash('sha256', 'first')],
    ],
  )
  assert.equal(file?.createdBy.displayName, 'Ada Brandt')
  assert.equal(file?.permissions[0]?.link?.scope, 'anonymous')
})

test('what cannot be in a drive is refused with a reason, and changes nothing', async (t) => {
  const { control } = await startBench(t, { seed: SEED })
  const { drive } = await control.createSite({ path: '/sites/a' })
  await control.putFile({ drive, path: 'a/one.txt' })
  await control.putFile({ drive, path: 'a/two.txt' })
  const before = await control.driveSnapshot({ drive })
  const refused = { name: 'ControlRefusal', status: 400 }
  await assert.rejects(control.renameItem({ drive, item: 'a/one.txt', name: 'TWO.txt' }), refused)
  await assert.rejects(control.moveItem({ drive, item: 'a', target: 'a' }), refused)
  await assert.rejects(control.makeFolder({ drive, path: 'A' }), refused)
  await assert.rejects(control.putFile({ drive, path: 'a', text: 'x' }), refused)
  await assert.rejects(control.deleteItem({ drive, item: 'nothing' }), refused)
  await assert.rejects(control.deleteItem({ drive, item: '' }), refused)
  assert.deepEqual(await control.driveSnapshot({ drive }), before)
  await control.renameItem({ drive, item: 'a/one.txt', name: 'ONE.txt' })
})

test('a folder comes back from the recycle bin with what went with it, and with nothing else', async (t) => {
  const { control, walk } = await startBench(t, { seed: SEED, settings: { deltaNoise: false } })
  const { drive } = await control.createSite({ path: '/sites/a' })
  const kept = await control.putFile({ drive, path: 'a/b/kept.txt', text: 'kept' })
  const gone = await control.putFile({ drive, path: 'a/b/gone.txt', text: 'gone' })
  const folder = await control.makeFolder({ drive, path: 'a/c' })
  const before = await walk(`/drives/${drive}/root/delta`)
  await control.deleteItem({ drive, item: gone.id })
  const [a] = (await control.driveSnapshot({ drive })).items
  assert.ok(a)
  await control.deleteItem({ drive, item: a.id })
  await assert.rejects(control.restoreItem({ drive, item: kept.id }), { status: 400 })
  await assert.rejects(control.restoreItem({ drive, item: gone.id }), { status: 400 })
  await control.restoreItem({ drive, item: a.id })
  const { items } = await control.driveSnapshot({ drive })
  assert.deepEqual(
    items.map(({ path, id }) => [path, id]),
    [
      ['a', a.id],
      ['a/b', items[1]?.id],
      ['a/c', folder.id],
      ['a/b/kept.txt', kept.id],
    ],
  )
  const told = (await walk(before.delta)).items
  assert.deepEqual(
    told.filter(({ deleted }) => deleted === undefined).map(({ name }) => name),
    ['a', 'root'],
    'of a folder that came back the folder alone is told',
  )
  await control.restoreItem({ drive, item: gone.id })
  await control.putFile({ drive, path: 'a/b/other.txt', text: 'x' })
  assert.equal((await control.driveSnapshot({ drive })).items.length, 6)
})
