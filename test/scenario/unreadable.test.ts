/**
 * Mail that is hard to read, or that cannot be read at all: docs/scenarios.md, rows 3, 4,
 * 26, 27, 28 and 29. Each test has a mailbox of its own.
 */
import assert from 'node:assert/strict'
import { hash, randomBytes } from 'node:crypto'
import { after, before, describe, test } from 'node:test'
import { simpleParser } from 'mailparser'
import { UNLESS_MORE } from '../level.ts'
import { Company } from './company.ts'
import { CONTENT, callsOf, Person } from './person.ts'

const HOUR_MS = 3_600_000
const MIB = 1024 * 1024
const sha256 = (bytes: Uint8Array) => hash('sha256', bytes)

describe('mail that is hard to read', { ...UNLESS_MORE, timeout: 420_000 }, () => {
  let company: Company
  let rot: Person
  let weight: Person
  let codes: Person
  let doubt: Person
  let control: Person
  let cut: Person
  let spoilt: Person

  before(async () => {
    company = await Company.start({ users: 0, messages: 0 })
    rot = await Person.hire(company, 'Rosa Rot')
    weight = await Person.hire(company, 'Wanda Weight')
    codes = await Person.hire(company, 'Carl Codes')
    doubt = await Person.hire(company, 'Dora Doubt')
    control = await Person.hire(company, 'Chris Control')
    cut = await Person.hire(company, 'Kurt Cut')
    spoilt = await Person.hire(company, 'Sina Spoilt')
    await company.api.setup()
    await company.backUp()
  })
  after(async () => {
    await company?.stop()
  })

  test('a message that never can be read is in the ledger, and the cursor passes it (row 3)', async () => {
    const [rotten = ''] = await rot.deliverMany(1, 'Rotten')
    await company.control.addFault({
      ...{ path: callsOf(rotten, CONTENT), action: 'fail', rate: 1 },
      ...{ status: 500, code: 'ErrorCorruptData' },
    })
    await rot.deliverMany(8, 'Sound')
    const first = await rot.backUp()
    assert.deepEqual([first.counts.stored, first.counts.ledger], [8, 1])
    const [line, ...others] = await rot.ledger()
    assert.deepEqual(others, [])
    assert.deepEqual([line?.name, line?.reason, line?.attempts], ['Rotten 1', 'corrupt', 1])
    assert.ok(Date.parse(line?.nextTry ?? '') > Date.now() + HOUR_MS, 'it is tried again')

    await rot.deliver('After the rotten one')
    const { run, seen } = await rot.backUpCounted()
    assert.equal(run.counts.stored, 1)
    assert.equal(
      seen.requests['messages.value'],
      1,
      'neither it nor what is held is asked for again',
    )
    assert.equal((await rot.ledger()).length, 1)

    const known = await rot.remember()
    await rot.loseEverything()
    const { verdict } = await rot.restoreAndJudge(known, [rotten])
    assert.equal(verdict.restored, 9)
    await company.control.clearFaults({})
  })

  test('attachments that a list leaves out are held whole, and never restored as empty (row 4)', async () => {
    const files = [
      { name: 'small.bin', bytes: randomBytes(2 * MIB) },
      { name: 'large.bin', bytes: randomBytes(5 * MIB) },
    ]
    for (const { name, bytes } of files) {
      const attachments = [{ name, base64: bytes.toString('base64') }]
      await weight.deliver(`With ${name}`, { attachments })
    }
    const run = await weight.backUp()
    assert.deepEqual([run.counts.stored, run.counts.ledger], [2, 0])
    for (const { name, bytes } of files) {
      const mime = await simpleParser(await weight.content(`With ${name}`, 'mime'))
      assert.deepEqual(
        mime.attachments.map((a) => [a.filename, sha256(a.content)]),
        [[name, sha256(bytes)]],
      )
    }
    const known = await weight.remember()
    await weight.loseEverything()
    const { result, verdict } = await weight.restoreAndJudge(known)
    assert.deepEqual([verdict.restored, verdict.refused], [1, 1])
    const refused = result.lines.find(({ outcome }) => outcome === 'refused')
    assert.deepEqual([refused?.name, refused?.code], ['With large.bin', 'needs-exact-lane'])
  })

  test('what the service calls corrupt is asked for once and recorded; a doubt is not (row 26)', async () => {
    const finals = ['ErrorCorruptData', 'ErrorInvalidRecipients', 'ErrorCannotOpenFileAttachment']
    const faults: number[] = []
    for (const code of finals) {
      const message = await codes.deliver(code)
      const { id } = await company.control.addFault({
        ...{ path: callsOf(message, CONTENT), action: 'fail', rate: 1 },
        ...{ status: 500, code },
      })
      faults.push(id)
    }
    await codes.deliver('Sound')
    const run = await codes.backUp()
    assert.deepEqual([run.counts.stored, run.counts.ledger], [1, finals.length])
    const lines = await codes.ledger()
    assert.deepEqual(lines.map(({ name }) => name).sort(), finals.toSorted())
    assert.deepEqual([...new Set(lines.map(({ reason }) => reason))], ['corrupt'])
    const { faults: met } = await company.control.listFaults({})
    const hits = met.filter(({ id }) => faults.includes(id)).map((fault) => fault.hits)
    assert.deepEqual(hits, [1, 1, 1], 'what never succeeds is not asked for in a loop')
    await company.control.clearFaults({})
  })

  test('an empty 404, an empty 503 and a passing 400 for mail that is there lose nothing (row 27)', async () => {
    for (const kind of ['false-404', 'unavailable-empty', 'invalid-request'] as const) {
      await doubt.deliverMany(3, `There in spite of ${kind}`)
      const { id } = await company.control.addFault({
        ...{ path: '/messages/(delta|.*/\\$value)$', action: kind, perPath: true, nth: 1 },
      })
      const { counts } = await doubt.backUp()
      assert.deepEqual([counts.stored, counts.ledger, counts.left], [3, 0, 0])
      const { faults } = await company.control.listFaults({})
      assert.ok(
        faults.some((fault) => fault.id === id && fault.hits > 3),
        'each path had its fault',
      )
      await company.control.clearFaults({})
      await doubt.assertSame()
    }

    const [hidden = ''] = await doubt.deliverMany(1, 'Never found')
    await company.control.addFault({
      ...{ path: callsOf(hidden, CONTENT), action: 'false-404', rate: 1 },
    })
    assert.equal((await doubt.backUp()).counts.ledger, 1)
    const [line] = await doubt.ledger()
    assert.deepEqual([line?.name, line?.reason], ['Never found 1', 'gone-before-read'])
    await company.control.clearFaults({})
    await company.control.flag({ user: doubt.address, message: hidden, flagStatus: 'flagged' })
    await doubt.backUp()
    await doubt.assertSame()
  })

  test('control characters in a message come back as they were (row 28)', async () => {
    const body = 'bell \u0007, escape \u001b[1m, vertical \u000b, unit \u001f, tab \t, end'
    await control.deliver('Subject with \u0001 and \u001e', { body })
    await control.deliverMany(4, 'Form feed', { body: 'page one\fpage two' })
    const { id } = await company.control.addFault({
      path: '/v1.0/',
      action: 'raw-controls',
      rate: 1,
    })
    await control.backUp()
    const { faults } = await company.control.listFaults({})
    assert.ok(
      faults.some((fault) => fault.id === id && fault.hits > 0),
      'raw characters were sent',
    )
    await company.control.clearFaults({})
    await control.assertSame()
    const known = await control.remember()
    await control.loseEverything()
    const { verdict } = await control.restoreAndJudge(known)
    assert.equal(verdict.restored, 5)
  })

  test('a page that ends after its beginning is read in smaller portions (row 29)', async () => {
    await cut.deliverMany(12, 'On a full page')
    await company.control.settings({ renderedItemsMax: 2 })
    const run = await cut.backUp()
    await company.control.settings({ renderedItemsMax: 0 })
    assert.deepEqual([run.counts.ledger, run.troubles], [0, {}])
    await cut.assertSame()
  })

  test('one message that no page can show keeps no other folder from being read (row 29)', async () => {
    const user = spoilt.address
    await company.control.createFolder({ user, folder: 'Inbox', name: 'Spoilt' })
    const folder = 'Inbox/Spoilt'
    await spoilt.deliverMany(3, 'Beside it', { folder })
    const message = await spoilt.deliver('Not to be shown', { folder })
    await company.control.setUnrenderable({ user, message, form: 'always' })
    await spoilt.deliverMany(3, 'Elsewhere', { folder: 'archive' })
    const run = await spoilt.backUp()
    assert.equal(run.counts.ledger, 1)
    const [line] = await spoilt.ledger()
    assert.deepEqual(
      [line?.kind, line?.name, line?.reason],
      ['container', 'Spoilt', 'unreadable-answer'],
    )
    const held = await company.held(user)
    assert.equal(held.filter((path) => path.startsWith('Archive/Elsewhere')).length, 3)

    await company.control.setUnrenderable({ user, message, form: null })
    await company.control.renameFolder({ user, folder, name: 'Mended' })
    await spoilt.backUp()
    assert.deepEqual(await spoilt.ledger(), [])
    await spoilt.assertSame()
  })
})
