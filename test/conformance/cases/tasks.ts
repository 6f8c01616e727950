/** Activities, fan-out, groups of tasks, and when an orchestration ends. */
import type { ConformanceCase } from '../suite/case.ts'
import { EXTENSION, FRAMEWORK, OBSERVED, SDK } from '../suite/sources.ts'

const HOUR_MS = 3_600_000

export const TASKS: readonly ConformanceCase[] = [
  {
    id: 'chain',
    says: 'Activities that are awaited one after the other run in this order and hand on results.',
    source: `${SDK}, TaskOrchestrationExecutor.js: a full replay from event 0 in every episode`,
    *orchestrator(context) {
      const first: number = yield context.df.callActivity('echo', 20)
      const second: number = yield context.df.callActivity('echo', first + 1)
      return { first, second }
    },
    expect: {
      status: 'Completed',
      output: { first: 20, second: 21 },
      history: [
        'ExecutionStarted chain',
        'TaskCompleted echo = 20',
        'TaskCompleted echo = 21',
        'ExecutionCompleted Completed = {"first":20,"second":21}',
      ],
    },
  },
  {
    id: 'all-in-task-order',
    says: 'Task.all answers in the order of its tasks, whichever ends first.',
    source: `${OBSERVED}; ${SDK}, task/WhenAllTask.js`,
    *orchestrator(context) {
      return yield context.df.Task.all([
        context.df.callActivity('slow', { word: 'long', ms: 400 }),
        context.df.callActivity('slow', { word: 'short', ms: 1 }),
      ])
    },
    expect: { status: 'Completed', output: ['long', 'short'] },
  },
  {
    id: 'fan-out-100',
    says: 'A hundred activities at once come back complete and in order.',
    source: `${OBSERVED}: 500 activities in some 60 episodes`,
    *orchestrator(context) {
      const tasks = Array.from({ length: 100 }, (_, n) => context.df.callActivity('echo', n))
      const all: number[] = yield context.df.Task.all(tasks)
      return { length: all.length, isInOrder: all.every((value, n) => value === n) }
    },
    expect: { status: 'Completed', output: { length: 100, isInOrder: true } },
  },
  {
    id: 'all-waits-for-all',
    says: 'After a failure in Task.all the next activity is scheduled only when all siblings are done.',
    source: `${OBSERVED}; ${EXTENSION}, OutOfProcOrchestrationShim.cs: actions are awaited one by one`,
    *orchestrator(context) {
      try {
        yield context.df.Task.all([
          context.df.callActivity('fail', { text: 'first' }),
          context.df.callActivity('slow', { word: 'sibling', ms: 700 }),
        ])
      } catch {
        yield context.df.callActivity('say', { word: 'next' })
      }
      return 'done'
    },
    expect: {
      status: 'Completed',
      output: 'done',
      effects: ['fails: first', 'sibling begins', 'sibling ends', 'next'],
    },
  },
  {
    id: 'any-loser-holds-the-end',
    says: 'An activity that lost a race keeps the orchestration Running until it has ended.',
    source: `${OBSERVED}; ${FRAMEWORK}, TaskOrchestrationExecutor.cs: completion with no open task`,
    *orchestrator(context) {
      const long = context.df.callActivity('slow', { word: 'long', ms: 900 })
      const short = context.df.callActivity('slow', { word: 'short', ms: 1 })
      const winner = yield context.df.Task.any([long, short])
      return winner === short ? 'short' : 'long'
    },
    expect: {
      status: 'Completed',
      output: 'short',
      history: [
        'ExecutionStarted any-loser-holds-the-end',
        'TaskCompleted slow = "short"',
        'TaskCompleted slow = "long"',
        'ExecutionCompleted Completed = "short"',
      ],
    },
  },
  {
    id: 'throwing-waits-too',
    says: 'An orchestrator that throws is Failed only when the task that it left open has ended.',
    source: OBSERVED,
    *orchestrator(context) {
      const long = context.df.callActivity('slow', { word: 'long', ms: 900 })
      yield context.df.Task.any([long, context.df.callActivity('echo', 1)])
      throw new Error('meanwhile')
    },
    expect: {
      status: 'Failed',
      effects: ['long begins', 'long ends'],
      history: [
        'ExecutionStarted throwing-waits-too',
        'TaskCompleted echo = 1',
        'TaskCompleted slow = "long"',
        'ExecutionCompleted Failed = "Orchestrator function \'throwing-waits-too\' failed: meanwhile"',
      ],
    },
  },
  {
    id: 'timer-cancelled',
    says: 'A timer that lost and was cancelled does not hold up the end.',
    source: `${OBSERVED}; ${FRAMEWORK}, TaskOrchestrationContext.cs`,
    *orchestrator(context) {
      const at = new Date(context.df.currentUtcDateTime.getTime() + HOUR_MS)
      const timer = context.df.createTimer(at)
      const work = context.df.callActivity('echo', 'work')
      const winner = yield context.df.Task.any([work, timer])
      if (winner === work) timer.cancel()
      return winner === work ? 'work' : 'timer'
    },
    expect: { status: 'Completed', output: 'work' },
  },
  {
    id: 'timer-left-open',
    says: 'A timer that lost and was not cancelled holds up the end until it fires.',
    source: `${OBSERVED}; ${FRAMEWORK}, TaskOrchestrationExecutor.cs`,
    *orchestrator(context) {
      const at = new Date(context.df.currentUtcDateTime.getTime() + 2000)
      yield context.df.Task.any([
        context.df.callActivity('echo', 'work'),
        context.df.createTimer(at),
      ])
      return 'done'
    },
    expect: { status: 'Completed', output: 'done' },
  },
  {
    id: 'any-first-failed',
    says: 'Task.any does not throw where its first to finish failed: the winner is a faulted task.',
    source: OBSERVED,
    *orchestrator(context) {
      const bad = context.df.callActivity('fail', { text: 'bad' })
      const slow = context.df.callActivity('slow', { word: 'slow', ms: 500 })
      const winner = yield context.df.Task.any([bad, slow])
      return { isBad: winner === bad, isFaulted: bad.isFaulted }
    },
    expect: { status: 'Completed', output: { isBad: true, isFaulted: true } },
  },
  {
    id: 'all-of-nothing',
    says: 'Task.all of no task fails the orchestration.',
    source: OBSERVED,
    *orchestrator(context) {
      yield context.df.Task.all([])
      return 'unreachable'
    },
    expect: { status: 'Failed' },
  },
  {
    id: 'yield-a-number',
    says: 'Yielding what is no task fails the orchestration.',
    source: OBSERVED,
    *orchestrator() {
      yield 7 as never
      return 'unreachable'
    },
    expect: { status: 'Failed' },
  },
  {
    id: 'yield-a-promise',
    says: 'Yielding a promise fails the orchestration.',
    source: OBSERVED,
    *orchestrator() {
      yield Promise.resolve(1) as never
      return 'unreachable'
    },
    expect: { status: 'Failed' },
  },
  {
    id: 'yield-twice',
    says: 'A task that has finished may be yielded again.',
    source: OBSERVED,
    *orchestrator(context) {
      const task = context.df.callActivity('say', { word: 'once' })
      const first: unknown = yield task
      const second: unknown = yield task
      return [first, second]
    },
    expect: { status: 'Completed', output: ['once', 'once'], effects: ['once'] },
  },
  {
    id: 'never-yielded',
    says: 'A task that is never yielded is never scheduled.',
    source: `${OBSERVED}; ${SDK}, TaskOrchestrationExecutor.js: tracked at a yield`,
    *orchestrator(context) {
      context.df.callActivity('say', { word: 'never' })
      yield context.df.callActivity('say', { word: 'yielded' })
      return 'done'
    },
    expect: { status: 'Completed', effects: ['yielded'] },
  },
  {
    id: 'cancelled-before-yield',
    says: 'A timer that is cancelled before any yield is not scheduled.',
    source: OBSERVED,
    *orchestrator(context) {
      const at = new Date(context.df.currentUtcDateTime.getTime() + HOUR_MS)
      context.df.createTimer(at).cancel()
      return yield context.df.callActivity('echo', 'done')
    },
    expect: {
      status: 'Completed',
      output: 'done',
      history: [
        'ExecutionStarted cancelled-before-yield',
        'TaskCompleted echo = "done"',
        'ExecutionCompleted Completed = "done"',
      ],
    },
  },
  {
    id: 'timer-in-the-past',
    says: 'A timer whose time has passed fires at once.',
    source: OBSERVED,
    *orchestrator(context) {
      yield context.df.createTimer(new Date(context.df.currentUtcDateTime.getTime() - HOUR_MS))
      return 'fired'
    },
    expect: { status: 'Completed', output: 'fired' },
  },
  {
    id: 'timer-never-far-off',
    says: 'A timer fires up to one second early, and not much later than its time.',
    source: `${OBSERVED}: timers of 0.1 to 3 s came up to 1 s early`,
    isAlone: true,
    *orchestrator(context) {
      const from = context.df.currentUtcDateTime.getTime()
      yield context.df.createTimer(new Date(from + 3000))
      const tookMs = context.df.currentUtcDateTime.getTime() - from
      return { isTooEarly: tookMs < 1900, isLate: tookMs > 6000 }
    },
    expect: { status: 'Completed', output: { isTooEarly: false, isLate: false } },
  },
  {
    id: 'no-output',
    says: 'An orchestrator that returns nothing has null as its output.',
    source: OBSERVED,
    *orchestrator(context) {
      yield context.df.callActivity('echo', 1)
    },
    expect: { status: 'Completed', output: null },
  },
]
