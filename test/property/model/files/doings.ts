/** What may happen to the libraries of a site: what people do there, and what the service does. */
import fc from 'fast-check'
import { EXPIRED_LINK_FORMS, type ExpiredLinkForm } from '../../../../sandbox/tenant/index.ts'
import { anyOf, rarely } from '../story.ts'
import { type CallTrouble, fault, LAGS_MS, repair, replays } from '../trouble.ts'

/** `large`: content that is read over several slices. */
export const SIZES = ['empty', 'short', 'long', 'large'] as const
export type Size = (typeof SIZES)[number]

/** `head`, `tail`: the other half stays, and so does the length. */
export type Edit = Size | 'head' | 'tail'

export type Touch = Edit | 'date' | 'delete' | 'rename'

/** What people do with their files. */
export type Happening =
  /** `again`: under the name of what was deleted from there last. */
  | { step: 'arrive'; folder: number; size: Size; hasHash: boolean; again: boolean }
  | { step: 'edit'; file: number; how: Edit }
  | { step: 'rename' | 'date' | 'delete'; file: number }
  /** The file that is read over several slices, after so many more pieces; 0: now. */
  | { step: 'touch'; how: Touch; piece: number }
  /** Two of one folder take each other's name. */
  | { step: 'swap'; file: number }
  | { step: 'move'; file: number; folder: number }
  /** A file or folder comes back from the recycle bin, with what was in it. */
  | { step: 'restore'; bin: number }
  | { step: 'make-folder'; parent: number }
  | { step: 'rename-folder' | 'delete-folder'; folder: number }
  | { step: 'move-folder'; folder: number; parent: number }
  | { step: 'make-library' | 'rename-library' | 'delete-library'; library: number }

/** Links are refused from now on; what people do before the next read, no link will ever tell. */
export interface Expiry {
  step: 'expire'
  kind: 'position' | 'delta' | 'all'
  library: number
  form: ExpiredLinkForm
  untold: readonly Happening[]
}

/** Until it is repaired; malware until somebody cleans it, or the file gets other content. */
export interface Corruption {
  step: 'corrupt'
  file: number
  /** It gets other content just before, which nobody has read yet. */
  isWritten: boolean
  how: 'locked' | 'wrong-bytes' | 'malware'
}

/** What the service does to us. */
export type Trouble =
  | CallTrouble
  | Expiry
  | Corruption
  /** The libraries show what was so long ago; 0: the present. */
  | { step: 'lag'; ms: number }
  /** Whether what was in a folder that is gone, or is back, is told of as well. */
  | { step: 'descendants'; is: boolean }
  /** Addresses of contents are used up, are not told at such a rate, or ignore where to begin. */
  | { step: 'addresses'; how: 'expired' }
  | { step: 'addresses'; how: 'missing' | 'whole'; rate: number }

export type FileDoing = Happening | Trouble

/** About so many does a large file have. */
const PIECES = 10

const n = anyOf
const step = <T extends string>(...names: T[]) => fc.constantFrom(...names)

const size: fc.Arbitrary<Size> = fc.oneof(
  { weight: 1, arbitrary: fc.constant('empty' as const) },
  { weight: 6, arbitrary: fc.constant('short' as const) },
  { weight: 3, arbitrary: fc.constant('long' as const) },
  { weight: 5, arbitrary: fc.constant('large' as const) },
)

const edit: fc.Arbitrary<Edit> = fc.oneof(
  { weight: 3, arbitrary: size },
  { weight: 1, arbitrary: fc.constantFrom('head' as const, 'tail' as const) },
)

const touch: fc.Arbitrary<Touch> = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom('head' as const, 'tail' as const, 'large' as const) },
  { weight: 1, arbitrary: fc.constantFrom('date' as const, 'delete' as const, 'rename' as const) },
)

const arrive = fc.record({
  ...{ step: step('arrive'), folder: n, size, again: rarely },
  hasHash: rarely.map((isWithout) => !isWithout),
})
const deleteFile = fc.record({ step: step('delete'), file: n })
const deleteFolder = fc.record({ step: step('delete-folder'), folder: n })

/** Content that takes several slices changes on the way. */
export const amid: fc.Arbitrary<Happening> = fc.record({
  ...{ step: step('touch'), how: touch },
  piece: fc.nat({ max: PIECES }),
})

export const happening: fc.Arbitrary<Happening> = fc.oneof(
  { weight: 7, arbitrary: arrive },
  { weight: 5, arbitrary: fc.record({ step: step('edit'), file: n, how: edit }) },
  { weight: 3, arbitrary: fc.record({ step: step('rename', 'date'), file: n }) },
  { weight: 3, arbitrary: amid },
  { weight: 1, arbitrary: fc.record({ step: step('swap'), file: n }) },
  { weight: 4, arbitrary: fc.record({ step: step('move'), file: n, folder: n }) },
  { weight: 3, arbitrary: deleteFile },
  { weight: 2, arbitrary: fc.record({ step: step('restore'), bin: n }) },
  { weight: 4, arbitrary: fc.record({ step: step('make-folder'), parent: n }) },
  { weight: 2, arbitrary: fc.record({ step: step('rename-folder'), folder: n }) },
  { weight: 3, arbitrary: fc.record({ step: step('move-folder'), folder: n, parent: n }) },
  { weight: 2, arbitrary: deleteFolder },
  {
    weight: 2,
    arbitrary: fc.record({
      step: step('make-library', 'rename-library', 'delete-library'),
      library: n,
    }),
  },
)

/** What only a comparison can find, more than anything else. */
const untold: fc.Arbitrary<Happening> = fc.oneof(
  { weight: 3, arbitrary: deleteFile },
  { weight: 2, arbitrary: deleteFolder },
  { weight: 2, arbitrary: happening },
)

const expire: fc.Arbitrary<Trouble> = fc.record({
  ...{ step: step('expire'), library: n, untold: fc.array(untold, { maxLength: 4 }) },
  kind: fc.constantFrom('position' as const, 'delta' as const, 'all' as const),
  form: fc.constantFrom(...EXPIRED_LINK_FORMS),
})

const corrupt: fc.Arbitrary<Trouble> = fc.record({
  ...{ step: step('corrupt'), file: n, isWritten: rarely.map((isOld) => !isOld) },
  how: fc.constantFrom('locked' as const, 'wrong-bytes' as const, 'malware' as const),
})

const addresses: fc.Arbitrary<Trouble> = fc.oneof(
  fc.record({ step: step('addresses'), how: fc.constant('expired' as const) }),
  fc.record({
    ...{ step: step('addresses'), how: fc.constantFrom('missing' as const, 'whole' as const) },
    rate: fc.constantFrom(0, 0.5),
  }),
)

export const trouble: fc.Arbitrary<Trouble> = fc.oneof(
  { weight: 1, arbitrary: replays },
  { weight: 1, arbitrary: fault },
  { weight: 1, arbitrary: repair },
  { weight: 3, arbitrary: corrupt },
  { weight: 1, arbitrary: addresses },
  { weight: 3, arbitrary: expire },
  { weight: 1, arbitrary: fc.record({ step: step('descendants'), is: fc.boolean() }) },
  {
    weight: 2,
    arbitrary: fc.record({ step: step('lag'), ms: fc.constantFrom(...LAGS_MS) }),
  },
)
