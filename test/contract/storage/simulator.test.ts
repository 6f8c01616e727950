/**
 * The contract on the storage simulator: by its own ports, and by the product's Azure adapter over
 * the simulator's REST face, where the adapter meets what Azurite does not have.
 */
import { after, before } from 'node:test'
import {
  type ContainerOptions,
  IDENTITIES,
  type IdentityName,
  type OpenedStorage,
  SimulatedStorage,
} from '../../../sandbox/storage/index.ts'
import { type BlobServer, serveBlobs } from '../../../sandbox/storage/rest.ts'
import { azureBlobStore } from '../../../src/adapters/azure-blob.ts'
import {
  azureBlobLocks,
  azureBlobRemoval,
  azureBlobVersions,
} from '../../../src/adapters/azure-blob-versions.ts'
import { BLOB_CASES, type BlobWorld } from './blobs.ts'
import { playCases } from './cases.ts'
import { KEY_CASES } from './keys.ts'
import { DEFAULT_POLICY_CASES, LOCK_CASES, type LockWorld } from './locks.ts'
import { MISSING_QUEUE_CASES, QUEUE_CASES, type QueueWorld } from './queues.ts'
import { MISSING_TABLE_CASES, TABLE_LIMIT_CASES, tableStoreContract } from './tables.ts'

const SHORT_MS = 60_000
const LOCKED: ContainerOptions = { policy: { days: 60, mode: 'Locked' } }
const prefix = 'contract/'

function storageWith(blobs: ContainerOptions = {}, pages = {}): SimulatedStorage {
  return new SimulatedStorage({ seed: 1, blobs, pages })
}

function opened(storage: SimulatedStorage, role: IdentityName): OpenedStorage {
  return storage.open(role, storage.process(role))
}

function blobs(): BlobWorld {
  const storage = storageWith()
  const { vault, clock } = opened(storage, 'account')
  return { store: vault, adder: opened(storage, 'writer').vault, prefix, now: clock.now }
}

/** What is the same, whoever implements the ports. */
function underLock({ vault, clock }: SimulatedStorage) {
  return {
    prefix,
    now: clock.now,
    pass: async (ms: number) => clock.advance(ms),
    shortMs: SHORT_MS,
    overwrite: async (name: string, bytes: Uint8Array) => {
      clock.advance(1000)
      vault.overwrite(IDENTITIES.account, name, bytes)
    },
  }
}

function locks(options: ContainerOptions = {}): LockWorld {
  const storage = storageWith(options)
  return {
    ...underLock(storage),
    store: opened(storage, 'writer').vault,
    versions: opened(storage, 'restorer').locks.vault,
    locks: opened(storage, 'keeper').locks.vault,
    removal: opened(storage, 'expirer').removal.vault,
  }
}

function queues(make: boolean): QueueWorld {
  const storage = storageWith()
  if (make) storage.queues.make()
  const taken = new Map<string, number>()
  return {
    sender: opened(storage, 'account').queues,
    async take(queue) {
      const messages = storage.queues.messages(queue)
      const from = taken.get(queue) ?? 0
      taken.set(queue, messages.length)
      return messages.slice(from)
    },
  }
}

function tables(pages = {}) {
  const storage = storageWith({}, pages)
  storage.tables.make()
  return opened(storage, 'writer').tables
}

playCases('blobs: the simulator', BLOB_CASES, blobs)
playCases('locks: the simulator', LOCK_CASES, () => locks())
playCases('default policy: the simulator', DEFAULT_POLICY_CASES, () => locks(LOCKED))
playCases('queues: the simulator', QUEUE_CASES, () => queues(true))
playCases('queues that are missing: the simulator', MISSING_QUEUE_CASES, () => queues(false))
tableStoreContract('the simulator', () => tables())
tableStoreContract('the simulator, with empty and short pages', () =>
  tables({ emptyPages: 0.3, shortPages: 0.3 }),
)
playCases('limits of tables: the simulator', TABLE_LIMIT_CASES, () => tables())
playCases('tables that are missing: the simulator', MISSING_TABLE_CASES, () => {
  return opened(storageWith(), 'writer').tables
})
playCases('keys: the simulator', KEY_CASES, () => opened(storageWith(), 'account').keys)

/** Two accounts are served for the whole run; each case has a folder of its own. */
const served = new Map<string, { storage: SimulatedStorage; server: BlobServer }>()
let folders = 0
before(async () => {
  for (const [name, options] of Object.entries({ plain: {}, locked: LOCKED })) {
    const storage = storageWith(options)
    served.set(name, { storage, server: await serveBlobs(storage) })
  }
})
after(async () => {
  for (const { server } of served.values()) await server.close()
})

function adapted(account: 'plain' | 'locked') {
  const { storage, server } = served.get(account) ?? {}
  if (!storage || !server) throw new TypeError('The simulator is not served.')
  folders += 1
  const as = (role: IdentityName) => {
    return { connectionString: server.connectionString(role), container: 'vault' }
  }
  return { storage, as, place: { prefix: `${prefix}${folders}/` } }
}

const overRest = 'the Azure adapter over the simulator'
playCases(`blobs: ${overRest}`, BLOB_CASES, () => {
  const { storage, as, place } = adapted('plain')
  const store = azureBlobStore(as('account'))
  return { store, adder: azureBlobStore(as('writer')), ...place, now: storage.clock.now }
})

function adaptedLocks(account: 'plain' | 'locked'): LockWorld {
  const { storage, as, place } = adapted(account)
  return {
    ...underLock(storage),
    ...place,
    store: azureBlobStore(as('writer')),
    versions: azureBlobVersions(as('restorer')),
    locks: azureBlobLocks(as('keeper')),
    removal: azureBlobRemoval(as('expirer')),
  }
}
playCases(`locks: ${overRest}`, LOCK_CASES, () => adaptedLocks('plain'))
playCases(`default policy: ${overRest}`, DEFAULT_POLICY_CASES, () => adaptedLocks('locked'))
