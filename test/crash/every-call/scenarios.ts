/** The small workloads whose every crash point is run. */
import type { VaultCommit } from '../../../src/vault/types.ts'
import { CaptureWorld, type WorldOptions } from './capture-world.ts'
import { dies } from './explore.ts'
import { checkVault, nothingProven } from './invariants.ts'
import { askForRebuild, commitsOf, loseCommits } from './rebuild-world.ts'
import { type RestoreStage, restoreStage } from './restore-world.ts'
import {
  aDayLater,
  bothMove,
  closedFolder,
  firstMails,
  fiveMails,
  linksAreLost,
  longMail,
  manyMails,
  mostGoes,
  twoFolders,
  whileItIsRead,
} from './stories.ts'
import { undoStage } from './undo-world.ts'

/** Small commits and slices of some thirty calls: cursors are saved in the middle of everything. */
const OPTIONS: WorldOptions = { seed: 1, commitEvents: 4, sliceMs: 120 }
const DAY_MS = 24 * 3_600_000

export interface Scenario {
  name: string
  /** The state from which every run starts. */
  stage(): Promise<CaptureWorld>
}

export const CAPTURE_SCENARIOS: readonly Scenario[] = [
  { name: 'the first copy', stage: () => beforeFirstCopy() },
  { name: 'a round with moves, deletions, an edit and the ledger', stage: () => aDayAfter() },
  { name: 'a round while the mailbox changes', stage: () => busyMailbox() },
  { name: 'moves whose two ends are in two commits', stage: () => movedBetweenCommits() },
  { name: 'full comparisons after all links were lost', stage: () => lostLinks() },
  { name: 'a folder that lost most of its mail unseen', stage: () => lostMail() },
  { name: 'a round beside a folder that cannot be read', stage: () => closedFolderAsked() },
  { name: 'roll-forward over commits without rows', stage: () => commitsWithoutRows() },
  { name: 'a base of several shards, over several slices', stage: () => beforeBase() },
  { name: 'a commit of cursors alone', stage: () => quietDays() },
  { name: 'content that takes several slices', stage: () => longContent() },
]

/** What a rebuild finds. */
export const REBUILD_SCENARIOS: readonly Scenario[] = [
  { name: 'rows ahead of the vault', stage: () => aheadOfVault() },
  { name: 'tables lost', stage: () => tablesLost() },
  { name: 'a death amid full comparisons', stage: () => amidComparisons() },
]

/** Commits that the vault loses: of the newest round, and some of the one before. */
const COMMITS_LOST = 4

/** A backup of five messages in two folders, and a job that asks for all of it. */
export async function askedForRestore(): Promise<RestoreStage> {
  const world = await CaptureWorld.make(OPTIONS)
  world.tell(fiveMails)
  await world.round(world.worker('first'))
  return await restoreStage(world)
}

/** The same backup, restored, and a job that asks for the undo of it. */
export async function askedForUndo(): Promise<RestoreStage> {
  const world = await CaptureWorld.make(OPTIONS)
  world.tell(fiveMails)
  await world.round(world.worker('first'))
  return await undoStage(world)
}

async function beforeFirstCopy(): Promise<CaptureWorld> {
  const world = await CaptureWorld.make(OPTIONS)
  world.tell(firstMails)
  return world
}

async function afterFirstCopy(): Promise<CaptureWorld> {
  const world = await beforeFirstCopy()
  await world.round(world.worker('first'))
  return world
}

async function aDayAfter(): Promise<CaptureWorld> {
  const world = await afterFirstCopy()
  world.storage.clock.advance(DAY_MS)
  world.tell(aDayLater)
  return world
}

/**
 * The round of the day after ends with a base that is due, built from an earlier one, shard by
 * shard: with a message in the ledger and with items that left.
 */
async function beforeBase(): Promise<CaptureWorld> {
  const upkeep = { shardItems: 6, baseCommits: 4 }
  const world = await CaptureWorld.make({ ...OPTIONS, sliceMs: 160, upkeep })
  world.tell(firstMails)
  await world.round(world.worker('first'))
  world.storage.clock.advance(DAY_MS)
  world.tell(aDayLater)
  await shows(world, (commit) => commit.base !== undefined)
  return world
}

async function longContent(): Promise<CaptureWorld> {
  const upkeep = { pieceBytes: 250, baseCommits: 3 }
  const world = await CaptureWorld.make({ ...OPTIONS, upkeep })
  world.tell(longMail)
  return world
}

/** Nothing has happened for so long that the committed links have grown old. */
async function quietDays(): Promise<CaptureWorld> {
  const world = await CaptureWorld.make(OPTIONS)
  world.tell(fiveMails)
  await world.round(world.worker('first'))
  world.storage.clock.advance(4 * DAY_MS)
  await shows(world, (commit) => !commit.base && commit.events.length === 0)
  return world
}

/** A scenario is about something: without trouble, its last commit is such a one. */
async function shows(stage: CaptureWorld, is: (last: VaultCommit) => boolean): Promise<void> {
  const before = (await checkVault(stage, nothingProven())).commits.length
  const world = stage.fork()
  await world.round(world.worker('scout'))
  const { commits } = await checkVault(world, nothingProven())
  const last = commits.at(-1)
  if (!last || commits.length === before || !is(last)) {
    throw new Error('This scenario does not show what it is about.')
  }
}

async function busyMailbox(): Promise<CaptureWorld> {
  const world = await aDayAfter()
  world.tell(whileItIsRead)
  return world
}

async function lostLinks(): Promise<CaptureWorld> {
  const world = await afterFirstCopy()
  world.storage.clock.advance(DAY_MS)
  world.tell(linksAreLost)
  return world
}

/** Rows of scans, and committed cursors that name them. */
async function amidComparisons(): Promise<CaptureWorld> {
  const stage = await lostLinks()
  const scout = stage.fork()
  await scout.round(scout.worker('scout'))
  const calls = scout.storage.trace.of('scout').filter(({ target }) => target.startsWith('scans'))
  const world = stage.fork()
  const worker = world.worker('victim')
  worker.process.crashAfter(calls[Math.floor(calls.length / 2)]?.k ?? 0)
  await dies(world.round(worker))
  if (world.storage.tables.rows('scans').length === 0) throw new Error('Nothing is compared.')
  await askForRebuild(world, 'named')
  return world
}

/** Larger commits, so that there are fewer of them; slices in which some of them are asked for. */
async function lostMail(): Promise<CaptureWorld> {
  const world = await CaptureWorld.make({ ...OPTIONS, commitEvents: 12, sliceMs: 300 })
  world.tell(manyMails)
  await world.round(world.worker('first'))
  world.storage.clock.advance(DAY_MS)
  world.tell(mostGoes)
  return world
}

async function twoRounds(): Promise<CaptureWorld> {
  const world = await aDayAfter()
  await world.round(world.worker('second'))
  world.storage.clock.advance(DAY_MS)
  return world
}

async function aheadOfVault(): Promise<CaptureWorld> {
  const world = await twoRounds()
  loseCommits(world, commitsOf(world) - COMMITS_LOST)
  await askForRebuild(world, 'named')
  return world
}

async function tablesLost(): Promise<CaptureWorld> {
  const world = await twoRounds()
  world.storage.tables.clear()
  await askForRebuild(world, 'all')
  return world
}

/** Every page is a commit, so the old folder's `@removed` is committed before the arrival. */
async function movedBetweenCommits(): Promise<CaptureWorld> {
  const world = await CaptureWorld.make({ ...OPTIONS, commitEvents: 1 })
  world.tell(twoFolders)
  await world.round(world.worker('first'))
  world.storage.clock.advance(DAY_MS)
  world.tell(bothMove)
  return world
}

/** What left is asked for, and the folder is tried once more. */
async function closedFolderAsked(): Promise<CaptureWorld> {
  const world = await CaptureWorld.make(OPTIONS)
  world.tell(fiveMails)
  await world.round(world.worker('first'))
  world.storage.clock.advance(DAY_MS)
  world.tell(closedFolder)
  await world.round(world.worker('second'))
  world.storage.clock.advance(DAY_MS)
  return world
}

/** Two processes died right after their commit.json, before its first row. */
async function commitsWithoutRows(): Promise<CaptureWorld> {
  let world = await aDayAfter()
  for (const victim of ['one', 'two']) {
    const k = await callThatCommits(world)
    world = world.fork()
    const worker = world.worker(victim)
    worker.process.crashAfter(k)
    await dies(world.round(worker))
    world.storage.clock.advance(DAY_MS)
  }
  return world
}

/** Number of the call that creates the first commit.json of a clean run. */
async function callThatCommits(stage: CaptureWorld): Promise<number> {
  const world = stage.fork()
  const worker = world.worker('scout')
  await world.round(worker)
  const commit = world.storage.trace
    .of('scout')
    .find((line) => line.op === 'create' && line.target.endsWith('/commit.json'))
  if (!commit) throw new Error('This workload writes no commit.')
  return commit.k
}
