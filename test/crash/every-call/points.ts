/** Every way to spoil a run of N calls. */
import { FAULTS, type Moment } from '../../../sandbox/storage/index.ts'
import type { Spoil } from './explore.ts'

const MOMENTS: readonly Moment[] = ['before', 'after']
/**
 * Longer than any lease: a late writer may still write its rows after twenty minutes, and may not
 * after an hour (DESIGN 6).
 */
const SLEEPS_MINUTES = [20, 62] as const

export const SPOILS = ['crash', 'stall', 'fault'] as const

export function* everySpoil(how: Spoil['how'], calls: number): Generator<Spoil> {
  for (let k = 1; k <= calls; k += 1) {
    if (how === 'fault') {
      for (const fault of FAULTS) yield { how, k, fault }
      continue
    }
    for (const moment of MOMENTS) {
      if (how === 'crash') yield { how, k, moment }
      else for (const minutes of SLEEPS_MINUTES) yield { how, k, moment, minutes }
    }
  }
}
