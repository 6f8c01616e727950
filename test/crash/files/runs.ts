/**
 * Slices that read the files of a site, spoiled at their port calls: files come, change, move and
 * go, and a large one is read piece by piece and changes on the way.
 *
 * Each run is a story of test/property/model: a death or a sleep at one call, and then everything
 * that must hold of any story, from blobs and from tables.
 */
import assert from 'node:assert/strict'
import type { Moment } from '../../../sandbox/storage/index.ts'
import type { FileDoing } from '../../property/model/files/doings.ts'
import { FILES } from '../../property/model/files/index.ts'
import { type Played, runStory } from '../../property/model/run.ts'
import type { Fate, Setting, Step, Story } from '../../property/model/story.ts'
import { someOf } from '../every-call/points.ts'
import { SAMPLE } from '../every-call/sample.ts'

type FileStep = Step<FileDoing>

const DAY_MS = 24 * 3_600_000
/** Slices of some dozens of calls. */
const SLICE_MS = 250
const SLICES = 4
/** After so many of them the large file is to change, three pieces further on. */
const TOUCHED_AFTER = 1
const PIECE = 3
/** Of a sample; sleeps are less dense than deaths in any run: each takes three slices. */
const DEATHS_ONE_IN = 2
const SLEEPS_ONE_IN = 4
const SETTING: Setting = {
  ...{ commitEvents: 4, pageSize: 5, seed: 1 },
  upkeep: { shardItems: 2, baseCommits: 5, baseAgeMs: 30 * DAY_MS, cursorCommitMs: DAY_MS },
}

const arrives = (folder: number, size: 'empty' | 'short' | 'long' | 'large'): FileStep => {
  return { step: 'arrive', folder, size, hasHash: true, again: false }
}

/** A library that was read, and a day on which much happens to it. */
const BEFORE: readonly FileStep[] = [
  { step: 'make-folder', parent: 0 },
  { step: 'make-folder', parent: 1 },
  ...[arrives(0, 'short'), arrives(0, 'long'), arrives(1, 'short'), arrives(2, 'long')],
  ...[arrives(2, 'empty'), arrives(1, 'large'), { step: 'round' } as const],
  { step: 'wait', ms: DAY_MS },
  { step: 'edit', file: 0, how: 'long' },
  { step: 'rename', file: 1 },
  { step: 'move', file: 2, folder: 0 },
  { step: 'delete', file: 3 },
  { step: 'rename-folder', folder: 1 },
  ...[arrives(0, 'large'), arrives(2, 'short')],
]

const slice = (fate: Fate<FileDoing>): FileStep => {
  return { step: 'slice', ms: SLICE_MS, meanwhile: [], fate }
}

/** `fate` meets the slice with this number; a slice more or less does not matter to a story. */
function storyWith(number: number, fate: Fate<FileDoing>): Story<FileDoing> {
  const slices = Array.from({ length: number }, (_, n): FileStep[] => [
    slice(n + 1 === number ? fate : { fate: 'ordinary' }),
    ...(n + 1 === TOUCHED_AFTER ? [{ step: 'touch', how: 'tail', piece: PIECE } as const] : []),
  ])
  return { ...SETTING, steps: [...BEFORE, ...slices.flat()] }
}

interface Point {
  slice: number
  k: number
}

/** Every port call of every slice. */
function pointsOf({ calls }: Played): Point[] {
  return calls.flatMap((of, n) =>
    Array.from({ length: of }, (_, k) => ({ slice: n + 1, k: k + 1 })),
  )
}

/** Of the points that a run takes: one in so many, spread evenly. */
function some(points: readonly Point[], oneIn: number): Point[] {
  const { max, seed } = SAMPLE ?? { max: points.length, seed: 0 }
  return [...someOf(points, { max: Math.ceil(max / oneIn), seed })]
}

async function play({ slice: number, k }: Point, fate: Fate<FileDoing>): Promise<Played> {
  try {
    return await runStory(FILES, storyWith(number, fate))
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new Error(`slice ${number}, call ${k}: ${JSON.stringify(fate)}: ${why}`, { cause })
  }
}

const cleanRun = () => runStory(FILES, storyWith(SLICES, { fate: 'ordinary' }))

export interface Runs {
  /** Port calls of a run that nothing spoils. */
  calls: number
  /** Of them that were spoiled. */
  runs: number
}

/** It dies there. */
export async function dieAtEach(moment: Moment): Promise<Runs> {
  const points = pointsOf(await cleanRun())
  const taken = some(points, SAMPLE ? DEATHS_ONE_IN : 1)
  for (const point of taken) {
    const { counts } = await play(point, { fate: 'crash', k: point.k, moment })
    assert.equal(counts.get('a slice ends: died'), 1, 'it died there')
  }
  return { calls: points.length, runs: taken.length }
}

/** It sleeps there so long, while another works the site and the large file changes. */
export async function sleepAtSome(minutes: number): Promise<Runs> {
  const points = pointsOf(await cleanRun())
  const taken = some(points, SLEEPS_ONE_IN)
  for (const point of taken) {
    const asleep: FileDoing[] = [{ step: 'touch', how: 'head', piece: 0 }]
    const fate = { fate: 'stall', k: point.k, moment: 'before', minutes, asleep } as const
    const { counts } = await play(point, fate)
    assert.equal(counts.get('asleep'), 1, 'it slept there')
  }
  return { calls: points.length, runs: taken.length }
}

/** How often what makes these slices worth it happens in a run that nothing spoils. */
export async function counted(what: readonly string[]): Promise<number[]> {
  const { counts } = await cleanRun()
  return what.map((one) => counts.get(one) ?? 0)
}
