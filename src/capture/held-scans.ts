/**
 * The scans that this slice holds: full reads of containers whose ids it is putting in.
 *
 * A scan must know exactly the ids of the pages that a saved cursor has passed. A page that was
 * put in and is read again later may lack an item by then, and nobody would be told that it went.
 * So a scan is given back only after a save that has passed everything; whoever finds one that was
 * not given back (its holder died, sleeps, or lost a race) begins another
 * (docs/decisions/007-full-comparisons.md).
 */
import { eachBounded } from '../concurrency/index.ts'
import type { GraphId } from '../model/ids.ts'
import type { Change } from '../workloads/workload.ts'
import type { StreamCapture } from './stream-capture.ts'

const GIVEN_BACK_AT_ONCE = 8

export class HeldScans {
  readonly #capture: StreamCapture
  readonly #held = new Map<GraphId, string>()

  constructor(capture: StreamCapture) {
    this.#capture = capture
  }

  async open(container: GraphId): Promise<string> {
    const { tables, signal } = this.#capture.context
    const id = await tables.scans.open(container, 'held', signal)
    this.#held.set(container, id)
    return id
  }

  /** True where the scan may be gone on with: it is held already, or its last holder gave it back. */
  async take(container: GraphId, id: string): Promise<boolean> {
    if (this.#held.get(container) === id) return true
    const { tables, signal } = this.#capture.context
    if (!(await tables.scans.take({ container, id }, signal))) return false
    this.#held.set(container, id)
    return true
  }

  /** Puts in what a page shows; the caller's next act moves the cursor past the page. */
  async add(container: GraphId, id: string, changes: readonly Change[]): Promise<void> {
    const { tables, signal } = this.#capture.context
    // A failure half way leaves ids that no cursor will pass: such a scan is not given back.
    this.#held.delete(container)
    const shown = changes.filter((change) => change.op === 'present').map((change) => change.id)
    await tables.scans.add({ container, id }, shown, signal)
    this.#held.set(container, id)
  }

  /** This slice is done with the container's scan, and nobody shall go on with it. */
  drop(container: GraphId): void {
    this.#held.delete(container)
  }

  /** Saves what is pending, and gives all scans back if that was done. False: another was faster. */
  async save(): Promise<boolean> {
    if (!(await this.#capture.save())) return false
    const { tables, signal } = this.#capture.context
    const held = [...this.#held]
    this.#held.clear()
    await eachBounded(held, GIVEN_BACK_AT_ONCE, ([container, id]) =>
      tables.scans.giveBack({ container, id }, signal),
    )
    return true
  }
}
