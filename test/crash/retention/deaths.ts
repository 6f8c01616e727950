/** P1, P4: the keeper and the expirer die before and after each of their calls. */
import assert from 'node:assert/strict'
import { type Death, Play, type YearsCounts } from '../../property/years/play.ts'
import { DAY_MS, type YearsWorld } from '../../property/years/world.ts'
import { CALLS_MAX, EVERY, expireAll, gone, months, SEED, stream } from './months.ts'

export type Role = 'plan' | 'execute' | 'keeper'

/** How many deaths; whoever comes next ends the work after each of them. */
export async function dieAtEach(role: Role): Promise<number> {
  const { start, after } = role === 'keeper' ? await keeping() : await expiring(role)
  let points = 0
  for (let k = 1; k < CALLS_MAX; k += EVERY) {
    for (const moment of ['before', 'after'] as const) {
      const world = start.fork()
      const died = await dies(world, role, { k, moment })
      if (died === undefined) return points
      points += 1
      await after(world, died)
    }
  }
  throw new RangeError(`There are more than ${CALLS_MAX} calls.`)
}

interface Dying {
  start: YearsWorld
  /** What must hold after each death. */
  after(world: YearsWorld, died: YearsCounts): Promise<void>
}

async function expiring(role: 'plan' | 'execute'): Promise<Dying> {
  const start = await months()
  if (role === 'execute') {
    await new Play(start, SEED).step({ step: 'plan', stream })
    start.storage.clock.advance(1.5 * DAY_MS)
  }
  const clean = await expireAll(start.fork())
  assert.ok(gone(clean) > 0 && (clean['packs removed'] ?? 0) > 0, 'something goes')
  const after = async (world: YearsWorld, died: YearsCounts) => {
    const all = gone(died) + gone(await expireAll(world))
    assert.equal(all, gone(clean), 'the same is gone in the end')
  }
  return { start, after }
}

async function keeping(): Promise<Dying> {
  const start = await months()
  start.storage.clock.advance(25 * DAY_MS)
  return { start, after: (world) => new Play(world, SEED).step({ step: 'keeper' }) }
}

/** Undefined where there is no such call. */
async function dies(world: YearsWorld, role: Role, death: Death): Promise<YearsCounts | undefined> {
  const play = new Play(world, SEED)
  await play.step({ step: role, stream, dies: death })
  const isMet = (play.counts['expirer died'] ?? 0) + (play.counts['keeper died'] ?? 0) > 0
  return isMet ? play.counts : undefined
}
