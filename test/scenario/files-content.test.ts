/**
 * Files that are hard to read or to put back: docs/scenarios.md, rows 3, 5 and 14 to 20. Each test
 * has a library of its own.
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { RestoreLine } from '../../sandbox/run/api-client.ts'
import { UNLESS_MORE } from '../level.ts'
import { Company } from './company.ts'
import { downloadsOf, hitsOf, Library } from './library.ts'

const HOUR_MS = 3_600_000
const MIB = 1024 * 1024
const CREATED = '2019-03-04T05:06:07Z'
const MODIFIED = '2021-09-08T07:06:05Z'

describe('files that are hard to read or to put back', { ...UNLESS_MORE, timeout: 420_000 }, () => {
  let company: Company
  let rot: Library
  let notebooks: Library
  let addresses: Library
  let expired: Library
  let office: Library
  let lost: Library
  let dates: Library
  let uploads: Library
  let infected: Library

  before(async () => {
    company = await Company.start({
      ...{ users: 0, messages: 0 },
      // A file that is falsely not found is asked for again within one slice.
      settings: { HOLDFAST_SLICE_SECONDS: '20' },
    })
    await Library.grantUnits(company)
    rot = await Library.open(company, 'Rot')
    notebooks = await Library.open(company, 'Notebooks')
    addresses = await Library.open(company, 'Addresses')
    expired = await Library.open(company, 'Expired')
    office = await Library.open(company, 'Office')
    lost = await Library.open(company, 'Lost')
    dates = await Library.open(company, 'Dates')
    uploads = await Library.open(company, 'Uploads')
    infected = await Library.open(company, 'Infected')
    await company.api.setup()
    await office.put('Plans/rewritten.docx', { text: 'with properties', shownSize: 7 })
    await lost.put('Plans/report.docx', { text: 'first' })
    await lost.put('Plans/plain.txt', { text: 'first' })
    for (const name of ['one.txt', 'two.xlsx', 'empty.txt']) {
      const text = name === 'empty.txt' ? '' : `Text of ${name}`
      await dates.put(`Old/${name}`, { text, created: CREATED, modified: MODIFIED })
    }
    await uploads.put('Large/eleven.bin', { generated: { seed: 3, size: 11 * MIB } })
    await uploads.put('small.txt', { created: CREATED, modified: MODIFIED })
    await company.backUp()
  })
  after(async () => {
    await company?.stop()
  })

  test('a file that never can be read is in the ledger, and the cursor passes it (row 3)', async () => {
    const rotten = await rot.put('Shelf/rotten.bin')
    const { id: fault } = await company.control.addFault({
      ...{ path: downloadsOf(rotten), action: 'wrong-bytes', rate: 1 },
    })
    await rot.putMany(7, 'Shelf')
    assert.equal((await rot.backUp()).counts.ledger, 1)
    const [line, ...others] = await rot.ledger()
    assert.deepEqual(others, [])
    assert.deepEqual([line?.name, line?.reason, line?.attempts], ['rotten.bin', 'unavailable', 1])
    assert.ok(Date.parse(line?.nextTry ?? '') > Date.now(), 'it is tried again')
    assert.ok(Date.parse(line?.nextTry ?? '') <= Date.now() + 2 * HOUR_MS)

    await rot.put('Shelf/after it.txt')
    const asked = await hitsOf(company, fault)
    const { seen } = await rot.backUpCounted()
    assert.equal(seen.downloads, 1, 'neither it nor what is held is asked for again')
    assert.equal(await hitsOf(company, fault), asked)
    const known = await rot.remember()
    for (const n of [1, 2]) await rot.delete((await rot.file(`Shelf/file ${n}.txt`)).id)
    const { verdict } = await rot.restoreAndJudge(known, { notStored: [rotten] })
    assert.equal(verdict.restored, 2)

    await company.control.clearFaults({})
    await rot.put('Shelf/rotten.bin', { text: 'mended' })
    await rot.backUpUntilDeleted()
    assert.deepEqual(await rot.ledger(), [])
    await rot.assertSame()
  })

  test('a notebook is a folder with sections, and has no content itself (row 5)', async () => {
    const { drive } = notebooks
    await company.control.makeFolder({ drive, path: 'Notes/Ideas', notebook: true })
    await notebooks.put('Notes/Ideas/Monday.one')
    await notebooks.put('Notes/Ideas/Open Notebook.onetoc2')
    const { run, seen } = await notebooks.backUpCounted()
    assert.deepEqual([run.counts.ledger, seen.downloads, seen.statuses['404']], [0, 2, undefined])
    await notebooks.assertSame()
    const known = await notebooks.remember()
    await notebooks.loseEverything()
    const { verdict } = await notebooks.restoreAndJudge(known)
    assert.equal(verdict.restored, 2)
  })

  test('addresses of content are called as they are, and without a token (row 14)', async () => {
    for (const name of ["a #%&+'ü=;,@!$^~`{}[]().txt", '100 %41.txt', 'ends.json']) {
      await addresses.put(`Names/${name}`, { text: '{"error":{"code":"itemNotFound"}}' })
    }
    const { run, seen } = await addresses.backUpCounted()
    assert.deepEqual([run.counts.ledger, seen.downloads], [0, 3])
    assert.equal(
      seen.statuses['401'],
      undefined,
      'which a token, or another query, is answered with',
    )
    await addresses.assertSame()
  })

  test('addresses that expire in the middle of a round are renewed (row 15)', async () => {
    await expired.putMany(9, 'Many')
    const long = await expired.put('Many/broken off.bin', { generated: { seed: 5, size: 3 * MIB } })
    const { id: cut } = await company.control.addFault({
      ...{ path: downloadsOf(long), action: 'cut-answer', nth: 1 },
    })
    const { id } = await company.control.addFault({
      ...{ path: `/download/drives/${expired.drive}/`, action: 'hold', nth: 2 },
    })
    await company.control.resetCounts({})
    const resources = [(await expired.resource()).id]
    const asked = await company.call('POST', 'runs', { resources })
    await company.until('a download', async () => {
      const { faults } = await company.control.listFaults({})
      return faults.some((fault) => fault.id === id && fault.holding)
    })
    await company.control.expireDownloads({})
    await company.control.releaseFault({ id })
    const run = await company.ended(String(asked.json['id']))
    assert.deepEqual([run.owners.done, run.counts.ledger], [1, 0])
    assert.equal(await hitsOf(company, cut), 1)
    await company.control.clearFaults({})
    await expired.assertSame()
  })

  test('an Office file that SharePoint rewrote is held, restored, and told as such (row 16)', async () => {
    await office.assertSame()
    const known = await office.remember()
    await office.loseEverything()
    await company.control.settings({ officeRewrites: true })
    const { lines } = await office.restore(known)
    const line = lines.find(({ kind }) => kind === 'item')
    assert.deepEqual(
      [line?.outcome, line?.check, line?.fields],
      ['restored', 'differs', ['content (rewritten by SharePoint)']],
    )
    const back = await office.files()
    assert.deepEqual(
      back.map(({ path }) => path),
      ['Plans/rewritten.docx'],
      'it is not taken for a failure, and not made again',
    )
    await office.backUpUntilDeleted()
    assert.deepEqual(await office.ledger(), [])
    await office.assertSame()
    await company.control.settings({ officeRewrites: false })
  })

  test('an Office file that is falsely not found when it is replaced stays as it is (row 17)', async () => {
    const known = await lost.remember()
    const edited = async (path: string) => await lost.put(path, { text: 'edited' })
    await edited('Plans/report.docx')
    await edited('Plans/plain.txt')
    await company.control.settings({ lostOfficeFiles: 1 })
    const { lines } = await lost.restore(known, { conflict: 'version' })
    await company.control.settings({ lostOfficeFiles: 0 })
    const told = new Map(lines.map((line) => [line.name, line]))
    const outcome = (line: RestoreLine | undefined) => [line?.outcome, line?.code]
    assert.deepEqual(outcome(told.get('report.docx')), ['refused', 'RefusedAsGone'])
    assert.deepEqual(outcome(told.get('plain.txt')), ['restored', undefined])
    assert.equal(
      (await lost.file('Plans/report.docx')).versions.length,
      2,
      'nothing was made of it',
    )
    const { verdict } = await lost.restoreAndJudge(known, { conflict: 'replace' })
    assert.equal(verdict.restored, 1)
  })

  test('a file is opened as the bytes that it is, under its own name', async () => {
    const { id: resource } = await dates.resource()
    const file = (await dates.held()).find(({ path }) => path.endsWith('two.xlsx'))
    assert.ok(file)
    const bytes = await company.api.content(resource, file.id)
    assert.equal(Buffer.from(bytes).toString(), 'Text of two.xlsx')
  })

  test('dates are set when a file is made, and make no second version of it (row 18)', async () => {
    const known = await dates.remember()
    await dates.loseEverything()
    const { verdict } = await dates.restoreAndJudge(known)
    assert.equal(verdict.restored, 3, 'with both of their dates')
    const back = new Map((await dates.files()).map((file) => [file.name, file]))
    assert.deepEqual(
      ['one.txt', 'two.xlsx'].map((name) => back.get(name)?.versions.length),
      [1, 1],
    )
    assert.equal(back.get('one.txt')?.fsCreatedMs, Date.parse(CREATED))
    assert.equal(back.get('one.txt')?.fsModifiedMs, Date.parse(MODIFIED))
  })

  test('an upload session that is not found yet, and ranges that are there already (row 19)', async () => {
    const known = await uploads.remember()
    await uploads.loseEverything()
    await company.control.settings({ uploadLagMs: 1_500 })
    const path = '/upload/drives/.*/eleven.bin$'
    const { id } = await company.control.addFault({
      ...{ method: 'PUT', path, action: 'drop-after', nth: 2 },
    })
    await company.control.resetCounts({})
    const { result, verdict } = await uploads.restoreAndJudge(known)
    const { statuses } = await company.control.counts({})
    assert.ok((statuses['404'] ?? 0) > 0, 'a session was not found at first')
    assert.equal(await hitsOf(company, id), 1, 'the answer for a range was lost')
    assert.deepEqual([verdict.restored, result.job.counts['verified']], [2, 2])
    await company.control.clearFaults({})
    await company.control.settings({ uploadLagMs: 0 })
    const files = await uploads.files()
    assert.equal(files.length, 2, 'each is there once')
  })

  test('what is taken for malware is in the ledger, and no error is held in its place (row 20)', async () => {
    const item = await infected.put('Inbox/eicar.com')
    await company.control.flagMalware({ drive: infected.drive, item, malware: 'Eicar' })
    await infected.put('Inbox/clean.txt')
    const { run, seen } = await infected.backUpCounted()
    assert.deepEqual([run.counts.ledger, seen.downloads], [1, 1])
    const [line] = await infected.ledger()
    assert.deepEqual(
      [line?.name, line?.reason, line?.code],
      [...['eicar.com', 'refused', 'MalwareDetected']],
    )
    const held = await infected.held()
    const contents = held.filter(({ sha256 }) => sha256.has('content')).map(({ path }) => path)
    assert.deepEqual(contents, ['Documents/Inbox/clean.txt'])
  })
})
