/** One spoiled run of a restore, and what must hold after it: nothing twice, nothing forgotten. */
import type { CaptureWorld } from './capture-world.ts'
import { dies, placeOf, type Spoil, seen } from './explore.ts'
import {
  checkRestored,
  drive,
  LEASE_MARGIN_MS,
  type RestoreStage,
  restoreOf,
  SLICE_MS,
  scriptedTarget,
  type WriterPlant,
} from './restore-world.ts'

export interface RestoreExploration {
  stage: RestoreStage
  plant?: WriterPlant
}

/** Port calls of a restore without a crash; answers of the service are lost all the same. */
export async function cleanRestore({ stage, plant }: RestoreExploration): Promise<number> {
  const world = stage.world.fork()
  const target = scriptedTarget(world)
  const process = world.storage.process('clean')
  await seen('a restore without a crash', world, async () => {
    await drive(world, restoreOf(world, process, target, plant), stage.job)
    await checkRestored(world, stage.job, target)
  })
  return process.calls
}

export async function spoiledRestore(
  { stage, plant }: RestoreExploration,
  spoil: Spoil,
): Promise<void> {
  const world = stage.world.fork()
  const target = scriptedTarget(world)
  await seen(placeOf(spoil), world, async () => {
    const process = world.storage.process('victim')
    const run = () => drive(world, restoreOf(world, process, target, plant), stage.job)
    const other = () => {
      const successor = world.storage.process('successor')
      return drive(world, restoreOf(world, successor, target, plant), stage.job)
    }
    await spoiled(world, { process, run, other }, spoil)
    await checkRestored(world, stage.job, target)
  })
}

async function spoiled(
  world: CaptureWorld,
  of: {
    process: ReturnType<CaptureWorld['storage']['process']>
    run: () => Promise<void>
    other: () => Promise<void>
  },
  spoil: Spoil,
): Promise<void> {
  const { process, run, other } = of
  if (spoil.how === 'fault') {
    process.faultAt(spoil.k, spoil.fault)
    return await run()
  }
  if (spoil.how === 'crash') {
    if (spoil.moment === 'before') process.crashBefore(spoil.k)
    else process.crashAfter(spoil.k)
    await dies(run())
    world.storage.clock.advance(SLICE_MS + LEASE_MARGIN_MS)
    return await other()
  }
  const asleep = process.stallAt(spoil.k, spoil.moment)
  const sleeping = run()
  await Promise.race([asleep, sleeping])
  world.storage.clock.advance(spoil.minutes * 60_000)
  await other()
  process.resume()
  await sleeping
}
