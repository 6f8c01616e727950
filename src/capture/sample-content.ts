/**
 * The slow cycle that catches a forger. Content that is known by a hash which anybody can forge
 * (`Workload.isForgeable`) is not fetched where a change leaves the hash as it was: so of the
 * versions that share the content of an earlier one, a sample is fetched after all, and compared
 * with what is held.
 *
 * One that is another is stored as a new version, and then the cycle asks for all of them, from the
 * beginning: whoever forged one forged more. The owner's trouble is `HashForged` until a later
 * cycle finds nothing. Not asked: content that takes many slices, and content that the service
 * rewrites on its way, of which no two copies need be equal.
 */
import { createHash } from 'node:crypto'
import { eachBounded } from '../concurrency/index.ts'
import { type Representation, SAMPLES } from '../model/events.ts'
import type { GraphId } from '../model/ids.ts'
import type { Present } from '../workloads/workload.ts'
import { isLong } from './long-entry.ts'
import { takeForged } from './page.ts'
import { stillAsHeld } from './settled.ts'
import { type Asked, type CycleState, isAlarmed, type SlowCycle } from './slow-cycle.ts'
import type { StreamCapture } from './stream-capture.ts'

/** Downloads between two looks at the time, about. */
const DOWNLOADS = 10
const PORTION_MAX = 100

export const SAMPLES_CYCLE: SlowCycle = {
  cursor: SAMPLES,
  everyMs: ({ context }) => context.limits.samplesMs,
  isFor: ({ context }) => context.workload.isForgeable === true && context.limits.samplePercent > 0,
  portion: ({ context }, { alarm }) => {
    const percent = alarm ? 100 : context.limits.samplePercent
    return Math.min(PORTION_MAX, Math.ceil((DOWNLOADS * 100) / percent))
  },
  ask: askAgain,
}

/** The owner's trouble; empty where nobody was caught. */
export function forgeryOf(capture: StreamCapture): string {
  return isAlarmed(capture, SAMPLES_CYCLE) ? 'HashForged' : ''
}

async function askAgain(
  capture: StreamCapture,
  ids: readonly GraphId[],
  of: CycleState,
): Promise<Asked> {
  const { tables, reader, limits, signal } = capture.context
  const sample = ids.filter((id) => of.alarm || isSampled(id, of.startedAt, limits.samplePercent))
  if (sample.length === 0) return 'nothing'
  const held = await tables.current(sample, capture.headSeq, signal)
  const carried = sample.filter((id) => {
    const one = held.get(id)
    return one && !one.deleted && (one.why === 'moved' || one.why === 'decoration')
  })
  let isLate = false
  let isAlarm = false
  await eachBounded(carried, reader.concurrency, async (id) => {
    if (capture.outOfTime) isLate = true
    else if (await isForged(capture, id)) isAlarm = true
  })
  if (isAlarm && !of.alarm) return 'alarm'
  return isLate ? 'late' : 'nothing'
}

/** Each cycle takes others, and the same ones when it is asked again. */
function isSampled(id: GraphId, startedAt: number, percent: number): boolean {
  const drawn = createHash('sha256').update(`${startedAt} ${id}`).digest().readUInt32BE()
  return drawn < (percent / 100) * 2 ** 32
}

/** Stores what is another content than the one that is held. Its own trouble is no news: what is held stays. */
async function isForged(capture: StreamCapture, id: GraphId): Promise<boolean> {
  try {
    const found = await stillAsHeld(capture, id)
    const content = found?.known.representations.find(isWhole)
    if (found === undefined || content === undefined || isLong(capture, found.now)) return false
    const sha256 = await digestOf(capture, found.now, content.name)
    if (sha256 === undefined || sha256 === content.sha256) return false
    await takeForged(capture, { change: found.now, known: found.known })
    return true
  } catch (error) {
    capture.failureOf(error, id)
    return false
  }
}

function isWhole({ name, digest, note }: Representation): boolean {
  return name === 'content' && digest === undefined && note === undefined
}

/** Undefined where the content is not what the service says of it, or not there. */
async function digestOf(
  { context }: StreamCapture,
  item: Present,
  name: Representation['name'],
): Promise<string | undefined> {
  const { reader, suspects, signal } = context
  return await suspects.during(item, async () => {
    const content = await reader.content(item, signal)
    if (content.outcome !== 'content') return undefined
    const hash = createHash('sha256')
    for (const part of content.parts) {
      for await (const piece of part.bytes) if (part.name === name) hash.update(piece)
    }
    return content.note?.() === undefined ? hash.digest('hex') : undefined
  })
}
