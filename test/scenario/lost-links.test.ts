/**
 * Links that lead nowhere: facts on Graph, section 7, rows 9, 10, 11 and 13, in the forms in which
 * they meet mail. Each test has a mailbox of its own.
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { ExpiredLinkForm } from '../../sandbox/tenant/index.ts'
import { Company } from './company.ts'
import { Person } from './person.ts'

/** Forms of a refusal of which the tenant lets a mailbox begin again without a link. */
const REFUSALS = [
  ...(['gone', 'gone-location', 'sync-state-not-found', 'sync-state-invalid'] as const),
  'sync-folder-not-found',
] as const satisfies readonly ExpiredLinkForm[]

describe('links that lead nowhere', { timeout: 240_000 }, () => {
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

  /** A run of one mailbox that need not end yet. */
  async function begin(person: Person): Promise<string> {
    const asked = await company.call('POST', 'runs', { resources: [await person.resource()] })
    return String(asked.json['id'])
  }

  async function requestsOf(kind: string): Promise<number> {
    return (await company.control.counts({})).requests[kind] ?? 0
  }

  test('a page that names itself as the next one stops its folder and nothing else (row 9)', async () => {
    const place = { user: repeat.address, folder: 'Inbox' }
    await repeat.deliverMany(12, 'In the loop')
    await repeat.deliverMany(3, 'Beside it', { folder: 'archive' })
    await company.control.loopLinks({ ...place, kind: 'repeat' })
    await company.control.resetCounts({})
    const id = await begin(repeat)
    await company.until('the loop is noticed', async () => (await company.api.run(id)).wave > 0)
    const { wave, state, troubles } = await company.api.run(id)
    assert.equal(state, 'running')
    assert.deepEqual(Object.keys(troubles), ['EndlessPages'])
    const asked = await requestsOf('messages.delta')
    assert.ok(asked < 40 * (wave + 1), `it is not asked for ever: ${asked} in ${wave + 1} waves`)
    const held = await company.held(repeat.address)
    assert.equal(held.filter((path) => path.startsWith('Archive/')).length, 3)

    await company.control.stopLoop(place)
    const run = await company.ended(id)
    assert.deepEqual([run.state, run.owners.done, run.counts.stored], ['done', 1, 15])
    await repeat.assertSame()
  })

  test('pages that bring nothing for ever are given up, and gone on with later (row 9)', async () => {
    const place = { user: endless.address, folder: 'Inbox' }
    await endless.deliverMany(8, 'At the end of nothing')
    await company.control.loopLinks({ ...place, kind: 'endless' })
    await company.control.resetCounts({})
    const id = await begin(endless)
    await company.until('it is given up', async () => (await company.api.run(id)).wave > 0)
    const { wave, troubles } = await company.api.run(id)
    assert.deepEqual(Object.keys(troubles), ['EndlessPages'])
    const asked = await requestsOf('messages.delta')
    assert.ok(asked < 1200 * wave, `${asked} requests in ${wave} waves`)

    await company.control.stopLoop(place)
    const run = await company.ended(id)
    assert.deepEqual([run.state, run.owners.done, run.counts.stored], ['done', 1, 8])
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
    await notFound.backUp()
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
