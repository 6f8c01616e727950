/**
 * What must be true after a step, by the plain model: which points must be restorable, from which
 * blobs, and that they are.
 */
import assert from 'node:assert/strict'
import type { GraphId, OwnerId, PackId } from '../../../src/model/ids.ts'
import { packsOf } from '../../../src/model/representation.ts'
import type { Retention } from '../../../src/model/retention.ts'
import { createVault, openState, readShard } from '../../../src/vault/index.ts'
import type { ContentReader, StateItem, StreamVault } from '../../../src/vault/types.ts'
import { DAY_MS, DELAY_DAYS, NEVER, type StreamModel, type YearsWorld } from './world.ts'

/** Which seqs must be restorable now. */
export function required(world: YearsWorld, model: StreamModel): number[] {
  if (world.erased.has(model.owner)) return []
  const { now } = world
  let from = oldest(model, world.policies, now)
  for (const hold of world.holds) {
    if (hold.owner !== 'all' && hold.owner !== model.owner) continue
    const isOver = hold.releasedAt !== undefined && hold.releasedAt + DELAY_DAYS * DAY_MS <= now
    if (!isOver)
      from = Math.min(
        from,
        oldest(
          model,
          world.policies.filter((p) => p.at <= hold.at),
          hold.at,
        ),
      )
  }
  const points = new Set<number>()
  for (const { seq } of model.refs) if (seq >= from) points.add(seq)
  for (const pin of world.pins) {
    const isOf = pin.owner === model.owner && pin.workload === model.workload
    if (isOf && pin.until > now) points.add(pin.seq)
  }
  return [...points].sort((a, b) => a - b)
}

/** The state at the beginning of the retention; with a shorter one a while later. */
function oldest(
  model: StreamModel,
  policies: readonly { at: number; retention: Retention }[],
  now: number,
): number {
  const since = now - DELAY_DAYS * DAY_MS
  const settled = policies.findLastIndex(({ at }) => at <= since)
  const counting = policies.slice(Math.max(0, settled))
  const days = Math.max(
    ...counting.map(({ retention }) =>
      retention === 'forever' ? Number.POSITIVE_INFINITY : retention.days,
    ),
  )
  const horizon = now - days * DAY_MS
  return model.refs.findLast(({ time }) => Date.parse(time) <= horizon)?.seq ?? 1
}

/** The points can be restored from what is not hidden: states, contents, and indexes of packs. */
export async function checkPoints(
  world: YearsWorld,
  model: StreamModel,
  seqs: readonly number[],
  isHidden: (name: string) => boolean = () => false,
): Promise<void> {
  if (seqs.length === 0) return
  const { store, ports } = world.view(isHidden)
  const { keys, clock, random } = ports
  const vault = createVault({ vault: store, keys, clock, random, toolVersion: 'verdict' })
  const stream = await vault.stream(model.owner, model.workload, NEVER)
  const looking: Looking = {
    ...{ world, model, isHidden, reader: vault.reader(model.owner) },
    packs: new Set(),
    opened: new Set(),
  }
  for await (const { name } of store.list(`packs/${model.owner}/`, NEVER)) {
    looking.packs.add(name.slice(-67, -3))
  }
  for (const seq of seqs) await checkPoint(looking, stream, seq)
}

interface Looking {
  world: YearsWorld
  model: StreamModel
  isHidden(name: string): boolean
  reader: ContentReader
  /** Ids of those that are there. */
  packs: Set<string>
  /** Versions whose content was compared. */
  opened: Set<string>
}

async function checkPoint(looking: Looking, stream: StreamVault, seq: number): Promise<void> {
  const { model } = looking
  const ref = model.refs[seq - 1]
  const state = model.states[seq]
  assert.ok(ref && state, 'the model knows the point')
  const source = await openState(stream, ref, { without: model.forged }, NEVER)
  const held = new Set<GraphId>()
  for (let shard = 0; shard < source.shards; shard += 1) {
    for (const line of await readShard(source, shard, NEVER)) {
      if (line.is !== 'item') continue
      held.add(line.item)
      await checkItem(looking, line, { seq, text: state.get(line.item)?.text })
    }
  }
  assert.deepEqual(held, new Set(state.keys()), `${at(model, seq)}: what is held`)
}

async function checkItem(
  { world, model, isHidden, reader, packs, opened }: Looking,
  line: StateItem,
  { seq, text }: { seq: number; text: string | undefined },
): Promise<void> {
  for (const pack of packsOf(line.representations)) {
    assert.ok(packs.has(pack), `${at(model, seq)}: a pack of ${line.item} is there`)
    checkIndex(world, { owner: model.owner, pack }, isHidden)
  }
  const key = `${line.item} ${line.seq}`
  if (opened.has(key)) return
  opened.add(key)
  const content = line.representations.find(({ name }) => name === 'content')
  assert.ok(content, 'an item has its content')
  const read = Buffer.from(await reader.readAll(content, 1_000_000, NEVER)).toString()
  assert.equal(read, text, `${at(model, seq)}: ${line.item} has its content`)
}

const at = ({ owner, workload }: StreamModel, seq: number) => `${owner[0]} ${workload} at ${seq}`

/** An index blob that there was is there. */
function checkIndex(
  world: YearsWorld,
  { owner, pack }: { owner: OwnerId; pack: PackId },
  isHidden: (name: string) => boolean,
): void {
  for (const name of world.indexes) {
    if (!name.startsWith(`idx/${owner}/`) || !name.includes(pack)) continue
    const isThere = world.storage.vault.currentOf(name) !== undefined && !isHidden(name)
    assert.ok(isThere, 'the index of a pack is there')
  }
}
