/**
 * Bugs that are planted between capture and what it stands on, never by a hook in the product: a
 * model that has never failed proves nothing (docs/crash-tests.md). Those here are of any source.
 */
import type { Catalogue } from '../../../src/catalogue/types.ts'
import { CONTAINERS } from '../../../src/model/events.ts'
import type { GraphId } from '../../../src/model/ids.ts'
import type { StateLine, StreamVault, VaultApi } from '../../../src/vault/types.ts'
import type { Workload } from '../../../src/workloads/workload.ts'
import { changing } from './readers.ts'

/** What a worker reads with, and what it keeps things in. */
export interface Parts {
  readonly workload: Workload
  readonly vault: VaultApi
  readonly catalogue: Catalogue
}

export type Plant = (parts: Parts) => Parts

/** One change in so many. */
const ONE_IN = 7

export function ofWorkload(change: (workload: Workload) => Workload): Plant {
  return (parts) => ({ ...parts, workload: change(parts.workload) })
}

/** The cursor passes an item that is neither stored nor in the ledger (P2). */
function skips(workload: Workload): Workload {
  let seen = 0
  return changing(workload, (changes) =>
    changes.filter((change) => {
      if (change.kind === 'item') seen += 1
      return change.kind === 'container' || seen % ONE_IN !== 0
    }),
  )
}

function forgets(workload: Workload): Workload {
  let seen = 0
  return changing(workload, (changes) =>
    changes.filter((change) => {
      if (change.op === 'removed') seen += 1
      return change.op === 'present' || seen % ONE_IN !== 0
    }),
  )
}

/** Wherever it is found, it is said to stand where it was found first. */
function staysBehind(workload: Workload): Workload {
  const first = new Map<GraphId, GraphId>()
  return changing(workload, (changes) =>
    changes.map((change) => {
      if (change.op === 'removed' || change.kind === 'container') return change
      const was = first.get(change.id) ?? change.place.container
      first.set(change.id, was)
      return { ...change, place: { ...change.place, container: was } }
    }),
  )
}

function keepsOldContent(workload: Workload): Workload {
  const compare: Workload['compare'] = (before, now) => {
    const found = workload.compare(before, now)
    return found === 'content' ? 'decoration' : found
  }
  return { ...workload, compare }
}

/** What went while links were lost stays for ever. */
function nothingIsMissing(parts: Parts): Parts {
  const stream: Catalogue['stream'] = (owner, workload) => {
    const tables = parts.catalogue.stream(owner, workload)
    const lacks: typeof tables.scans.lacks = async (scan, items, signal) =>
      scan.container === CONTAINERS ? await tables.scans.lacks(scan, items, signal) : []
    return { ...tables, scans: { ...tables.scans, lacks } }
  }
  return { ...parts, catalogue: { ...parts.catalogue, stream } }
}

/** A part of a base lacks the first such line, unless it has no other. */
function baseForgets(isForgotten: (line: StateLine) => boolean): Plant {
  return (parts) => {
    const vault: VaultApi = {
      ...parts.vault,
      async stream(owner, workload, signal) {
        const stream = await parts.vault.stream(owner, workload, signal)
        const writeBasePart: StreamVault['writeBasePart'] = async (asOf, lines, abort) => {
          const at = lines.findIndex(isForgotten)
          const kept = at < 0 || lines.length === 1 ? lines : lines.toSpliced(at, 1)
          return await stream.writeBasePart(asOf, kept, abort)
        }
        return { ...stream, writeBasePart }
      },
    }
    return { ...parts, vault }
  }
}

/** The last event of a commit that has several makes no rows. */
function rebuildForgets(parts: Parts): Parts {
  const stream: Catalogue['stream'] = (owner, workload) => {
    const tables = parts.catalogue.stream(owner, workload)
    const apply: typeof tables.apply = async (commit, options, signal) => {
      const isShort = options.rebuilding !== undefined && commit.events.length > 1
      const events = isShort ? commit.events.slice(0, -1) : commit.events
      await tables.apply({ ...commit, events }, options, signal)
    }
    return { ...tables, apply }
  }
  return { ...parts, catalogue: { ...parts.catalogue, stream } }
}

export const PLANTS = {
  'a change is skipped': ofWorkload(skips),
  'a removal is forgotten': ofWorkload(forgets),
  'a move is not told': ofWorkload(staysBehind),
  'new content is taken for decoration': ofWorkload(keepsOldContent),
  'a comparison finds nothing missing': nothingIsMissing,
  'a base forgets an item': baseForgets((line) => line.is === 'item'),
  'a base forgets an open entry': baseForgets((line) => line.is === 'entry'),
  'a rebuild forgets an event': rebuildForgets,
} as const satisfies Record<string, Plant>
