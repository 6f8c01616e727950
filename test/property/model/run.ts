/** One story from its beginning to its end, and everything that must hold of it. */
import assert from 'node:assert/strict'
import type { GraphId } from '../../../src/model/ids.ts'
import type { VaultCommit } from '../../../src/vault/types.ts'
import { sameByTime, sameFromBlobs, sameFromTables } from './past.ts'
import type { Plant } from './plants.ts'
import { Play } from './play.ts'
import { Points } from './points.ts'
import { sameAsCommits } from './rebuild.ts'
import { atRest } from './rest.ts'
import type { Doing, Kind } from './source.ts'
import type { Story } from './story.ts'
import type { Checkpoint, WholeRound } from './verdict.ts'
import { NEVER, World } from './world.ts'

/** Commit times are those of the service: whole seconds. */
const SECOND_MS = 1000
/** Points that are opened from blobs at the end of a story, beside the newest one. */
const STATES_OPENED = 3
/** Versions that are opened and compared byte for byte at the end of a story. */
const VERSIONS_OPENED = 12

/** What a story came to. */
export interface Played {
  steps: number
  /** Recovery points that were held against the model, and those of them at the end of a round. */
  points: number
  complete: number
  opened: number
  /** By kind of step, and by what came of it. */
  counts: Map<string, number>
  /** Port calls of each slice that no other one met; not of those of whole rounds. */
  calls: readonly number[]
}

/** Throws what is wrong. A story is played the same way every time. */
export async function runStory<D extends Doing>(
  kind: Kind<D>,
  story: Story<D>,
  plant?: Plant,
): Promise<Played> {
  const world = await World.open(kind, story, plant)
  try {
    const points = await Points.open(world)
    const play = new Play(world, {
      look: (point) => lookBack(world, points, point),
      rebuilt: () => tablesAreRight(world, points),
    })
    for (const step of story.steps) await play.step(step)
    await atRest(world, play, points)
    await tablesAreRight(world, points)
    await play.rebuild({ lost: 'tables' })
    const checked = await judge(world, play, points)
    const opened = await openVersions(world, points, story.seed)
    const counts = new Map([...world.notes.counts, ...kindsOf(points)])
    const { calls } = play
    return { steps: story.steps.length, ...checked, opened, counts, calls }
  } finally {
    world.close()
  }
}

/** One of the points that the head has passed, from blobs and from tables. */
async function lookBack(world: World<Doing>, points: Points, n: number): Promise<void> {
  await points.refresh()
  const tables = world.tables()
  const head = (await tables.head(NEVER))?.seq ?? 0
  assert.ok(head <= points.commits.length, 'the head is not ahead of the vault')
  if (head === 0) return
  const seq = 1 + (n % head)
  await sameFromBlobs(points, seq)
  await sameFromTables(tables, points.at(seq), everNamed(points))
  await sameByTime(tables, points, head)
}

/** Row by row, those of fresh tables to which all commits were applied. */
async function tablesAreRight(world: World<Doing>, points: Points): Promise<void> {
  await points.refresh()
  await sameAsCommits(world, points)
}

/**
 * How often the story came to a base, to a quiet round that was committed for its cursors, and to
 * content that was read over several commits or changed on the way.
 */
function kindsOf(points: Points): Map<string, number> {
  const { commits } = points
  const bases = commits.filter(({ base }) => base !== undefined)
  const quiet = commits.filter(({ seq, base, events, round }) => {
    const isFirst = commits[seq - 2]?.round.id !== round.id
    return base === undefined && events.length === 0 && isFirst && round.phase === 'complete'
  })
  const afterPieces = commits.flatMap((commit) => followed(points, commit))
  return new Map([
    ['a base', bases.length],
    ['a commit of cursors alone', quiet.length],
    ['content goes on', afterPieces.filter((isSame) => isSame).length],
    ['content is begun anew', afterPieces.filter((isSame) => !isSame).length],
  ])
}

/** For each item of whose content some pieces were committed before: whether that content stayed. */
function followed(points: Points, { seq, events }: VaultCommit): boolean[] {
  return events.flatMap((event) => {
    const before = points.at(seq - 1).open.get(event.item)
    if (before?.op !== 'ledger' || !before.progress) return []
    const { marker } = before.progress
    if (event.op === 'put') return [event.marker.content === marker.content]
    if (event.op !== 'ledger') return []
    return [event.progress?.marker.content === marker.content]
  })
}

function everNamed({ commits }: Points): GraphId[] {
  return [...new Set(commits.flatMap(({ events }) => events.map((event) => event.item)))]
}

/** Every recovery point of the story against the model, the tables and, some, the blobs. */
async function judge<D extends Doing>(world: World<D>, play: Play<D>, points: Points) {
  await points.refresh()
  const checkpoints = checkpointsOf(world, play, points)
  for (const checkpoint of checkpoints) {
    const { seq } = checkpoint.state
    const faults = await world.source.faultsOf(checkpoint, points.reader)
    assert.equal(faults.length, 0, `at point ${seq}: ${faults.join('; ')}`)
  }
  const tables = world.tables()
  const all = everNamed(points)
  for (const state of points.states) await sameFromTables(tables, state, all)
  await sameByTime(tables, points, points.commits.length)
  for (const seq of pointsOpened(points)) await sameFromBlobs(points, seq)
  const newest = points.commits.length
  if (newest > 0) await sameFromBlobs(points, newest, 'first commit')
  const complete = points.commits.filter((commit) => commit.complete).length
  return { points: checkpoints.length, complete }
}

/** Some of all times, and on both sides of every state that a base restates. */
function pointsOpened({ commits }: Points): Set<number> {
  const step = Math.max(1, Math.ceil(commits.length / STATES_OPENED))
  const spread = commits.map(({ seq }) => seq).filter((seq) => (commits.length - seq) % step === 0)
  const restated = commits.flatMap(({ base }) => (base ? [base.asOf - 1, base.asOf] : []))
  return new Set([...spread, ...restated.filter((seq) => seq > 0)])
}

/** After every commit and at the end of every whole round, with what was known of rounds then. */
function checkpointsOf<D extends Doing>(
  { notes }: World<D>,
  play: Play<D>,
  points: Points,
): Checkpoint[] {
  const ofCommits = points.commits.map((commit) => {
    const at = Date.parse(commit.time) + SECOND_MS
    const { id, startedAt } = commit.round
    const ended = { id, startedAt: Date.parse(startedAt), endedAt: at }
    return { seq: commit.seq, at, ended: commit.complete ? ended : undefined }
  })
  const ofRounds = play.rounds.map((round) => ({
    seq: round.head,
    at: round.endedAt,
    ended: round,
  }))
  // What a round ended with came after the commit of the same seq.
  const all = [...ofCommits, ...ofRounds].sort((a, b) => a.seq - b.seq)
  const rounds = new Map<string, WholeRound>()
  return all.map(({ seq, at, ended }) => {
    // A quiet round leaves no commit: where rows are lost, its number is given once more.
    const key = ended && `${ended.id} ${ended.startedAt}`
    if (ended && key !== undefined && !rounds.has(key)) rounds.set(key, ended)
    const lagMs = notes.lagUntil(at)
    return { state: points.at(seq), at, rounds: [...rounds.values()], lagMs }
  })
}

/** Some versions of all times, as a restore would read them. */
async function openVersions(
  { source }: World<Doing>,
  { commits, reader }: Points,
  seed: number,
): Promise<number> {
  const puts = commits
    .flatMap(({ events }) => events)
    .filter((event) => event.op === 'put')
    .filter((event) => event.kind === 'item')
  const step = Math.max(1, Math.floor(puts.length / VERSIONS_OPENED))
  const chosen = puts.filter((_, at) => at % step === seed % step)
  for (const event of chosen) await source.checkVersion(event, reader)
  return chosen.length
}
