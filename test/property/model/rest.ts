/** The end of a story: all trouble is over, and rounds go on until nothing is open any more. */
import assert from 'node:assert/strict'
import type { GraphId } from '../../../src/model/ids.ts'
import type { Play } from './play.ts'
import type { PointState, Points } from './points.ts'
import type { Doing } from './source.ts'
import { present, type Timeline } from './timeline.ts'
import type { FolderState } from './verdict.ts'
import { DELETION_LAG_MS, type World } from './world.ts'

const HOUR_MS = 3_600_000
/** Longer than the longest wait between tries of a ledger entry. */
const RETRIES_MS = 8 * 24 * HOUR_MS
/** Rounds in which what left must be told deleted, and then some, if entries are still open. */
const ROUNDS_MIN = 3
const ROUNDS_MAX = 8
/** Longer than cursors ever wait for a commit of their own. */
const QUIET_MS = 4 * 24 * HOUR_MS

/** Brings the owner to rest: then what is held is what the source holds, and nothing is open. */
export async function atRest<D extends Doing>(
  { storage, source }: World<D>,
  play: Play<D>,
  points: Points,
): Promise<void> {
  const { clock } = storage
  await source.repair()
  clock.advance(RETRIES_MS)
  for (let n = 0; n < ROUNDS_MAX; n += 1) {
    await play.round()
    clock.advance(DELETION_LAG_MS + HOUR_MS)
    await points.refresh()
    if (n + 1 >= ROUNDS_MIN && points.at(points.commits.length).open.size === 0) break
  }
  clock.advance(QUIET_MS)
  await play.round()
  await points.refresh()
  const state = points.at(points.commits.length)
  assert.deepEqual([...state.open.values()], [], 'nothing is left open')
  await source.isHeld(state, points.reader)
}

/** The containers that are read are held under their names, where they stand. */
export function sameFolders(
  { held }: PointState,
  folders: ReadonlyMap<GraphId, Timeline<FolderState>>,
): void {
  const containers = [...held.values()].filter(
    ({ kind, display }) => kind === 'container' && display.excluded === undefined,
  )
  assert.deepEqual(
    byId(containers.map(({ item, display }) => [item, [display.name, display.parent]])),
    byId([...present(folders)].map(([id, { name, parent }]) => [id, [name, parent]])),
    'the folders are those',
  )
}

/** In one order, so that a difference is easily read. */
export function byId(entries: Iterable<readonly [GraphId, unknown]>): Map<GraphId, unknown> {
  return new Map([...entries].sort(([a], [b]) => (a < b ? -1 : 1)))
}
