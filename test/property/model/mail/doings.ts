/** What may happen to a mailbox: what people do in it, and what the service does to us. */
import fc from 'fast-check'
import { EXPIRED_LINK_FORMS, type ExpiredLinkForm } from '../../../../sandbox/tenant/index.ts'
import { anyOf, rarely } from '../story.ts'
import { type CallTrouble, fault, LAGS_MS, repair, replays } from '../trouble.ts'

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

/** The folder (or all alike) shows what was so long ago; 0: the present. */
export interface Lag {
  step: 'lag'
  folder: number | 'all'
  ms: number
}

/** What the service does to us. */
export type Trouble =
  | CallTrouble
  | Expiry
  | Lag
  | { step: 'silence'; is: boolean }
  | { step: 'corrupt'; message: number }

export type MailDoing = Happening | Trouble

const n = anyOf

const arrive = fc.record({
  ...{ step: fc.constant('arrive' as const), folder: n },
  ...{ isLong: rarely, hasFile: rarely },
})

export const happening: fc.Arbitrary<Happening> = fc.oneof(
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
  replays,
)

const callTrouble: fc.Arbitrary<Trouble> = fc.oneof(
  fault,
  fc.record({ step: fc.constant('corrupt' as const), message: n }),
  repair,
)

export const trouble: fc.Arbitrary<Trouble> = fc.oneof(
  { weight: 2, arbitrary: decorationTrouble },
  { weight: 3, arbitrary: callTrouble },
  { weight: 2, arbitrary: expire },
  { weight: 1, arbitrary: lagOf(fc.constant('all' as const)) },
  { weight: 2, arbitrary: lagOf(n) },
)
