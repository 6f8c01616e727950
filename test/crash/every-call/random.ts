/**
 * Long random runs: several days, several workers a day, each with faults, a death or a sleep.
 *
 * One process runs at a time: a worker that sleeps hands over to the next, and wakes when that
 * one is done. So a run is a function of its seed alone and can be played again.
 */
import { ProcessDied, SeededRandom } from '../../../sandbox/storage/index.ts'
import type { ScriptedMailbox } from '../../../src/capture/testing/scripted-mailbox.ts'
import type { GraphId } from '../../../src/model/ids.ts'
import { CaptureWorld, type Story } from './capture-world.ts'
import { atRest, seen } from './explore.ts'
import { checkVault, checkVisible, nothingProven } from './invariants.ts'
import { body, INBOX, id } from './stories.ts'

const DAYS = 4
const ACTS_A_DAY = 8
const WORKERS_A_DAY = 3
const FOLDERS_MAX = 5
const DAY_MS = 24 * 3_600_000
const SLEEP_MINUTES_MAX = 90
/** A slice of these mailboxes has some hundred calls: most deaths and sleeps come to their turn. */
const CALLS = 120
const FAULT_CHANCE = 0.02
const PAGES = { emptyPages: 0.1, shortPages: 0.1 }

/** Port calls of one whole random run. Throws a violation with its seed. */
export async function randomRun(seed: number): Promise<number> {
  const random = new SeededRandom(seed)
  const options = {
    ...{ seed, commitEvents: 1 + random.below(6), sliceMs: 60 + random.below(300) },
    upkeep: {
      ...{ shardItems: 1 + random.below(6), baseCommits: 3 + random.below(6) },
      cursorCommitMs: (1 + random.below(3)) * DAY_MS,
    },
  }
  const world = (await CaptureWorld.make(options)).fork({ pages: PAGES })
  const proven = nothingProven()
  await seen('a random run', world, async () => {
    for (let day = 0; day < DAYS; day += 1) {
      world.tell(aDay(random.branch(day), day))
      await worked(world, random, WORKERS_A_DAY)
      await checkVisible(world, await checkVault(world, proven))
      world.storage.clock.advance(DAY_MS)
    }
    await atRest(world, { plants: {}, proven })
  })
  return world.storage.trace.lines.length
}

/** One worker, disturbed; while it sleeps, the next; then it goes on. */
async function worked(world: CaptureWorld, random: SeededRandom, workers: number): Promise<void> {
  if (workers === 0) return
  const worker = world.worker(`worker ${workers}`)
  const { process } = worker
  process.faultChance(FAULT_CHANCE)
  const k = 1 + random.below(CALLS)
  const moment = random.chance(0.5) ? 'before' : 'after'
  const sleepMs = random.below(SLEEP_MINUTES_MAX) * 60_000
  if (random.chance(0.5)) {
    if (moment === 'before') process.crashBefore(k)
    else process.crashAfter(k)
    await livesOrDies(world.round(worker))
    await worked(world, random, workers - 1)
    return
  }
  const asleep = process.stallAt(k, moment)
  const running = livesOrDies(world.round(worker))
  await Promise.race([asleep, running])
  world.storage.clock.advance(sleepMs)
  await worked(world, random, workers - 1)
  process.resume()
  await running
}

async function livesOrDies(run: Promise<void>): Promise<void> {
  try {
    await run
  } catch (error) {
    if (!(error instanceof ProcessDied)) throw error
  }
}

/** What people do in a day, half of it while the mailbox is read. Told again, it is the same. */
function aDay(random: SeededRandom, day: number): Story {
  const acts = Array.from({ length: ACTS_A_DAY }, (_, n) => {
    const chances = [random.next(), random.next(), random.next()] as const
    return { later: random.chance(0.5), act: actOf(`${day}-${n}`, chances) }
  })
  return (box) => {
    if (day === 0) box.createContainer(INBOX, 'Inbox')
    for (const { later, act } of acts) {
      if (later) box.meanwhile.push(() => act(box))
      else act(box)
    }
  }
}

interface Site {
  box: ScriptedMailbox
  /** Names what is new. */
  name: string
  item: GraphId
  container: GraphId
}

/** What may happen, and the chance that it or one of those before it does. */
const ACTS: readonly [below: number, act: (site: Site) => void][] = [
  [0.05, (site) => corruptArrives(site)],
  [0.35, (site) => arrives(site)],
  [0.55, ({ box, item, container }) => box.put(item, { container })],
  [0.65, ({ box, item, name }) => box.put(item, { container: placeOf(box, item), flags: name })],
  [0.75, ({ box, item, name }) => box.put(item, edited(box, item, name))],
  [0.85, ({ box, item }) => box.remove(item)],
  [0.92, (site) => folderIsMade(site)],
  [0.95, ({ box, name }) => linksAreLost(box, name)],
  [1, (site) => folderGoes(site)],
]

/** What the other chances choose depends on what is there at that time. */
function actOf(name: string, [what, which, where]: readonly [number, number, number]): Story {
  return (box) => {
    const container = chosen([...box.containers.keys()], where) ?? INBOX
    const item = chosen([...box.items.keys()], which)
    if (item === undefined) {
      arrives({ box, name, container, item: INBOX })
      return
    }
    const act = ACTS.find(([below]) => what < below)?.[1]
    act?.({ box, name, item, container })
  }
}

function arrives({ box, name, container }: Site): void {
  box.put(id(`m${name}`), { container, content: body(`mail ${name}`) })
}

function corruptArrives(site: Site): void {
  arrives(site)
  site.box.corrupt.add(id(`m${site.name}`))
}

function edited(box: ScriptedMailbox, item: GraphId, name: string) {
  return { container: placeOf(box, item), content: body(`edited ${name}`) }
}

function folderIsMade({ box, name }: Site): void {
  if (box.containers.size < FOLDERS_MAX) box.createContainer(id(`f${name}`), `Folder ${name}`)
}

/** By the name, so that a story that is told again is the same. */
function linksAreLost(box: ScriptedMailbox, name: string): void {
  const form = name.length % 2 === 0 ? 410 : 404
  box.expire({ kinds: ['position', 'start'], of: 'all', form })
}

function folderGoes({ box, container }: Site): void {
  if (container !== INBOX) box.deleteContainer(container)
}

function placeOf(box: ScriptedMailbox, item: GraphId): GraphId {
  return box.items.get(item)?.container ?? INBOX
}

function chosen<T>(choices: readonly T[], chance: number): T | undefined {
  return choices[Math.floor(chance * choices.length)]
}
