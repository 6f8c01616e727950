/** The real vault and catalogue over stores in memory, with a clock that a test moves. */
import { randomBytes } from 'node:crypto'
import { createCatalogue } from '../../catalogue/index.ts'
import {
  type MemoryTableStore,
  memoryTableStore,
} from '../../catalogue/testing/memory-table-store.ts'
import { createVault } from '../index.ts'
import { createMemoryBlobStore } from './memory-blob-store.ts'
import { createMemoryKeys } from './memory-keys.ts'

export const TENANT_ID = '11111111-2222-4333-8444-555555555555'

export function memoryBackend(options: { start: number; packBytes?: number }) {
  const { start, ...vaultOptions } = options
  let now = start
  const clock = {
    now: () => now,
    advance: (ms: number) => {
      now += ms
    },
    sleep: async () => undefined,
  }
  const random = { bytes: (count: number) => new Uint8Array(randomBytes(count)) }
  const blobs = createMemoryBlobStore(clock.now)
  const keys = createMemoryKeys()
  const vault = createVault({
    ...{ vault: blobs, keys, clock, random, toolVersion: 't' },
    ...vaultOptions,
  })
  const catalogueOn = (tables: MemoryTableStore) =>
    createCatalogue({
      tables,
      tenantId: TENANT_ID,
      clock,
      random,
      protectionDays: 30,
      generationDays: 30,
    })
  const tables = memoryTableStore()
  const { signal } = new AbortController()
  const catalogue = catalogueOn(tables)
  return { clock, random, blobs, keys, vault, tables, catalogue, catalogueOn, signal }
}
