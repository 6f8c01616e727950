/**
 * Which blobs of an owner are needed, and so have to be locked: records, commits from where each
 * chain begins, and all that those commits name. What has expired is not, nor what a writer that
 * was stopped left behind.
 */
import { isWorkloadName, type WorkloadName } from '../../model/ids.ts'
import { soundBase } from '../beginning.ts'
import { basePartName, OWNERS_PREFIX, packOfName } from '../names.ts'
import { readerOf } from './chain-check.ts'
import type { NamedBlobs } from './named-blobs.ts'
import type { Ends } from './progress.ts'
import type { Access, Work } from './work.ts'

const COMMIT = /^c\/[0-9a-f]{32}\/([a-z-]+)\/(\d{10})\/commit\.json$/

/**
 * By the name of a blob of this owner. Where it cannot be told which chain a commit is of, because
 * nothing of that chain can be read, it is needed.
 */
export async function neededNames(
  work: Work,
  access: Access,
  { ends, named }: { ends: Ends; named: NamedBlobs },
): Promise<(name: string) => boolean> {
  const bases = await basePartsOf(work, access, named)
  return (name) => {
    if (name.startsWith(OWNERS_PREFIX)) return true
    const pack = packOfName(name)
    if (pack !== undefined) return named.packs.has(pack)
    const [, workload = '', seq] = COMMIT.exec(name) ?? []
    if (seq === undefined) return named.parts.has(name) || bases.has(name)
    return Number(seq) >= ((isWorkloadName(workload) && ends[workload]?.from) || 0)
  }
}

/** Parts of bases are named by the index of their base, which is sealed. */
async function basePartsOf(
  work: Work,
  access: Access,
  { bases }: NamedBlobs,
): Promise<{ has(name: string): boolean }> {
  const names = new Set<string>()
  /** Where the index cannot be read, all parts that lie there are needed. */
  const folders = new Set<string>()
  for (const { workload, seq, asOf } of bases) {
    const stream = { owner: access.owner, workload }
    const parts = await partsOfBase(work, access, { workload, seq })
    if (parts === undefined) folders.add(folderOf(basePartName(stream, asOf, '')))
    for (const sha256 of parts ?? []) names.add(basePartName(stream, asOf, sha256))
  }
  return {
    has: (name) => names.has(name) || (name.endsWith('.bs') && folders.has(folderOf(name))),
  }
}

const folderOf = (name: string): string => name.slice(0, name.lastIndexOf('/') + 1)

/** Undefined without the index secret, and where the index of the base is damaged or gone. */
async function partsOfBase(
  work: Work,
  access: Access,
  { workload, seq }: { workload: WorkloadName; seq: number },
): Promise<string[] | undefined> {
  const reader = readerOf(work, access, workload)
  if (reader === undefined) return undefined
  const base = await soundBase(reader, seq, work.signal)
  return base?.parts.map(({ sha256 }) => sha256)
}
