/** The end of a story: all trouble is over, and rounds go on until nothing is open any more. */
import assert from 'node:assert/strict'
import type { GraphId } from '../../../src/model/ids.ts'
import type { Play } from './play.ts'
import type { Held, PointState, Points } from './points.ts'
import { DELETION_LAG_MS, type MailWorld } from './world.ts'

const HOUR_MS = 3_600_000
/** Longer than the longest wait between tries of a ledger entry. */
const RETRIES_MS = 8 * 24 * HOUR_MS
/** Rounds in which what left must be told deleted, and then some, if entries are still open. */
const ROUNDS_MIN = 3
const ROUNDS_MAX = 8

/** Brings the owner to rest: then what is held is what the mailbox holds, and nothing is open. */
export async function atRest(world: MailWorld, play: Play, points: Points): Promise<void> {
  const { clock } = world.storage
  await play.repair()
  clock.advance(RETRIES_MS)
  for (let n = 0; n < ROUNDS_MAX; n += 1) {
    await play.round()
    clock.advance(DELETION_LAG_MS + HOUR_MS)
    await points.refresh()
    if (n + 1 >= ROUNDS_MIN && points.at(points.commits.length).open.size === 0) break
  }
  const state = points.at(points.commits.length)
  assert.deepEqual([...state.open.values()], [], 'nothing is left open')
  await sameAsModel(world, state)
  await modelIsRight(world)
}

async function sameAsModel(world: MailWorld, { held }: PointState): Promise<void> {
  const { messages, folders } = world.mailbox
  const itemsHeld = [...held.values()].filter((version) => version.kind === 'item')
  const expected = [...messages].flatMap(([id, { now }]) => (now ? [[id, now] as const] : []))
  const shown = (version: Held) => {
    const mime = version.representations.find((each) => each.name === 'mime')
    const token = world.served.get(mime?.sha256 ?? '')?.token
    return { folder: version.place.container, subject: version.display.name, token }
  }
  assert.deepEqual(
    byId(itemsHeld.map((version) => [version.item, shown(version)])),
    byId(expected.map(([id, { folder, subject, token }]) => [id, { folder, subject, token }])),
    'what is held is what the mailbox holds',
  )
  for (const [id, { isTold, isRead }] of expected) {
    if (isTold) assert.equal(held.get(id)?.display.isRead, isRead, 'and as it was read')
  }
  const containers = [...held.values()].filter(
    ({ kind, display }) => kind === 'container' && display.excluded === undefined,
  )
  assert.deepEqual(
    byId(containers.map(({ item, display }) => [item, [display.name, display.parent]])),
    byId([...folders].flatMap(([id, { now }]) => (now ? [[id, [now.name, now.parent]]] : []))),
    'the folders are those',
  )
}

/** The plain model itself, against the tenant's own state. */
async function modelIsRight({ mailbox, tenant }: MailWorld): Promise<void> {
  const snapshot = await tenant.control.snapshot({ user: mailbox.user })
  const read = new Set<string>([...mailbox.folders].flatMap(([id, { now }]) => (now ? [id] : [])))
  const there = snapshot.messages.filter((message) => read.has(message.folderId))
  assert.deepEqual(
    byId(
      there.map(({ immutableId, folderId, subject, isRead }) => [
        immutableId as GraphId,
        { folder: folderId, subject, isRead },
      ]),
    ),
    byId(
      [...mailbox.messages].flatMap(([id, { now }]) =>
        now ? [[id, { folder: now.folder, subject: now.subject, isRead: now.isRead }]] : [],
      ),
    ),
    'the model knows the mailbox',
  )
}

function byId(entries: readonly (readonly [GraphId, unknown])[]) {
  return new Map([...entries].sort(([a], [b]) => (a < b ? -1 : 1)))
}
