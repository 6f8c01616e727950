/**
 * Links of drives that lead nowhere: docs/scenarios.md, rows 8 to 13, in the forms in which they
 * meet files. Each test has a library of its own.
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { ExpiredLinkForm } from '../../sandbox/tenant/index.ts'
import { UNLESS_MORE } from '../level.ts'
import { Company } from './company.ts'
import { hitsOf, Library } from './library.ts'

/** Forms of a refusal of which the tenant lets a drive begin again without a link. */
const REFUSALS = [
  ...(['gone', 'gone-location', 'gone-upload', 'not-found'] as const),
] as const satisfies readonly ExpiredLinkForm[]

describe('links of drives that lead nowhere', { ...UNLESS_MORE, timeout: 420_000 }, () => {
  let company: Company
  let midway: Library
  let repeat: Library
  let endless: Library
  let badLocation: Library
  let notFound: Library
  let failing: Library
  let again: Library

  before(async () => {
    company = await Company.start({ users: 0, messages: 0 })
    await Library.grantUnits(company)
    midway = await Library.open(company, 'Midway')
    repeat = await Library.open(company, 'Repeat')
    endless = await Library.open(company, 'Endless')
    badLocation = await Library.open(company, 'Bad location')
    notFound = await Library.open(company, 'Not found')
    failing = await Library.open(company, 'Failing')
    again = await Library.open(company, 'Again')
    await company.api.setup()
    for (const library of [badLocation, notFound]) await library.putMany(8, 'Before')
    await again.putMany(6, 'Before')
    await failing.putMany(2, 'Sound')
    await company.backUp()
  })
  after(async () => {
    await company?.stop()
  })

  test('a link that is refused in the middle of a drive begins it anew (row 8)', async () => {
    await midway.putMany(18, 'Many pages')
    const path = `/drives/${midway.drive}/root/delta$`
    const { id } = await company.control.addFault({ path, action: 'hold', nth: 3 })
    const asked = await company.call('POST', 'runs', { resources: [(await midway.resource()).id] })
    await company.until('the third page', async () => {
      const { faults } = await company.control.listFaults({})
      return faults.some((fault) => fault.id === id && fault.holding)
    })
    await company.control.expireTokens({ drive: midway.drive })
    await company.control.releaseFault({ id })
    const run = await company.ended(String(asked.json['id']))
    assert.deepEqual([run.owners.done, run.counts.ledger, run.counts.deleted], [1, 0, 0])
    await company.control.clearFaults({})
    await midway.assertSame()
    await midway.put('Many pages/one more.txt')
    const { seen } = await midway.backUpCounted()
    assert.equal(seen.downloads, 1, 'it is read on from there')
    await midway.assertSame()
  })

  /** A library that never ends stands in the ledger; another one of the site is read. */
  async function assertAside(library: Library, requestsMax: number): Promise<string> {
    const { control } = company
    const other = (await control.createLibrary({ site: library.site, name: 'Beside it' })).id
    await control.putFile({ drive: other, path: 'beside.txt', text: 'beside' })
    await library.putMany(3, 'In the loop')
    const { run, seen } = await library.backUpCounted()
    assert.ok((seen.requests['drives.delta'] ?? 0) < requestsMax, JSON.stringify(seen.requests))
    assert.equal(run.counts.ledger, 1)
    const [line] = await library.ledger()
    assert.deepEqual([line?.kind, line?.name], ['container', 'Documents'])
    assert.equal(await library.coverage(), 'partial')
    const held = (await library.held()).map(({ path }) => path)
    assert.deepEqual(held, ['Beside it/beside.txt'], 'others are read')
    return `${line?.reason} ${line?.code}`
  }

  /** A library that changes is looked at anew, also before its next try. */
  async function assertReadOn(library: Library): Promise<void> {
    await company.control.renameLibrary({ drive: library.drive, name: 'Mended' })
    assert.equal((await library.backUp()).counts.ledger, 0)
    assert.deepEqual(await library.ledger(), [])
    await library.assertSame()
    assert.equal(await library.coverage(), 'covered')
  }

  test('a page that names itself as the next one stops its library and nothing else (row 9)', async () => {
    await company.control.loopDelta({ drive: repeat.drive, kind: 'repeat' })
    assert.equal(await assertAside(repeat, 60), 'unreadable-answer EndlessPages')
    await company.control.stopDeltaLoop({ drive: repeat.drive })
    await assertReadOn(repeat)
  })

  test('pages of a drive that bring nothing for ever are given up, and gone on with later (row 9)', async () => {
    await company.control.loopDelta({ drive: endless.drive, kind: 'endless' })
    assert.equal(await assertAside(endless, 1_200), 'unreadable-answer EndlessPages')
    await company.control.stopDeltaLoop({ drive: endless.drive })
    await assertReadOn(endless)
  })

  test('a 410 of a drive whose Location answers 500 begins anew without it (row 10)', async () => {
    await changeInTheGap(badLocation, 'gone-bad-location')
  })

  test('a 404 for a lost link is not taken for a deleted library (row 11)', async () => {
    await changeInTheGap(notFound, 'not-found')
  })

  /** Files come, go, move and change while every link of the library is lost. */
  async function changeInTheGap(library: Library, form: ExpiredLinkForm): Promise<void> {
    const { drive } = library
    const known = await library.remember()
    await company.control.expireTokens({ drive, form })
    await library.delete((await library.file('Before/file 1.txt')).id)
    await library.makeFolder('After')
    await company.control.moveItem({ drive, item: 'Before/file 2.txt', target: 'After' })
    await library.put('Before/file 3.txt', { text: 'edited in the gap' })
    await library.put('After/new.txt')
    const { run, seen } = await library.backUpCounted()
    assert.equal(run.counts.deleted, 0, 'nothing is deleted on the word of a lost link')
    assert.equal(seen.downloads, 2, 'only what is new and what was edited')
    assert.equal(seen.statuses['500'], undefined, 'no way back is taken that only fails')
    assert.equal(run.counts.ledger, 0)
    await library.backUp()
    await library.assertSame()
    await library.loseEverything()
    const { verdict } = await library.restoreAndJudge(known)
    assert.equal(verdict.restored, 8)
  }

  test('a library whose delta answers 500 for ever is set aside; the others go on (row 12)', async () => {
    await failing.assertSame()
    const { control } = company
    await control.failDelta({ drive: failing.drive })
    const other = (await control.createLibrary({ site: failing.site, name: 'Sound one' })).id
    await control.putFile({ drive: other, path: 'sound.txt', text: 'sound' })
    const run = await failing.backUp()
    assert.equal(run.counts.ledger, 1)
    const [line] = await failing.ledger()
    assert.deepEqual(
      [line?.kind, line?.name, line?.reason],
      ['container', 'Documents', 'unavailable'],
    )
    assert.equal(await failing.coverage(), 'partial')
    await failing.assertSame()
    assert.equal((await failing.held()).length, 3, 'what was held of it stays')
    await control.failDelta({ drive: failing.drive, failing: false })
    await failing.put('Sound/after it.txt')
    await assertReadOn(failing)
  })

  test('a lost link of a drive is asked for once, however it is refused (row 13)', async () => {
    const path = `/drives/${again.drive}/root/delta$`
    for (const form of REFUSALS) {
      await company.control.expireTokens({ drive: again.drive, form })
      await again.put(`After ${form}.txt`)
      const { run, seen } = await again.backUpCounted()
      const refused = (seen.statuses['404'] ?? 0) + (seen.statuses['410'] ?? 0)
      assert.equal(refused, 1, `${form}: refused once, and not asked again`)
      assert.deepEqual([seen.downloads, run.wave, run.troubles], [1, 0, {}])
    }
    const { id } = await company.control.addFault({ path, action: 'internal-error', nth: 1 })
    await again.put('After trouble that passes.txt')
    await again.backUp()
    assert.equal(await hitsOf(company, id), 1)
    await company.control.clearFaults({})
    await again.assertSame()
  })
})
