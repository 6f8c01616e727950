/** All packs of one owner: those that commits name and that are not there, and each that is. */
import { MemoryPool, mapBounded } from '../../concurrency/index.ts'
import type { PackId } from '../../model/ids.ts'
import type { BlobStat } from '../../ports.ts'
import { indexesPrefix, packOfName, packsPrefix } from '../names.ts'
import type { NamedPack } from './named-blobs.ts'
import { createPackChecker, type PackChecker } from './pack-check.ts'
import type { Position } from './progress.ts'
import type { Access, Work } from './work.ts'

/** As many small ones as hide the latency of storage; large ones wait for memory. */
const PACKS_AT_ONCE = 8
/** What the packs under way may take. */
const BUFFER_BYTES = 32 * 1024 * 1024
/** Two pieces, a segment, and what it unpacks to: a small pack is in memory so many times over. */
const COPIES = 4
/** Packs after which progress is told. */
const BATCH = 16

type PacksPosition = Extract<Position, { step: 'packs' }>

export async function* checkPacks(
  work: Work,
  access: Access,
  { position, named }: { position: PacksPosition; named: ReadonlyMap<PackId, NamedPack> },
): AsyncGenerator<PacksPosition> {
  const { owner } = position
  const indexes = await indexesOf(work, access)
  let after = position.after
  if (after === undefined) {
    await tellMissing(work, access, named, indexes)
    after = ''
    yield { ...position, after }
  }
  const checker = createPackChecker(work, access)
  const check = (batch: readonly BlobStat[]) => checkBatch(work, checker, { batch, named, indexes })
  let batch: BlobStat[] = []
  for await (const stat of work.store.list(packsPrefix(owner), work.signal)) {
    if (packOfName(stat.name) === undefined || stat.name <= after) continue
    batch.push(stat)
    if (batch.length < BATCH) continue
    await check(batch)
    after = stat.name
    batch = []
    yield { ...position, after }
  }
  await check(batch)
  yield { ...position, after: batch.at(-1)?.name ?? after }
}

type Indexes = ReadonlyMap<PackId, string>

async function indexesOf({ store, signal }: Work, { owner }: Access): Promise<Indexes> {
  const found = new Map<PackId, string>()
  for await (const { name } of store.list(indexesPrefix(owner), signal)) {
    const pack = packOfName(name)
    if (pack !== undefined) found.set(pack, name)
  }
  return found
}

/** Before any pack is read: the gravest comes first. */
async function tellMissing(
  { store, tally, signal }: Work,
  { owner }: Access,
  named: ReadonlyMap<PackId, NamedPack>,
  indexes: Indexes,
): Promise<void> {
  const missing = new Set(named.keys())
  const bare = new Set(indexes.keys())
  for await (const { name } of store.list(packsPrefix(owner), signal)) {
    const pack = packOfName(name)
    if (pack === undefined) continue
    missing.delete(pack)
    bare.delete(pack)
    if (!named.has(pack)) tally.find({ code: 'PackUnnamed', owner, blob: name, pack })
  }
  for (const pack of [...missing].sort()) {
    const at = named.get(pack)
    tally.find({ code: 'PackMissing', owner, workload: at?.workload, seq: at?.seq, pack })
  }
  for (const pack of [...bare].sort()) {
    tally.find({ code: 'IndexUnnamed', owner, blob: indexes.get(pack), pack })
  }
}

async function checkBatch(
  { tally, signal }: Work,
  checker: PackChecker,
  on: { batch: readonly BlobStat[]; named: ReadonlyMap<PackId, NamedPack>; indexes: Indexes },
): Promise<void> {
  const pool = new MemoryPool(BUFFER_BYTES)
  const results = await mapBounded(on.batch, PACKS_AT_ONCE, async ({ name, bytes }) => {
    const id = packOfName(name)
    const named = id && on.named.get(id)
    const free = await pool.claim(Math.min(BUFFER_BYTES, COPIES * bytes), signal)
    try {
      return await checker.check({ name, bytes, named, indexBlob: id && on.indexes.get(id) })
    } finally {
      free()
    }
  })
  for (const { counts, findings } of results) {
    tally.add(counts)
    for (const finding of findings) tally.find(finding)
  }
}
