/**
 * Bugs that are planted between capture and what it stands on, never by a hook in the product: a
 * model that has never failed proves nothing (docs/crash-tests.md).
 */
import type { Catalogue } from '../../../src/catalogue/types.ts'
import { CONTAINERS } from '../../../src/model/events.ts'
import type { GraphId } from '../../../src/model/ids.ts'
import type { StateLine, StreamVault, VaultApi } from '../../../src/vault/types.ts'
import type { StreamReader, Workload } from '../../../src/workloads/workload.ts'

/** What a worker reads the mailbox with, and what it keeps things in. */
export interface Parts {
  readonly mail: Workload
  readonly vault: VaultApi
  readonly catalogue: Catalogue
}

export const PLANTS = {
  'a change is skipped': ofMail(skips),
  'a removal is forgotten': ofMail(forgets),
  'a move is taken for a mere flag': ofMail(staysBehind),
  'an edit is taken for a mere flag': ofMail(keepsOldContent),
  'a comparison finds nothing missing': nothingIsMissing,
  'a base forgets an item': baseForgets((line) => line.is === 'item'),
  'a base forgets an open entry': baseForgets((line) => line.is === 'entry'),
} as const satisfies Record<string, (parts: Parts) => Parts>

export type Plant = keyof typeof PLANTS

/** One change in so many. */
const ONE_IN = 7

export function planted(parts: Parts, plant: Plant | undefined): Parts {
  return plant === undefined ? parts : PLANTS[plant](parts)
}

function ofMail(change: (mail: Workload) => Workload): (parts: Parts) => Parts {
  return (parts) => ({ ...parts, mail: change(parts.mail) })
}

function reading(
  mail: Workload,
  change: (reader: StreamReader) => Partial<StreamReader>,
): Workload {
  return {
    ...mail,
    reader: (owner) => {
      const reader = mail.reader(owner)
      return { ...reader, ...change(reader) }
    },
  }
}

/** The cursor passes an item that is neither stored nor in the ledger (P2). */
function skips(mail: Workload): Workload {
  let seen = 0
  return reading(mail, (reader) => ({
    changes: async (container, link, signal) => {
      const page = await reader.changes(container, link, signal)
      const changes = page.changes.filter((change) => {
        if (change.kind === 'item') seen += 1
        return change.kind === 'container' || seen % ONE_IN !== 0
      })
      return { ...page, changes }
    },
  }))
}

function forgets(mail: Workload): Workload {
  let seen = 0
  return reading(mail, (reader) => ({
    changes: async (container, link, signal) => {
      const page = await reader.changes(container, link, signal)
      const changes = page.changes.filter((change) => {
        if (change.op === 'removed') seen += 1
        return change.op === 'present' || seen % ONE_IN !== 0
      })
      return { ...page, changes }
    },
  }))
}

/** Wherever it is found, it is said to stand where it was found first. */
function staysBehind(mail: Workload): Workload {
  const first = new Map<GraphId, GraphId>()
  return reading(mail, (reader) => ({
    changes: async (container, link, signal) => {
      const page = await reader.changes(container, link, signal)
      const changes = page.changes.map((change) => {
        if (change.op === 'removed' || change.kind === 'container') return change
        const was = first.get(change.id) ?? change.place.container
        first.set(change.id, was)
        return { ...change, place: { ...change.place, container: was } }
      })
      return { ...page, changes }
    },
  }))
}

function keepsOldContent(mail: Workload): Workload {
  const compare: Workload['compare'] = (before, now) => {
    const found = mail.compare(before, now)
    return found === 'content' ? 'decoration' : found
  }
  return { ...mail, compare }
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
function baseForgets(isForgotten: (line: StateLine) => boolean): (parts: Parts) => Parts {
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
