/**
 * What slices leave for each other while a base is built: shards that are written, whose turn it
 * is, and why none is built for a while. All of it may be lost; then work is done again.
 */
import { z } from 'zod'
import { seqName } from '../model/ids.ts'
import { type BaseShard, parseBaseShard } from '../vault/index.ts'
import type { StreamContext } from './stream-capture.ts'

const TURN = 'turn'
const PAUSE = 'pause'
const SHARD = 'shard.'

/** Long before the lock of what was written ends: nothing names it until the base is committed. */
const SHARDS_AGE_MS_MAX = 7 * 24 * 3_600_000

const keptSchema = z.object({ keptAt: z.number() })
const turnSchema = z.object({ until: z.number() })
const pauseSchema = z.object({ until: z.number(), trouble: z.string() })

export interface BaseWork {
  /** Until this time (ms since 1970) a slice goes on with the base before it reads a round. */
  turnUntil: number
  /** No base is built until then, for this reason (a stable code). */
  pause: z.infer<typeof pauseSchema> | undefined
  shards: BaseShard[]
}

type Rows = Pick<StreamContext, 'tables' | 'rowsNotAfter' | 'clock' | 'signal'>

export async function readBaseWork({ tables, clock, signal }: Rows): Promise<BaseWork> {
  const texts = await tables.work.all(signal)
  const shards: BaseShard[] = []
  for (const [name, text] of texts) {
    const shard = name.startsWith(SHARD) ? parseBaseShard(text) : undefined
    const keptAt = keptSchema.safeParse(parsed(text)).data?.keptAt ?? 0
    if (shard && clock.now() - keptAt <= SHARDS_AGE_MS_MAX) shards.push(shard)
  }
  const turn = turnSchema.safeParse(parsed(texts.get(TURN))).data
  const pause = pauseSchema.safeParse(parsed(texts.get(PAUSE))).data
  return { turnUntil: turn?.until ?? 0, pause, shards }
}

export async function keepShard(rows: Rows, shard: BaseShard): Promise<void> {
  const { asOf, shards, n } = shard
  const kept = { ...shard, keptAt: rows.clock.now() }
  await save(rows, `${SHARD}${seqName(asOf.seq)}.${shards}.${n}`, kept)
}

export async function giveTurn(rows: Rows, until: number): Promise<void> {
  await save(rows, TURN, { until } satisfies z.infer<typeof turnSchema>)
}

export async function pauseBase(rows: Rows, pause: { until: number; trouble: string }) {
  await save(rows, PAUSE, pause)
}

/** Nothing that was kept counts any more. */
export async function forgetBaseWork({ tables, rowsNotAfter, signal }: Rows): Promise<void> {
  await tables.work.clear({ notAfter: rowsNotAfter }, signal)
}

async function save({ tables, rowsNotAfter, signal }: Rows, name: string, document: unknown) {
  await tables.work.save(name, JSON.stringify(document), { notAfter: rowsNotAfter }, signal)
}

function parsed(text: string | undefined): unknown {
  try {
    return text === undefined ? undefined : JSON.parse(text)
  } catch (error) {
    if (error instanceof SyntaxError) return undefined
    throw error
  }
}
