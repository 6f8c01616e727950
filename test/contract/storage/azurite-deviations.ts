/**
 * Where Azurite 3.37.0 is known not to do what Azure does: the one list of it. What stands here is
 * asserted, so that a new version of Azurite that does better, or worse, is noticed.
 *
 * `cases` are those of the contract that fail for it. What no port of ours asks for is a `probe`,
 * by the SDK: it shows what a stand-in lets pass that Azure would not.
 */
import assert from 'node:assert/strict'
import { TableClient } from '@azure/data-tables'
import { BlobServiceClient, type ContainerClient, RestError } from '@azure/storage-blob'
import type { Azurite } from '../../../sandbox/azurite/start.ts'
import type { Deviation } from './cases.ts'

export interface AzuriteDeviation extends Deviation {
  probe?(azurite: Azurite): Promise<void>
}

/** The adapter says so, rather than taking the only version for the one that was meant. */
const NO_VERSIONS = /VersionsMissing/
/** A case reads its first version before it comes to anything else. */
const EVERY_LOCK_CASE = [
  'a new blob is one version, the current one, and no hold is on it',
  'versions are listed by name, of one name oldest first, and the newest is current',
  'a version is locked until a second, which the listing tells',
  'a lock is repeated and extended, and never shortened',
  'a locked version is not removed and stays readable; after its end it is removed',
  'a held version is not removed until the hold is cleared',
  'a write over a held version hides it and destroys nothing',
  'an earlier version is removed and leaves the current one alone',
  'a version that does not exist is neither locked nor held',
  'a new blob inherits the locked default policy of its container',
]
const taken = /Missing expected rejection/

export const AZURITE_DEVIATIONS: readonly AzuriteDeviation[] = [
  {
    name: 'no versions',
    azure: 'each write makes a version with an id; each can be listed, read and deleted',
    here: 'no version id is given; a listing shows the newest alone; any id reads the newest',
    cases: Object.fromEntries(EVERY_LOCK_CASE.map((name) => [name, NO_VERSIONS])),
    async probe(azurite) {
      const blob = (await scratch(azurite)).getBlockBlobClient('a')
      assert.equal((await blob.upload('one', 3)).versionId, undefined)
      await blob.upload('two', 3)
      const read = await blob.withVersion(SOME_VERSION).downloadToBuffer()
      assert.equal(read.toString(), 'two')
    },
  },
  {
    name: 'no immutability calls',
    azure: 'policies and legal holds are set and removed',
    here: '501 APINotImplemented',
    cases: {},
    async probe(azurite) {
      const blob = (await scratch(azurite)).getBlockBlobClient('a')
      await blob.upload('one', 3)
      const policy = { expiriesOn: soon(), policyMode: 'Unlocked' } as const
      await answers(501, 'APINotImplemented', () => blob.setImmutabilityPolicy(policy))
      await answers(501, 'APINotImplemented', () => blob.deleteImmutabilityPolicy())
      await answers(501, 'APINotImplemented', () => blob.setLegalHold(true))
    },
  },
  {
    name: 'immutability headers are ignored',
    azure: 'a blob that is uploaded with a policy or a hold is protected: 409 on its deletion',
    here: '201, nothing of it in the properties, and the deletion is done',
    cases: {},
    async probe(azurite) {
      const blob = (await scratch(azurite)).getBlockBlobClient('a')
      await blob.upload('one', 3, {
        immutabilityPolicy: { expiriesOn: soon(), policyMode: 'Locked' },
        legalHold: true,
      })
      const { immutabilityPolicyExpiresOn, legalHold } = await blob.getProperties()
      assert.deepEqual([immutabilityPolicyExpiresOn, legalHold], [undefined, undefined])
      await blob.delete()
      assert.equal(await blob.exists(), false)
    },
  },
  {
    name: 'no soft delete',
    azure: 'what was deleted can be brought back for as many days as the account says',
    here: 'the setting is taken; nothing is kept, and undelete is 501',
    cases: {},
    async probe(azurite) {
      const container = await scratch(azurite)
      const service = BlobServiceClient.fromConnectionString(azurite.connectionString)
      await service.setProperties({ deleteRetentionPolicy: { enabled: true, days: 7 } })
      const blob = container.getBlockBlobClient('a')
      await blob.upload('one', 3)
      await blob.delete()
      await answers(501, 'APINotImplemented', () => blob.undelete())
    },
  },
  {
    name: 'rehydration at once',
    azure: 'a blob leaves the archive after hours',
    here: 'it can be read as soon as its tier is set',
    cases: {},
    async probe(azurite) {
      const blob = (await scratch(azurite)).getBlockBlobClient('a')
      await blob.upload('one', 3)
      await blob.setAccessTier('Archive')
      await answers(409, 'BlobArchived', () => blob.download())
      await blob.setAccessTier('Hot')
      assert.equal((await blob.downloadToBuffer()).toString(), 'one')
    },
  },
  {
    name: 'rows without limits',
    azure: 'a row of 253 columns or over 1 MiB is refused',
    here: 'it is taken; withAzureLimits refuses it before the call',
    cases: {
      'a row has at most 252 columns': taken,
      'a row has at most 1 MiB': taken,
    },
  },
  {
    name: 'any column name',
    azure: 'a column has a C# identifier as its name',
    here: 'it may have a dash',
    cases: { 'a column has an identifier as its name': taken },
  },
  {
    name: 'long pages',
    azure: '$top above 1,000 is refused',
    here: '1,000 rows come',
    cases: { 'a page has at most 1,000 rows': taken },
  },
  {
    name: 'a slash in a key is a failure of the service',
    azure: '400 to every call, as for the other characters that a key has not',
    here: '400 to an insert, and 500 to an upsert, which the SDK sends again and again',
    cases: {},
    async probe(azurite) {
      const table = tableOf(azurite, 'slashes')
      await table.createTable()
      const entity = { partitionKey: 'p', rowKey: 'a/b' }
      await assert.rejects(table.createEntity(entity), { statusCode: 400 })
      await assert.rejects(table.upsertEntity(entity), { statusCode: 500 })
    },
  },
  {
    name: 'a deleted table is made again at once',
    azure: 'its name stays taken for 40 seconds and more: 409 TableBeingDeleted',
    here: '201',
    cases: {},
    async probe(azurite) {
      const table = tableOf(azurite, 'again')
      await table.createTable()
      await table.deleteTable()
      await table.createTable()
    },
  },
]

/** Looks like a version id of Azure, and was none. */
const SOME_VERSION = '2020-02-02T02:02:02.0000000Z'
const soon = () => new Date(Date.now() + 60_000)
let scratches = 0

async function scratch({ connectionString }: Azurite): Promise<ContainerClient> {
  scratches += 1
  const service = BlobServiceClient.fromConnectionString(connectionString)
  const container = service.getContainerClient(`scratch-${scratches}`)
  await container.create()
  return container
}

function tableOf({ connectionString }: Azurite, name: string): TableClient {
  const retryOptions = { maxRetries: 0 }
  const options = { allowInsecureConnection: true, retryOptions }
  return TableClient.fromConnectionString(connectionString, name, options)
}

async function answers(status: number, code: string, call: () => Promise<unknown>): Promise<void> {
  await assert.rejects(call, (error) => {
    assert.ok(error instanceof RestError)
    const named = error.code ?? error.response?.headers.get('x-ms-error-code')
    assert.deepEqual([error.statusCode, named], [status, code])
    return true
  })
}
