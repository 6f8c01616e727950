/** Bugs that a rebuild is prone to, planted like those of plants.ts; each must be caught. */
import type { OpenedStorage } from '../../../sandbox/storage/index.ts'
import type { TableOp } from '../../../src/ports.ts'
import type { Built, Plants } from './capture-world.ts'

interface RebuildPlanted {
  bug: string
  scenario: string
  /** `beside`: a slice sleeps while the owner is rebuilt, and the vault has lost its commits. */
  where: 'rebuild' | 'beside'
  plants: Plants
}

export const REBUILD_PLANTS = {
  'removal without an etag': {
    bug: 'a rebuild removes rows by their keys, whoever has written them since',
    scenario: 'rows ahead of the vault',
    where: 'rebuild',
    plants: { ports: removesByKey },
  },
  'fence that does not wait': {
    bug: 'rows are taken away while a slice that vanished may still write',
    scenario: 'a round with moves, deletions, an edit and the ledger',
    where: 'beside',
    plants: { built: takesAllForStopped },
  },
} as const satisfies Record<string, RebuildPlanted>

export type RebuildPlantName = keyof typeof REBUILD_PLANTS

function removesByKey(ports: OpenedStorage): OpenedStorage {
  const { tables } = ports
  const byKey = (op: TableOp): TableOp => (op.op === 'remove' ? { op: 'remove', row: op.row } : op)
  const batch: typeof tables.batch = (table, partition, ops, signal) =>
    tables.batch(table, partition, ops.map(byKey), signal)
  return { ...ports, tables: { ...tables, batch } }
}

function takesAllForStopped(built: Built): Built {
  const { owners } = built.catalogue
  const claimFenced: typeof owners.claimFenced = (owner, options, signal) =>
    owners.claimFenced(owner, { ...options, stoppedBefore: Number.MAX_SAFE_INTEGER }, signal)
  return { ...built, catalogue: { ...built.catalogue, owners: { ...owners, claimFenced } } }
}
