import { appendFileSync, existsSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import type { OrchestrationContext } from 'durable-functions'
import * as df from 'durable-functions'

/** Each run of an activity appends a line here, so that tests can count runs from outside. */
function note(text: string): void {
  const file = process.env['EFFECTS_FILE']
  if (file !== undefined) appendFileSync(file, `${text}\n`)
}

df.app.activity('echo', { handler: (input: unknown) => input })
df.app.activity('add', {
  handler: ({ a, b }: { a: number; b: number }) => {
    note(`add ${a} ${b}`)
    return a + b
  },
})
df.app.activity('describe', {
  handler: (input: unknown, context) => ({
    type: input === undefined ? 'undefined' : typeof input,
    value: input ?? null,
    metadata: Object.keys(context.triggerMetadata ?? {}).sort(),
  }),
})
df.app.activity('nothing', { handler: () => undefined })
df.app.activity('fail', {
  handler: (input: { text: string }) => {
    note('fail')
    throw new Error(input.text)
  },
})
df.app.activity('failLate', {
  handler: async (input: { ms: number }) => {
    await sleep(input.ms)
    throw new Error('late')
  },
})
df.app.activity('slow', {
  handler: async (input: { ms: number; name?: string }) => {
    note(`slow begins ${input.name ?? ''}`)
    await sleep(input.ms)
    note(`slow ends ${input.name ?? ''}`)
    return 'slept'
  },
})
df.app.activity('exit', {
  handler: async ({ code }: { code: number }) => {
    // Long enough for the answer to whoever started the orchestration.
    await sleep(100)
    process.exit(code)
  },
})

df.app.orchestration('chain', function* (context: OrchestrationContext) {
  const first: unknown = yield context.df.callActivity('add', { a: 1, b: 2 })
  const second: unknown = yield context.df.callActivity('add', { a: first, b: 10 })
  return [first, second]
})
df.app.orchestration('fanOut', function* (context: OrchestrationContext) {
  const { count } = context.df.getInput<{ count: number }>() ?? { count: 0 }
  const tasks = Array.from({ length: count }, (_, b) => context.df.callActivity('add', { a: 0, b }))
  return yield context.df.Task.all(tasks)
})
df.app.orchestration('child', function* (context: OrchestrationContext) {
  const input = context.df.getInput<{ fail?: boolean; a: number }>()
  if (input?.fail) throw new Error('child failed')
  const value: unknown = yield context.df.callActivity('add', { a: input?.a ?? 0, b: 1 })
  return { id: context.df.instanceId, value }
})
df.app.orchestration('parent', function* (context: OrchestrationContext) {
  const one: unknown = yield context.df.callSubOrchestrator('child', { a: 5 }, 'given-child')
  const two: unknown = yield context.df.callSubOrchestrator('child', { a: 6 })
  let failure = ''
  try {
    yield context.df.callSubOrchestrator('child', { fail: true })
  } catch (error) {
    failure = String(error)
  }
  return { one, two, failure }
})
df.app.orchestration('timer', function* (context: OrchestrationContext) {
  const { ms } = context.df.getInput<{ ms: number }>() ?? { ms: 0 }
  yield context.df.createTimer(new Date(context.df.currentUtcDateTime.getTime() + ms))
  return 'fired'
})
df.app.orchestration('eternal', function* (context: OrchestrationContext) {
  const state = context.df.getInput<{ round: number; rounds: number }>() ?? { round: 0, rounds: 0 }
  yield context.df.callActivity('add', { a: state.round, b: 0 })
  if (state.round < state.rounds) {
    context.df.continueAsNew({ ...state, round: state.round + 1 })
    return
  }
  return state
})
/** Leaves an activity open when it continues as new; the next round's first task has its number. */
df.app.orchestration('leavesOpen', function* (context: OrchestrationContext) {
  const again = context.df.getInput<{ again: boolean }>()?.again
  if (again) {
    const late = context.df.callActivity('slow', { ms: 100, name: 'left' })
    yield context.df.Task.any([late, context.df.callActivity('echo', 1)])
    context.df.continueAsNew({ again: false })
    return null
  }
  try {
    return yield context.df.callActivity('failLate', { ms: 250 })
  } catch {
    return 'the right failure'
  }
})
df.app.orchestration('failing', function* (context: OrchestrationContext) {
  return yield context.df.callActivity('fail', context.df.getInput())
})
df.app.orchestration('retrying', function* (context: OrchestrationContext) {
  const options = new df.RetryOptions(50, 3)
  try {
    yield context.df.callActivityWithRetry('fail', options, { text: 'never mind' })
    return 'unreachable'
  } catch (error) {
    return String(error)
  }
})
df.app.orchestration('allThenNext', function* (context: OrchestrationContext) {
  const log: string[] = []
  try {
    yield context.df.Task.all([
      context.df.callActivity('fail', { text: 'first' }),
      context.df.callActivity('slow', { ms: 150, name: 'sibling' }),
    ])
  } catch {
    log.push('caught')
  }
  log.push(String(yield context.df.callActivity('slow', { ms: 1, name: 'next' })))
  return log
})
df.app.orchestration('worked', function* (context: OrchestrationContext) {
  // The worked example of two counters that drift apart: cleanup is "done" without having run.
  try {
    yield context.df.Task.all([
      context.df.callActivityWithRetry('failLate', new df.RetryOptions(10, 2), { ms: 60 }),
      context.df.callActivity('fail', { text: 'b' }),
    ])
  } catch {
    // The point of the example: the group failed, the orchestrator goes on.
  }
  const cleaned: unknown = yield context.df.callActivity('echo', { cleaned: true })
  return { cleaned: cleaned === undefined ? 'undefined' : cleaned }
})
df.app.orchestration('race', function* (context: OrchestrationContext) {
  const timer = context.df.createTimer(
    new Date(context.df.currentUtcDateTime.getTime() + 3_600_000),
  )
  const work = context.df.callActivity('echo', { won: true })
  const winner = yield context.df.Task.any([work, timer])
  if (winner === work) timer.cancel()
  return winner === work ? 'work' : 'timer'
})
df.app.orchestration('longSlow', function* (context: OrchestrationContext) {
  const first: unknown = yield context.df.callActivity('slow', { ms: 1500, name: 'long' })
  const second: unknown = yield context.df.callActivity('add', { a: 1, b: 1 })
  return [first, second]
})
df.app.orchestration('waits', function* (context: OrchestrationContext) {
  const first: unknown = yield context.df.waitForExternalEvent('go')
  const second: unknown = yield context.df.waitForExternalEvent('go')
  return [first, second]
})
df.app.orchestration('counts', function* (context: OrchestrationContext) {
  const { count } = context.df.getInput<{ count: number }>() ?? { count: 0 }
  for (let index = 0; index < count; index++) yield context.df.waitForExternalEvent('item')
  return count
})
df.app.orchestration('collects', function* (context: OrchestrationContext) {
  const seen = context.df.getInput<{ seen: unknown[] }>()?.seen ?? []
  seen.push(yield context.df.waitForExternalEvent('item'))
  if (seen.length < 3) context.df.continueAsNew({ seen })
  return seen
})
df.app.orchestration('calls', function* (context: OrchestrationContext) {
  const { name, input } = context.df.getInput<{ name: string; input: unknown }>() ?? { name: '' }
  return yield context.df.callActivity(name, input)
})
df.app.orchestration('throwsText', function* (context: OrchestrationContext) {
  yield context.df.callActivity('nothing')
  throw 'only a text'
})
df.app.orchestration('withStatus', function* (context: OrchestrationContext) {
  context.df.setCustomStatus({ at: 'first' })
  yield context.df.waitForExternalEvent('go')
  context.df.setCustomStatus(null)
  yield context.df.waitForExternalEvent('go')
  return 'done'
})
/** Blocks its worker once, in its second episode, until functionTimeout ends it. */
df.app.orchestration('blocksOnce', function* (context: OrchestrationContext) {
  const { mark } = context.df.getInput<{ mark: string }>() ?? { mark: '' }
  yield context.df.createTimer(new Date(context.df.currentUtcDateTime.getTime() + 1100))
  if (!existsSync(mark)) {
    appendFileSync(mark, '')
    const endMs = Date.now() + 20_000
    while (Date.now() < endMs);
  }
  return yield context.df.callActivity('echo', { done: true })
})
/** Its first step is what the environment says: a stand-in for a code change between two starts. */
df.app.orchestration('changing', function* (context: OrchestrationContext) {
  yield context.df.callActivity(process.env['FIRST_STEP'] ?? 'nothing', { a: 1, b: 1 })
  yield context.df.waitForExternalEvent('go')
  return 'done'
})
