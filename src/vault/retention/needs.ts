/**
 * What of an owner's blobs retention needs, proven from the blobs alone (DESIGN 5).
 *
 * A stream is kept from the state of a base on: everything after it, and what that state uses. Which
 * base that is, is the youngest one by which every retained point can be reached, less one, so that
 * a damaged base costs no point; and it counts only once it is proven, because who steals the writer
 * could restate a stream without its items and let time destroy the rest. Packs are needed by the
 * union of all streams.
 *
 * What cannot be read is no reason to let anything go: it is thrown.
 */
import { AppError, hasCode } from '../../model/errors.ts'
import { isWorkloadName, type OwnerId, type PackId, type WorkloadName } from '../../model/ids.ts'
import type { BlobStore, OwnerKeys } from '../../ports.ts'
import type { CarriedBase } from '../beginning.ts'
import { basePartName, commitsOfOwnerPrefix, commitsPrefix, packOfName } from '../names.ts'
import { createStreamReader } from '../stream-vault.ts'
import { DAY_MS } from './days.ts'
import type { Rules } from './rules.ts'
import { carriedBase, packsOfBase, type WalkedStream, walkStream } from './walk.ts'

export interface NeedsDeps {
  vault: BlobStore
  keys: Pick<OwnerKeys, 'indexSecret'>
}

/** Every stream of the owner. Throws `WorkloadUnknown`, `KeyMissing`, and as walkStream. */
export async function walkOwner(
  { vault, keys }: NeedsDeps,
  owner: OwnerId,
  signal: AbortSignal,
): Promise<Map<WorkloadName, WalkedStream>> {
  const names = new Set<string>()
  for await (const { name } of vault.list(commitsOfOwnerPrefix(owner), signal)) {
    names.add(name.split('/')[2] ?? '')
  }
  const streams = new Map<WorkloadName, WalkedStream>()
  if (names.size === 0) return streams
  const secret = await keys.indexSecret(owner, signal)
  for (const workload of names) {
    if (!isWorkloadName(workload)) throw workloadUnknown(owner)
    const reader = createStreamReader({ store: vault, stream: { owner, workload }, secret })
    streams.set(workload, await walkStream(reader, signal))
  }
  return streams
}

/**
 * The newest point that must be reachable and is not later than any other such point: the state at
 * the beginning of the retention, a whole one if there is one, and what is pinned. 0: all of them.
 */
export function oldestPoint(
  { reader, points }: WalkedStream,
  { retention, pins }: Rules,
  now: number,
): number {
  if (retention === 'forever') return 0
  const horizon = now - retention.days * DAY_MS
  const past = points.filter(({ time }) => Date.parse(time) <= horizon)
  const edge = past.findLast(({ complete }) => complete) ?? past.at(-1)
  const pinned = pins.filter((p) => p.owner === reader.owner && p.workload === reader.workload)
  return Math.min(edge?.seq ?? 0, ...pinned.map(({ seq }) => seq))
}

/** Says whether a base of a stream is proven; it may be remembered. */
export type Prover = (walked: WalkedStream, base: CarriedBase) => Promise<boolean>

/**
 * The base from which on a stream is kept. Undefined: from where it begins now. One sound base
 * stays between it and `oldest`.
 */
export async function keptBase(
  walked: WalkedStream,
  oldest: number,
  isProven: Prover,
  signal: AbortSignal,
): Promise<CarriedBase | undefined> {
  const begin = walked.beginning.end.last?.seq ?? 0
  const candidates = walked.bases.filter(({ asOf }) => asOf > begin && asOf < oldest)
  // Of one state they stay in the order of their commits.
  candidates.sort((a, b) => b.asOf - a.asOf)
  let spare: number | undefined
  for (const { seq, asOf } of candidates) {
    const base = await soundBase(walked, seq, signal)
    if (base === undefined) continue
    if (spare === undefined) spare = asOf
    else if (asOf < spare && (await isProven(walked, base))) return base
  }
  return undefined
}

async function soundBase(
  walked: WalkedStream,
  seq: number,
  signal: AbortSignal,
): Promise<CarriedBase | undefined> {
  try {
    return await carriedBase(walked, seq, signal)
  } catch (error) {
    if (!hasCode(error, 'BaseDamaged')) throw error
    return undefined
  }
}

/** A stream, and the base from which on it is kept; undefined: from its first commit. */
export interface KeptStream {
  walked: WalkedStream
  base: CarriedBase | undefined
}

export interface OwnerNeeds {
  /** By the name of a blob of this owner. */
  has(name: string): boolean
}

/** Some 100 bytes of memory for each pack that is needed. Throws `BaseDamaged`. */
export async function needsOf(
  streams: Iterable<KeptStream>,
  signal: AbortSignal,
): Promise<OwnerNeeds> {
  const packs = new Set<PackId>()
  const prefixes = new Map<string, StreamNeeds>()
  for (const { walked, base } of streams) {
    const after = base?.index.asOf.seq ?? 0
    if (base) for (const pack of await packsOfBase(walked.reader, base, signal)) packs.add(pack)
    for (const [pack, seq] of walked.lastUse) if (seq > after) packs.add(pack)
    prefixes.set(commitsPrefix(walked.reader), await streamNeeds(walked, after, signal))
  }
  return {
    has(name) {
      const pack = packOfName(name)
      if (pack !== undefined) return packs.has(pack)
      const [top, owner, workload, seq] = name.split('/')
      const stream = prefixes.get(`${top}/${owner}/${workload}/`)
      // Owner records, and whatever has a name that is not known here.
      if (stream === undefined) return true
      const n = Number(seq)
      if (n > stream.after || !Number.isInteger(n)) return true
      return stream.parts.has(name) || (name.endsWith('.bs') && stream.folders.has(n))
    },
  }
}

/** Everything at greater seqs, and parts of bases that lie before and are carried after it. */
interface StreamNeeds {
  after: number
  parts: ReadonlySet<string>
  /** Where nobody can say which parts a carried base has. */
  folders: ReadonlySet<number>
}

async function streamNeeds(
  walked: WalkedStream,
  after: number,
  signal: AbortSignal,
): Promise<StreamNeeds> {
  const parts = new Set<string>()
  const folders = new Set<number>()
  for (const { seq, asOf } of walked.bases) {
    if (seq <= after || asOf > after) continue
    const base = await soundBase(walked, seq, signal)
    if (base === undefined) folders.add(asOf)
    for (const { sha256 } of base?.index.parts ?? []) {
      parts.add(basePartName(walked.reader, asOf, sha256))
    }
  }
  return { after, parts, folders }
}

function workloadUnknown(owner: OwnerId): AppError {
  return new AppError({
    code: 'WorkloadUnknown',
    kind: 'corrupt',
    message: 'An owner has a stream of a kind that this version does not know.',
    hint: 'Update the apps that keep and expire to the version of the one that backs up.',
    context: { owner },
  })
}
