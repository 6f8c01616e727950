/** Brings an owner to rest after whatever happened: rounds until nothing is left open. */
import { type CaptureWorld, INTERVAL_MS, LAG_MS, type Plants } from './capture-world.ts'
import { repaired } from './stories.ts'

const DAY_MS = 24 * 3_600_000
/** Longer than the longest wait between tries of a ledger entry. */
const RETRIES_MS = 8 * DAY_MS
/** Rounds in which what left must be told deleted, and then some, if entries are still open. */
const ROUNDS_MIN = 2
const ROUNDS_MAX = 12

/** What is still open after ROUNDS_MAX is for `checkTruth` to tell. */
export async function finish(world: CaptureWorld, plants: Plants = {}): Promise<void> {
  const worker = world.worker('successor', plants)
  world.storage.clock.advance(INTERVAL_MS)
  await world.round(worker)
  // What was scripted to happen while the mailbox is read, and did not come to its turn.
  for (const happening of world.box.meanwhile.splice(0)) happening()
  repaired(world.box)
  world.storage.clock.advance(RETRIES_MS)
  // A round tries only so many entries again as fit into a quarter of a slice.
  for (let n = 0; n < ROUNDS_MAX; n += 1) {
    if (n >= ROUNDS_MIN && !(await world.hasOpenEntries())) return
    await world.round(worker)
    world.storage.clock.advance(LAG_MS + INTERVAL_MS)
  }
}
