/**
 * Bugs that are planted by wrapping what a role is given, or, where the bug is another way of
 * deciding, in the place of it: a model that has never failed proves nothing (docs/crash-tests.md).
 */
import type { OpenedStorage } from '../../../sandbox/storage/index.ts'
import type { GraphId, OwnerId, PackId } from '../../../src/model/ids.ts'
import { packsOf } from '../../../src/model/representation.ts'
import type { BlobLocks, BlobStore } from '../../../src/ports.ts'
import { createRecord } from '../../../src/vault/retention/index.ts'
import { NEVER, type Plant, type YearsWorld } from './world.ts'

const SALT_BYTES = 32

export const PLANTS = {
  'the expirer trusts the tables': { plan: planByTables },
  'the expirer ignores an open plan': {
    expirer: (ports: OpenedStorage) => ({ ...ports, ops: without(ports.ops, 'restore/') }),
  },
  'the keeper forgets index blobs': {
    keeper: (ports: OpenedStorage) => {
      const vault = forgetful(ports.locks.vault, 'idx/')
      return { ...ports, locks: { ...ports.locks, vault } }
    },
  },
  'a salt is used twice': { writer: sameSalts },
} as const satisfies Record<string, Plant>

export type PlantName = keyof typeof PLANTS

/** What the newest rows do not name seems to be needed by nobody. */
async function planByTables(
  world: YearsWorld,
  ports: OpenedStorage,
  owner: OwnerId,
): Promise<void> {
  const catalogue = world.catalogueOf(ports)
  const used = new Set<PackId>()
  for (const model of world.streams) {
    if (model.owner !== owner || !model.head) continue
    const tables = catalogue.stream(owner, model.workload)
    const items = [...model.now.keys()] as GraphId[]
    const held = await tables.current(items, model.head.seq, NEVER)
    for (const { representations } of held.values()) {
      for (const pack of packsOf(representations)) used.add(pack)
    }
  }
  const blobs = []
  for await (const { name, version, bytes } of ports.removal.vault.versions(
    `packs/${owner}/`,
    NEVER,
  )) {
    if (!used.has(name.slice(-67, -3) as PackId)) blobs.push({ name, version, bytes })
  }
  const day = new Date(world.now).toISOString().slice(0, 10)
  const document = { owner, what: { is: 'unneeded' }, blobs }
  await createRecord(ports.ops, `expirer/${day}/plan-${world.now}.json`, document, NEVER)
}

function without(ops: BlobStore, hidden: string): BlobStore {
  return {
    ...ops,
    async *list(prefix, signal) {
      for await (const stat of ops.list(prefix, signal)) {
        if (!stat.name.startsWith(hidden)) yield stat
      }
    },
  }
}

function forgetful(locks: BlobLocks, hidden: string): BlobLocks {
  return {
    ...locks,
    async *versions(prefix, signal) {
      for await (const version of locks.versions(prefix, signal)) {
        if (!version.name.startsWith(hidden)) yield version
      }
    },
  }
}

function sameSalts(ports: OpenedStorage): OpenedStorage {
  const { random } = ports
  const same = new Uint8Array(SALT_BYTES).fill(7)
  const bytes = (count: number) => (count === SALT_BYTES ? same : random.bytes(count))
  return { ...ports, random: Object.assign(Object.create(random), { bytes }) }
}
