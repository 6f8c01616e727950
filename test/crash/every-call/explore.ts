/**
 * One spoiled run of a slice from a stage, and what must hold after it (invariants.ts).
 *
 * A clean run counts the port calls N of the process that works. Then every call k up to N is
 * spoiled in each way, one way in one run; others bring the owner to rest, and all is checked.
 */
import {
  type Fault,
  type Moment,
  ProcessDied,
  type SimulatedProcess,
  type TraceLine,
} from '../../../sandbox/storage/index.ts'
import type { CaptureWorld, Plants } from './capture-world.ts'
import { finish } from './finish.ts'
import { checkTables, checkTruth, checkVault, checkVisible, type Proven } from './invariants.ts'
import { whileOneSleeps } from './stories.ts'

/** More calls than any scenario of this folder has. */
const CALLS_MAX = 5000
const TRACE_LINES = 60

/** What all runs from one stage share. */
export interface Exploration {
  stage: CaptureWorld
  /** Of every process that works, so that a planted bug is in all of them. */
  plants: Plants
  proven: Proven
  /** What deaths left behind that was brought to rest and found right. */
  rested: Set<string>
}

/** One way to spoil a run: at call k. */
export type Spoil = { k: number } & (
  | { how: 'crash'; moment: Moment }
  /** It stands still so long, while another works; then it goes on. */
  | { how: 'stall'; moment: Moment; minutes: number }
  | { how: 'fault'; fault: Fault }
)

/** A violation, with what is needed to see it again. */
export class Violation extends Error {
  override readonly name = 'Violation'
  /** Seed and call. */
  readonly at: string

  constructor(at: string, trace: string, cause: unknown) {
    const text = cause instanceof Error ? cause.message : String(cause)
    super(`${at}: ${text}\n${trace}`, { cause })
    this.at = at
  }
}

/** Names the place and the last calls where `run` fails. */
export async function seen(at: string, world: CaptureWorld, run: () => Promise<void>) {
  try {
    await run()
  } catch (error) {
    const where = `seed ${world.storage.seed}, ${at}`
    throw new Violation(where, world.storage.trace.print(TRACE_LINES), error)
  }
}

/** Calls of a run without any trouble, which itself must leave everything right. */
export async function cleanRun(exploration: Exploration): Promise<TraceLine[]> {
  const world = exploration.stage.fork()
  const worker = world.worker('clean', exploration.plants)
  await seen('a run without trouble', world, async () => {
    await world.round(worker)
  })
  const calls = callsOf(world, worker.process)
  await seen('a run without trouble', world, () => atRest(world, exploration))
  return calls
}

/** In the order of their numbers, which is not the order of their answers. */
export function callsOf({ storage }: CaptureWorld, { name, calls }: SimulatedProcess): TraceLine[] {
  if (calls === 0 || calls > CALLS_MAX) throw new RangeError(`A clean run has ${calls} calls.`)
  return storage.trace.of(name).toSorted((a, b) => a.k - b.k)
}

/** What one kind of work does where it is spoiled. */
export interface Spoiling {
  /** `rested`: such a death was brought to rest and found right already. */
  crash(world: CaptureWorld, exploration: Exploration, spoil: Crash): Promise<'open' | 'rested'>
  stall(world: CaptureWorld, exploration: Exploration, spoil: Stall): Promise<void>
  fail(world: CaptureWorld, exploration: Exploration, spoil: Failing): Promise<void>
}

type Crash = Extract<Spoil, { how: 'crash' }>
type Stall = Extract<Spoil, { how: 'stall' }>
type Failing = Extract<Spoil, { how: 'fault' }>

/** Spoils a run there, brings the owner to rest, and everything must be right. */
export function spoiledBy(spoiling: Spoiling) {
  return async (exploration: Exploration, spoil: Spoil): Promise<void> => {
    const world = exploration.stage.fork()
    await seen(placeOf(spoil), world, async () => {
      switch (spoil.how) {
        case 'crash':
          if ((await spoiling.crash(world, exploration, spoil)) === 'rested') return
          break
        case 'stall':
          await spoiling.stall(world, exploration, spoil)
          break
        case 'fault':
          await spoiling.fail(world, exploration, spoil)
      }
      await atRest(world, exploration)
    })
  }
}

export const spoiledRun = spoiledBy({ crash, stall, fail })

export function placeOf(spoil: Spoil): string {
  switch (spoil.how) {
    case 'crash':
      return `dead ${spoil.moment} call ${spoil.k}`
    case 'stall':
      return `asleep for ${spoil.minutes} min ${spoil.moment} call ${spoil.k}`
    case 'fault':
      return `call ${spoil.k} ${spoil.fault}`
  }
}

/**
 * Dies there, and is looked at before anybody else comes. A process leaves nothing but what is
 * stored, so many deaths leave the same behind (before and after a call that only reads, say):
 * each such state is looked at and brought to rest once.
 */
async function crash(
  world: CaptureWorld,
  { plants, proven, rested }: Exploration,
  { k, moment }: { k: number; moment: Moment },
): Promise<'open' | 'rested'> {
  const worker = world.worker('victim', plants)
  if (moment === 'before') worker.process.crashBefore(k)
  else worker.process.crashAfter(k)
  await dies(world.round(worker))
  const state = `${world.storage.changes} changes, ${world.box.meanwhile.length} to come`
  if (rested.has(state)) return 'rested'
  rested.add(state)
  await checkVisible(world, await checkVault(world, proven))
  return 'open'
}

/** Another works the owner meanwhile, twice, with changes in between; then the sleeper goes on. */
async function stall(
  world: CaptureWorld,
  { plants }: Exploration,
  spoil: { k: number; moment: Moment; minutes: number },
): Promise<void> {
  const sleeper = world.worker('sleeper', plants)
  const asleep = sleeper.process.stallAt(spoil.k, spoil.moment)
  const sleeping = world.round(sleeper)
  await Promise.race([asleep, sleeping])
  const { clock } = world.storage
  const half = (spoil.minutes * 60_000) / 2
  const other = world.worker('other', plants)
  clock.advance(half)
  await world.round(other)
  world.tell(whileOneSleeps)
  clock.advance(half)
  await world.round(other)
  sleeper.process.resume()
  await sleeping
}

/** The process meets its fault and comes to its end by itself. */
async function fail(
  world: CaptureWorld,
  { plants }: Exploration,
  { k, fault }: { k: number; fault: Fault },
): Promise<void> {
  const worker = world.worker('unlucky', plants)
  worker.process.faultAt(k, fault)
  await world.round(worker)
}

/** Brings the owner to rest, and everything must be right. */
export async function atRest(
  world: CaptureWorld,
  { plants, proven }: Pick<Exploration, 'plants' | 'proven'>,
): Promise<void> {
  await finish(world, plants)
  const opened = await checkVault(world, proven)
  await checkTables(world, opened, proven)
  await checkTruth(world, opened)
}

/** The process must really have died of its crash point, not of anything else. */
export async function dies(run: Promise<unknown>): Promise<void> {
  try {
    await run
  } catch (error) {
    if (error instanceof ProcessDied) return
    throw error
  }
  throw new Error('The process was to die, and lived.')
}
