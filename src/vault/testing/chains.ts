/** Chains of commits in a vault in memory, from the catalogue's random streams. */

import { createCatalogue, type StreamTables } from '../../catalogue/index.ts'
import type { RandomStream } from '../../catalogue/testing/commit-streams.ts'
import {
  type MemoryTableStore,
  memoryTableStore,
} from '../../catalogue/testing/memory-table-store.ts'
import type { CommitRef } from '../../model/events.ts'
import type { OwnerId } from '../../model/ids.ts'
import type { BaseIndex, StreamVault, VaultCommit } from '../types.ts'
import { memoryVault, never, random, registered, type TestVault } from './fixture.ts'

export interface ChainInVault {
  on: TestVault
  owner: OwnerId
  stream: StreamVault
  refs: CommitRef[]
}

export async function emptyChain(): Promise<ChainInVault> {
  const on = memoryVault()
  const owner = await registered(on.vault)
  return { on, owner, stream: await on.vault.stream(owner, 'mail', never), refs: [] }
}

/** Writes what a commit of the model says, after the last one of the chain. */
export async function extend(
  chain: ChainInVault,
  commit: RandomStream['commits'][number],
  base?: BaseIndex,
): Promise<VaultCommit> {
  const { events, cursors, round, counts, complete } = commit
  const writer = chain.stream.begin(chain.refs.at(-1))
  const options = { complete, ...(base ? { base } : {}) }
  const result = await writer.commit({ events, cursors, round, counts }, options, never)
  if (result.outcome !== 'committed') throw new Error('a test chain has one writer')
  const { seq, hash, time } = result.commit
  chain.refs.push({ seq, hash, time })
  return result.commit
}

export function tablesFor({ on, owner }: ChainInVault): {
  tables: StreamTables
  store: MemoryTableStore
} {
  const store = memoryTableStore()
  const catalogue = createCatalogue({
    tables: store,
    tenantId: '11111111-2222-4333-8444-555555555555',
    clock: on.clock,
    random,
    protectionDays: 30,
    generationDays: 30,
  })
  return { tables: catalogue.stream(owner, 'mail'), store }
}
