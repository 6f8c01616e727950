/**
 * Bugs of a kind that such a program is prone to, planted by wrapping the ports or what stands on
 * them, never by hooks in the product. Each must be caught by the harness (docs/crash-tests.md):
 * a harness that has never failed proves nothing.
 */
import { IDENTITIES, type OpenedStorage } from '../../../sandbox/storage/index.ts'
import { hasCode } from '../../../src/model/errors.ts'
import { CONTAINERS, type StreamEvent } from '../../../src/model/events.ts'
import type { BlobStore, TableOp } from '../../../src/ports.ts'
import type { CommitWriter, StateLine, StreamVault, VaultApi } from '../../../src/vault/types.ts'
import type { StreamWriter } from '../../../src/workloads/workload.ts'
import { type Built, NEVER, type PlantSite, type Plants } from './capture-world.ts'
import type { Spoil } from './explore.ts'
import type { WriterPlant } from './restore-world.ts'

interface Planted {
  /** What is wrong, in a sentence. */
  bug: string
  /** The scenario, and the way to spoil it, that must catch it. */
  scenario: string
  how: Spoil['how']
  plants: Plants
}

const BUSY = 'a round while the mailbox changes'

export const PLANTS = {
  'index before pack': {
    bug: 'the pack is sent only after the commit.json that holds its index',
    scenario: BUSY,
    how: 'crash',
    plants: { ports: withVault(packsAfterCommit) },
  },
  'cursor before commit': {
    bug: 'the cursor rows move before the commit that holds what they pass',
    scenario: BUSY,
    how: 'crash',
    plants: { built: cursorsFirst },
  },
  'missing create-only': {
    bug: 'blobs are written without a condition, by an identity that may overwrite',
    scenario: BUSY,
    how: 'stall',
    plants: { ports: overwriting },
  },
  'refused create taken as success': {
    bug: 'a refused create is believed to be our own first try',
    scenario: BUSY,
    how: 'stall',
    plants: { ports: withVault(refusedIsFine) },
  },
  'late replay reopens a closed row': {
    bug: 'opening rows are put in the place of what is there, not inserted',
    scenario: BUSY,
    how: 'stall',
    plants: { ports: openingRowsArePut },
  },
  'a comparison that finds nothing missing': {
    bug: 'items that went while links were lost stay for ever',
    scenario: 'full comparisons after all links were lost',
    how: 'crash',
    plants: { built: nothingIsMissing },
  },
  '@removed taken as deletion': {
    bug: 'an item that left one folder is told deleted',
    scenario: 'moves whose two ends are in two commits',
    how: 'crash',
    plants: { built: (built) => withCommits(built, leftIsDeleted) },
  },
  'base that forgets a ledger entry': {
    bug: 'a base restates the items and not what could not be stored',
    scenario: 'a base of several shards, over several slices',
    how: 'crash',
    plants: { built: ledgerForgotten },
  },
} as const satisfies Record<string, Planted>

export type PlantName = keyof typeof PLANTS

/** The same for restore and undo, whose seam is the writer of the workload. */
export const WRITER_PLANTS = {
  'create retried after a lost answer': {
    bug: 'a create whose answer was lost is sent again at once',
    of: 'restore',
    how: 'crash',
    plant: createsAgain,
  },
  'removed on the word of the plan': {
    bug: 'an undo takes what the plan saw of an item for what it is now',
    of: 'undo',
    how: 'crash',
    plant: looksOnce,
  },
} as const satisfies Record<string, WriterPlanted>

interface WriterPlanted {
  bug: string
  of: 'restore' | 'undo'
  how: Spoil['how']
  plant: WriterPlant
}

export type WriterPlantName = keyof typeof WRITER_PLANTS

function withVault(wrap: (store: BlobStore) => BlobStore): NonNullable<Plants['ports']> {
  return (ports) => ({ ...ports, vault: wrap(ports.vault) })
}

function packsAfterCommit(store: BlobStore): BlobStore {
  const held = new Map<string, Uint8Array>()
  return {
    ...store,
    async create(name, bytes, signal) {
      if (name.endsWith('.pk')) {
        held.set(name, bytes)
        const there = await store.stat('format.json', signal)
        return { outcome: 'created', serverTime: there?.createdAt ?? new Date(0) }
      }
      const outcome = await store.create(name, bytes, signal)
      if (!name.endsWith('/commit.json')) return outcome
      for (const [pack, packBytes] of held) await store.create(pack, packBytes, signal)
      held.clear()
      return outcome
    },
  }
}

function refusedIsFine(store: BlobStore): BlobStore {
  return {
    ...store,
    async create(name, bytes, signal) {
      return { ...(await store.create(name, bytes, signal)), outcome: 'created' }
    },
  }
}

function overwriting(ports: OpenedStorage, { storage, process }: PlantSite): OpenedStorage {
  const overwrite: BlobStore['create'] = async (name, bytes) =>
    await process.call({ port: 'vault', op: 'overwrite', target: name }, () => {
      storage.vault.overwrite(IDENTITIES.account, name, bytes)
      return { outcome: 'created', serverTime: storage.clock.serverTime() }
    })
  return { ...ports, vault: { ...ports.vault, create: overwrite } }
}

function openingRowsArePut(ports: OpenedStorage): OpenedStorage {
  const put = (op: TableOp): TableOp => (op.op === 'insert' ? { ...op, op: 'put' } : op)
  const { tables } = ports
  return {
    ...ports,
    tables: {
      ...tables,
      batch: (table, partition, ops, signal) =>
        tables.batch(table, partition, table === 'listing' ? ops.map(put) : ops, signal),
    },
  }
}

type Commit = CommitWriter['commit']

/** Wraps the commits of every stream. */
function withCommits(
  built: Built,
  wrap: (commit: Commit, stream: StreamVault, seqBefore: number) => Commit,
): Built {
  const vault: VaultApi = {
    ...built.vault,
    async stream(owner, workload, signal) {
      const stream = await built.vault.stream(owner, workload, signal)
      return {
        ...stream,
        begin(previous, voids) {
          const writer = stream.begin(previous, voids)
          const commit = wrap(writer.commit.bind(writer), stream, previous?.seq ?? 0)
          return {
            get addedBytes() {
              return writer.addedBytes
            },
            addVersion: (version, abort) => writer.addVersion(version, abort),
            extend: (content, piece, abort) => writer.extend(content, piece, abort),
            commit,
          }
        },
      }
    },
  }
  return { ...built, vault }
}

function ledgerForgotten(built: Built): Built {
  const isKept = (line: StateLine) => line.is !== 'entry' || line.event.op !== 'ledger'
  const vault: VaultApi = {
    ...built.vault,
    async stream(owner, workload, signal) {
      const stream = await built.vault.stream(owner, workload, signal)
      const writeBasePart: StreamVault['writeBasePart'] = async (asOf, lines, abort) => {
        const kept = lines.filter(isKept)
        return await stream.writeBasePart(asOf, kept.length > 0 ? kept : lines, abort)
      }
      return { ...stream, writeBasePart }
    },
  }
  return { ...built, vault }
}

function leftIsDeleted(commit: Commit): Commit {
  const deleted = (event: StreamEvent): StreamEvent => {
    if (event.op !== 'left') return event
    const { kind, item, place, at } = event
    return { op: 'deleted', kind, item, leaves: place, leftAt: at }
  }
  return (content, options, signal) =>
    commit({ ...content, events: content.events.map(deleted) }, options, signal)
}

function cursorsFirst(built: Built): Built {
  return withCommits(built, (commit, stream, seqBefore) => async (content, options, signal) => {
    const tables = built.catalogue.stream(stream.owner, stream.workload)
    const save = { seq: seqBefore, secret: stream.secret, notAfter: Number.MAX_SAFE_INTEGER }
    await tables.saveCursors(content.cursors, save, NEVER)
    return await commit(content, options, signal)
  })
}

function nothingIsMissing(built: Built): Built {
  const { catalogue } = built
  const stream: Built['catalogue']['stream'] = (owner, workload) => {
    const tables = catalogue.stream(owner, workload)
    const lacks: typeof tables.scans.lacks = async (scan, items, signal) =>
      scan.container === CONTAINERS ? await tables.scans.lacks(scan, items, signal) : []
    return { ...tables, scans: { ...tables.scans, lacks } }
  }
  return { ...built, catalogue: { ...catalogue, stream } }
}

function createsAgain(writer: StreamWriter): StreamWriter {
  return {
    ...writer,
    async create(version, creation, signal) {
      try {
        return await writer.create(version, creation, signal)
      } catch (error) {
        if (!hasCode(error, 'AnswerLost')) throw error
        return await writer.create(version, creation, signal)
      }
    },
  }
}

/** Each step gets a writer of its own, so the looks outlive it here. */
const looks = new Map<string, Awaited<ReturnType<StreamWriter['present']>>>()

function looksOnce(writer: StreamWriter): StreamWriter {
  return {
    ...writer,
    async present(id, signal) {
      const before = looks.get(id)
      const now = before ?? (await writer.present(id, signal))
      if (now) looks.set(id, now)
      return now
    },
  }
}
