/**
 * Recovery points of one workload of a resource, newest first.
 */
import { z } from 'zod'
import { cursorText, positionOf } from './cursor.ts'
import { pageQuery, workloadParam } from './input.ts'
import { getRoute } from './route.ts'
import { streamOf } from './stream-at.ts'

const query = pageQuery.extend({
  workload: workloadParam,
  /** `true`: only the ends of rounds, which hold everything that was there. */
  complete: z.enum(['true', 'false'], { error: 'must be true or false' }).default('false'),
})

export const listPoints = getRoute({
  name: 'apiListPoints',
  path: 'v1/resources/{id}/points',
  right: 'status',
  query,
  async handle({ params, query: { workload, complete, cursor, max }, signal }, deps) {
    const stream = await streamOf(params.id, workload, deps, signal)
    const { resource, tables } = stream
    const list = ['points', resource.key, stream.workload, complete]
    const from = positionOf(list, cursor)
    const page = await tables.points(
      { max, completeOnly: complete === 'true', ...(from && { continuation: from.next }) },
      signal,
    )
    const items = page.items.map((point) => ({
      seq: point.seq,
      time: point.time,
      complete: point.complete,
      counts: point.counts,
    }))
    const next = page.continuation && cursorText(list, { next: page.continuation })
    return { status: 200, json: { items, next } }
  },
})
