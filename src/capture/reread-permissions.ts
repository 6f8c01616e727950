/**
 * The slow cycle over who may see things: the service does not tell every change of permissions,
 * and never those of a folder (facts 7.39), so what has permissions of its own is asked again, one
 * after the other, once in a while. Only where the answer is another one is a version written.
 */
import { createHash } from 'node:crypto'
import { eachBounded } from '../concurrency/index.ts'
import { PERMISSIONS } from '../model/events.ts'
import type { GraphId } from '../model/ids.ts'
import type { VersionPart } from '../vault/types.ts'
import type { ContentPart } from '../workloads/workload.ts'
import { heldPermissions, type Known } from './decide.ts'
import { takePermissions } from './page.ts'
import { stillAsHeld } from './settled.ts'
import type { SlowCycle } from './slow-cycle.ts'
import type { StreamCapture } from './stream-capture.ts'

const PORTION = 100

export const PERMISSIONS_CYCLE: SlowCycle = {
  cursor: PERMISSIONS,
  everyMs: ({ context }) => context.limits.permissionsMs,
  isFor: ({ context }) => context.reader.permissions !== undefined,
  portion: () => PORTION,
  async ask(capture, ids) {
    await askAgain(capture, ids)
    return 'nothing'
  },
}

/** Those among them that have permissions of their own, or of which those could not be read. */
async function askAgain(capture: StreamCapture, ids: readonly GraphId[]): Promise<void> {
  const { tables, reader, signal } = capture.context
  if (ids.length === 0) return
  const held = await tables.current(ids, capture.headSeq, signal)
  const shared = ids.filter((id) => {
    const one = held.get(id)
    if (one === undefined || one.deleted) return false
    return one.marker.sharing !== undefined || one.display.unread?.includes('permissions')
  })
  await eachBounded(shared, reader.concurrency, (id) => askOne(capture, id))
}

/** Its own trouble is no news: what is held stays, and it is asked again in the next cycle. */
async function askOne(capture: StreamCapture, id: GraphId): Promise<void> {
  const { reader, signal } = capture.context
  try {
    const { now, known } = (await stillAsHeld(capture, id)) ?? {}
    if (now?.marker.sharing === undefined || known === undefined) return
    const answer = await reader.permissions?.(now, signal)
    if (answer?.outcome !== 'content') return
    const parts = await readWhole(answer.parts)
    if (isHeld(known, parts)) return
    // What the last page said of it stays the last word, so that the page is no news.
    const { sharing = now.marker.sharing } = known.marker
    const change = { ...now, marker: { ...now.marker, sharing } }
    await takePermissions(capture, { change, known, parts })
  } catch (error) {
    capture.failureOf(error, id)
  }
}

type WholePart = VersionPart & { plain: Uint8Array }

async function readWhole(parts: readonly ContentPart[]): Promise<WholePart[]> {
  const whole: WholePart[] = []
  for (const { name, bytes } of parts) {
    const pieces: Uint8Array[] = []
    for await (const piece of bytes) pieces.push(piece)
    const plain = Buffer.concat(pieces)
    whole.push({ name, plain, bytes: once(plain) })
  }
  return whole
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}

function isHeld(known: Known, parts: readonly WholePart[]): boolean {
  const [held] = heldPermissions(known)
  const [now] = parts
  if (held === undefined || now === undefined) return held === now
  return held.sha256 === createHash('sha256').update(now.plain).digest('hex')
}
