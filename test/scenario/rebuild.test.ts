/**
 * P6: every table is deleted, and made again from the blobs by the command that a person runs. The
 * rows are compared by this test itself, one by one; then the next backup finds nothing to do.
 */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { TableClient } from '@azure/data-tables'
import { BlobServiceClient } from '@azure/storage-blob'
import { holdfast } from '../../cli/testing/run.ts'
import type { DriveItemSnapshot } from '../../sandbox/tenant/index.ts'
import { assertSameRows, type RowsOf } from '../../src/catalogue/testing/same-rows.ts'
import { type Row, TABLES, type TableName, type Values } from '../../src/ports.ts'
import { UNLESS_MORE } from '../level.ts'
import { Company } from './company.ts'
import { Library } from './library.ts'

/** The fewest that may be asked for; every page of three is a commit. */
const BASE_COMMITS = '10'
/** Written by the next run. */
const NEW = 'After the disaster'

type Dump = Map<TableName, Pick<Row, 'partition' | 'row' | 'values'>[]>

describe('a company that loses its tables', { ...UNLESS_MORE, timeout: 420_000 }, () => {
  let company: Company
  let ann = ''
  let bob = ''
  let plans: Library

  before(async () => {
    company = await Company.start({
      ...{ users: 2, messages: 14, files: { files: 4, sites: 1, oddFiles: true } },
      settings: { HOLDFAST_BASE_COMMITS: BASE_COMMITS },
    })
    await Library.grantUnits(company)
    const { users } = await company.control.users({})
    ann = users[0]?.profile.userPrincipalName ?? ''
    bob = users[1]?.profile.userPrincipalName ?? ''
    plans = await Library.open(company, 'Plans')
    await company.api.setup()
    await plans.putMany(12, 'Drafts/Old name')
    await plans.put('Elsewhere/other.txt')
    await company.backUp()
  })
  after(async () => {
    await company?.stop()
  })

  function client(table: TableName): TableClient {
    const options = { allowInsecureConnection: true }
    const { connectionString } = company.stack.azurite
    return TableClient.fromConnectionString(connectionString, table, options)
  }

  async function dump(): Promise<Dump> {
    const all: Dump = new Map()
    for (const table of TABLES) {
      const rows = []
      for await (const entity of client(table).listEntities()) {
        const { partitionKey = '', rowKey = '', etag: _, timestamp: __, ...columns } = entity
        const own = Object.entries(columns).filter(([name]) => !name.startsWith('odata.'))
        const values = Object.fromEntries(own) as Values
        rows.push({ partition: partitionKey, row: rowKey, values })
      }
      all.set(table, rows)
    }
    return all
  }

  async function deleteEveryRow(): Promise<void> {
    for (const [table, rows] of await dump()) {
      for (const { partition, row } of rows) await client(table).deleteEntity(partition, row)
    }
    for (const rows of (await dump()).values()) assert.deepEqual(rows, [])
  }

  async function blobs(): Promise<string[]> {
    const service = BlobServiceClient.fromConnectionString(company.stack.azurite.connectionString)
    const names = []
    for await (const { name } of service.getContainerClient('vault').listBlobsFlat()) {
      names.push(name)
    }
    return names
  }

  function rebuild(...args: string[]) {
    const { connectionString } = company.stack.azurite
    return holdfast([
      ...['vault', 'rebuild', '--account-connection', connectionString],
      ...['--keys', company.dir.keys, '--tables-connection', connectionString],
      ...['--tenant', company.stack.tenantId, ...args],
    ])
  }

  /** Moves, edits, deletions, renamed and deleted folders, and what cannot be read. */
  async function aBusyDay(): Promise<void> {
    const { control } = company
    const from = { name: 'Someone', address: 'someone@elsewhere.example' }
    const deliver = async (user: string, folder: string, subject: string) =>
      (await control.deliver({ user, folder, subject, body: `Body of ${subject}`, from })).id
    for (const name of ['Works', 'Gone']) {
      await control.createFolder({ user: ann, folder: 'Inbox', name })
    }
    const moved = await deliver(ann, 'Inbox', 'To be moved')
    const deleted = await deliver(ann, 'Inbox', 'To be deleted')
    await deliver(ann, 'Inbox/Gone', 'Deleted with its folder')
    await company.backUp()
    await control.renameFolder({ user: ann, folder: 'Inbox/Works', name: 'Work' })
    await control.move({ user: ann, message: moved, folder: 'Inbox/Work' })
    await control.flag({ user: ann, message: moved, flagStatus: 'flagged' })
    await control.delete({ user: ann, message: deleted, mode: 'recoverable' })
    await control.deleteFolder({ user: ann, folder: 'Inbox/Gone' })
    const rotten = { status: 500, code: 'ErrorCorruptData', nth: 1 } as const
    await control.addFault({ path: '/\\$value$', action: 'fail', ...rotten })
    await deliver(bob, 'Inbox', 'Rotten')
    const { drive } = plans
    await control.renameItem({ drive, item: 'Drafts/Old name', name: 'New name' })
    await control.moveItem({ drive, item: 'Drafts/New name/file 1.txt', target: 'Elsewhere' })
    await plans.put('Drafts/New name/file 2.txt', { text: 'edited' })
    const file = (name: string): Promise<DriveItemSnapshot> => plans.file(`Drafts/New name/${name}`)
    await plans.delete((await file('file 3.txt')).id)
    await company.backUpUntilDeleted()
    for (let n = 0; n < 4; n += 1) {
      await deliver(ann, 'Inbox', `Late ${n}`)
      await plans.put(`Late/${n}.txt`)
      await company.backUp()
    }
  }

  test('P6: deleting every table and running rebuild gives equal tables, row by row', async () => {
    await aBusyDay()
    const lost = await dump()
    hasEverything(lost)
    const blobsBefore = await blobs()
    await deleteEveryRow()

    const { code, text, errors } = await rebuild('--all-stopped', '--json')
    assert.equal(code, 0, errors)
    const report = JSON.parse(text)
    assert.deepEqual([report.outcome, report.ready], ['rebuilt', true])
    assert.equal(report.counts.rebuilt, (lost.get('owners') ?? []).length)

    const made = await dump()
    const secretOf = (owner: string) => {
      const file = JSON.parse(readFileSync(join(company.dir.keys, `${owner}.json`), 'utf8'))
      return Buffer.from(file.indexSecret, 'base64')
    }
    assertSameRows({ live: rowsOf(lost), rebuilt: rowsOf(made), secretOf })
    assert.deepEqual(ownersIn(made), ownersIn(lost), 'each resource has the owner that it had')
    assert.deepEqual(await blobs(), blobsBefore, 'the vault is as it was')
  })

  test('P6: and comparing says so, row by row, with nothing left out', async () => {
    const { code, text, errors } = await rebuild('--compare', '--json')
    assert.equal(code, 0, errors)
    const { outcome, tables } = JSON.parse(text)
    assert.equal(outcome, 'equal')
    const rows = await dump()
    for (const table of ['heads', 'commits', 'items', 'listing', 'cursors', 'owners'] as const) {
      assert.equal(tables[table].equal, rows.get(table)?.length, table)
    }
  })

  test('P8: without the records of who was erased nothing is rebuilt, because anybody may be', async () => {
    const { code, errors } = await rebuild('--in-use', '--ops-container', 'nowhere')
    assert.equal(code, 2)
    assert.match(errors, /ContainerMissing/)
  })

  test('P2, P6: the next backup finds nothing new, and forks no chain', async () => {
    const before = await blobs()
    const run = await company.backUp()
    const { stored, restated, left, deleted } = run.counts
    assert.deepEqual({ stored, restated, left, deleted }, NOTHING)
    assert.deepEqual(await blobs(), before, 'no blob is written')
    const states = (await company.api.resources()).map((resource) => resource.state)
    assert.ok(!states.includes('gone'), 'everybody is protected again')

    const from = { name: 'Someone', address: 'someone@elsewhere.example' }
    await company.control.deliver({ user: ann, folder: 'Inbox', subject: NEW, body: NEW, from })
    await plans.put(`${NEW}.txt`)
    assert.ok((await company.backUp()).counts.stored >= 2)
    assert.deepEqual(await company.held(ann), await company.truth(ann))
    await plans.assertSame()
    const { code, text } = await rebuild('--compare', '--json')
    assert.equal(code, 0, text)
    assert.ok((await blobs()).length > before.length)
  })
})

const NOTHING = { stored: 0, restated: 0, left: 0, deleted: 0 }

const rowsOf =
  (of: Dump): RowsOf =>
  (table) =>
    of.get(table) ?? []

/** Resource -> owner, as the rows have them. */
function ownersIn(of: Dump): Map<string, unknown> {
  const owned = (of.get('resources') ?? []).flatMap(({ row, values }) => {
    const { owner } = JSON.parse(String(values['e0']))
    return owner === undefined ? [] : [[row, owner] as const]
  })
  return new Map(owned.sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** Otherwise there would be little to lose. */
function hasEverything(of: Dump): void {
  for (const workload of ['mail', 'drive']) {
    const has = (table: TableName, is: (row: Pick<Row, 'row' | 'values'>) => boolean) =>
      (of.get(table) ?? []).some((row) => row.partition.includes(`~${workload}`) && is(row))
    const says = (op: string) => (row: Pick<Row, 'values'>) =>
      String(row.values['e0']).includes(`"op":"${op}"`)
    assert.ok(has('items', says('deleted')), `${workload}: something was deleted`)
    assert.ok(
      has('listing', ({ values }) => 'to' in values),
      `${workload}: something left its place`,
    )
    assert.ok(
      has('commits', ({ row }) => row.startsWith('b~')),
      `${workload}: there is a base`,
    )
    const isOpen = ({ values }: Pick<Row, 'values'>) => values['closedAt'] === ''
    assert.ok(
      has('ledger', (row) => isOpen(row) && says('ledger')(row)),
      `${workload}: something could not be stored`,
    )
    assert.ok(
      has('cursors', ({ values }) => values['ahead'] === true),
      `${workload}: quiet rounds have read on`,
    )
  }
}
