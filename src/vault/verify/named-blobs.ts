/**
 * Which blobs the commits of an owner name, from what lies in the clear, without a key.
 *
 * Walks each chain backwards by the hashes that link it, from the commit at which the check of the
 * chain ended: what is no link of that chain names nothing. Some 250 bytes of memory for a blob.
 */
import type { OwnerId, PackId, WorkloadName } from '../../model/ids.ts'
import { beginningOf } from '../beginning.ts'
import { parseCommit } from '../commit-format.ts'
import { isDamage } from '../damage.ts'
import { COMMIT_BYTES_MAX } from '../limits.ts'
import { baseIndexName, commitName, partName } from '../names.ts'
import { packsOfBase } from '../retention/walk.ts'
import { readerOf } from './chain-check.ts'
import type { Ends } from './progress.ts'
import type { Access, Work } from './work.ts'

export interface NamedPack {
  workload: WorkloadName
  /** Of a commit that names it. */
  seq: number
  /** Of the commit that adds it: the hash of its index, and whether that lies in the commit. */
  added?: { bytes: number; index: string; inline: boolean }
}

export interface NamedBlobs {
  packs: Map<PackId, NamedPack>
  /** Names of parts and of indexes of bases. */
  parts: Set<string>
  /** Commits that carry a base, and the one whose state it restates. */
  bases: { workload: WorkloadName; seq: number; asOf: number }[]
}

export async function namedBlobs(work: Work, access: Access, ends: Ends): Promise<NamedBlobs> {
  const named: NamedBlobs = { packs: new Map(), parts: new Set(), bases: [] }
  for (const [workload, end] of Object.entries(ends) as [WorkloadName, Ends[WorkloadName]][]) {
    if (end === undefined) continue
    await nameBackwards(work, { owner: access.owner, workload, ...end }, named)
    if (end.from > 1) await nameHeld(work, access, { workload, ...end }, named.packs)
  }
  return named
}

async function nameBackwards(
  { store, signal }: Work,
  at: { owner: OwnerId; workload: WorkloadName } & NonNullable<Ends[WorkloadName]>,
  { packs, parts, bases }: NamedBlobs,
): Promise<void> {
  const { workload, from } = at
  for (let seq = at.last.seq; seq >= from; ) {
    const range = { offset: 0, bytes: COMMIT_BYTES_MAX }
    const found = await store.read(commitName(at, seq), signal, range)
    if (found === undefined) return
    // It was read and judged before; it cannot have become another one.
    const { envelope } = parseCommit(found.bytes, at, seq)
    for (const { id, bytes, index } of envelope.packs) {
      const added = { bytes, index: index.sha256, inline: index.inline }
      packs.set(id, { workload, seq, added })
    }
    for (const id of envelope.used) if (!packs.has(id)) packs.set(id, { workload, seq })
    for (const { sha256, inline } of envelope.parts) {
      if (!inline) parts.add(partName(at, seq, sha256))
    }
    if (envelope.base) {
      const { asOf, index } = envelope.base
      parts.add(baseIndexName(at, seq, index.sha256))
      bases.push({ workload, seq, asOf })
    }
    seq -= envelope.voids.length + 1
  }
}

/**
 * Where a chain begins at a base: what that state uses, items and content on its way, lies in packs
 * of commits that are gone. Also what later commits delete: points before that need it.
 */
async function nameHeld(
  work: Work,
  access: Access,
  { workload, from }: { workload: WorkloadName } & NonNullable<Ends[WorkloadName]>,
  named: Map<PackId, NamedPack>,
): Promise<void> {
  const reader = readerOf(work, access, workload)
  if (reader === undefined) return
  try {
    const { base } = await beginningOf(reader, work.signal)
    if (base === undefined) return
    for (const id of await packsOfBase(reader, base, work.signal)) {
      if (!named.has(id)) named.set(id, { workload, seq: from })
    }
  } catch (error) {
    // The chain and its bases were judged before; items will tell what cannot be read.
    if (!isDamage(error)) throw error
  }
}
