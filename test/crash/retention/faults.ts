/** P1, P4: storage is faulty at each call of the keeper and the expirer. */
import { FAULTS, type Fault } from '../../../sandbox/storage/index.ts'
import { AppError } from '../../../src/model/errors.ts'
import { Play } from '../../property/years/play.ts'
import { DAY_MS, type YearsWorld } from '../../property/years/world.ts'
import { CALLS_MAX, EVERY, expireAll, months, SEED, stream } from './months.ts'

/** How many faults. Each call meets one kind: they take turns. */
export async function failAtEach(fault: Fault): Promise<number> {
  const start = await months()
  const stride = FAULTS.length * EVERY
  let points = 0
  for (let k = 1 + FAULTS.indexOf(fault) * EVERY; await faultAt(start, k, fault); k += stride) {
    points += 1
    if (k > CALLS_MAX) throw new RangeError(`There are more than ${CALLS_MAX} calls.`)
  }
  return points
}

/** False where there is no such call. */
async function faultAt(start: YearsWorld, k: number, fault: Fault): Promise<boolean> {
  const world = start.fork()
  const play = new Play(world, SEED)
  let calls = 0
  let isMet = false
  play.onProcess = (process) => {
    process.faultAt(k - calls, fault)
    return () => {
      calls += process.calls
      isMet ||= process.faultsMet > 0
    }
  }
  for (const step of ['keeper', 'plan', 'execute'] as const) {
    try {
      await play.step({ step, stream })
    } catch (error) {
      if (!(error instanceof AppError) || error.kind === 'bug') throw error
    }
    world.storage.clock.advance(1.1 * DAY_MS)
  }
  if (!isMet) return false
  await new Play(world, SEED).step({ step: 'keeper' })
  await expireAll(world)
  return true
}
