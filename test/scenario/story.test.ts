/**
 * One company, one long story, through HTTP: directory, folders, trouble of the service, several
 * runs at once, and what may be seen of it all afterwards. The tests build on each other.
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { TableClient } from '@azure/data-tables'
import { BlobServiceClient } from '@azure/storage-blob'
import { azureTableStore } from '../../src/adapters/azure-table.ts'
import { systemClock, systemRandomness } from '../../src/adapters/system.ts'
import { createCatalogue } from '../../src/catalogue/index.ts'
import { TABLES } from '../../src/ports.ts'
import { runRow } from '../../src/runs/testing/world.ts'
import { Company } from './company.ts'

/** Older than what the reconciler gives a queue message. */
const LOST_MS = 10 * 60_000
/** Requests for a message's content; ids may have slashes in them. */
const CONTENT = '/\\$value$'

describe('a company with Holdfast', { timeout: 240_000 }, () => {
  let company: Company
  let ann = ''
  let bob = ''
  const lost = 'lost.soul@contoso.example'

  before(async () => {
    company = await Company.start({ users: 2, messages: 15 })
    const { users } = await company.control.users({})
    ann = users[0]?.profile.userPrincipalName ?? ''
    bob = users[1]?.profile.userPrincipalName ?? ''
    await company.control.createUser({
      displayName: 'Lost Soul',
      userPrincipalName: lost,
      mailbox: null,
    })
    await company.api.setup()
  })
  after(async () => {
    await company?.stop()
  })

  async function deliver(user: string, folder: string, subject: string): Promise<string> {
    const from = { name: 'Someone Else', address: 'someone@elsewhere.example' }
    const body = `The body of ${subject}`
    return (await company.control.deliver({ user, folder, subject, body, from })).id
  }

  async function same(user: string): Promise<void> {
    assert.deepEqual(await company.held(user), await company.truth(user))
  }

  async function idOf(user: string): Promise<string> {
    const resource = await company.resourceOf(user)
    assert.ok(resource)
    return resource.id
  }

  test('P4: two ticks make one run, and a tick with nothing due makes none', async () => {
    await Promise.all([company.trigger('tick'), company.trigger('tick')])
    await company.until('a run', async () => (await company.runs()).length > 0)
    await company.trigger('tick')
    const [first] = await company.runs()
    assert.ok(first)
    assert.equal((await company.ended(first.id)).state, 'done')
    await company.trigger('tick')
    await company.backUp()
    assert.equal((await company.runs()).filter((r) => r.kind === 'scheduled').length, 1)
    await same(ann)
    await same(bob)
  })

  test('P3: a user without a mailbox is shown as such, with the reason', async () => {
    assert.equal((await company.resourceOf(lost))?.state, 'no-content')
  })

  test('P4: setup again changes nothing', async () => {
    const again = await company.call('POST', 'setup', {})
    assert.equal(again.status, 200)
    assert.equal(again.json['wasReady'], true)
  })

  test('P4: runs at once work each mailbox once', async () => {
    for (let n = 0; n < 12; n += 1) await deliver(ann, 'Inbox', `At once ${n}`)
    const asked = await Promise.all([1, 2, 3].map(() => company.call('POST', 'runs', {})))
    const runs = await Promise.all(asked.map((a) => company.ended(String(a.json['id']))))
    assert.deepEqual(
      runs.map((r) => r.state),
      ['done', 'done', 'done'],
    )
    const stored = runs.reduce((sum, run) => sum + run.counts.stored, 0)
    assert.equal(stored, 12, 'every message is stored once')
    await same(ann)
  })

  test('P4: a run whose queue message was lost is started by the reconciler', async () => {
    const { connectionString } = company.stack.azurite
    const catalogue = createCatalogue({
      tables: azureTableStore({ connectionString }),
      tenantId: company.stack.tenantId,
      ...{ clock: systemClock, random: systemRandomness },
      ...{ protectionDays: 30, generationDays: 30 },
    })
    const asked = runRow('lost-message', Date.now() - LOST_MS, { kind: 'asked', state: 'queued' })
    await catalogue.runs.insert(asked, AbortSignal.timeout(10_000))
    await company.trigger('reconcile')
    assert.equal((await company.ended(asked.id)).state, 'done')
  })

  test('a run of one resource reads that one alone', async () => {
    await deliver(ann, 'Inbox', 'Only Ann 1')
    await deliver(bob, 'Inbox', 'Only Bob 1')
    const run = await company.backUp([await idOf(ann)])
    assert.equal(run.owners.total, 1)
    await same(ann)
    assert.notDeepEqual(await company.held(bob), await company.truth(bob))
  })

  test('P2: folders renamed, moved, deleted with mail and made again under the same name', async () => {
    const create = (folder: string, name: string) =>
      company.control.createFolder({ user: ann, folder, name })
    await create('Inbox', 'Projects')
    await create('Inbox/Projects', 'Alpha')
    await create('Inbox', 'Empty')
    for (const n of [1, 2, 3, 4, 5, 6]) await deliver(ann, 'Inbox/Projects/Alpha', `Alpha ${n}`)
    await deliver(ann, 'Inbox/Projects', 'Project 1')
    await company.backUp()
    await same(ann)
    await company.control.renameFolder({ user: ann, folder: 'Inbox/Projects', name: 'Works' })
    await company.control.moveFolder({ user: ann, folder: 'Inbox/Works/Alpha', target: 'Inbox' })
    await deliver(ann, 'Inbox/Alpha', 'Alpha after the move')
    await company.backUpUntilDeleted()
    await same(ann)
    await company.control.deleteFolder({ user: ann, folder: 'Inbox/Alpha' })
    await create('Inbox', 'Alpha')
    await deliver(ann, 'Inbox/Alpha', 'Alpha anew')
    await company.backUpUntilDeleted()
    await same(ann)
  })

  test('P2: mail moved to and fro over several runs is where it is, and its content is kept', async () => {
    const message = await deliver(ann, 'Inbox', 'To and fro')
    await company.backUp()
    const requests = await company.backUp()
    for (const folder of ['Inbox/Works', 'Inbox', 'Inbox/Empty', 'Inbox']) {
      await company.control.move({ user: ann, message, folder })
      const run = await company.backUp()
      assert.equal(run.counts.stored, 0, 'a move costs no content request')
      await same(ann)
    }
    assert.equal(requests.counts.stored, 0)
  })

  test('P3: mail in the recoverable items is deleted mail', async () => {
    const message = await deliver(ann, 'Inbox', 'Deleted for good')
    await company.backUp()
    await company.control.delete({ user: ann, message, mode: 'recoverable' })
    await company.backUpUntilDeleted()
    assert.ok(!(await company.held(ann)).some((m) => m.endsWith('Deleted for good')))
    await same(ann)
  })

  test('P3: an item that cannot be read is in the ledger, and is stored when it changes', async () => {
    const rotten = await deliver(bob, 'Inbox', 'Rotten')
    await company.control.addFault({
      path: CONTENT,
      action: 'fail',
      status: 500,
      code: 'ErrorCorruptData',
      nth: 2,
    })
    const sound = await deliver(bob, 'Inbox', 'Sound')
    const run = await company.backUp()
    assert.equal(run.counts.ledger, 1)
    const bobId = await idOf(bob)
    const [line] = await company.api.ledger(bobId)
    assert.equal(line?.reason, 'corrupt')
    for (const message of [rotten, sound]) {
      await company.control.flag({ user: bob, message, flagStatus: 'flagged' })
    }
    await company.backUp()
    assert.deepEqual(await company.api.ledger(bobId), [])
    await same(bob)
  })

  test('P3: a throttled mailbox is backed up all the same, and the numbers add up', async () => {
    for (let n = 0; n < 6; n += 1) await deliver(ann, 'Inbox', `Throttled ${n}`)
    for (let nth = 1; nth <= 6; nth += 1) {
      await company.control.addFault({
        path: nth % 2 === 0 ? CONTENT : '/messages/delta',
        action: 'fail',
        status: 429,
        code: 'ApplicationThrottled',
        nth,
        headers: { 'Retry-After': '1' },
      })
    }
    await company.backUp()
    await same(ann)
    await company.control.clearFaults({})
  })

  test('P3: who is added is found; who is excluded, included again, or gone keeps what is held', async () => {
    const eve = 'eve.new@contoso.example'
    await company.control.createUser({
      displayName: 'Eve New',
      userPrincipalName: eve,
      mailbox: { purpose: 'user', locale: 'en-GB' },
    })
    await deliver(eve, 'inbox', 'Welcome Eve')
    const policy = { mode: 'all', include: [], exclude: [bob], workloads: ['mail'] }
    assert.equal((await company.call('PUT', 'policy', policy)).status, 200)
    await deliver(bob, 'Inbox', 'While Bob is excluded')
    await company.backUp()
    await same(eve)
    assert.equal((await company.resourceOf(bob))?.state, 'unprotected')
    assert.ok(!(await company.held(bob)).some((m) => m.endsWith('While Bob is excluded')))
    assert.equal((await company.call('PUT', 'policy', { ...policy, exclude: [] })).status, 200)
    await company.control.deleteUser({ user: eve })
    await company.backUp()
    await same(bob)
    assert.equal((await company.resourceOf(eve))?.state, 'gone')
    assert.ok((await company.held(eve)).some((m) => m.endsWith('Welcome Eve')))
  })

  test('P2: 500 messages over tiny slices, pages and commits are all there', async () => {
    const name = 'big.box@contoso.example'
    await company.control.createUser({
      displayName: 'Big Box',
      userPrincipalName: name,
      mailbox: { purpose: 'user', locale: 'en-GB' },
    })
    for (let n = 0; n < 500; n += 25) {
      await Promise.all(
        Array.from({ length: 25 }, (_, k) => deliver(name, 'inbox', `Big ${n + k}`)),
      )
    }
    await company.backUp()
    await same(name)
  })

  test('P9: log, table keys and blob names show nobody and nothing', async () => {
    const secrets = await personalData()
    assert.match(company.hostLog(), /slice/, 'the log has what happened')
    const places = [company.hostLog(), ...(await tableKeys()), ...(await blobNames())]
    const all = places.join('\n').toLowerCase()
    const shown = secrets.filter((secret) => all.includes(secret.toLowerCase()))
    assert.deepEqual(shown, [])
  })

  async function personalData(): Promise<string[]> {
    const words = ['Lost Soul', 'Eve New', 'elsewhere.example', 'deltatoken', 'Bearer ']
    for (const { id, profile, mailbox } of (await company.control.users({})).users) {
      words.push(id, profile.displayName, profile.userPrincipalName)
      if (mailbox) words.push(...(await contentOf(id)))
    }
    return words
  }

  async function contentOf(user: string): Promise<string[]> {
    const { folders, messages } = await company.control.snapshot({ user })
    const texts = messages.flatMap((m) => [m.immutableId, m.subject, m.internetMessageId])
    // Shorter subjects are words that anything may contain.
    return [...folders.map((f) => f.id), ...texts].filter((text) => text.length > 6)
  }

  async function tableKeys(): Promise<string[]> {
    const keys: string[] = []
    for (const table of TABLES) {
      for await (const row of tableClient(table).listEntities()) {
        keys.push(`${row.partitionKey} ${row.rowKey}`)
      }
    }
    assert.ok(keys.length > 1000)
    return keys
  }

  async function blobNames(): Promise<string[]> {
    const service = BlobServiceClient.fromConnectionString(company.stack.azurite.connectionString)
    const names: string[] = []
    for (const container of ['vault', 'ops']) {
      for await (const blob of service.getContainerClient(container).listBlobsFlat()) {
        names.push(blob.name)
      }
    }
    assert.ok(names.length > 100)
    return names
  }

  function tableClient(table: string): TableClient {
    const { connectionString } = company.stack.azurite
    return TableClient.fromConnectionString(connectionString, table, {
      allowInsecureConnection: true,
    })
  }

  test('P6: with the tables lost, setup refuses, and nothing is started', async () => {
    const client = tableClient('resources')
    for await (const row of client.listEntities()) {
      await client.deleteEntity(row.partitionKey ?? '', row.rowKey ?? '')
    }
    const setup = await company.call('POST', 'setup', {})
    assert.equal(setup.json['code'], 'RebuildNeeded')
    const run = await company.call('POST', 'runs', {})
    assert.equal(run.json['code'], 'CatalogueNotReady')
  })
})
