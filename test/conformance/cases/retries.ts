/** Retry options of the SDK, and what they break inside groups. */
import { RetryOptions } from 'durable-functions'
import type { ConformanceCase } from '../suite/case.ts'
import { FRAMEWORK, OBSERVED, SDK } from '../suite/sources.ts'

function withTimeout(options: RetryOptions, timeoutMs: number): RetryOptions {
  options.retryTimeoutInMilliseconds = timeoutMs
  return options
}

export const RETRIES: readonly ConformanceCase[] = [
  {
    id: 'retry-exhausted',
    says: 'Three attempts take three timers: one more follows the last failure.',
    source: `${OBSERVED}; ${FRAMEWORK}, RetryInterceptor.cs; ${SDK}, task/RetryableTask.js`,
    *orchestrator(context) {
      try {
        yield context.df.callActivityWithRetry('fail', new RetryOptions(100, 3), { text: 'no' })
        return 'unreachable'
      } catch {
        return 'given up'
      }
    },
    drive: async (run) => {
      await run.start()
      await run.ended()
      const events = (await run.status())?.historyEvents ?? []
      const count = (type: string) => events.filter(({ EventType }) => EventType === type).length
      run.note({ failed: count('TaskFailed'), fired: count('TimerFired') })
    },
    expect: {
      status: 'Completed',
      output: 'given up',
      effects: ['fails: no', 'fails: no', 'fails: no'],
      notes: [{ failed: 3, fired: 3 }],
    },
  },
  {
    id: 'retry-in-all',
    says: 'Retries inside Task.all make the next activity "done" before it has run; it runs later, for nothing.',
    source: `${OBSERVED}: ids of the SDK and of the extension drift apart`,
    *orchestrator(context) {
      try {
        yield context.df.Task.all([
          context.df.callActivityWithRetry('fail', new RetryOptions(10, 2), { text: 'a', ms: 400 }),
          context.df.callActivity('fail', { text: 'b' }),
        ])
      } catch {
        // What is next is the point.
      }
      const cleaned: unknown = yield context.df.callActivity('say', { word: 'cleanup' })
      return { cleaned: cleaned === undefined ? 'undefined' : cleaned }
    },
    expect: {
      status: 'Completed',
      output: { cleaned: 'undefined' },
      effects: ['fails: a', 'fails: b', 'fails: a', 'cleanup'],
    },
  },
  {
    id: 'retry-in-any',
    says: 'A retry inside Task.any with a cancelled timer fails as non-deterministic; the next activity runs all the same.',
    source: `${OBSERVED}: TimerCreated of the retry against the number of the next activity`,
    *orchestrator(context) {
      const at = new Date(context.df.currentUtcDateTime.getTime() + 60_000)
      const timer = context.df.createTimer(at)
      const work = context.df.callActivityWithRetry('flaky', new RetryOptions(100, 3), {})
      yield context.df.Task.any([work, timer])
      timer.cancel()
      return yield context.df.callActivity('say', { word: 'next' })
    },
    expect: { status: 'Failed', effects: ['flaky: no', 'flaky: yes', 'next'] },
  },
  {
    id: 'retry-timeout-hangs',
    says: 'A retry that its timeout ends never ends in the SDK: the instance stays Running.',
    source: `${OBSERVED}; durable-js issue 629`,
    *orchestrator(context) {
      const options = withTimeout(new RetryOptions(400, 10), 1)
      try {
        yield context.df.callActivityWithRetry('fail', options, { text: 'no' })
        return 'unreachable'
      } catch {
        return 'unreachable'
      }
    },
    expect: { status: 'Running', output: null },
  },
]
