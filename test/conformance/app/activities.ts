/** Activities of the cases: what they do, and a line in the effects for each time they do it. */
import { setTimeout as sleep } from 'node:timers/promises'
import type { InvocationContext } from '@azure/functions'
import * as df from 'durable-functions'
import { effectsOf, note } from './effects.ts'
import { ODD_RESULTS, type OddResult } from './odd-results.ts'

const instanceOf = ({ triggerMetadata }: InvocationContext): string =>
  String(triggerMetadata?.['instanceId'] ?? '')

/** Answers its input. */
df.app.activity('echo', { handler: (input: unknown) => input })

/** Notes a word and answers it. */
df.app.activity('say', {
  handler: (input: { word: string }, context) => {
    note(instanceOf(context), input.word)
    return input.word
  },
})

/** Notes a word when it begins and when it ends, and answers it. */
df.app.activity('slow', {
  handler: async ({ word, ms }: { word: string; ms: number }, context) => {
    note(instanceOf(context), `${word} begins`)
    await sleep(ms)
    note(instanceOf(context), `${word} ends`)
    return word
  },
})

df.app.activity('fail', {
  handler: async ({ text, ms = 0 }: { text: string; ms?: number }, context) => {
    note(instanceOf(context), `fails: ${text}`)
    if (ms > 0) await sleep(ms)
    throw new Error(text)
  },
})

/** Fails the first time that an instance calls it. */
df.app.activity('flaky', {
  handler: (_input: unknown, context) => {
    const instance = instanceOf(context)
    const isFirst = effectsOf(instance).length === 0
    note(instance, isFirst ? 'flaky: no' : 'flaky: yes')
    if (isFirst) throw new Error('not yet')
    return 'yes'
  },
})

/** What reaches an activity: its input, and of its metadata the names, and the input's copies. */
df.app.activity('describe', {
  handler: (input: unknown, context) => {
    const metadata = context.triggerMetadata ?? {}
    const names = Object.keys(metadata).filter((name) => !/^activityTrigger/i.test(name))
    const type = input === null ? 'null' : typeof input
    return {
      ...{ type, input: input ?? null, metadata: names.sort(), data: metadata['data'] ?? null },
      retryContext: context.retryContext ?? null,
      hasSignal: 'signal' in context,
    }
  },
})

df.app.activity('oddResult', {
  handler: ({ kind }: { kind: OddResult }) => ODD_RESULTS[kind](),
})

df.app.activity('bulk', {
  handler: ({ characters }: { characters: number }) => 'x'.repeat(characters),
})

/** Ends its own worker. */
df.app.activity('exit', {
  handler: async ({
    how,
    ms = 200,
  }: {
    how: 'exit' | 'rejection' | 'kill' | 'zero'
    ms?: number
  }) => {
    // Long enough for the answer to whoever started the orchestration.
    await sleep(ms)
    if (how === 'kill') process.kill(process.pid, 'SIGKILL')
    if (how === 'rejection') {
      void Promise.reject(new Error('nobody handles this'))
      await sleep(10_000)
    }
    process.exit(how === 'zero' ? 0 : 1)
  },
})
