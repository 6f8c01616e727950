/**
 * Rows that are lost, and made again by the product from blobs alone (promise P6). Whatever was
 * lost and whoever makes them: afterwards they are those of fresh tables to which all commits were
 * applied.
 */
import assert from 'node:assert/strict'
import { ProcessDied } from '../../../sandbox/storage/index.ts'
import { newRebuild, rebuildIfLost } from '../../../src/runs/rebuild/index.ts'
import { applyAll, sameAsFresh } from '../../fresh-tables.ts'
import { rebuilderOf } from '../../rebuilder.ts'
import type { Points } from './points.ts'
import type { Doing } from './source.ts'
import type { Loss } from './story.ts'
import { NEVER, OWNER, type World } from './world.ts'

export function lose({ storage }: World<Doing>, lost: Loss): void {
  if (lost === 'tables') storage.tables.clear()
  else if (lost !== 'nothing') storage.tables.clear((partition) => partition.startsWith(OWNER))
}

/** `dies`: a first process does, before its n-th call. `nth`: of the story. */
export async function rebuild(
  world: World<Doing>,
  { lost, dies }: { lost: Loss; dies?: number },
  nth: number,
): Promise<void> {
  const id = await begun(world, lost === 'tables', nth)
  const worker = (holder: string) => {
    const process = world.storage.process(holder)
    const built = world.writer(process)
    return rebuilderOf({ storage: world.storage, process, built, holder, id }, NEVER)
  }
  if (dies !== undefined) {
    const victim = worker(`victim ${nth}`)
    victim.process.crashBefore(dies)
    const end = await victim.rebuild().catch((error: unknown) => error)
    if (end !== undefined && !(end instanceof ProcessDied)) throw end
  }
  await worker(`rebuild ${nth}`).rebuild()
}

/** By the timer where all tables were lost, else by a person; the id of the rebuild. */
async function begun(world: World<Doing>, isAll: boolean, nth: number): Promise<string> {
  const { storage } = world
  const process = storage.process(`begin ${nth}`)
  const { vault, catalogue } = world.built('writer', process)
  const { tables, clock } = storage.open('writer', process)
  if (isAll) {
    const rebuild = await rebuildIfLost({ vault, catalogue, tables, clock }, NEVER)
    assert.ok(rebuild, 'a lost catalogue is noticed')
    return rebuild.id
  }
  const given = { id: `asked-${nth}`, scope: 'named', by: 'person', owners: [OWNER] } as const
  await catalogue.rebuilds.insert(newRebuild(given, { now: clock.now() }), NEVER)
  return given.id
}

/** All rows are what the commits say, and nothing else is. */
export async function sameAsCommits(world: World<Doing>, points: Points): Promise<void> {
  const storage = world.storage.fork()
  storage.tables.clear()
  const { workload } = world.source
  const { catalogue } = world.built('writer', storage.process('fresh'), storage)
  const tables = catalogue.stream(OWNER, workload)
  const { secret } = points.stream
  await applyAll(tables, points.commits, secret, NEVER)
  const live = { storage: world.storage, tables: world.tables() }
  await sameAsFresh(live, { storage, tables }, secret, NEVER)
}
