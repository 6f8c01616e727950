/**
 * Mailboxes as they are: docs/scenarios.md, rows 30, 34, 35 and 36. Each test has a mailbox
 * of its own.
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { UNLESS_MORE } from '../level.ts'
import { Company } from './company.ts'
import { Person } from './person.ts'

describe('mailboxes as they are', { ...UNLESS_MORE, timeout: 420_000 }, () => {
  let company: Company
  let busy: Person
  let calm: Person
  let doubles: Person
  let german: Person
  let mover: Person
  let staying: Person
  let leaver: Person
  let twice: Person

  before(async () => {
    company = await Company.start({ users: 0, messages: 0 })
    busy = await Person.hire(company, 'Boris Busy')
    calm = await Person.hire(company, 'Cora Calm')
    doubles = await Person.hire(company, 'Dunja Doubles')
    german = await Person.hire(company, 'Gerda Grün', 'de-DE')
    mover = await Person.hire(company, 'Mona Mover')
    staying = await Person.hire(company, 'Stan Staying')
    leaver = await Person.hire(company, 'Lea Leaver')
    twice = await Person.hire(company, 'Tim Twice')
    await company.api.setup()
    await company.backUp()
  })
  after(async () => {
    await company?.stop()
  })

  test('no mailbox is ever asked for five things at once (row 30)', async () => {
    await busy.deliverMany(24, 'Slowly')
    await company.control.settings({ latencyMs: 25 })
    const { run, seen } = await busy.backUpCounted()
    await company.control.settings({ latencyMs: 2 })
    assert.equal(run.counts.stored, 24)
    assert.deepEqual([seen.throttled, seen.statuses['429']], [{}, undefined])
  })

  test('a 429 for too much at once, with and without a Retry-After, is waited out (row 30)', async () => {
    await calm.deliverMany(9, 'In spite of refusals')
    const { user } = await calm.snapshot()
    const path = `/users/${user.id}/`
    await company.control.addFault({ path, action: 'mailbox-concurrency', nth: 3 })
    await company.control.addFault({ path, action: 'throttled-silent', nth: 9 })
    await company.control.addFault({ path, action: 'throttled-silent', nth: 10 })
    await company.control.addFault({
      ...{ path: `${path}.*\\$value$`, action: 'fail', nth: 4 },
      ...{ status: 429, code: 'ErrorTooManyObjectsOpened' },
    })
    const { run, seen } = await calm.backUpCounted()
    const { faults } = await company.control.listFaults({})
    assert.deepEqual(
      faults.map(({ hits }) => hits),
      [1, 1, 1, 1],
    )
    assert.equal(seen.statuses['429'], 4, 'nobody comes back too early')
    assert.deepEqual([run.counts.stored, run.counts.ledger, run.troubles], [9, 0, {}])
    await company.control.clearFaults({})
    await calm.assertSame()
  })

  test('folders of one name stay apart, held and restored (row 34)', async () => {
    const user = doubles.address
    const { api, control } = company
    const make = async (folder: string, name: string) =>
      (await control.createFolder({ user, folder, name })).id
    const twins = [await make('Inbox', 'Twins'), await make('Inbox', 'Twins')]
    for (const [n, folder] of twins.entries()) {
      await doubles.deliverMany(3, `Of twin ${n}`, { folder })
    }
    await doubles.backUp()
    await doubles.assertSame()
    const known = await doubles.remember()
    const resource = await doubles.resource()
    const held = (await api.containers(resource)).filter(({ name }) => name === 'Twins')
    const lists = await Promise.all(held.map(({ id }) => api.items(resource, id)))
    assert.deepEqual(lists.map((items) => items.length).sort(), [3, 3])

    await doubles.loseEverything()
    const inPlace = await doubles.restoreAndJudge(known)
    assert.equal(inPlace.verdict.restored, 6, 'each into its own folder')

    for (const folder of twins) await control.deleteFolder({ user, folder })
    await doubles.restore(known)
    const back = await company.truth(user)
    const groups = Map.groupBy(back, (path) => path.split('/').slice(0, -1).join('/'))
    const shapes = [...groups].map(([folder, paths]) => [
      folder,
      new Set(paths.map((path) => /Of twin \d/.exec(path)?.[0])).size,
      paths.length,
    ])
    assert.deepEqual(shapes.sort(), [
      ['Inbox/Twins (2)', 1, 3],
      ['Inbox/Twins', 1, 3],
    ])
  })

  test('folders are known by what they are, in whatever language they are named (row 34)', async () => {
    await german.deliverMany(2, 'Im Posteingang')
    await german.deliverMany(2, 'Gesendet', { folder: 'sentitems' })
    await company.control.createFolder({
      user: german.address,
      folder: 'msgfolderroot',
      name: 'Inbox',
    })
    const inbox = await company.control.createFolder({
      ...{ user: german.address, folder: 'msgfolderroot', name: 'Verborgen', hidden: true },
    })
    await german.deliver('Nicht zu sehen', { folder: inbox.id })
    await german.backUp()
    await german.assertSame()
    const containers = await company.api.containers(await german.resource())
    const known = new Map(containers.map((c) => [c.wellKnownName, c.name]))
    assert.equal(known.get('inbox'), 'Posteingang')
    assert.equal(containers.find(({ name }) => name === 'Inbox')?.wellKnownName, undefined)
    const before = await german.remember()
    await german.loseEverything()
    const { verdict } = await german.restoreAndJudge(before)
    assert.equal(verdict.restored, 5)
  })

  test('no mailbox is a state and no failure, and what is held of one stays (row 35)', async () => {
    const conditions = ['on-premises', 'inactive', 'unlicensed', 'blocked'] as const
    const without = await Promise.all(
      conditions.map(async (condition) => {
        const person = await Person.hire(company, `Never ${condition}`)
        await company.control.setMailboxCondition({ user: person.address, condition })
        return person
      }),
    )
    await leaver.deliverMany(4, 'While there was a licence')
    await leaver.backUp()
    const known = await leaver.remember()
    await company.control.setMailboxCondition({ user: leaver.address, condition: 'unlicensed' })
    const asked = await company.call('POST', 'runs', {})
    const run = await company.ended(String(asked.json['id']))
    assert.deepEqual([run.state, run.owners.failed], ['done', 0], JSON.stringify(run))
    for (const person of without) {
      const resource = await company.resourceOf(person.address)
      const isBlocked = person.address.includes('blocked')
      assert.equal(resource?.state, isBlocked ? 'unreachable' : 'no-content', person.address)
      assert.ok(resource.reason, 'it says why')
    }
    const left = await company.resourceOf(leaver.address)
    assert.equal(left?.coverage?.state, 'no-source')
    assert.equal((await company.held(leaver.address)).length, 4, 'what is held is shown')
    assert.match(String(await leaver.content('While there was a licence 1', 'mime')), /The body of/)

    await company.control.setMailboxCondition({ user: leaver.address, condition: null })
    await leaver.loseEverything()
    // A policy that is set anew asks about everybody at the next run; else it takes two hours.
    const { policy } = (await company.call('GET', 'policy')).json
    assert.equal((await company.call('PUT', 'policy', policy)).status, 200)
    await company.backUp()
    assert.equal((await company.resourceOf(leaver.address))?.state, 'protected')
    assert.equal((await leaver.restoreAndJudge(known)).verdict.restored, 4)
    await leaver.backUpUntilDeleted()
    await leaver.assertSame()
  })

  test('a full mailbox is read on, and a restore into it says why it made nothing (row 35)', async () => {
    await staying.deliverMany(3, 'Before it was full')
    await company.control.setMailboxCondition({ user: staying.address, condition: 'over-quota' })
    assert.equal((await staying.backUp()).counts.stored, 3)
    await staying.assertSame()
    const known = await staying.remember()
    await staying.loseEverything()
    const { lines } = await staying.restore(known)
    const items = lines.filter(({ kind }) => kind === 'item')
    assert.deepEqual(
      items.map(({ outcome, code }) => [outcome, code]),
      items.map(() => ['failed', 'QuotaExceeded']),
    )
    assert.equal((await company.truth(staying.address)).length, 0)
    await company.control.setMailboxCondition({ user: staying.address, condition: null })
    assert.equal((await staying.restoreAndJudge(known)).verdict.restored, 3)
  })

  test('moved mail is the same mail: nothing is fetched, nothing is held twice (row 36)', async () => {
    const user = mover.address
    const { control } = company
    const messages = await mover.deliverMany(12, 'On the move')
    await control.createFolder({ user, folder: 'Inbox', name: 'Away' })
    await mover.backUp()
    for (const message of messages) await control.move({ user, message, folder: 'Inbox/Away' })
    const moved = await mover.backUpCounted()
    assert.equal(moved.run.counts.stored, 0)
    assert.equal(moved.seen.requests['messages.value'], undefined, 'a move costs no content')
    await mover.assertSame()

    await control.renameFolder({ user, folder: 'Inbox/Away', name: 'Further away' })
    await control.moveFolder({ user, folder: 'Inbox/Further away', target: 'archive' })
    const folder = await mover.backUpCounted()
    assert.equal(folder.seen.requests['messages.value'], undefined)
    await mover.backUpUntilDeleted()
    await mover.assertSame()
    assert.equal((await company.held(user)).length, messages.length)
  })
  test('a whole mailbox is restored again, as it is now, and no mail is there twice', async () => {
    const user = twice.address
    const messages = await twice.deliverMany(6, 'Only once')
    await twice.backUp()
    const known = await twice.remember()
    const before = await company.truth(user)
    for (const message of messages.slice(0, 4)) {
      await company.control.delete({ user, message, mode: 'hard' })
    }
    assert.equal((await twice.restoreAndJudge(known)).verdict.restored, 4)
    await twice.backUp()
    const both = await company.held(user)
    assert.equal(both.length, 10, 'what left is listed beside what came back')

    const then = await twice.remember()
    const assertNothingMade = async () => {
      const { job } = await twice.restore(then)
      assert.deepEqual([job.counts['alreadyThere'], job.counts['restored']], [10, 0])
      assert.deepEqual(await company.truth(user), before)
    }
    await assertNothingMade()
    await twice.backUpUntilDeleted()
    await twice.assertSame()
    // That point lists both still; what left was called deleted since.
    await assertNothingMade()
  })
})
