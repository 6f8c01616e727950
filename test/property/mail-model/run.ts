/** One story from its beginning to its end, and everything that must hold of it. */
import assert from 'node:assert/strict'
import type { GraphId } from '../../../src/model/ids.ts'
import { sameByTime, sameFromBlobs, sameFromTables } from './past.ts'
import type { Plant } from './plants.ts'
import { Play } from './play.ts'
import { Points } from './points.ts'
import { sameWhenRebuilt } from './rebuilt.ts'
import { atRest } from './rest.ts'
import type { Story } from './story.ts'
import { type Checkpoint, faultsOf, type Truth, type WholeRound } from './verdict.ts'
import { MailWorld, NEVER, sha256 } from './world.ts'

/** Commit times are those of the service: whole seconds. */
const SECOND_MS = 1000
/** Points that are opened from blobs at the end of a story, beside the newest one. */
const STATES_OPENED = 3
/** Versions that are opened and compared byte for byte at the end of a story. */
const VERSIONS_OPENED = 12
const CONTENT_BYTES_MAX = 1024 * 1024

/** What a story came to. */
export interface Played {
  steps: number
  /** Recovery points that were held against the model, and those of them at the end of a round. */
  points: number
  complete: number
  opened: number
  /** By kind of step, and by what came of it. */
  counts: Map<string, number>
}

/** Throws what is wrong. A story is played the same way every time. */
export async function runStory(story: Story, plant?: Plant): Promise<Played> {
  const world = await MailWorld.open(story, plant)
  try {
    const points = await Points.open(world)
    const play = new Play(world, (n) => lookBack(world, points, n))
    for (const step of story.steps) await play.step(step)
    await atRest(world, play, points)
    const checked = await judge(world, play, points)
    await sameWhenRebuilt(world, points.commits)
    const opened = await openVersions(world, points, story.seed)
    const counts = new Map([...play.played, ...kindsOf(points)])
    return { steps: story.steps.length, ...checked, opened, counts }
  } finally {
    world.close()
  }
}

/** One of the points that the head has passed, from blobs and from tables. */
async function lookBack(world: MailWorld, points: Points, n: number): Promise<void> {
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

/** How often the story came to a base, and to a quiet round that was committed for its cursors. */
function kindsOf({ commits }: Points): Map<string, number> {
  const bases = commits.filter(({ base }) => base !== undefined)
  const quiet = commits.filter(({ seq, base, events, round }) => {
    const isFirst = commits[seq - 2]?.round.id !== round.id
    return base === undefined && events.length === 0 && isFirst && round.phase === 'complete'
  })
  return new Map([
    ['a base', bases.length],
    ['a commit of cursors alone', quiet.length],
  ])
}

function everNamed({ commits }: Points): GraphId[] {
  return [...new Set(commits.flatMap(({ events }) => events.map((event) => event.item)))]
}

/** Every recovery point of the story against the model, the tables and, some, the blobs. */
async function judge(world: MailWorld, play: Play, points: Points) {
  await points.refresh()
  const { mailbox, served } = world
  const wasUnreadable = (id: GraphId) => play.hadFaults || play.unreadable.has(id)
  const truth: Truth = { mailbox, served, wasUnreadable }
  const checkpoints = checkpointsOf(play, points)
  for (const checkpoint of checkpoints) {
    const { seq } = checkpoint.state
    const faults = faultsOf(checkpoint, truth)
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
function checkpointsOf(play: Play, points: Points): Checkpoint[] {
  const lagUntil = (at: number) =>
    Math.max(0, ...play.lags.filter((lag) => lag.at <= at).map((lag) => lag.ms))
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
  const rounds = new Map<number, WholeRound>()
  return all.map(({ seq, at, ended }) => {
    if (ended && !rounds.has(ended.id)) rounds.set(ended.id, ended)
    return { state: points.at(seq), at, rounds: [...rounds.values()], lagMs: lagUntil(at) }
  })
}

/** Some versions of all times, as a restore would read them. */
async function openVersions(world: MailWorld, points: Points, seed: number): Promise<number> {
  const puts = points.commits
    .flatMap(({ events }) => events)
    .filter((event) => event.op === 'put' && event.kind === 'item')
  const step = Math.max(1, Math.floor(puts.length / VERSIONS_OPENED))
  let opened = 0
  for (let at = seed % step; at < puts.length; at += step) {
    const event = puts[at]
    if (event?.op !== 'put') continue
    const mime = event.representations.find((each) => each.name === 'mime')
    const json = event.representations.find((each) => each.name === 'json')
    assert.ok(mime && json, 'a message is held as MIME and as JSON')
    const bytes = await points.reader.readAll(mime, CONTENT_BYTES_MAX, NEVER)
    assert.equal(sha256(bytes), mime.sha256, 'the bytes hash right')
    const token = world.served.get(mime.sha256)?.token
    assert.ok(token && Buffer.from(bytes).includes(token), 'the bytes are those that were sent')
    const metadata = await points.reader.metadata(json, NEVER)
    assert.equal(metadata.item, event.item, 'a metadata segment names its item')
    opened += 1
  }
  return opened
}
