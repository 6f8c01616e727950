/** What the row of a run says of its progress. Pure. */
import type { Run } from '../catalogue/types.ts'

export function isOver(run: Run | undefined): boolean {
  return !run || ['done', 'failed', 'cancelled'].includes(run.state)
}

/** The run as of `at` (ms): it has begun, and it lives. */
export function planning(now: Run, at: number): Run {
  const time = new Date(at).toISOString()
  return {
    ...now,
    state: now.state === 'queued' ? 'planning' : now.state,
    startedAt: now.startedAt ?? time,
    heartbeatAt: time,
  }
}
