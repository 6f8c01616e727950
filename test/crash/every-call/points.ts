/** Every way to spoil a run, given the calls of a clean one. */
import { FAULTS, type Fault, type Moment, type TraceLine } from '../../../sandbox/storage/index.ts'
import type { Spoil } from './explore.ts'

/** Its multiples fall everywhere between two whole numbers. */
const GOLDEN = 0.618034
const MOMENTS: readonly Moment[] = ['before', 'after']
/**
 * Longer than any lease: a late writer may still write its rows after twenty minutes, and may not
 * after an hour (DESIGN 6).
 */
const SLEEPS_MINUTES = [20, 62] as const
/** Calls that change what is stored. */
const WRITES: ReadonlySet<string> = new Set(['create', 'batch', 'send', 'overwrite'])

export function* everySpoil(how: Spoil['how'], calls: readonly TraceLine[]): Generator<Spoil> {
  for (const [index, call] of calls.entries()) {
    const k = index + 1
    if (how === 'crash') for (const moment of MOMENTS) yield { how, k, moment }
    if (how === 'fault') for (const fault of faultsOf(call)) yield { how, k, fault }
    // A sleep before the next call is the same as one before the answer to this one.
    const moment = 'after'
    if (how === 'stall') for (const minutes of SLEEPS_MINUTES) yield { how, k, moment, minutes }
  }
}

/**
 * Sleeps for tests of rebuilds: after each call, and before each write. What a write before which
 * its process sleeps may do was decided before, so no look at the clock can stop it.
 */
export function* everySleep(calls: readonly TraceLine[]): Generator<Spoil> {
  for (const [index, { op }] of calls.entries()) {
    const stall = { how: 'stall', k: index + 1, minutes: 62 } as const
    if (WRITES.has(op)) yield { ...stall, moment: 'before' }
    yield { ...stall, moment: 'after' }
  }
}

/** As everySleep, after calls alone. */
export function* everySleepAfter(calls: readonly TraceLine[]): Generator<Spoil> {
  for (const spoil of everySleep(calls)) {
    if (spoil.how === 'stall' && spoil.moment === 'after') yield spoil
  }
}

export interface Sample {
  max: number
  /** Others with each. */
  seed: number
}

/** So many of the points, spread evenly; all of them where there are no more. */
export function* someOf<T extends object>(
  points: Iterable<T>,
  { max, seed }: Sample,
): Generator<T> {
  const all = [...points]
  const stride = Math.max(1, all.length / max)
  for (let at = (seed * GOLDEN * stride) % stride; at < all.length; at += stride) {
    const point = all[Math.floor(at)]
    if (point) yield point
  }
}

/** The service has troubles of its own; a read that fails is one kind of trouble only. */
function faultsOf({ port, op }: TraceLine): readonly Fault[] {
  if (port === 'graph') return []
  return WRITES.has(op) ? FAULTS : ['lost']
}
