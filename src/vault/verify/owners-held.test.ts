import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { AppError } from '../../model/errors.ts'
import type { BlobVersions } from '../../ports.ts'
import { memoryVault, never, newOwner } from '../testing/fixture.ts'
import { ownersHeld } from './owners-held.ts'

const recordOf = (owner: string) => `owners/${owner}/1.json`

async function storeWith(names: readonly string[]) {
  const { store } = memoryVault()
  for (const name of names) await store.create(name, randomBytes(3), never)
  return store
}

function versionsOf(names: readonly string[]): BlobVersions {
  return {
    async *versions(prefix) {
      for (const name of [...names].sort()) {
        const rest = { version: '1', current: false, bytes: 3, createdAt: new Date(), held: false }
        if (name.startsWith(prefix)) yield { name, ...rest }
      }
    },
    readVersion: async () => undefined,
  }
}

const failing = (code: string, kind: 'permanent' | 'transient'): BlobVersions => ({
  // biome-ignore lint/correctness/useYield: the listing fails before its first entry.
  async *versions() {
    throw new AppError({ code, kind, message: 'planned' })
  },
  readVersion: async () => undefined,
})

const [ada, bob, eve] = [newOwner(), newOwner(), newOwner()].sort()

test('owners are held whose record is there, in the order of their ids, each once', async () => {
  assert.ok(ada && bob && eve)
  const names = [eve, ada, bob].map(recordOf)
  const store = await storeWith([...names, `owners/${ada}/2.json`, 'owners/notes.txt'])
  assert.deepEqual(await ownersHeld({ store }, never), [ada, bob, eve])
})

test('those, too, whose record somebody hid behind a deletion', async () => {
  assert.ok(ada && bob && eve)
  const store = await storeWith([recordOf(bob)])
  const versions = versionsOf([eve, ada, bob].map(recordOf))
  assert.deepEqual(await ownersHeld({ store, versions }, never), [ada, bob, eve])
})

test('an account that keeps no versions hides nobody; one that does not answer may', async () => {
  assert.ok(bob)
  const store = await storeWith([recordOf(bob)])
  const none = failing('VersionsMissing', 'permanent')
  assert.deepEqual(await ownersHeld({ store, versions: none }, never), [bob])
  const away = failing('StorageUnavailable', 'transient')
  await assert.rejects(ownersHeld({ store, versions: away }, never), { code: 'StorageUnavailable' })
})
