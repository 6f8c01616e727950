/** What the crash tests of keeper and expirer share: months of a mailbox, and its expiry. */
import { TAKES_MORE } from '../../level.ts'
import { Play, type YearsCounts } from '../../property/years/play.ts'
import { YearsWorld } from '../../property/years/world.ts'

export const SEED = 1
const MONTHS = 5
export const CALLS_MAX = 5000
/** `npm run test:crash` takes every call. */
export const EVERY = process.env['HOLDFAST_CRASH_RUNS'] ? 1 : TAKES_MORE ? 25 : 120
export const stream = 0

export const gone = (counts: YearsCounts) => counts['commits removed'] ?? 0

/** A mailbox of some months of which the first are past retention, a base for each. */
export async function months(): Promise<YearsWorld> {
  const world = await YearsWorld.make(SEED)
  await world.policy({ days: 30 })
  const play = new Play(world, SEED)
  for (let month = 0; month < MONTHS; month += 1) {
    for (let day = 0; day < 3; day += 1) {
      const text = (n: number) => `month ${month} day ${day} ${n} `.repeat(80)
      const changes = [0, 1, 2].map((n) => {
        const put = { do: 'put', item: (month + n) % 5, text: text(n) } as const
        return { ...put, ...(month === 0 && n === 0 && { bulky: true }) }
      })
      await play.step({ step: 'commit', stream, changes, complete: true })
      await play.step({ step: 'days', days: 10 })
    }
    await play.step({ step: 'base', stream })
  }
  await play.step({ step: 'keeper' })
  return world
}

/** Plans and executions, until nothing more goes. */
export async function expireAll(world: YearsWorld): Promise<YearsCounts> {
  const play = new Play(world, SEED)
  const nothing = () => play.counts['plan: nothing'] ?? 0
  for (let n = 0; n < 8 && nothing() === 0; n += 1) {
    await play.step({ step: 'plan', stream })
    await play.step({ step: 'days', days: 2 })
    await play.step({ step: 'execute' })
  }
  await play.end()
  return play.counts
}
