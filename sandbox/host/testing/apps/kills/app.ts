/** Fixture of kills.test.ts: trees of activities, timers and children, slow enough to be killed. */
import { setTimeout as sleep } from 'node:timers/promises'
import * as df from 'durable-functions'

const FAN_OUT = 20

df.app.activity('work', {
  handler: async ({ n, ms }: { n: number; ms: number }) => {
    await sleep(ms)
    return n
  },
})

df.app.orchestration('leaf', function* (context) {
  const { from }: { from: number } = context.df.getInput() ?? { from: 0 }
  let sum = 0
  for (let n = from; n < from + 3; n += 1) {
    const answer: number = yield context.df.callActivity('work', { n, ms: 20 })
    sum += answer
  }
  return sum
})

df.app.orchestration('tree', function* (context) {
  const { seed }: { seed: number } = context.df.getInput() ?? { seed: 0 }
  const work = Array.from({ length: FAN_OUT }, (_, n) => {
    return context.df.callActivity('work', { n, ms: 10 + ((seed + n) % 7) * 15 })
  })
  const all: number[] = yield context.df.Task.all(work)
  yield context.df.createTimer(new Date(context.df.currentUtcDateTime.getTime() + 1000))
  const one: number = yield context.df.callSubOrchestrator('leaf', { from: 100 })
  const two: number = yield context.df.callSubOrchestrator('leaf', { from: 200 })
  return all.reduce((sum, n) => sum + n, one + two)
})

/** Where the management API is, with its key. */
df.app.client.http('links', {
  methods: ['GET'],
  handler: (_request, client) => ({ jsonBody: client.createHttpManagementPayload('any') }),
})
