/** External events: who gets them, and which are lost. */
import type { ConformanceCase } from '../suite/case.ts'
import { EXTENSION, OBSERVED, SDK } from '../suite/sources.ts'

const HOUR_MS = 3_600_000

export const EVENTS: readonly ConformanceCase[] = [
  {
    id: 'event-lifo',
    says: 'Of two waiters of one name the last one gets the first event.',
    source: `${OBSERVED}; ${SDK}, TaskOrchestrationExecutor.js: taskList.pop()`,
    *orchestrator(context) {
      const one = context.df.waitForExternalEvent('go')
      const two = context.df.waitForExternalEvent('go')
      return yield context.df.Task.all([one, two])
    },
    drive: async (run) => {
      await run.start()
      await run.reached('Running')
      await run.raise('go', 'first')
      await run.pause(300)
      await run.raise('go', 'second')
      await run.ended()
    },
    expect: { status: 'Completed', output: ['second', 'first'] },
  },
  {
    id: 'event-early',
    says: 'Events that come before their waiter are kept, in order.',
    source: OBSERVED,
    *orchestrator(context) {
      yield context.df.callActivity('slow', { word: 'work', ms: 1200 })
      const first: unknown = yield context.df.waitForExternalEvent('go')
      const second: unknown = yield context.df.waitForExternalEvent('go')
      return [first, second]
    },
    drive: async (run) => {
      await run.start()
      await run.effect('work begins')
      await run.raise('go', 1)
      await run.raise('go', 2)
      await run.ended()
    },
    expect: { status: 'Completed', output: [1, 2] },
  },
  {
    id: 'event-letter-case',
    says: 'A waiter for "Go" never sees an event "go": the extension ignores case, the SDK does not.',
    source: `${OBSERVED}; ${EXTENSION}, DurableOrchestrationContext.cs`,
    *orchestrator(context) {
      return yield context.df.waitForExternalEvent('Go')
    },
    drive: async (run) => {
      await run.start()
      await run.reached('Running')
      await run.raise('go', 1)
      await run.still()
    },
    expect: { status: 'Running', output: null },
  },
  {
    id: 'event-odd-names',
    says: 'Names with a space, a plus and an umlaut work.',
    source: OBSERVED,
    *orchestrator(context) {
      const names = ['with space', 'a+b', 'grün']
      return yield context.df.Task.all(names.map((name) => context.df.waitForExternalEvent(name)))
    },
    drive: async (run) => {
      await run.start()
      await run.reached('Running')
      for (const name of ['with space', 'a+b', 'grün']) await run.raise(name, name.length)
      await run.ended()
    },
    expect: { status: 'Completed', output: [10, 3, 4] },
  },
  {
    id: 'event-data',
    says: 'Texts of digits, null, 0, the empty text and times arrive unchanged.',
    source: OBSERVED,
    *orchestrator(context) {
      const seen: unknown[] = []
      while (seen.length < 5) seen.push(yield context.df.waitForExternalEvent('go'))
      return seen
    },
    drive: async (run) => {
      await run.start()
      for (const data of ['123', null, 0, '', '2026-01-02T03:04:05Z']) await run.raise('go', data)
      await run.ended()
    },
    expect: { status: 'Completed', output: ['123', null, 0, '', '2026-01-02T03:04:05Z'] },
  },
  {
    id: 'event-without-data',
    says: 'An event without data is refused with 400, and nothing is delivered.',
    source: OBSERVED,
    *orchestrator(context) {
      return yield context.df.waitForExternalEvent('go')
    },
    drive: async (run) => {
      await run.start()
      await run.reached('Running')
      const { error = '' } = await run.client('raiseEvent', run.id, 'go')
      run.note(/Invalid JSON content/.test(error))
      await run.raise('go', 'with data')
      await run.ended()
    },
    expect: { status: 'Completed', output: 'with data', notes: [true] },
  },
  {
    id: 'event-after-the-end',
    says: 'An event for a finished instance is silently nothing, for an unknown one an error; over HTTP 410 and 404.',
    source: `${OBSERVED}; ${EXTENSION}, HttpApiHandler.cs`,
    *orchestrator(context) {
      return yield context.df.callActivity('echo', 'done')
    },
    drive: async (run) => {
      await run.start()
      await run.ended()
      const late = await run.raise('go', 1)
      const unknown = await run.raise('go', 1, run.other('unknown'))
      run.note(late.error === undefined, unknown.error !== undefined)
      for (const id of [run.id, run.other('unknown')]) {
        const { sendEventPostUri = '' } = await run.links(id)
        const address = sendEventPostUri.replace('{eventName}', 'go')
        run.note((await run.http('POST', address, { json: 1 })).status)
      }
    },
    expect: { status: 'Completed', notes: [true, true, 410, 404] },
  },
  {
    id: 'event-not-json',
    says: 'raiseEvent takes application/json alone.',
    source: `${EXTENSION}, HttpApiHandler.cs`,
    *orchestrator(context) {
      return yield context.df.waitForExternalEvent('go')
    },
    drive: async (run) => {
      await run.start()
      await run.reached('Running')
      const { sendEventPostUri = '' } = await run.links()
      const address = sendEventPostUri.replace('{eventName}', 'go')
      const headers = { 'content-type': 'text/plain' }
      run.note((await run.http('POST', address, { body: '1', headers })).status)
      run.note(
        (
          await run.http('POST', address, {
            body: '{',
            headers: { 'content-type': 'application/json' },
          })
        ).status,
      )
      await run.raise('go', 1)
      await run.ended()
    },
    expect: { status: 'Completed', notes: [400, 400] },
  },
  {
    id: 'loop-of-events',
    says: 'A plain wait and continueAsNew take one event a round; the events of a burst are carried over, none is lost.',
    source: OBSERVED,
    *orchestrator(context) {
      const { seen = [] }: { seen?: unknown[] } = context.df.getInput() ?? {}
      seen.push(yield context.df.waitForExternalEvent('item'))
      if (seen.length < 6) {
        context.df.continueAsNew({ seen })
        return null
      }
      return seen
    },
    drive: async (run) => {
      await run.start()
      for (const item of [1, 2, 3, 4, 5, 6]) await run.raise('item', item)
      await run.ended()
    },
    expect: { status: 'Completed', output: [1, 2, 3, 4, 5, 6] },
  },
  {
    id: 'loop-drops-buffered',
    says: 'An event that was processed in a round that did not wait for it is gone after continueAsNew.',
    source: `${OBSERVED}; ${EXTENSION}: out-of-process continueAsNew does not preserve events`,
    *orchestrator(context) {
      const { round = 1 }: { round?: number } = context.df.getInput() ?? {}
      if (round === 1) {
        yield context.df.waitForExternalEvent('first')
        context.df.continueAsNew({ round: 2 })
        return null
      }
      const at = new Date(context.df.currentUtcDateTime.getTime() + 2000)
      const timer = context.df.createTimer(at)
      const dropped = context.df.waitForExternalEvent('other')
      const winner = yield context.df.Task.any([dropped, timer])
      return winner === timer ? 'gone' : 'kept'
    },
    drive: async (run) => {
      await run.start()
      await run.reached('Running')
      await run.raise('other', 1)
      await run.pause(500)
      await run.raise('first', 1)
      await run.ended()
    },
    expect: { status: 'Completed', output: 'gone' },
  },
  {
    id: 'loop-spins',
    says: 'Any of event and timer, the timer cancelled, then continueAsNew: one event makes it spin for ever.',
    source: `${OBSERVED}: hundreds of executions a second; a terminate has no effect`,
    isAlone: true,
    *orchestrator(context) {
      const at = new Date(context.df.currentUtcDateTime.getTime() + HOUR_MS)
      const timer = context.df.createTimer(at)
      const event = context.df.waitForExternalEvent('go')
      const winner = yield context.df.Task.any([event, timer])
      if (winner === event) timer.cancel()
      context.df.continueAsNew({})
    },
    drive: async (run) => {
      await run.start()
      await run.reached('Running')
      await run.raise('go', 1)
      await run.pause(1500)
      const { error } = await run.client('terminate', run.id, 'no more')
      await run.pause(1500)
      run.note(error === undefined, (await run.status())?.runtimeStatus)
      await run.client('purgeInstanceHistory', run.id)
    },
    expect: { notes: [true, 'Running'] },
  },
  {
    id: 'loop-state',
    says: 'continueAsNew hands on its input, keeps the id, and begins a fresh history.',
    source: `${EXTENSION}; ${OBSERVED}`,
    *orchestrator(context) {
      const { round = 1 }: { round?: number } = context.df.getInput() ?? {}
      yield context.df.callActivity('echo', round)
      if (round < 3) {
        context.df.continueAsNew({ round: round + 1 })
        return null
      }
      return round
    },
    expect: {
      status: 'Completed',
      output: 3,
      history: [
        'ExecutionStarted loop-state',
        'TaskCompleted echo = 3',
        'ExecutionCompleted Completed = 3',
      ],
    },
  },
  {
    id: 'loop-leaves-open',
    says: 'Open activities of the old round are not waited for, and their late results are ignored.',
    source: OBSERVED,
    *orchestrator(context) {
      const { round = 1 }: { round?: number } = context.df.getInput() ?? {}
      if (round === 1) {
        const late = context.df.callActivity('slow', { word: 'late', ms: 300 })
        yield context.df.Task.any([late, context.df.callActivity('echo', 1)])
        context.df.continueAsNew({ round: 2 })
        return null
      }
      return yield context.df.callActivity('slow', { word: 'new', ms: 900 })
    },
    expect: {
      status: 'Completed',
      output: 'new',
      history: [
        'ExecutionStarted loop-leaves-open',
        'TaskCompleted slow = "new"',
        'ExecutionCompleted Completed = "new"',
      ],
    },
  },
]
