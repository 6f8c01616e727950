/**
 * Bases in capture: built after a complete round in the time that is left, over several slices if
 * need be, and committed with a commit of their own (docs/decisions/008).
 *
 * What is kept between slices is a convenience: a lost race or a death begins again from
 * roll-forward, and what another slice wrote is read back before a commit names it. Damage in the
 * chain stops no capture: no base is built for a day, and the owner row says why.
 */
import { AppError, hasCode } from '../model/errors.ts'
import type { CommitRef } from '../model/events.ts'
import {
  type BaseIndex,
  type BaseProgress,
  buildBase,
  newestShard,
  progressOf,
  type StreamVault,
} from '../vault/index.ts'
import { baseDue, nextBaseAt } from './base-due.ts'
import {
  type BaseWork,
  forgetBaseWork,
  giveTurn,
  keepShard,
  pauseBase,
  readBaseWork,
} from './base-work.ts'
import type { StreamCapture } from './stream-capture.ts'

/** For so long after a round, slices go on with its base before they read the next round. */
const TURN_MS = 30 * 60_000
/** After damage, or where a whole slice is not enough for one shard. */
const PAUSE_MS = 24 * 3_600_000

export type BaseStep =
  /** `nextAt`: ms since 1970 at which this is to be looked at again. */
  | { state: 'settled'; nextAt: number; trouble: string }
  /** The next slice goes on with it. */
  | { state: 'more' }

/**
 * Goes on with a base before the round, where an earlier slice left it to this one. Undefined: it
 * is not the base's turn.
 */
export async function takeBaseTurn(capture: StreamCapture): Promise<BaseStep | undefined> {
  const work = await readBaseWork(capture.context)
  if (work.turnUntil <= capture.context.clock.now()) return undefined
  return await workOnBase(capture, work, 'turn')
}

/** After a complete round. */
export async function keepBase(capture: StreamCapture): Promise<BaseStep> {
  return await workOnBase(capture, undefined, 'left-over time')
}

async function workOnBase(
  capture: StreamCapture,
  known: BaseWork | undefined,
  time: 'turn' | 'left-over time',
): Promise<BaseStep> {
  const { context } = capture
  const { tables, limits, clock, signal } = context
  const due = await baseDue(capture.headSeq, { tables, limits, now: clock.now(), signal })
  if (due.is === 'later') return { state: 'settled', nextAt: due.nextAt, trouble: '' }
  const work = known ?? (await readBaseWork(context))
  const { pause } = work
  if (pause && pause.until > clock.now()) {
    return { state: 'settled', nextAt: pause.until, trouble: pause.trouble }
  }
  const built = await build(capture, work, due.newest?.asOf ?? 0)
  switch (built.outcome) {
    case 'built': {
      if (!(await capture.commitBase(built.base))) return { state: 'more' }
      await forgetBaseWork(context)
      const nextAt = nextBaseAt(built.base.asOf, limits)
      return { state: 'settled', nextAt, trouble: '' }
    }
    case 'damaged':
      await forgetBaseWork(context)
      return await pauseFor(capture, built.code)
    case 'out-of-time':
      // A whole slice was not enough for one shard: the next one would not be either.
      if (time === 'turn' && built.shards === 0) return await pauseFor(capture, OUT_OF_TIME)
      if (time !== 'turn') await giveTurn(context, clock.now() + TURN_MS)
      return { state: 'more' }
  }
}

async function pauseFor({ context }: StreamCapture, trouble: string): Promise<BaseStep> {
  const until = context.clock.now() + PAUSE_MS
  await pauseBase(context, { until, trouble })
  return { state: 'settled', nextAt: until, trouble }
}

type Built =
  | { outcome: 'built'; base: BaseIndex }
  /** `shards`: written in this slice and kept for the next. */
  | { outcome: 'out-of-time'; shards: number }
  | { outcome: 'damaged'; code: string }

async function build(capture: StreamCapture, work: BaseWork, after: number): Promise<Built> {
  const { context, headRef: head } = capture
  const earlier = progressOf(work.shards, after)
  if (!earlier && work.shards.length > 0) await forgetBaseWork(context)
  const asOf = earlier?.asOf ?? head
  let shards = 0
  try {
    const stream = paced(context.stream, capture)
    const result = await buildPaced(capture, stream, { asOf, earlier }, () => {
      shards += 1
    })
    if (result.outcome === 'more') return { outcome: 'out-of-time', shards }
    await readBack(stream, result.base, earlier, context.signal)
    return result
  } catch (error) {
    if (hasCode(error, OUT_OF_TIME)) return { outcome: 'out-of-time', shards }
    if (!(error instanceof AppError) || error.kind !== 'corrupt') throw error
    return { outcome: 'damaged', code: error.code }
  }
}

async function buildPaced(
  capture: StreamCapture,
  stream: StreamVault,
  from: { asOf: CommitRef; earlier: BaseProgress | undefined },
  onShard: () => void,
) {
  const { context } = capture
  let partsKept = from.earlier?.parts.length ?? 0
  const options = {
    asOf: from.asOf,
    shardItems: context.limits.shardItems,
    ...(from.earlier && { progress: from.earlier }),
    mayGoOn: async (progress: BaseProgress) => {
      await keepShard(context, newestShard(progress, partsKept))
      partsKept = progress.parts.length
      onShard()
      return !capture.outOfTime
    },
  }
  return await buildBase(stream, options, context.signal)
}

/** A base is where reading begins once what precedes it is gone: no part is taken on trust. */
async function readBack(
  stream: StreamVault,
  base: BaseIndex,
  earlier: BaseProgress | undefined,
  signal: AbortSignal,
): Promise<void> {
  for (const part of earlier?.parts ?? []) await stream.readBasePart(base, part, signal)
}

const OUT_OF_TIME = 'BaseOutOfTime'

/** The same stream, whose long walks end at the deadline of the slice. */
function paced(stream: StreamVault, capture: StreamCapture): StreamVault {
  const check = () => {
    if (!capture.outOfTime) return
    throw new AppError({
      code: OUT_OF_TIME,
      kind: 'transient',
      message: 'The slice is over before a shard of the base is written.',
      hint: 'The next slice goes on. If it stays, the stream is too long for one slice: raise HOLDFAST_SLICE_SECONDS.',
    })
  }
  return {
    ...stream,
    async next(end, signal) {
      check()
      return await stream.next(end, signal)
    },
    async readBasePart(base, part, signal) {
      check()
      return await stream.readBasePart(base, part, signal)
    },
  }
}
