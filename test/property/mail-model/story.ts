/**
 * Stories: what may happen, as plain data, so that a failing one can be printed, shrunk and read.
 *
 * Numbers choose among what is there when their turn comes; a step that is not possible then does
 * nothing. A new kind of step is a record in a union, an arbitrary below, and a case in play.ts.
 */
import fc from 'fast-check'
import { FAULTS, type Fault, type Moment } from '../../../sandbox/storage/index.ts'
import {
  EXPIRED_LINK_FORMS,
  type ExpiredLinkForm,
  FAULT_KINDS,
  type FaultKind,
} from '../../../sandbox/tenant/index.ts'

/** What people do in their mailbox. */
export type Happening =
  | { step: 'arrive'; folder: number; isLong: boolean; hasFile: boolean }
  | { step: 'edit'; message: number; hasSubject: boolean; isLong: boolean }
  | { step: 'read' | 'flag'; message: number; is: boolean }
  | { step: 'move'; message: number; folder: number }
  | { step: 'delete'; message: number; how: 'soft' | 'recoverable' | 'hard' }
  | { step: 'undelete'; message: number; folder: number }
  | { step: 'make-folder'; parent: number; hidden: boolean }
  | { step: 'rename-folder'; folder: number }
  | { step: 'move-folder'; folder: number; parent: number }
  | { step: 'delete-folder'; folder: number }

/** Links are refused from now on; what people do before the next read, no link will ever tell. */
export interface Expiry {
  step: 'expire'
  kind: 'position' | 'delta' | 'all'
  /** Every third number: those of the whole mailbox, with the links of the list of folders. */
  folder: number
  form: ExpiredLinkForm
  untold: readonly Happening[]
}

/** What the service does to us. */
export type Trouble =
  | Expiry
  /** The folder (or all alike) shows what was so long ago; 0: the present. */
  | { step: 'lag'; folder: number | 'all'; ms: number }
  | { step: 'silence'; is: boolean }
  | { step: 'replays'; rate: number }
  /** The n-th call from now on. */
  | { step: 'fault'; kind: FaultKind; n: number; retryAfterSeconds: number }
  | { step: 'corrupt'; message: number }
  | { step: 'repair' }

/** Before the n-th call of the reader. */
export type Meanwhile = readonly (readonly [n: number, what: Happening | Trouble])[]

/** How a slice ends, or what meets it. */
export type Fate =
  | { fate: 'ordinary' }
  | { fate: 'crash'; k: number; moment: Moment }
  | { fate: 'fault'; k: number; fault: Fault }
  /** It sleeps; meanwhile these things happen, and another works the owner. */
  | { fate: 'stall'; k: number; moment: Moment; minutes: number; asleep: readonly Happening[] }

export type Run =
  | { step: 'slice'; ms: number; meanwhile: Meanwhile; fate: Fate }
  /** Slices until the round is complete. */
  | { step: 'round' }
  | { step: 'wait'; ms: number }
  /** A recovery point of the past is opened: from blobs and from tables. */
  | { step: 'look'; point: number }

export type Step = Happening | Trouble | Run

/** When bases and commits of cursors fall due, and how many items a shard of a base has. */
export interface Upkeep {
  shardItems: number
  baseCommits: number
  baseAgeMs: number
  cursorCommitMs: number
}

export interface Story {
  /** Events after which a commit is written. */
  commitEvents: number
  /** Messages in a page of changes. */
  pageSize: number
  upkeep: Upkeep
  seed: number
  steps: readonly Step[]
}

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS
/** Shorter than the lag that capture allows for (30 minutes). */
const LAGS_MS = [0, 90_000, 20 * MINUTE_MS] as const
const WAITS_MS = [1000, 5 * MINUTE_MS, 31 * MINUTE_MS, HOUR_MS, 5 * HOUR_MS, DAY_MS] as const
/** Longer than the longest wait of the ledger, and more often than not just a few days. */
const LONG_WAITS_MS = [3 * DAY_MS, 8 * DAY_MS] as const
const SLICES_MS = [60, 150, 400, 240_000] as const
/** Longer than a lease; longer than a slice may write rows. */
const SLEEPS_MINUTES = [20, 62] as const
/** A slice of these mailboxes has some hundred port calls. */
const CALLS = 150
const READER_CALLS = 25

const n = fc.nat({ max: 999 })
const rarely = fc.nat({ max: 3 }).map((one) => one === 0)

const arrive = fc.record({
  ...{ step: fc.constant('arrive' as const), folder: n },
  ...{ isLong: rarely, hasFile: rarely },
})

const happening: fc.Arbitrary<Happening> = fc.oneof(
  { weight: 6, arbitrary: arrive },
  {
    weight: 4,
    arbitrary: fc.record({
      ...{ step: fc.constant('edit' as const), message: n },
      ...{ hasSubject: fc.boolean(), isLong: rarely },
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      step: fc.constantFrom('read' as const, 'flag' as const),
      ...{ message: n, is: fc.boolean() },
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({ step: fc.constant('move' as const), message: n, folder: n }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      ...{ step: fc.constant('delete' as const), message: n },
      how: fc.constantFrom('soft' as const, 'recoverable' as const, 'hard' as const),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ step: fc.constant('undelete' as const), message: n, folder: n }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      ...{ step: fc.constant('make-folder' as const), parent: n, hidden: rarely },
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ step: fc.constant('rename-folder' as const), folder: n }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ step: fc.constant('move-folder' as const), folder: n, parent: n }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ step: fc.constant('delete-folder' as const), folder: n }),
  },
)

/** What only a comparison can find, more than anything else. */
const untold: fc.Arbitrary<Happening> = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      ...{ step: fc.constant('delete' as const), message: n },
      how: fc.constantFrom('recoverable' as const, 'hard' as const),
    }),
  },
  { weight: 1, arbitrary: fc.record({ step: fc.constant('delete-folder' as const), folder: n }) },
  { weight: 2, arbitrary: happening },
)

const expire: fc.Arbitrary<Trouble> = fc.record({
  ...{ step: fc.constant('expire' as const), folder: n },
  untold: fc.array(untold, { maxLength: 4 }),
  kind: fc.constantFrom('position' as const, 'delta' as const, 'all' as const),
  form: fc.constantFrom(...EXPIRED_LINK_FORMS),
})

const lagOf = (folder: fc.Arbitrary<number | 'all'>): fc.Arbitrary<Trouble> =>
  fc.record({ step: fc.constant('lag' as const), folder, ms: fc.constantFrom(...LAGS_MS) })

const decorationTrouble: fc.Arbitrary<Trouble> = fc.oneof(
  fc.record({ step: fc.constant('silence' as const), is: fc.boolean() }),
  fc.record({ step: fc.constant('replays' as const), rate: fc.constantFrom(0, 0.4) }),
)

const callTrouble: fc.Arbitrary<Trouble> = fc.oneof(
  fc.record({
    ...{ step: fc.constant('fault' as const), kind: fc.constantFrom(...FAULT_KINDS) },
    ...{ n: fc.integer({ min: 1, max: READER_CALLS }), retryAfterSeconds: fc.constantFrom(1, 300) },
  }),
  fc.record({ step: fc.constant('corrupt' as const), message: n }),
  fc.record({ step: fc.constant('repair' as const) }),
)

const trouble: fc.Arbitrary<Trouble> = fc.oneof(
  { weight: 2, arbitrary: decorationTrouble },
  { weight: 3, arbitrary: callTrouble },
  { weight: 2, arbitrary: expire },
  { weight: 1, arbitrary: lagOf(fc.constant('all' as const)) },
  { weight: 2, arbitrary: lagOf(n) },
)

const k = fc.integer({ min: 1, max: CALLS })
const moment = fc.constantFrom<Moment>('before', 'after')

const fate: fc.Arbitrary<Fate> = fc.oneof(
  { weight: 5, arbitrary: fc.constant({ fate: 'ordinary' as const }) },
  { weight: 2, arbitrary: fc.record({ fate: fc.constant('crash' as const), k, moment }) },
  {
    weight: 1,
    arbitrary: fc.record({
      fate: fc.constant('fault' as const),
      k,
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

const interruption = fc.tuple(
  fc.integer({ min: 1, max: READER_CALLS }),
  fc.oneof({ weight: 5, arbitrary: happening }, { weight: 1, arbitrary: trouble }),
)

const run: fc.Arbitrary<Run> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      ...{ step: fc.constant('slice' as const), ms: fc.constantFrom(...SLICES_MS) },
      ...{ meanwhile: fc.array(interruption, { maxLength: 6 }), fate },
    }),
  },
  { weight: 3, arbitrary: fc.record({ step: fc.constant('round' as const) }) },
  {
    weight: 4,
    arbitrary: fc.record({
      step: fc.constant('wait' as const),
      ms: fc.oneof(
        { weight: 9, arbitrary: fc.constantFrom(...WAITS_MS) },
        { weight: 1, arbitrary: fc.constantFrom(...LONG_WAITS_MS) },
      ),
    }),
  },
  { weight: 1, arbitrary: fc.record({ step: fc.constant('look' as const), point: n }) },
)

/** Mostly so small that a story has several bases and commits of cursors alone. */
const upkeep: fc.Arbitrary<Upkeep> = fc.record({
  shardItems: fc.constantFrom(2, 6, 1000),
  baseCommits: fc.constantFrom(2, 5, 12, 1000),
  baseAgeMs: fc.constantFrom(DAY_MS, 30 * DAY_MS),
  cursorCommitMs: fc.constantFrom(5 * HOUR_MS, DAY_MS, 3 * DAY_MS),
})

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 12, arbitrary: happening },
  { weight: 2, arbitrary: trouble },
  { weight: 8, arbitrary: run },
)

/** Stories of at most so many steps. */
export function storyOf(stepsMax: number): fc.Arbitrary<Story> {
  return fc.record({
    commitEvents: fc.constantFrom(1, 4, 50),
    pageSize: fc.constantFrom(2, 5, 50),
    upkeep,
    seed: fc.nat({ max: 1_000_000 }),
    steps: fc.array(step, { maxLength: stepsMax, size: 'max' }),
  })
}
