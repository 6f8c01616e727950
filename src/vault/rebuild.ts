/**
 * Rebuilds the rows of one stream from its commits (promise P6): for rows that are lost, or that
 * do not fit the vault.
 *
 * Rows that come from no commit are removed, because everything is: the tables are an index. Nobody
 * sees the stream until its head moves, at the very end. How far it has come is the caller's to
 * keep, never the head row's: a late writer may set that one. Runs under the owner's fence, over
 * many calls, without Graph and without a content key.
 */
import { z } from 'zod'
import type { StreamTables } from '../catalogue/index.ts'
import { hasCode } from '../model/errors.ts'
import { beginningOf, byKind } from './beginning.ts'
import { checkNoGap, endAfter, followChain } from './chain.ts'
import type { ChainEnd, ChainStep, StreamVault } from './types.ts'

/** Seqs of damaged commits that a report names; they are all counted. */
const DAMAGED_NAMED_MAX = 20

const refSchema = z.object({ seq: z.int(), hash: z.string(), time: z.string() })

/** How far a rebuild has come. Plain JSON of bounded size, without anything of the content. */
export const rebuildProgressSchema = z.object({
  /**
   * `clear`: the rows may be in any state. `base`: what the stream begins with is written. `apply`:
   * they are those of the commits up to `end`.
   */
  phase: z.enum(['clear', 'base', 'apply', 'done']),
  /** A commit is damaged: what it said is left out, and so are all links in cursors. */
  lossy: z.boolean(),
  end: z.object({
    last: refSchema.optional(),
    voids: z.array(z.object({ seq: z.int(), sha256: z.string() })),
  }),
  applied: z.int(),
  damaged: z.int(),
  /** The first of them. */
  damagedSeqs: z.array(z.int()).max(DAMAGED_NAMED_MAX),
  /** The base with which the stream begins, and how many of its parts are written. */
  base: z.object({ seq: z.int(), parts: z.int() }).exactOptional(),
  /** Seqs of commits whose bases are damaged. */
  damagedBases: z.array(z.int()).exactOptional(),
})
export type RebuildProgress = z.infer<typeof rebuildProgressSchema>

export const REBUILD_START: RebuildProgress = {
  phase: 'clear',
  lossy: false,
  end: { voids: [] },
  applied: 0,
  damaged: 0,
  damagedSeqs: [],
}

export interface RebuildOptions {
  /** Ms since 1970: nothing is written after it (`TooLate`). */
  notAfter: number
  /**
   * Go on over damaged commits. What they said is lost: their items are not in the rows, and all
   * links are left out, so that the next round reads and compares everything anew. Default: throw.
   */
  overDamage?: boolean
  /** Asked before each commit; false: the call answers with how far it came. Default: to the end. */
  mayGoOn?: () => boolean
  /** Told with every commit, so that it is known also where the call throws. */
  onProgress?: (progress: RebuildProgress) => void
}

/**
 * Goes on from `from` until the stream is done, or may not go on, or must be begun anew: then the
 * caller keeps what is answered **before** it calls again, because rows are cleared only where the
 * progress that was kept says so. Throws `ChainGap` where a seq is missing and a later one is
 * there, `ChainBlocked`, `TooLate`, and `CommitDamaged` unless `overDamage`.
 */
export async function rebuildStream(
  stream: StreamVault,
  tables: StreamTables,
  from: RebuildProgress,
  options: RebuildOptions,
  signal: AbortSignal,
): Promise<RebuildProgress> {
  let now = from
  const reach = (next: RebuildProgress) => {
    now = next
    options.onProgress?.(next)
  }
  if (now.phase === 'done') return now
  if (now.phase === 'clear') {
    await tables.clear({ notAfter: options.notAfter }, signal)
    reach({ ...restart(now), phase: 'base' })
  }
  if (now.phase === 'base') {
    const begun = await restateBase({ stream, tables, from: now, reach, options }, signal)
    if (begun === 'paused') return now
  }
  const stopped = await applyCommits({ stream, tables, from: now, reach, options }, signal)
  if (stopped === 'damage') reach({ ...restart(now), lossy: true })
  if (stopped === 'end') reach(await finished(stream, tables, now, options, signal))
  return now
}

/** Begun anew, with what was found out. */
function restart({ lossy, damagedBases }: RebuildProgress): RebuildProgress {
  return { ...REBUILD_START, lossy, ...(damagedBases && { damagedBases }) }
}

interface Applying {
  stream: StreamVault
  tables: StreamTables
  from: RebuildProgress
  reach(next: RebuildProgress): void
  options: RebuildOptions
}

/**
 * Writes the state that a base restates, where the commits before it have expired; otherwise there
 * is nothing to write. A damaged base is passed, and the rows that it left are taken away again.
 */
async function restateBase(
  { stream, tables, from, reach, options }: Applying,
  signal: AbortSignal,
): Promise<'written' | 'paused'> {
  const { notAfter, mayGoOn = always } = options
  const rebuilding = from.lossy ? 'lossy' : 'whole'
  const { end, base } = await beginningOf(stream, signal, from.damagedBases)
  let now = from
  const to = (next: RebuildProgress) => {
    now = next
    reach(next)
  }
  const goesOn = base === undefined || from.base === undefined || from.base.seq === base.seq
  if (!goesOn) {
    to(restart(now))
    return 'paused'
  }
  try {
    for (const [n, part] of (base?.index.parts ?? []).entries()) {
      if (base === undefined || n < (from.base?.parts ?? 0)) continue
      const lines = await stream.readBasePart(base.index, part, signal)
      const write = { secret: stream.secret, notAfter, rebuilding } as const
      await tables.restate(byKind(lines), write, signal)
      to({ ...now, base: { seq: base.seq, parts: n + 1 } })
      if (!mayGoOn()) return 'paused'
    }
  } catch (error) {
    if (base === undefined || !hasCode(error, 'BaseDamaged')) throw error
    to({ ...restart(now), damagedBases: [...(now.damagedBases ?? []), base.seq] })
    return 'paused'
  }
  to({ ...now, phase: 'apply', end: { voids: [], ...(end.last && { last: end.last }) } })
  return 'written'
}

/** `damage`: a commit is damaged, and it must be begun anew, in the way that passes it. */
async function applyCommits(
  { stream, tables, from, reach, options }: Applying,
  signal: AbortSignal,
): Promise<'end' | 'paused' | 'damage'> {
  const { notAfter, overDamage, mayGoOn = always } = options
  const rebuilding = from.lossy ? 'lossy' : 'whole'
  let now = from
  for await (const { step } of followChain(stream, endOf(from), signal)) {
    if (step.is === 'damaged' && !from.lossy) {
      if (overDamage === true) return 'damage'
      throw step.cause
    }
    if (step.is === 'commit') {
      await tables.apply(step.commit, { secret: stream.secret, notAfter, rebuilding }, signal)
    }
    now = after(now, step)
    reach(now)
    if (!mayGoOn()) return 'paused'
  }
  return 'end'
}

const always = () => true

const endOf = ({ end }: RebuildProgress): ChainEnd => ({ last: end.last, voids: end.voids })

function after(now: RebuildProgress, step: ChainStep): RebuildProgress {
  const { last, voids } = endAfter(endOf(now), step)
  const end = { voids: [...voids], ...(last && { last }) }
  if (step.is === 'commit') return { ...now, end, applied: now.applied + 1 }
  if (step.is === 'void') return { ...now, end }
  const damagedSeqs = [...now.damagedSeqs, step.ref.seq].slice(0, DAMAGED_NAMED_MAX)
  return { ...now, end, damaged: now.damaged + 1, damagedSeqs }
}

/** Shows the stream. Where another has set the head meanwhile, it is begun anew. */
async function finished(
  stream: StreamVault,
  tables: StreamTables,
  now: RebuildProgress,
  { notAfter }: RebuildOptions,
  signal: AbortSignal,
): Promise<RebuildProgress> {
  await checkNoGap(stream, now.end, signal)
  const { last } = now.end
  if (last) await tables.moveHead(last, { notAfter }, signal)
  const head = await tables.head(signal)
  if (head?.hash === last?.hash) return { ...now, phase: 'done' }
  return restart(now)
}
