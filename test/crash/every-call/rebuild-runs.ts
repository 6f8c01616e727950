/**
 * One spoiled run of a rebuild, or of a slice that sleeps while an owner is rebuilt, and what must
 * hold after it: every row is that of the commits, and the owner comes to rest (decision 012).
 */
import assert from 'node:assert/strict'
import type { Moment, TraceLine } from '../../../sandbox/storage/index.ts'
import { type CaptureWorld, NEVER, OWNER } from './capture-world.ts'
import { atRest, callsOf, dies, type Exploration, type Spoil, seen, spoiledBy } from './explore.ts'
import { checkTables, checkVault, checkVisible } from './invariants.ts'
import { askForRebuild, commitsOf, loseCommits, rebuilder } from './rebuild-world.ts'
import { whileOneSleeps } from './stories.ts'

/** Calls of a rebuild without any trouble. Its rows are right at once, before any slice. */
export async function cleanRebuild(exploration: Exploration): Promise<TraceLine[]> {
  const world = exploration.stage.fork()
  const { process, rebuild } = rebuilder(world, 'clean', exploration.plants)
  await seen('a rebuild without trouble', world, async () => {
    await rebuild()
    await rebuilt(world, exploration)
    await atRest(world, exploration)
  })
  return callsOf(world, process)
}

async function rebuilt(world: CaptureWorld, { proven }: Exploration): Promise<void> {
  await checkTables(world, await checkVault(world, proven), proven)
}

export const spoiledRebuild = spoiledBy({ crash, stall, fail })

async function crash(
  world: CaptureWorld,
  exploration: Exploration,
  { k, moment }: { k: number; moment: Moment },
): Promise<'open' | 'rested'> {
  const { plants, rested, proven } = exploration
  const victim = rebuilder(world, 'victim', plants)
  if (moment === 'before') victim.process.crashBefore(k)
  else victim.process.crashAfter(k)
  await dies(victim.rebuild())
  const state = `${world.storage.changes} changes`
  if (rested.has(state)) return 'rested'
  rested.add(state)
  const opened = await checkVault(world, proven)
  const head = await headSeq(world)
  // Before its first removal the rows are as they were, which may be ahead of the vault; while it
  // works there is no head, and nothing is shown.
  if (head > 0 && head <= commitsOf(world)) await checkVisible(world, opened)
  await rebuilder(world, 'successor', plants).rebuild()
  await rebuilt(world, exploration)
  return 'open'
}

async function headSeq(world: CaptureWorld): Promise<number> {
  const { catalogue } = world.built('reader', world.storage.process('visitor'))
  return (await catalogue.stream(OWNER, 'mail').head(NEVER))?.seq ?? 0
}

/** Another does the same rebuild, slices go on from it, and then the sleeper wakes. */
async function stall(
  world: CaptureWorld,
  exploration: Exploration,
  spoil: { k: number; moment: Moment; minutes: number },
): Promise<void> {
  const { plants } = exploration
  const sleeper = rebuilder(world, 'sleeper', plants)
  const asleep = sleeper.process.stallAt(spoil.k, spoil.moment)
  const sleeping = sleeper.rebuild()
  await Promise.race([asleep, sleeping])
  world.storage.clock.advance(spoil.minutes * 60_000)
  await rebuilder(world, 'other rebuild', plants).rebuild()
  await rebuilt(world, exploration)
  world.tell(whileOneSleeps)
  await world.round(world.worker('slices', plants))
  sleeper.process.resume()
  await sleeping
}

async function fail(
  world: CaptureWorld,
  exploration: Exploration,
  { k, fault }: { k: number } & Extract<Spoil, { how: 'fault' }>,
): Promise<void> {
  const unlucky = rebuilder(world, 'unlucky', exploration.plants)
  unlucky.process.faultAt(k, fault)
  await unlucky.rebuild()
  await rebuilt(world, exploration)
}

/** A slice sleeps; `loss`: the vault loses what it has committed; then the owner is rebuilt. */
export async function sleepingSlice(
  exploration: Exploration,
  { k, moment, loss }: { k: number; moment: Moment; loss: boolean },
): Promise<void> {
  const { plants } = exploration
  const world = exploration.stage.fork()
  const before = commitsOf(world)
  const place = `a slice asleep ${moment} call ${k}${loss ? ', its commits lost' : ''}`
  await seen(place, world, async () => {
    const sleeper = world.worker('sleeper', plants)
    const asleep = sleeper.process.stallAt(k, moment)
    const sleeping = world.round(sleeper)
    await Promise.race([asleep, sleeping])
    if (loss) loseCommits(world, before)
    await askForRebuild(world, 'named')
    await rebuilder(world, 'rebuild', plants).rebuild()
    await rebuilt(world, exploration)
    world.tell(whileOneSleeps)
    await world.round(world.worker('slices', plants))
    sleeper.process.resume()
    await sleeping
    assert.ok((await headSeq(world)) <= commitsOf(world), 'the head is not ahead of the vault')
    await atRest(world, exploration)
  })
}
