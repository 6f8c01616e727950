/** What failures look like: texts, the credential filter, workers and hosts that end. */
import type { ConformanceCase } from '../suite/case.ts'
import { EXTENSION, FRAMEWORK, OBSERVED, SDK, WORKER } from '../suite/sources.ts'

const NON_DETERMINISTIC = /^Non-Deterministic workflow detected/

/** An activity that ends its worker, caught, and one after it. */
function workerEnds(
  id: string,
  how: 'exit' | 'rejection' | 'kill',
  says: string,
  code: RegExp,
): ConformanceCase {
  return {
    ...{ id, says, source: OBSERVED, isAlone: true },
    *orchestrator(context) {
      try {
        yield context.df.callActivity('exit', { how })
        return 'unreachable'
      } catch (error) {
        const next: unknown = yield context.df.callActivity('say', { word: 'next' })
        return { hasCode: code.test(String((error as Error).message)), next }
      }
    },
    expect: { status: 'Completed', output: { hasCode: true, next: 'next' }, effects: ['next'] },
  }
}

export const FAILURES: readonly ConformanceCase[] = [
  {
    id: 'activity-fails',
    says: 'A failed activity is "Activity function \'x\' failed:", two spaces, its message, a line break, and JSON.',
    source: `${OBSERVED}; ${EXTENSION}, TaskActivityShim.cs`,
    *orchestrator(context) {
      try {
        yield context.df.callActivity('fail', { text: 'no way' })
        return 'unreachable'
      } catch (error) {
        const [reason, details = ''] = String((error as Error).message).split(' \n ')
        const { Message } = JSON.parse(details) as { Message: string }
        return { reason, isJson: Message.includes('no way') }
      }
    },
    expect: {
      status: 'Completed',
      output: { reason: "Activity function 'fail' failed:  no way", isJson: true },
    },
  },
  {
    id: 'orchestrator-fails',
    says: 'A failed orchestration says so as its output, and its history ends with ExecutionCompleted, Failed.',
    source: OBSERVED,
    *orchestrator(context) {
      yield context.df.callActivity('echo', 1)
      throw new Error('no way')
    },
    expect: {
      status: 'Failed',
      output: "Orchestrator function 'orchestrator-fails' failed: no way",
      history: [
        'ExecutionStarted orchestrator-fails',
        'TaskCompleted echo = 1',
        'ExecutionCompleted Failed = "Orchestrator function \'orchestrator-fails\' failed: no way"',
      ],
    },
  },
  {
    id: 'throws-a-text',
    says: 'An orchestrator that throws a text stays Running for ever: its answer carries no error.',
    source: `${OBSERVED}; ${SDK}, TaskOrchestrationExecutor.js`,
    *orchestrator(context) {
      yield context.df.callActivity('echo', 1)
      throw 'only a text'
    },
    expect: { status: 'Running' },
  },
  {
    id: 'throws-an-object',
    says: 'An orchestrator that throws an object stays Running for ever.',
    source: OBSERVED,
    *orchestrator(context) {
      yield context.df.callActivity('echo', 1)
      throw { code: 7 }
    },
    expect: { status: 'Running' },
  },
  {
    id: 'bigint-output',
    says: 'An answer that cannot be written fails as "Non-Deterministic" once the history holds tasks.',
    source: `${OBSERVED}: the true cause is only in the host’s log`,
    *orchestrator(context) {
      yield context.df.callActivity('echo', 1)
      return 1n
    },
    drive: async (run) => {
      await run.start()
      run.note(NON_DETERMINISTIC.test(String((await run.ended()).output)))
    },
    expect: { status: 'Failed', notes: [true] },
  },
  {
    id: 'long-failure-text',
    says: 'A failure text of 40,000 characters passes.',
    source: OBSERVED,
    *orchestrator(context) {
      try {
        yield context.df.callActivity('fail', { text: 'x'.repeat(40_000) })
        return 'unreachable'
      } catch (error) {
        return String((error as Error).message).length > 40_000
      }
    },
    drive: async (run) => {
      await run.start()
      await run.ended()
    },
    expect: { status: 'Completed', output: true },
  },
  {
    id: 'credential-filter',
    says: 'Failure texts lose what follows token=, key= and the like, to a quote, a "<" or the end; "monkey=" is hit too.',
    source: `${OBSERVED}, 13 probes; Functions host, Sanitizer.cs`,
    *orchestrator(context) {
      const texts = [
        'link $deltatoken=abc def\nnext line',
        "before AccountKey=abc' after",
        'monkey=banana',
        'Server=here<there',
        'a plain text',
      ]
      const seen: string[] = []
      for (const text of texts) {
        try {
          yield context.df.callActivity('fail', { text })
        } catch (error) {
          const [reason = ''] = String((error as Error).message).split(' \n ')
          seen.push(reason.replace("Activity function 'fail' failed:  ", ''))
        }
      }
      return seen
    },
    expect: {
      status: 'Completed',
      output: [
        'link $delta[Hidden Credential]',
        "before [Hidden Credential]' after",
        'mon[Hidden Credential]',
        '[Hidden Credential]<there',
        'a plain text',
      ],
    },
  },
  {
    id: 'credential-in-text-input',
    says: 'The filter breaks the answer of a failing orchestrator that gave an activity a text with a token: "Non-Deterministic".',
    source: `${OBSERVED}; Functions host, Sanitizer.cs`,
    *orchestrator(context) {
      yield context.df.callActivity('echo', 'https://graph.example/delta?$deltatoken=abc')
      throw new Error('the true reason')
    },
    drive: async (run) => {
      await run.start()
      run.note(NON_DETERMINISTIC.test(String((await run.ended()).output)))
    },
    expect: { status: 'Failed', notes: [true] },
  },
  {
    id: 'credential-in-object-input',
    says: 'With an object as input the true reason survives.',
    source: OBSERVED,
    *orchestrator(context) {
      yield context.df.callActivity('echo', { link: 'https://graph.example/delta?$deltatoken=abc' })
      throw new Error('the true reason')
    },
    expect: {
      status: 'Failed',
      output: "Orchestrator function 'credential-in-object-input' failed: the true reason",
    },
  },
  {
    id: 'credential-in-success',
    says: 'Values of orchestrations that succeed are not touched.',
    source: OBSERVED,
    *orchestrator(context) {
      return yield context.df.callActivity('echo', { link: '$deltatoken=abc' })
    },
    expect: { status: 'Completed', output: { link: '$deltatoken=abc' } },
  },
  {
    id: 'trigger-value',
    says: 'An orchestrator is told its history, input and id, schema versions 1 and 2, and the durations of long timers.',
    source: `${OBSERVED}; ${EXTENSION}, OrchestrationTriggerAttributeBindingProvider.cs`,
    drive: async (run) => {
      await run.start({ name: 'rawOrchestrator', input: { given: 1 } })
      await run.ended()
    },
    expect: {
      status: 'Completed',
      output: {
        members: [
          ...['history', 'input', 'instanceId', 'isReplaying', 'parentInstanceId'],
          ...['upperSchemaVersion', 'upperSchemaVersionNew', 'longRunningTimerIntervalDuration'],
          ...['maximumShortTimerDuration', 'defaultHttpAsyncRequestSleepTimeMillseconds'],
        ].sort(),
        input: { given: 1 },
        schema: [1, 2],
        durations: ['3.00:00:00', '6.00:00:00', 30_000],
        events: [
          { EventType: 12, EventId: -1, IsPlayed: false },
          { EventType: 0, EventId: -1, IsPlayed: false },
        ],
      },
    },
  },
  {
    id: 'client-value',
    says: 'A durable client is told the hub, the loopback address, the webhook and the management addresses.',
    source: `${OBSERVED}; ${EXTENSION}, BindingHelper.cs`,
    drive: async (run) => {
      const { body } = await run.http('GET', '/api/binding')
      run.note(body)
    },
    expect: {
      notes: [
        {
          members: [
            ...['taskHubName', 'connectionName', 'creationUrls', 'managementUrls', 'baseUrl'],
            ...['requiredQueryStringParameters', 'rpcBaseUrl'],
          ].sort(),
          creation: ['createAndWaitOnNewInstancePostUri', 'createNewInstancePostUri'],
          management: [
            ...['id', 'statusQueryGetUri', 'sendEventPostUri', 'terminatePostUri', 'rewindPostUri'],
            ...['purgeHistoryDeleteUri', 'restartPostUri', 'suspendPostUri', 'resumePostUri'],
          ].sort(),
        },
      ],
    },
  },
  workerEnds(
    'activity-exits',
    'exit',
    'An activity that ends its worker is a failed task with the exit code; the next one has a new worker.',
    /exited with code 1 \(0x1\)/,
  ),
  workerEnds(
    'activity-rejection',
    'rejection',
    'A rejection that nobody handles ends the worker likewise.',
    /exited with code 1 \(0x1\)/,
  ),
  workerEnds('activity-killed', 'kill', 'A killed worker has the code 137.', /code 137 \(0x89\)/),
  {
    id: 'episode-exits',
    says: 'A worker that ends amid an episode fails the orchestration for good, as "Non-Deterministic".',
    source: `${OBSERVED}; ${EXTENSION}, FunctionExecutionHelper.cs`,
    isAlone: true,
    *orchestrator(context) {
      yield context.df.callActivity('echo', 1)
      process.exit(1)
    },
    drive: async (run) => {
      await run.start()
      run.note(NON_DETERMINISTIC.test(String((await run.ended()).output)))
    },
    expect: { status: 'Failed', notes: [true] },
  },
  {
    id: 'sibling-of-an-exit',
    says: 'Where a worker ends, every activity in it fails.',
    source: `${OBSERVED}; Functions host, GrpcWorkerChannel.cs`,
    isAlone: true,
    *orchestrator(context) {
      try {
        yield context.df.Task.all([
          context.df.callActivity('slow', { word: 'sibling', ms: 3000 }),
          context.df.callActivity('exit', { how: 'exit', ms: 500 }),
        ])
      } catch {
        return 'caught'
      }
      return 'unreachable'
    },
    drive: async (run) => {
      await run.start()
      await run.ended()
      const events = (await run.status())?.historyEvents ?? []
      const failed = events.filter(({ EventType }) => EventType === 'TaskFailed')
      run.note(failed.map(({ Reason }) => /exited with code 1 \(0x1\)/.test(String(Reason))))
    },
    expect: {
      status: 'Completed',
      output: 'caught',
      effects: ['sibling begins'],
      notes: [[true, true]],
    },
  },
  {
    id: 'exit-zero-hangs',
    says: 'An exit with code 0 is not noticed: the activity hangs until functionTimeout and fails then.',
    source: OBSERVED,
    isAlone: true,
    isLong: true,
    *orchestrator(context) {
      try {
        yield context.df.callActivity('exit', { how: 'zero' })
        return 'unreachable'
      } catch (error) {
        return /Timeout value of 00:00:15/.test(String((error as Error).message))
      }
    },
    drive: async (run) => {
      await run.start()
      await run.pause(4000)
      run.note((await run.status())?.runtimeStatus)
      await run.ended()
    },
    expect: { status: 'Completed', output: true, notes: ['Running'] },
  },
  {
    id: 'timeout-strands-siblings',
    says: 'An activity over functionTimeout fails; a sibling in its worker never answers and ends with its own timeout.',
    source: `${OBSERVED}; Functions host, RpcFunctionInvocationDispatcher.cs`,
    isAlone: true,
    isLong: true,
    *orchestrator(context) {
      try {
        yield context.df.Task.all([
          context.df.callActivity('slow', { word: 'hangs', ms: 60_000 }),
          context.df.callSubOrchestrator('has-a-sibling', {}, `${context.df.instanceId}-child`),
        ])
      } catch {
        return 'caught'
      }
      return 'unreachable'
    },
    children: {
      *'has-a-sibling'(context) {
        yield context.df.callActivity('slow', { word: 'first', ms: 9000 })
        return yield context.df.callActivity('slow', { word: 'sibling', ms: 9000 })
      },
    },
    drive: async (run) => {
      await run.start()
      await run.ended()
      const { output } = await run.ended(run.other('child'))
      run.note(/Timeout value of 00:00:15/.test(String(output)))
      run.note(await run.effects(run.other('child')))
    },
    expect: {
      status: 'Completed',
      output: 'caught',
      effects: ['hangs begins'],
      notes: [true, ['first begins', 'first ends', 'sibling begins']],
    },
  },
  {
    id: 'host-killed',
    says: 'An activity that runs when the host dies runs again, and the orchestration completes.',
    source: `${OBSERVED}; ${FRAMEWORK}: at least once`,
    isAlone: true,
    needs: 'host-restart',
    *orchestrator(context) {
      const first: unknown = yield context.df.callActivity('slow', { word: 'long', ms: 1500 })
      const second: unknown = yield context.df.callActivity('say', { word: 'after' })
      return [first, second]
    },
    drive: async (run) => {
      await run.start()
      await run.effect('long begins')
      await run.host.restart?.()
      await run.ended()
    },
    expect: {
      status: 'Completed',
      output: ['long', 'after'],
      effects: ['long begins', 'long begins', 'long ends', 'after'],
    },
  },
  {
    id: 'code-change',
    says: 'Another first activity after a code change fails as "Non-Deterministic"; it runs all the same, and the history cannot be shown (400).',
    source: `${OBSERVED}; ${FRAMEWORK}, TaskOrchestrationContext.cs`,
    isAlone: true,
    needs: 'host-restart',
    *orchestrator(context) {
      yield context.df.callActivity(process.env['CONFORMANCE_STEP'] ?? 'echo', { word: 'changed' })
      yield context.df.waitForExternalEvent('go')
      return 'unreachable'
    },
    drive: async (run) => {
      await run.start()
      await run.events(2)
      await run.host.restart?.({ CONFORMANCE_STEP: 'say' })
      await run.raise('go', 1)
      run.note(NON_DETERMINISTIC.test(String((await run.ended()).output)))
      const { statusQueryGetUri = '' } = await run.links()
      run.note((await run.http('GET', `${statusQueryGetUri}&showHistory=true`)).status)
      await run.effect('changed')
    },
    expect: { status: 'Failed', effects: ['changed'], notes: [true, 400] },
  },
  {
    id: 'survives-restarts',
    says: 'Timers and events outlive the host.',
    source: `${FRAMEWORK}: all state is in the store`,
    isAlone: true,
    needs: 'host-restart',
    *orchestrator(context) {
      yield context.df.createTimer(new Date(context.df.currentUtcDateTime.getTime() + 2500))
      return yield context.df.waitForExternalEvent('go')
    },
    drive: async (run) => {
      await run.start()
      await run.reached('Running')
      await run.raise('go', 'kept')
      await run.host.restart?.()
      await run.ended()
    },
    expect: { status: 'Completed', output: 'kept' },
  },
  {
    id: 'http-of-a-dead-worker',
    says: 'An HTTP call in a worker that dies is dropped or answered with an error, and the host serves again.',
    source: `${OBSERVED}; ${WORKER}`,
    isAlone: true,
    drive: async (run) => {
      const call = run.http('GET', '/api/dies').then(
        ({ status }) => status >= 500,
        () => true,
      )
      run.note(await call)
      await run.pause(3000)
      run.note((await run.http('GET', '/api/plain')).status)
    },
    expect: { notes: [true, 200] },
  },
]
