/**
 * Links that lead nowhere: docs/scenarios.md, rows 9, 10, 11 and 13, in the forms in which
 * they meet mail. Each test has a mailbox of its own.
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { ExpiredLinkForm } from '../../sandbox/tenant/index.ts'
import { UNLESS_MORE } from '../level.ts'
import { Company } from './company.ts'
import { Person } from './person.ts'

/** Forms of a refusal of which the tenant lets a mailbox begin again without a link. */
const REFUSALS = [
  ...(['gone', 'gone-location', 'sync-state-not-found', 'sync-state-invalid'] as const),
  'sync-folder-not-found',
] as const satisfies readonly ExpiredLinkForm[]

describe('links that lead nowhere', { ...UNLESS_MORE, timeout: 420_000 }, () => {
  let company: Company
  let repeat: Person
  let endless: Person
  let badLocation: Person
  let notFound: Person
  let loop: Person

  before(async () => {
    company = await Company.start({ users: 0, messages: 0 })
    repeat = await Person.hire(company, 'Rita Repeat')
    endless = await Person.hire(company, 'Emil Endless')
    badLocation = await Person.hire(company, 'Bela Location')
    notFound = await Person.hire(company, 'Nora Notfound')
    loop = await Person.hire(company, 'Ludwig Loop')
    await company.api.setup()
    await company.backUp()
  })
  after(async () => {
    await company?.stop()
  })

  /** Mail in a folder whose pages lead nowhere, and mail beside it. Answers the folder. */
  async function loopIn(person: Person, kind: 'repeat' | 'endless'): Promise<string> {
    const user = person.address
    await company.control.createFolder({ user, folder: 'Inbox', name: 'Loop' })
    await person.deliverMany(8, 'In the loop', { folder: 'Inbox/Loop' })
    await person.deliverMany(3, 'Beside it', { folder: 'archive' })
    await company.control.loopLinks({ user, folder: 'Inbox/Loop', kind })
    return 'Inbox/Loop'
  }

  /** What is told of a folder that never ends, and that it is left alone until its next try. */
  async function assertAside(person: Person, requestsMax: number): Promise<void> {
    const first = await person.backUpCounted()
    const asked = first.seen.requests['messages.delta'] ?? 0
    assert.ok(asked < requestsMax, `it is given up: ${asked} requests`)
    assert.equal(first.run.counts.ledger, 1)
    const [line] = await person.ledger()
    assert.deepEqual(
      [line?.kind, line?.name, line?.reason, line?.code],
      ['container', 'Loop', 'unreadable-answer', 'EndlessPages'],
    )
    const held = await company.held(person.address)
    assert.equal(held.filter((path) => path.startsWith('Archive/')).length, 3, 'others are read')
    assert.equal((await company.resourceOf(person.address))?.coverage?.state, 'partial')
    const second = await person.backUpCounted()
    assert.ok((second.seen.requests['messages.delta'] ?? 0) < 40, 'it waits for its next try')
  }

  /** A folder that changes is looked at anew, also before its next try. */
  async function assertReadOn(person: Person, folder: string): Promise<void> {
    await company.control.stopLoop({ user: person.address, folder })
    await company.control.renameFolder({ user: person.address, folder, name: 'No loop any more' })
    const run = await person.backUp()
    assert.equal(run.counts.ledger, 0)
    assert.deepEqual(await person.ledger(), [])
    await person.assertSame()
    assert.equal((await company.resourceOf(person.address))?.coverage?.state, 'covered')
  }

  test('a page that names itself as the next one stops its folder and nothing else (row 9)', async () => {
    const folder = await loopIn(repeat, 'repeat')
    await assertAside(repeat, 60)
    await assertReadOn(repeat, folder)
  })

  test('pages that bring nothing for ever are given up, and gone on with later (row 9)', async () => {
    const folder = await loopIn(endless, 'endless')
    await assertAside(endless, 1_200)
    await assertReadOn(endless, folder)
  })

  test('many pages that bring nothing are no loop (row 9)', async () => {
    const place = { user: endless.address, folder: 'archive' }
    await endless.deliverMany(4, 'After many pages', { folder: 'archive' })
    await company.control.loopLinks({ ...place, kind: 'endless', pages: 100 })
    assert.equal((await endless.backUp()).counts.stored, 4)
    await endless.assertSame()
  })

  test('a 410 whose Location answers 500 begins anew without it, deletions included (row 10)', async () => {
    await changeInTheGap(badLocation, 'gone-bad-location')
  })

  test('a 404 for a lost link is not taken for a deleted folder (row 11)', async () => {
    await changeInTheGap(notFound, 'not-found')
  })

  /** Mail comes, goes, moves and changes while every link of the mailbox is lost. */
  async function changeInTheGap(person: Person, form: ExpiredLinkForm): Promise<void> {
    const user = person.address
    const [deleted = '', moved = ''] = await person.deliverMany(12, 'Before')
    const [edited = ''] = await person.deliverMany(4, 'Archived', { folder: 'archive' })
    await person.backUp()
    await person.assertSame()
    const known = await person.remember()

    await company.control.expireLinks({ user, kind: 'delta', form })
    await company.control.delete({ user, message: deleted, mode: 'hard' })
    await company.control.move({ user, message: moved, folder: 'archive' })
    await company.control.edit({ user, message: edited, body: 'Edited in the gap' })
    await person.deliver('In the gap')
    const { run, seen } = await person.backUpCounted()
    assert.equal(run.counts.deleted, 0, 'nothing is deleted on the word of a lost link')
    assert.equal(seen.requests['messages.value'], 2, 'only what is new and what was edited')
    assert.equal(seen.statuses['500'], undefined, 'no way back is taken that only fails')
    assert.equal(run.counts.ledger, 0)
    const shown = await company.held(user)
    const truth = await company.truth(user)
    assert.deepEqual(
      truth.filter((path) => !shown.includes(path)),
      [],
      'everything that is there is held',
    )
    await person.backUpUntilDeleted()
    await person.assertSame()

    await person.deliver('After the gap')
    assert.equal((await person.backUp()).counts.stored, 1, 'every folder is read on')
    await person.assertSame()

    await person.loseEverything()
    const { verdict } = await person.restoreAndJudge(known)
    assert.equal(verdict.restored, 16)
  }

  test('a folder that is really gone takes its mail along, and both can be restored (row 11)', async () => {
    const user = notFound.address
    await company.control.createFolder({ user, folder: 'Inbox', name: 'Short-lived' })
    await notFound.deliverMany(4, 'Short-lived', { folder: 'Inbox/Short-lived' })
    // What has left still shows where it was, and would be restored, until it is told deleted.
    await notFound.backUpUntilDeleted()
    await notFound.assertSame()
    const known = await notFound.remember()
    await company.control.deleteFolder({ user, folder: 'Inbox/Short-lived' })
    await notFound.backUpUntilDeleted()
    await notFound.assertSame()
    const { verdict } = await notFound.restoreAndJudge(known)
    assert.equal(verdict.restored, 4)
  })

  test('a lost link is asked for once, however it is refused (row 13)', async () => {
    const user = loop.address
    await loop.deliverMany(6, 'Again and again')
    await loop.backUp()
    for (const form of REFUSALS) {
      await company.control.expireLinks({ user, folder: 'Inbox', kind: 'delta', form })
      await loop.deliver(`After ${form}`)
      const { run, seen } = await loop.backUpCounted()
      const refused = ['400', '404', '410'].map((status) => seen.statuses[status] ?? 0)
      assert.equal(
        refused.reduce((a, b) => a + b),
        1,
        `${form}: refused once, and not asked again`,
      )
      assert.deepEqual([run.counts.stored, run.wave, run.troubles], [1, 0, {}])
      await loop.assertSame()
    }
  })
})
