/**
 * Files and folders that come, go and move: docs/scenarios.md, rows 1, 2, 6, 7, 39 and 40. Each
 * test has a library of its own.
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { UNLESS_MORE } from '../level.ts'
import { Company } from './company.ts'
import { Library } from './library.ts'

describe('files that come, go and move', { ...UNLESS_MORE, timeout: 420_000 }, () => {
  let company: Company
  let deletions: Library
  let earlier: Library
  let folders: Library
  let brief: Library
  let crowded: Library
  let shared: Library

  before(async () => {
    company = await Company.start({ users: 0, messages: 0 })
    await Library.grantUnits(company)
    deletions = await Library.open(company, 'Deletions')
    earlier = await Library.open(company, 'Earlier')
    folders = await Library.open(company, 'Folders')
    brief = await Library.open(company, 'Brief')
    crowded = await Library.open(company, 'Crowded')
    shared = await Library.open(company, 'Shared')
    await company.api.setup()
    await deletions.putMany(7, 'Plans/2026')
    await earlier.putMany(9, 'Minutes')
    await folders.putMany(8, 'Projects/Old name')
    await folders.put('Elsewhere/other.txt')
    await brief.putMany(4, 'Folder')
    await crowded.putMany(9, 'Crowd')
    await shared.putMany(2, 'For all')
    await company.backUp()
  })
  after(async () => {
    await company?.stop()
  })

  test('a deletion is seen, and is no file that cannot be read (row 1)', async () => {
    await deletions.assertSame()
    const known = await deletions.remember()
    const file = await deletions.file('Plans/2026/file 3.txt')
    await deletions.delete(file.id)
    const { run, seen } = await deletions.backUpCounted()
    assert.deepEqual([run.counts.ledger, seen.downloads, seen.statuses['404']], [0, 0, undefined])
    await deletions.backUp()
    await deletions.assertSame()
    assert.equal((await deletions.held()).length, 6)

    const folder = known.snapshot.drives[0]?.items.find(({ path }) => path === 'Plans/2026')
    await company.control.settings({ deletedDescendants: true })
    await deletions.delete(folder?.id ?? '')
    await deletions.backUpUntilDeleted()
    await company.control.settings({ deletedDescendants: false })
    assert.deepEqual(await deletions.held(), [])
    assert.deepEqual(await deletions.ledger(), [])
    const { verdict } = await deletions.restoreAndJudge(known)
    assert.equal(verdict.restored, 7)
  })

  test('a restore brings everything, and not what the last round told alone (row 2)', async () => {
    await earlier.put('Minutes/new.txt')
    const first = await earlier.backUpCounted()
    assert.deepEqual([first.run.counts.stored, first.seen.downloads], [1, 1])
    await earlier.put('Minutes/file 2.txt', { text: 'edited' })
    const second = await earlier.backUpCounted()
    assert.deepEqual([second.run.counts.stored, second.seen.downloads], [1, 1])
    await earlier.assertSame()
    const known = await earlier.remember()
    await earlier.loseEverything()
    const { verdict } = await earlier.restoreAndJudge(known)
    assert.equal(verdict.restored, 10)
  })

  test('what is in a renamed or moved folder is found in its new place, undownloaded (row 6)', async () => {
    const { control } = company
    const drive = folders.drive
    await control.renameItem({ drive, item: 'Projects/Old name', name: 'New name' })
    await control.moveItem({ drive, item: 'Projects/New name', target: 'Elsewhere' })
    const { run, seen } = await folders.backUpCounted()
    assert.deepEqual([run.counts.stored, seen.downloads], [1, 0], 'the folder alone is told')
    await folders.assertSame()
    const paths = (await folders.held()).map(({ path }) => path)
    assert.equal(paths.filter((path) => path.includes('/Elsewhere/New name/')).length, 8)

    await folders.put('Elsewhere/New name/file 1.txt', { text: 'edited below it' })
    assert.equal((await folders.backUpCounted()).seen.downloads, 1)
    await folders.backUpUntilDeleted()
    await folders.assertSame()
    const known = await folders.remember()
    await folders.loseEverything()
    const { verdict } = await folders.restoreAndJudge(known)
    assert.equal(verdict.restored, 9)
  })

  test('what is made and deleted between two rounds leaves nothing behind (row 7)', async () => {
    const file = await brief.put('Folder/short-lived.txt')
    const folder = await brief.makeFolder('Short-lived')
    await brief.put('Short-lived/below.txt')
    await brief.delete(file)
    await brief.delete(folder)
    const { run, seen } = await brief.backUpCounted()
    assert.deepEqual([run.counts.stored, run.counts.ledger, seen.downloads], [0, 0, 0])
    await brief.assertSame()
  })

  test('a folder made again at the same path is another folder (row 7)', async () => {
    await brief.assertSame()
    const known = await brief.remember()
    await brief.delete((await brief.snapshot()).drives[0]?.items[0]?.id ?? '')
    await brief.put('Folder/file 1.txt', { text: 'another file of this name' })
    await brief.put('Folder/file 9.txt')
    const run = await brief.backUp()
    assert.deepEqual([run.counts.stored, run.counts.ledger], [3, 0], 'with all that is in it')
    await brief.backUpUntilDeleted()
    await brief.assertSame()
    const { verdict } = await brief.restoreAndJudge(known, { conflict: 'copy' })
    assert.equal(verdict.restored, 4, 'beside the other one, where there is one')
  })

  test('children that come pages before their folder are found in it (row 7)', async () => {
    const { control } = company
    const { drive } = crowded
    await crowded.putMany(11, 'Later/Deep')
    await control.moveItem({ drive, item: 'Crowd/file 9.txt', target: 'Later/Deep', name: 'moved' })
    await control.renameItem({ drive, item: 'Later/Deep', name: 'Told last but one' })
    await control.renameItem({ drive, item: 'Later', name: 'Told last' })
    const { run, seen } = await crowded.backUpCounted()
    assert.deepEqual([run.counts.ledger, seen.downloads], [0, 11])
    await crowded.assertSame()
    const paths = (await crowded.held()).map(({ path }) => path)
    assert.equal(paths.filter((path) => path.includes('/Told last/Told last but one/')).length, 12)
  })

  test('who may see a folder is held, although no page says that it changed (row 39)', async () => {
    const share = async (id: string) => {
      const grantees = [{ id, displayName: id }]
      await company.control.shareItem({ drive: shared.drive, item: 'For all', grantees })
    }
    const held = async () => (await shared.formsOfFolder('For all')).get('permissions')
    assert.equal(await held(), undefined)
    await share('ada')
    // Without Sites.FullControl.All nothing is told of it, until something is changed below it.
    await shared.put('For all/first.txt')
    await shared.backUp()
    const once = await held()
    assert.ok(once, 'it has permissions of its own')
    await share('bob')
    await shared.put('For all/second.txt')
    const { seen } = await shared.backUpCounted()
    assert.deepEqual([seen.downloads, seen.units.permissions], [1, 5])
    assert.notEqual(await held(), once)
    await shared.put('elsewhere.txt')
    assert.equal((await shared.backUpCounted()).seen.units.permissions, 0)
  })

  test('a folder of more children than can be listed is held and restored (row 40)', async () => {
    await company.control.settings({ childrenListedMax: 3 })
    await crowded.put('Crowd/one more.txt')
    assert.equal((await crowded.backUp()).counts.ledger, 0)
    await crowded.assertSame()
    const known = await crowded.remember()
    for (const n of [2, 5]) await crowded.delete((await crowded.file(`Crowd/file ${n}.txt`)).id)
    const { verdict } = await crowded.restoreAndJudge(known)
    assert.deepEqual([verdict.restored, verdict.untouched], [2, 19])
    await company.control.settings({ childrenListedMax: 100_000 })
  })
})
