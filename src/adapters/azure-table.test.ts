/**
 * The Azure adapter against Azurite: the catalogue's suites, which the in-memory double passes too.
 * What every TableStore does is in test/contract/storage.
 */
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
import { scanContract } from '../catalogue/testing/scan-contract.ts'
import { workContract } from '../catalogue/testing/work-contract.ts'
import type { TableStore } from '../ports.ts'
import { azureTableStore } from './azure-table.ts'

/** One batch for each full hundred rows, and one more for each partition that is touched. */
const APPLY_2000_CALLS_MAX = 60

let azurite: Azurite
let store: TableStore

before(async () => {
  azurite = await startAzurite({ inMemory: true })
  store = azureTableStore({ connectionString: azurite.connectionString, prefix: 'test' })
  await store.prepare(NEVER)
})
after(() => azurite.stop())

streamContract('Azurite', () => store)
scanContract('Azurite', () => store)
workContract('Azurite', () => store)

test('a wrong key is denied, and the error quotes nothing of the request', async () => {
  const wrong = azurite.connectionString.replace(/AccountKey=[^;]+/, 'AccountKey=d3Jvbmc=')
  const denied = azureTableStore({ connectionString: wrong, prefix: 'test' })
  await assert.rejects(denied.get('items', 'quoted', 'quoted', NEVER), (error: Error) => {
    assert.equal('code' in error && error.code, 'TablesDenied')
    assert.ok(!JSON.stringify([error, error.message]).includes('quoted'))
    return true
  })
})

test('a commit of 2,000 new items is applied with few calls', async () => {
  const calls: string[] = []
  const counted: TableStore = {
    prepare: (signal) => store.prepare(signal),
    get: (...given) => {
      calls.push('get')
      return store.get(...given)
    },
    page: (...given) => {
      calls.push('page')
      return store.page(...given)
    },
    batch: (...given) => {
      calls.push('batch')
      return store.batch(...given)
    },
  }
  const stream = testCatalogue(counted).stream(OWNER, 'mail')
  const puts = Array.from({ length: 2000 }, (_, n) => aPut(messageId(n), folderId(n % 20)))
  await stream.apply(aCommit(1, puts), { secret: SECRET, notAfter: LATER }, NEVER)
  // 4,000 rows: items in 16 partitions and lists in 20, at most 100 rows in a batch.
  assert.ok(calls.length <= APPLY_2000_CALLS_MAX, `${calls.length} calls`)
})
