/**
 * Compares a catalogue with the vault: every owner and every row that comes from commits, in both
 * directions. Writes nothing.
 *
 * Each stream is compared as of its head at that moment, so the catalogue may be in use. What
 * cannot be compared (a key is missing, a commit damaged, a rebuild at work) is told with its code
 * and keeps nothing else from being compared.
 */
import { ownerBucket, ownerPartition, resourcePartition } from '../../catalogue/index.ts'
import {
  keyHash,
  type OwnerId,
  WORKLOADS,
  WORKLOADS_OF,
  type WorkloadName,
} from '../../model/ids.ts'
import { type CompareProgress, CompareTally, type ReportedDifference } from './compare-report.ts'
import {
  type CompareDeps,
  compareStream,
  compareWithNothing,
  isItsOwn,
  type OwnerWork as Work,
} from './compare-stream.ts'
import { type KnownRecord, recordOf } from './identify.ts'

export type { CompareDeps } from './compare-stream.ts'

export interface CompareHooks {
  /** Told after each owner: with it a later call goes on. Awaited. */
  onProgress?: (progress: CompareProgress) => void | Promise<void>
}

/** Goes on from `from` to the end. Throws what may be otherwise on another try, and defects. */
export async function compareCatalogue(
  deps: CompareDeps,
  from: CompareProgress,
  { onProgress }: CompareHooks,
  signal: AbortSignal,
): Promise<CompareProgress> {
  let progress = from
  for await (const owner of ownersOf(deps, from, signal)) {
    const next = structuredClone(progress)
    await compareOrTell({ deps, owner, tally: new CompareTally(next), signal })
    progress = { ...next, after: owner }
    await onProgress?.(progress)
    signal.throwIfAborted()
  }
  return progress
}

/** Those of the vault and those of the tables, each once, in their order. */
async function* ownersOf(
  { vault, catalogue }: CompareDeps,
  { plan, after }: CompareProgress,
  signal: AbortSignal,
): AsyncGenerator<OwnerId> {
  const named = plan.owner === undefined ? undefined : [plan.owner]
  const owners = named ?? merged(vault.owners(signal), rowsOf(catalogue, signal))
  for await (const owner of owners) if (after === undefined || owner > after) yield owner
}

async function* rowsOf(
  { owners }: CompareDeps['catalogue'],
  signal: AbortSignal,
): AsyncGenerator<OwnerId> {
  for await (const { owner } of owners.all(signal)) yield owner
}

/** Two sequences that ascend, as one. */
async function* merged<T extends string>(a: AsyncIterable<T>, b: AsyncIterable<T>) {
  const [left, right] = [a[Symbol.asyncIterator](), b[Symbol.asyncIterator]()]
  let [one, other] = [await left.next(), await right.next()]
  while (!one.done || !other.done) {
    const isLeft = other.done || (!one.done && one.value <= other.value)
    const first: T = isLeft ? one.value : other.value
    if (!one.done && one.value === first) one = await left.next()
    if (!other.done && other.value === first) other = await right.next()
    yield first
  }
}

/** What keeps one owner from being compared is told, and keeps no other. */
async function compareOrTell(work: Work): Promise<void> {
  work.tally.count({ owners: 1 })
  try {
    await compareOwner(work)
  } catch (error) {
    if (!isItsOwn(error)) throw error
    work.tally.uncompared({ owner: work.owner, code: error.code })
  }
}

async function compareOwner(work: Work): Promise<void> {
  const { deps, owner, tally, signal } = work
  if (await deps.erasures.isErased(owner, signal)) {
    tally.count({ erased: 1 })
    await nothingIsThere(work)
    return
  }
  const record = await recordOf(owner, deps, signal)
  if (record === 'OwnerRecordMissing') {
    await nothingIsThere(work)
    return
  }
  if (typeof record === 'string') {
    tally.uncompared({ owner, code: record })
    return
  }
  const isPresent = await compareResource(work, record)
  const row = await deps.catalogue.owners.get(owner, signal)
  if (row?.isFenced) {
    tally.uncompared({ owner, code: 'OwnerFenced' })
    return
  }
  // A resource that was protected again has another owner by now; this one needs no rows.
  if (!row && !isPresent) return
  compareOwnerRow(work, record, row)
  for (const workload of WORKLOADS) {
    const isUsual = WORKLOADS_OF[record.kind].includes(workload)
    if (isUsual || (await hasAny(work, workload))) await compareStream(work, workload)
  }
}

/** No row of an owner that the vault does not have, or that was erased. */
async function nothingIsThere(work: Work): Promise<void> {
  const { deps, owner, tally, signal } = work
  const row = await deps.catalogue.owners.get(owner, signal)
  if (row) tally.differs({ ...ownerPlace(work), is: 'extra' })
  for (const workload of WORKLOADS) await compareWithNothing(work, workload)
}

/** False where the resource has another owner that stands for it. */
async function compareResource(work: Work, record: KnownRecord): Promise<boolean> {
  const { deps, owner, tally, signal } = work
  const key = keyHash(record.graphId)
  const partition = resourcePartition(deps.tenantId, record.kind)
  const place = { table: 'resources', partition, row: key } as const
  const resource = await deps.catalogue.resources.get(key, signal)
  if (!resource) tally.differs({ ...place, is: 'missing' })
  else if (resource.owner === owner) tally.equal('resources')
  else if (resource.owner === undefined || !(await standsFor(work, resource.owner, record))) {
    tally.differs({ ...place, is: 'different', columns: ['owner'] })
  } else return false
  return true
}

async function standsFor(
  { deps, signal }: Work,
  other: OwnerId,
  { graphId }: KnownRecord,
): Promise<boolean> {
  if (await deps.erasures.isErased(other, signal)) return false
  const record = await recordOf(other, deps, signal)
  return typeof record !== 'string' && record.graphId === graphId
}

function compareOwnerRow(
  work: Work,
  { graphId }: KnownRecord,
  row: { graphId: string; resource: string } | undefined,
): void {
  const place = ownerPlace(work)
  if (!row) {
    work.tally.differs({ ...place, is: 'missing' })
    return
  }
  const columns = [
    ...(row.graphId === graphId ? [] : ['graphId']),
    ...(row.resource === keyHash(graphId) ? [] : ['resource']),
  ]
  if (columns.length === 0) work.tally.equal('owners')
  else work.tally.differs({ ...place, is: 'different', columns })
}

function ownerPlace({ deps, owner }: Work): Pick<ReportedDifference, 'partition' | 'row'> & {
  table: 'owners'
} {
  const partition = ownerPartition(deps.tenantId, ownerBucket(owner))
  return { table: 'owners', partition, row: owner }
}

async function hasAny({ deps, owner, signal }: Work, workload: WorkloadName): Promise<boolean> {
  if (await deps.catalogue.stream(owner, workload).head(signal)) return true
  const stream = await deps.vault.stream(owner, workload, signal)
  for await (const _seq of stream.seqs(signal)) return true
  return false
}
