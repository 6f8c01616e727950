/** The Azure adapter against Azurite: the same suites that the in-memory double passes. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type Azurite, startAzurite } from '../../sandbox/azurite/start.ts'
import { streamContract } from '../catalogue/testing/catalogue-contract.ts'
import {
  aCommit,
  aPut,
  folderId,
  LATER,
  messageId,
  NEVER,
  OWNER,
  SECRET,
  testCatalogue,
} from '../catalogue/testing/fixtures.ts'
import { tableStoreContract } from '../catalogue/testing/table-store-contract.ts'
import { workContract } from '../catalogue/testing/work-contract.ts'
import type { TableStore } from '../ports.ts'
import { azureTableStore } from './azure-table.ts'

/** Generous for a shared machine; about 0.4 s on a quiet one. */
const APPLY_2000_MS_MAX = 3000

let azurite: Azurite
let store: TableStore

before(async () => {
  azurite = await startAzurite({ inMemory: true })
  store = azureTableStore({ connectionString: azurite.connectionString, prefix: 'test' })
  await store.prepare(NEVER)
  await store.prepare(NEVER)
})
after(() => azurite.stop())

tableStoreContract('Azurite', () => store)
streamContract('Azurite', () => store)
workContract('Azurite', () => store)

test('a table that is missing is said to be missing', async () => {
  const none = azureTableStore({ connectionString: azurite.connectionString, prefix: 'none' })
  const missing = { code: 'TablesMissing', kind: 'permanent' }
  const put = { op: 'put', row: 'r', values: {} } as const
  await assert.rejects(none.get('items', 'p', 'r', NEVER), missing)
  await assert.rejects(none.page('items', { partition: 'p' }, { max: 1 }, NEVER), missing)
  await assert.rejects(none.batch('items', 'p', [put], NEVER), missing)
  await assert.rejects(none.batch('items', 'p', [put, { ...put, row: 's' }], NEVER), missing)
})

test('a wrong key is denied, and the error quotes nothing of the request', async () => {
  const wrong = azurite.connectionString.replace(/AccountKey=[^;]+/, 'AccountKey=d3Jvbmc=')
  const denied = azureTableStore({ connectionString: wrong, prefix: 'test' })
  await assert.rejects(denied.get('items', 'quoted', 'quoted', NEVER), (error: Error) => {
    assert.equal('code' in error && error.code, 'TablesDenied')
    assert.ok(!JSON.stringify([error, error.message]).includes('quoted'))
    return true
  })
})

test('a commit of 2,000 new items is applied quickly', async () => {
  const stream = testCatalogue(store).stream(OWNER, 'mail')
  const puts = Array.from({ length: 2000 }, (_, n) => aPut(messageId(n), folderId(n % 20)))
  const start = performance.now()
  await stream.apply(aCommit(1, puts), { secret: SECRET, notAfter: LATER }, NEVER)
  const tookMs = performance.now() - start
  assert.ok(tookMs < APPLY_2000_MS_MAX, `${Math.round(tookMs)} ms`)
})
