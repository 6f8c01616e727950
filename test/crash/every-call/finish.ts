/** Brings an owner to rest after whatever happened: rounds until nothing is left open. */
import type { CaptureWorld, Plants } from './capture-world.ts'
import { INTERVAL_MS, LAG_MS } from './capture-world.ts'
import { repaired } from './stories.ts'

const DAY_MS = 24 * 3_600_000
/** Longer than the longest wait between tries of a ledger entry. */
const RETRIES_MS = 8 * DAY_MS
/** Rounds in which what left must be told deleted. */
const SETTLING_ROUNDS = 2

export async function finish(world: CaptureWorld, plants: Plants = {}): Promise<void> {
  const worker = world.worker('successor', plants)
  world.storage.clock.advance(INTERVAL_MS)
  await world.round(worker)
  // What was scripted to happen while the mailbox is read, and did not come to its turn.
  for (const happening of world.box.meanwhile.splice(0)) happening()
  repaired(world.box)
  world.storage.clock.advance(RETRIES_MS)
  for (let n = 0; n < SETTLING_ROUNDS; n += 1) {
    await world.round(worker)
    world.storage.clock.advance(LAG_MS + INTERVAL_MS)
  }
}
