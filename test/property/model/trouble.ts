/** Trouble of the service that is the same whatever is read. */
import fc from 'fast-check'
import { FAULT_KINDS, type FaultKind } from '../../../sandbox/tenant/index.ts'
import type { Service } from './source.ts'
import { READER_CALLS } from './story.ts'

export type CallTrouble =
  /** Such a share of what is listed comes again, or in an older state first. */
  | { step: 'replays'; rate: number }
  /** The n-th call from now on. */
  | { step: 'fault'; kind: FaultKind; n: number; retryAfterSeconds: number }
  /** What fails whatever is done works again. */
  | { step: 'repair' }

const MINUTE_MS = 60_000
/** Shorter than the lag that capture allows for (30 minutes). */
export const LAGS_MS = [0, 90_000, 20 * MINUTE_MS] as const

export const replays: fc.Arbitrary<CallTrouble> = fc.record({
  step: fc.constant('replays' as const),
  rate: fc.constantFrom(0, 0.4),
})

export const fault: fc.Arbitrary<CallTrouble> = fc.record({
  ...{ step: fc.constant('fault' as const), kind: fc.constantFrom(...FAULT_KINDS) },
  ...{ n: fc.integer({ min: 1, max: READER_CALLS }), retryAfterSeconds: fc.constantFrom(1, 300) },
})

export const repair: fc.Arbitrary<CallTrouble> = fc.record({ step: fc.constant('repair' as const) })

export async function meet({ tenant, notes }: Service, what: CallTrouble): Promise<void> {
  const { control } = tenant
  switch (what.step) {
    case 'replays':
      return void (await control.settings({ replays: what.rate }))
    case 'fault': {
      notes.fault()
      const { kind: action, n: nth, retryAfterSeconds } = what
      return void (await control.addFault({ path: '.', nth, action, retryAfterSeconds }))
    }
    case 'repair':
      return void (await control.clearFaults({}))
  }
}

/** For a regular expression that is to match this text alone. */
export const escaped = (text: string): string => text.replace(/[^\w]/g, '\\$&')
