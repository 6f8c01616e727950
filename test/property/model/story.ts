/**
 * Stories: what may happen, as plain data, so that a failing one can be printed, shrunk and read.
 *
 * A story is a list of steps: what happens to its source (source.ts), and what we do, which is the
 * same for every source and stands here. Numbers choose among what is there when their turn comes;
 * a step that is not possible then does nothing. A new kind of step of ours is a record in `Run`,
 * its name in `RUNS`, an arbitrary in `runOf`, and a case in play.ts.
 */
import fc from 'fast-check'
import { FAULTS, type Fault, type Moment } from '../../../sandbox/storage/index.ts'
import type { Doing, Kind } from './source.ts'

/** Before the n-th call of the reader. */
export type Meanwhile<D> = readonly (readonly [n: number, what: D])[]

/** How a slice ends, or what meets it. */
export type Fate<D> =
  | { fate: 'ordinary' }
  | { fate: 'crash'; k: number; moment: Moment }
  | { fate: 'fault'; k: number; fault: Fault }
  /** It sleeps; meanwhile these things happen, and another works the owner. */
  | { fate: 'stall'; k: number; moment: Moment; minutes: number; asleep: readonly D[] }

/** What we do. */
export type Run<D> =
  | { step: 'slice'; ms: number; meanwhile: Meanwhile<D>; fate: Fate<D> }
  /** Slices until the round is complete. */
  | { step: 'round' }
  | { step: 'wait'; ms: number }
  /** A recovery point of the past is opened: from blobs and from tables. */
  | { step: 'look'; point: number }
  /** Rows are lost, and made again from blobs. */
  | { step: 'rebuild'; lost: Loss; dies?: number }

/**
 * `rows`: all of the owner but its own; `unnoticed`: the same, and nobody asks for a rebuild;
 * `tables`: everything; `nothing`: somebody asks for a rebuild nevertheless.
 */
export type Loss = 'nothing' | 'rows' | 'unnoticed' | 'tables'

export const RUNS: readonly string[] = [
  'slice',
  'round',
  'wait',
  'look',
  'rebuild',
] satisfies Run<Doing>['step'][]

export type Step<D> = D | Run<D>

export function isRun<D extends Doing>(step: Step<D>): step is Run<D> {
  return RUNS.includes(step.step)
}

/** When bases and commits of cursors fall due, and how many items a shard of a base has. */
export interface Upkeep {
  shardItems: number
  baseCommits: number
  baseAgeMs: number
  cursorCommitMs: number
}

/** All of a story but its steps. */
export interface Setting {
  /** Events after which a commit is written. */
  commitEvents: number
  /** Items in a page of changes. */
  pageSize: number
  upkeep: Upkeep
  seed: number
}

export interface Story<D> extends Setting {
  steps: readonly Step<D>[]
}

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS
const WAITS_MS = [1000, 5 * MINUTE_MS, 31 * MINUTE_MS, HOUR_MS, 5 * HOUR_MS, DAY_MS] as const
/** Longer than the longest wait of the ledger, and more often than not just a few days. */
const LONG_WAITS_MS = [3 * DAY_MS, 8 * DAY_MS] as const
const SLICES_MS = [60, 150, 400, 240_000] as const
/** Longer than a lease; longer than a slice may write rows. */
const SLEEPS_MINUTES = [20, 62] as const
/** A slice of these stories has some hundred port calls. */
const CALLS = 150
/** Calls of a reader in a slice. */
export const READER_CALLS = 25

/** Chooses among what is there. */
export const anyOf = fc.nat({ max: 999 })
export const rarely = fc.nat({ max: 3 }).map((one) => one === 0)

const k = fc.integer({ min: 1, max: CALLS })
const moment = fc.constantFrom<Moment>('before', 'after')

function fateOf<D extends Doing>({ happening }: Kind<D>): fc.Arbitrary<Fate<D>> {
  return fc.oneof(
    { weight: 5, arbitrary: fc.constant({ fate: 'ordinary' as const }) },
    { weight: 2, arbitrary: fc.record({ fate: fc.constant('crash' as const), k, moment }) },
    {
      weight: 1,
      arbitrary: fc.record({
        ...{ fate: fc.constant('fault' as const), k },
        fault: fc.constantFrom(...FAULTS),
      }),
    },
    {
      weight: 1,
      arbitrary: fc.record({
        ...{ fate: fc.constant('stall' as const), k, moment },
        minutes: fc.constantFrom(...SLEEPS_MINUTES),
        asleep: fc.array(happening, { maxLength: 4 }),
      }),
    },
  )
}

function sliceOf<D extends Doing>(kind: Kind<D>): fc.Arbitrary<Run<D>> {
  const interruption = fc.tuple(
    fc.integer({ min: 1, max: READER_CALLS }),
    fc.oneof(
      { weight: 5, arbitrary: kind.happening },
      { weight: 1, arbitrary: kind.trouble },
      ...(kind.amid ? [{ weight: 3, arbitrary: kind.amid }] : []),
    ),
  )
  return fc.record({
    ...{ step: fc.constant('slice' as const), ms: fc.constantFrom(...SLICES_MS) },
    meanwhile: fc.array(interruption, { maxLength: 6 }),
    fate: fateOf(kind),
  })
}

const wait = fc.record({
  step: fc.constant('wait' as const),
  ms: fc.oneof(
    { weight: 9, arbitrary: fc.constantFrom(...WAITS_MS) },
    { weight: 1, arbitrary: fc.constantFrom(...LONG_WAITS_MS) },
  ),
})

const rebuild = fc.record(
  {
    step: fc.constant('rebuild' as const),
    lost: fc.constantFrom<Loss>('nothing', 'rows', 'unnoticed', 'tables'),
    dies: k,
  },
  { requiredKeys: ['step', 'lost'] },
)

function runOf<D extends Doing>(kind: Kind<D>): fc.Arbitrary<Run<D>> {
  return fc.oneof(
    { weight: 5, arbitrary: sliceOf(kind) },
    { weight: 3, arbitrary: fc.record({ step: fc.constant('round' as const) }) },
    { weight: 4, arbitrary: wait },
    { weight: 1, arbitrary: fc.record({ step: fc.constant('look' as const), point: anyOf }) },
    { weight: 1, arbitrary: rebuild },
  )
}

/** Mostly so small that a story has several bases and commits of cursors alone. */
const upkeep: fc.Arbitrary<Upkeep> = fc.record({
  shardItems: fc.constantFrom(2, 6, 1000),
  baseCommits: fc.constantFrom(2, 5, 12, 1000),
  baseAgeMs: fc.constantFrom(DAY_MS, 30 * DAY_MS),
  cursorCommitMs: fc.constantFrom(5 * HOUR_MS, DAY_MS, 3 * DAY_MS),
})

/** Stories of at most so many steps. */
export function storyOf<D extends Doing>(kind: Kind<D>, stepsMax: number): fc.Arbitrary<Story<D>> {
  const step: fc.Arbitrary<Step<D>> = fc.oneof(
    { weight: 12, arbitrary: kind.happening },
    { weight: 2, arbitrary: kind.trouble },
    { weight: 8, arbitrary: runOf(kind) },
  )
  return fc.record({
    commitEvents: fc.constantFrom(1, 4, 50),
    pageSize: fc.constantFrom(2, 5, 50),
    upkeep,
    seed: fc.nat({ max: 1_000_000 }),
    steps: fc.array(step, { maxLength: stepsMax, size: 'max' }),
  })
}
