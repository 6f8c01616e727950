/** One spoiled run of a restore or an undo, and what must hold after it (restore-world.ts). */

import type { TraceLine } from '../../../sandbox/storage/index.ts'
import type { CaptureWorld } from './capture-world.ts'
import { callsOf, dies, placeOf, type Spoil, seen } from './explore.ts'
import {
  drive,
  LEASE_MARGIN_MS,
  type RestoreStage,
  restoreOf,
  SLICE_MS,
  type WriterPlant,
} from './restore-world.ts'

export interface RestoreExploration {
  stage: RestoreStage
  plant?: WriterPlant
  /** What deaths left behind that was brought to its end and found right (explore.ts). */
  rested: Set<string>
}

/** Port calls of a job without a crash; answers of the service are lost all the same. */
export async function cleanRestore({ stage, plant }: RestoreExploration): Promise<TraceLine[]> {
  const world = stage.world.fork()
  const target = stage.target(world)
  const process = world.storage.process('clean')
  await seen('a job without a crash', world, async () => {
    await drive(world, restoreOf(world, process, target, plant), stage.job)
    await stage.check(world, stage.job, target)
  })
  return callsOf(world, process)
}

export async function spoiledRestore(
  { stage, plant, rested }: RestoreExploration,
  spoil: Spoil,
): Promise<void> {
  const world = stage.world.fork()
  const target = stage.target(world)
  await seen(placeOf(spoil), world, async () => {
    const process = world.storage.process('victim')
    const run = () => drive(world, restoreOf(world, process, target, plant), stage.job)
    const other = () => {
      const successor = world.storage.process('successor')
      return drive(world, restoreOf(world, successor, target, plant), stage.job)
    }
    const isNew = () => {
      const { sent, mails, folders, removed } = target
      const made = `${sent.length} sent, ${mails.length} made, ${folders.length} folders, ${removed.length} removed`
      const state = `${world.storage.changes} changes, ${made}`
      if (rested.has(state)) return false
      rested.add(state)
      return true
    }
    if ((await spoiled(world, { process, run, other, isNew }, spoil)) === 'rested') return
    await stage.check(world, stage.job, target)
  })
}

async function spoiled(
  world: CaptureWorld,
  of: {
    process: ReturnType<CaptureWorld['storage']['process']>
    run: () => Promise<void>
    other: () => Promise<void>
    isNew: () => boolean
  },
  spoil: Spoil,
): Promise<'ended' | 'rested'> {
  const { process, run, other, isNew } = of
  if (spoil.how === 'fault') {
    process.faultAt(spoil.k, spoil.fault)
    await run()
    return 'ended'
  }
  if (spoil.how === 'crash') {
    if (spoil.moment === 'before') process.crashBefore(spoil.k)
    else process.crashAfter(spoil.k)
    await dies(run())
    if (!isNew()) return 'rested'
    world.storage.clock.advance(SLICE_MS + LEASE_MARGIN_MS)
    await other()
    return 'ended'
  }
  const asleep = process.stallAt(spoil.k, spoil.moment)
  const sleeping = run()
  await Promise.race([asleep, sleeping])
  world.storage.clock.advance(spoil.minutes * 60_000)
  await other()
  process.resume()
  await sleeping
  return 'ended'
}
