/** holdfast vault rebuild as people run it: a vault in a folder, tables in Azurite. */
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { after, before, beforeEach, describe, test } from 'node:test'
import { TableClient } from '@azure/data-tables'
import { type Azurite, startAzurite } from '../../sandbox/azurite/start.ts'
import { azureTableStore } from '../../src/adapters/azure-table.ts'
import { TABLES, type TableName } from '../../src/ports.ts'
import { compareStart } from '../../src/runs/rebuild/index.ts'
import { rebuildWorld } from '../../src/runs/rebuild/testing/world.ts'
import { TENANT_ID } from '../../src/vault/testing/memory-backend.ts'
import { dump } from '../testing/dump.ts'
import { holdfast } from '../testing/run.ts'

const never = new AbortController().signal
/** DESIGN 6: computed from commits. Their packs' locks are measured, here by the same settings. */
const FROM_COMMITS = ['heads', 'commits', 'items', 'listing', 'packs'] as const

const world = await rebuildWorld('ann', 'bob')
const ann = await world.ownerOf('ann')
const dumped = await dump({ after }, world, [ann, await world.ownerOf('bob')])
let azurite: Azurite

before(async () => {
  azurite = await startAzurite({ inMemory: true })
})
after(() => azurite?.stop())
beforeEach(async () => {
  for (const table of TABLES) await empty(table)
})

function client(table: TableName): TableClient {
  const options = { allowInsecureConnection: true }
  return TableClient.fromConnectionString(azurite.connectionString, table, options)
}

async function empty(table: TableName): Promise<void> {
  await azureTableStore({ connectionString: azurite.connectionString }).prepare(never)
  for await (const { partitionKey = '', rowKey = '' } of client(table).listEntities()) {
    await client(table).deleteEntity(partitionKey, rowKey)
  }
}

/** Rows as the catalogue of the test's own memory shows them. */
async function rowsOf(table: TableName): Promise<[string, Record<string, unknown>][]> {
  const rows: [string, Record<string, unknown>][] = []
  for await (const entity of client(table).listEntities()) {
    const { partitionKey, rowKey, etag: _, timestamp: __, ...values } = entity
    const own = Object.entries(values).filter(([name]) => !name.startsWith('odata'))
    rows.push([`${partitionKey}|${rowKey}`, Object.fromEntries(own)])
  }
  return rows.sort(([a], [b]) => (a < b ? -1 : 1))
}

/** Into the tables of this test, from the folder of the vault. */
function given(of: { options: string[] } = dumped): string[] {
  const tables = ['--tables-connection', azurite.connectionString, '--tenant', TENANT_ID]
  return ['vault', 'rebuild', ...of.options, ...tables]
}

const rebuild = (...args: string[]) => holdfast([...given(), ...args])

describe('holdfast vault rebuild', () => {
  test('P6: makes the rows of the commits, and comparing finds them equal', async () => {
    const { code, text, errors } = await rebuild('--all-stopped')
    assert.equal(code, 0, errors)
    assert.match(text, /^2 owners, 2 rebuilt from \d+ commits/)
    assert.match(text, /The catalogue is ready/)
    for (const table of FROM_COMMITS) {
      assert.deepEqual(await rowsOf(table), world.tables.dump(table), table)
    }
    const compared = await rebuild('--compare')
    assert.equal(compared.code, 0, compared.errors)
    assert.match(compared.text, /Every row is that of the commits/)
  })

  test('refuses tables that are in use, says why and what to do; told so, it goes on', async () => {
    await rebuild('--all-stopped')
    const refused = await rebuild('--all-stopped')
    assert.equal(refused.code, 2)
    assert.match(refused.errors, /in use[\s\S]*TablesInUse[\s\S]*--compare[\s\S]*--in-use/)
    const one = await rebuild('--in-use', '--owner', ann, '--json')
    assert.equal(one.code, 0, one.errors)
    const { outcome, counts, ready } = JSON.parse(one.text)
    assert.deepEqual([outcome, counts.rebuilt, ready], ['rebuilt', 1, true])
    assert.equal((await rebuild('--compare')).code, 0)
  })

  test('makes one owner alone, and says that nobody works on the tables before all are', async () => {
    const { code, text, errors } = await rebuild('--all-stopped', '--owner', ann)
    assert.equal(code, 0, errors)
    assert.match(text, /not ready/)
    assert.equal((await rebuild('--compare', '--owner', ann)).code, 0)
    const all = await rebuild('--compare', '--json')
    assert.equal(all.code, 1)
    const { tables } = JSON.parse(all.text)
    assert.deepEqual([tables.owners.equal, tables.owners.missing], [1, 1])
  })

  test('waits for workers that may still write, and goes on where it was stopped', async () => {
    const stopped = await holdfast(given(), (child) => {
      child.stderr?.on('data', (text: Buffer) => {
        if (text.includes('is waited for')) child.kill('SIGINT')
      })
    })
    assert.equal(stopped.code, 130, stopped.errors)
    assert.match(stopped.errors, /may still write[\s\S]*--all-stopped[\s\S]*goes on from where/)
    const rest = await rebuild('--all-stopped', '--json')
    assert.equal(rest.code, 0, rest.errors)
    assert.match(rest.errors, /Going on with the rebuild that was begun/)
    assert.equal(JSON.parse(rest.text).counts.rebuilt, 2)
    assert.equal((await rebuild('--compare')).code, 0)
  })

  test('what cannot be rebuilt is counted with its code, and the exit code is 1', async (t) => {
    const partial = await dump(t, world, [ann])
    const end = await holdfast([...given(partial), '--all-stopped'])
    assert.equal(end.code, 1, end.errors)
    assert.match(end.text, /1 unreadable[\s\S]*KeyMissing: 1 owner/)
  })
})

describe('who was erased', () => {
  test('P8: comes back in no row, though the keys are there, where the records are at hand', async () => {
    const ops = join(dumped.folder, 'ops')
    const record = join(ops, 'expirer', 'erased', `${ann}.json`)
    await mkdir(dirname(record), { recursive: true })
    await writeFile(record, '{}')
    const { code, text, errors } = await rebuild('--ops', ops, '--all-stopped')
    assert.equal(code, 0, errors)
    assert.match(text, /1 erased, and not brought back/)
    for (const table of FROM_COMMITS) {
      for (const [key] of await rowsOf(table)) assert.ok(!key.includes(ann), `${table} ${key}`)
    }
    const compared = await rebuild('--ops', ops, '--compare', '--json')
    assert.deepEqual([compared.code, JSON.parse(compared.text).counts.erased], [0, 1])
    const unknown = await rebuild('--compare')
    assert.equal(unknown.code, 1, 'of whom nothing is known everything is missing')
    assert.match(unknown.errors, /Nobody looked at what was erased/)
    assert.equal((await rebuild('--ops', join(ops, 'nowhere'))).code, 64)
  })
})

describe('holdfast vault rebuild --compare', () => {
  test('P6: names every row that is not as the commits say, and writes nothing', async () => {
    await rebuild('--all-stopped')
    const items = client('items')
    const [lost, changed] = await rowsOf('items')
    const [lostKey = '', lostRow = ''] = lost?.[0].split('|') ?? []
    const [changedKey = '', changedRow = ''] = changed?.[0].split('|') ?? []
    await items.deleteEntity(lostKey, lostRow)
    const spoilt = { partitionKey: changedKey, rowKey: changedRow, e0: '{}' }
    await items.updateEntity(spoilt, 'Merge')
    await items.createEntity({ partitionKey: lostKey, rowKey: `${lostRow}0`, seq: '0000000001' })
    const before = await rowsOf('items')
    const { code, text, errors } = await rebuild('--compare', '--json')
    assert.equal(code, 1, errors)
    const { outcome, differences } = JSON.parse(text)
    assert.equal(outcome, 'different')
    const told = differences.map((d: Record<string, string>) => [d['is'], d['row'], d['columns']])
    assert.deepEqual(told.sort(), [
      ['different', changedRow, ['document']],
      ['extra', `${lostRow}0`, undefined],
      ['missing', lostRow, undefined],
    ])
    assert.deepEqual(await rowsOf('items'), before)
    const shown = await rebuild('--compare')
    assert.match(shown.text, /3 rows are not as the commits say/)
    for (const name of ['ann', 'subject', 'Inbox']) {
      assert.ok(!new RegExp(`\\b${name}\\b`).test(text + shown.text), name)
    }
  })

  test('keeps how far it is, and ends in the same report', async () => {
    await rebuild('--all-stopped')
    const file = join(dumped.folder, 'progress.json')
    const whole = await rebuild('--compare', '--json')
    const [first = ''] = world.tables.dump('owners').map(([key]) => key.split('|')[1])
    const kept = { ...compareStart({}), after: first }
    kept.counts.owners = 1
    await writeFile(file, JSON.stringify(kept))
    const rest = await rebuild('--compare', '--json', '--progress', file)
    assert.equal(rest.code, 0, rest.errors)
    assert.match(rest.errors, /Going on from/)
    const { counts } = JSON.parse(rest.text)
    assert.deepEqual([counts.owners, JSON.parse(whole.text).counts.owners], [2, 2])
    assert.ok(counts.streams < JSON.parse(whole.text).counts.streams)
    assert.ok(!existsSync(file))
    await writeFile(file, JSON.stringify(kept))
    assert.equal((await rebuild('--compare', '--owner', ann, '--progress', file)).code, 64)
    await writeFile(file, '{"half":')
    assert.equal((await rebuild('--compare', '--progress', file)).code, 2)
  })

  test('says what is wrong with how it was called', async () => {
    const tables = ['--tables-connection', azurite.connectionString]
    const vault = ['vault', 'rebuild', ...dumped.options]
    assert.equal((await holdfast([...vault, ...tables])).code, 64, 'no tenant')
    assert.equal((await holdfast([...vault, '--tenant', TENANT_ID])).code, 64, 'no tables')
    assert.equal((await holdfast([...vault, ...tables, '--tenant', 'contoso'])).code, 64)
    assert.equal((await rebuild('--compare', '--in-use')).code, 64)
    assert.equal((await rebuild('--progress', 'x')).code, 64)
    const keyless = ['vault', 'rebuild', '--vault', dumped.vault, ...tables, '--tenant', TENANT_ID]
    const sealed = await holdfast(keyless)
    assert.equal(sealed.code, 64)
    assert.match(sealed.errors, /--keys/)
  })
})
