/**
 * Sites and libraries as they are: docs/scenarios.md, rows 11, 20 and 35, and libraries that come.
 * The app captures what is taken for malware here.
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { UNLESS_MORE } from '../level.ts'
import { Company } from './company.ts'
import { Library } from './library.ts'
import { Person } from './person.ts'

describe('sites and libraries as they are', { ...UNLESS_MORE, timeout: 420_000 }, () => {
  let company: Company
  let closing: Library[]
  let infected: Library
  let growing: Library
  let person: Person

  before(async () => {
    company = await Company.start({
      ...{ users: 0, messages: 0 },
      settings: { HOLDFAST_INFECTED_FILES: 'capture' },
    })
    await Library.grantUnits(company)
    closing = []
    for (const name of ['To be locked', 'To be archived', 'To be deleted']) {
      const library = await Library.open(company, name)
      await library.putMany(3, 'Held')
      closing.push(library)
    }
    infected = await Library.open(company, 'Infected')
    const item = await infected.put('Inbox/eicar.com')
    await company.control.flagMalware({ drive: infected.drive, item, malware: 'Eicar' })
    growing = await Library.open(company, 'Growing')
    await growing.putMany(3, 'First')
    person = await Person.hire(company, 'Nina Newcomer')
    await company.api.setup()
    await company.backUp()
  })
  after(async () => {
    await company?.stop()
  })

  test('what is taken for malware is captured where the setting says so (row 20)', async () => {
    assert.deepEqual(await infected.ledger(), [])
    await infected.assertSame()
    assert.equal((await infected.held()).length, 1)
  })

  test('somebody without a OneDrive is no failure, and has one later (row 35)', async () => {
    assert.equal((await company.resourceOf(person.address))?.state, 'protected')
    const files = await Library.ofPerson(company, person.address)
    await files.putMany(4, 'My files')
    await company.backUp()
    const resource = await files.resource()
    assert.deepEqual([resource.kind, resource.state], ['site', 'protected'])
    await files.assertSame()
    assert.equal((await files.held()).length, 4)
  })

  test('locked, archived and deleted sites are states, and what is held of them stays (row 35)', async () => {
    const { control } = company
    const [locked, archived, deleted] = closing
    assert.ok(locked && archived && deleted)
    const known = await locked.remember()
    const never = await Library.open(company, 'Never open')
    for (const { site } of [locked, never]) await control.setSiteState({ site, state: 'locked' })
    await control.setSiteState({ site: archived.site, state: 'fullyArchived' })
    await control.deleteSite({ site: deleted.site })
    const asked = await company.call('POST', 'runs', {})
    const run = await company.ended(String(asked.json['id']))
    assert.deepEqual([run.state, run.owners.failed], ['done', 0], JSON.stringify(run))
    for (const library of [locked, archived]) {
      assert.equal(await library.coverage(), 'no-source', library.address)
    }
    for (const library of closing) assert.equal((await library.held()).length, 3)
    const unseen = await never.resource()
    assert.deepEqual([unseen.state, unseen.reason], ['unreachable', 'SiteLocked'])
    assert.equal((await deleted.resource()).state, 'gone')

    for (const { site } of [locked, never]) await control.setSiteState({ site, state: 'live' })
    await locked.loseEverything()
    // A policy that is set anew asks about everything at the next run; else it takes two hours.
    const { policy } = (await company.call('GET', 'policy')).json
    assert.equal((await company.call('PUT', 'policy', policy)).status, 200)
    await company.backUp()
    assert.equal((await never.resource()).state, 'protected')
    assert.equal(await locked.coverage(), 'covered')
    assert.equal((await locked.restoreAndJudge(known)).verdict.restored, 3)
  })

  test('the site of a group names it, and is excluded with it', async () => {
    const { control } = company
    const path = '/sites/the-team'
    const { id } = await control.createSite({ path, displayName: 'The Team', group: true })
    const { site } = await control.siteSnapshot({ site: id })
    await company.backUp()
    const seen = await company.resourceOf(site.url)
    assert.deepEqual(
      [seen?.site, seen?.state, seen?.group?.name],
      ['group', 'protected', 'The Team'],
    )
    const address = seen?.group?.address ?? ''
    assert.match(address, /^the-team@/)

    const { policy } = (await company.call('GET', 'policy')).json
    const excluding = { ...(policy as object), exclude: [address] }
    assert.equal((await company.call('PUT', 'policy', excluding)).status, 200)
    await company.backUp()
    const excluded = await company.resourceOf(site.url)
    assert.deepEqual([excluded?.state, excluded?.reason], ['unprotected', 'policy'])
    assert.equal((await company.call('PUT', 'policy', policy)).status, 200)
    await company.backUp()
    assert.equal((await company.resourceOf(site.url))?.state, 'protected')
  })

  test('a library that comes new is found by the next round of its site', async () => {
    const { control } = company
    const { id: drive } = await control.createLibrary({ site: growing.site, name: 'Second' })
    await control.putFile({ drive, path: 'Deep/in it.txt', text: 'in the second library' })
    assert.equal((await growing.backUp()).counts.ledger, 0)
    await growing.assertSame()
    assert.equal((await growing.held()).length, 4)
  })

  test('a library that is really gone takes its files along, and is made anew (row 11)', async () => {
    const known = await growing.remember()
    const { drives } = await growing.snapshot()
    const second = drives.find(({ drive }) => drive.name === 'Second')
    await company.control.deleteLibrary({ drive: second?.drive.id ?? '' })
    await growing.backUpUntilDeleted()
    await growing.assertSame()
    assert.deepEqual(await growing.ledger(), [])
    assert.equal((await growing.held()).length, 3)
    const { verdict } = await growing.restoreAndJudge(known)
    assert.equal(verdict.restored, 1)
    await growing.backUp()
    await growing.assertSame()
  })
})
