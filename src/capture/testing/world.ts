/** One owner, one scripted mailbox (or another scripted service), the real vault and catalogue over stores in memory. */
import type { MemoryTableStore } from '../../catalogue/testing/memory-table-store.ts'
import type { Catalogue, Owner, StreamTables } from '../../catalogue/types.ts'
import { invariant } from '../../model/errors.ts'
import { type GraphId, keyHash, type OwnerId, parseOwnerId } from '../../model/ids.ts'
import type { Clock, TableName } from '../../ports.ts'
import { memoryBackend } from '../../vault/testing/memory-backend.ts'
import type { MemoryBlobStore } from '../../vault/testing/memory-blob-store.ts'
import type { MemoryKeys } from '../../vault/testing/memory-keys.ts'
import type { ContentReader, VaultApi } from '../../vault/types.ts'
import type { Workload } from '../../workloads/workload.ts'
import { askHint, type Hint } from '../hint.ts'
import { runSlice, type SliceResult, type SliceSettings } from '../index.ts'
import type { ScriptedClock, ScriptedMailbox } from './scripted-mailbox.ts'
import { SLICE_SETTINGS } from './settings.ts'

const MIB = 1024 * 1024
const START = Date.parse('2026-11-21T08:00:00Z')
/** A mailbox that does not settle within this many slices never does. */
const SLICES_MAX = 200

/** What a world needs of a scripted service. */
export interface Scripted {
  workload(clock: ScriptedClock): Workload
}

export interface World<Box extends Scripted = ScriptedMailbox> {
  box: Box
  owner: OwnerId
  clock: Clock & { advance(ms: number): void }
  blobs: MemoryBlobStore
  keys: MemoryKeys
  workload: Workload & { linkLifetimeMs?: number }
  vault: VaultApi
  catalogue: Catalogue
  tables: StreamTables
  reader: ContentReader
  signal: AbortSignal
  /** Seals the cursors in their rows. */
  secret: Uint8Array
  store: MemoryTableStore
  catalogueOn(tables: MemoryTableStore): Catalogue
  /** How many rows a table has. */
  rowsOf(table: TableName): number
  /** One slice of so many ticks of the clock (a call of the reader is one). */
  slice(ms?: number): Promise<SliceResult>
  hint(): Promise<Hint>
  /** Slices until the round is complete. */
  untilDone(): Promise<SliceResult>
  ownerRow(): Promise<Owner>
  openLedger(): Promise<number>
  hasLeft(item: GraphId): boolean
}

export async function captureWorld<Box extends Scripted = ScriptedMailbox>(
  box: Box,
  options: Partial<SliceSettings> = {},
): Promise<World<Box>> {
  const { clock, blobs, keys, vault, catalogue, catalogueOn, signal, ...backend } = memoryBackend({
    start: START,
    packBytes: MIB,
  })
  const owner = parseOwnerId('0123456789abcdef0123456789abcdef')
  const graphId = 'user' as GraphId
  await vault.prepare(signal)
  await vault.registerOwner({ owner, graphId, kind: 'user', name: 'U' }, signal)
  await catalogue.owners.insert(ownerOf(owner, graphId), signal)
  const tables = catalogue.stream(owner, 'mail')
  const workload = { ...box.workload(clock) }
  const left = new Set<GraphId>()

  async function slice(ms = 100_000): Promise<SliceResult> {
    const result = await runSlice(
      { owner, holder: 'test', progress: async () => undefined },
      {
        vault,
        catalogue,
        workload: () => workload,
        clock,
        settings: { ...SLICE_SETTINGS, ...options, sliceMs: ms },
      },
      signal,
    )
    left.clear()
    for await (const { event } of tables.open(signal)) if (event.op === 'left') left.add(event.item)
    return result
  }

  return {
    box,
    owner,
    clock,
    blobs,
    keys,
    workload,
    vault,
    catalogue,
    tables,
    reader: vault.reader(owner),
    signal,
    secret: (await vault.stream(owner, 'mail', signal)).secret,
    store: backend.tables,
    catalogueOn,
    rowsOf: (table) => backend.tables.dump(table).length,
    slice,
    async hint() {
      const row = await catalogue.owners.get(owner, signal)
      invariant(row, 'the owner has a row')
      return await askHint(row, { vault, catalogue, workload: () => workload }, signal)
    },
    async untilDone() {
      for (let n = 0; n < SLICES_MAX; n += 1) {
        const result = await slice()
        if (result.state === 'done') return result
        clock.advance(1000)
      }
      throw new Error('the mailbox does not settle')
    },
    async ownerRow() {
      const row = await catalogue.owners.get(owner, signal)
      invariant(row, 'the owner has a row')
      return row
    },
    async openLedger() {
      let open = 0
      for await (const { event } of tables.open(signal)) if (event.op === 'ledger') open += 1
      return open
    },
    hasLeft: (item) => left.has(item),
  }
}

function ownerOf(owner: OwnerId, graphId: GraphId): Owner {
  return {
    owner,
    resource: keyHash(graphId),
    graphId,
    workloads: ['mail'],
    dueAt: new Date(START).toISOString(),
    coverage: 'waiting',
    trouble: '',
    attempts: 0,
    ledgerOpen: 0,
  }
}
