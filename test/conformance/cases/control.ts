/** Starting, terminating, suspending, purging, asking: the client and the management API. */
import { RetryOptions } from 'durable-functions'
import type { ConformanceCase } from '../suite/case.ts'
import type { Run } from '../suite/run.ts'
import { EXTENSION, OBSERVED, SDK } from '../suite/sources.ts'

/** What the client says to a start with this id, and whether that very id is there then. */
async function startedAs(run: Run, id: string): Promise<string> {
  const { value, error } = await run.client('startNew', 'ids', { instanceId: id, input: {} })
  if (error !== undefined) return 'refused'
  return value === id ? 'as given' : 'another'
}

export const CONTROL: readonly ConformanceCase[] = [
  {
    id: 'terminate',
    says: 'A terminate ends the instance at once; its activity runs to its end.',
    source: OBSERVED,
    *orchestrator(context) {
      return yield context.df.callActivity('slow', { word: 'work', ms: 4000 })
    },
    drive: async (run) => {
      await run.start()
      await run.effect('work begins')
      await run.client('terminate', run.id, 'enough')
      await run.ended()
      run.note(await run.effects())
      await run.effect('work ends')
    },
    expect: {
      status: 'Terminated',
      output: 'enough',
      notes: [['work begins']],
      effects: ['work begins', 'work ends'],
    },
  },
  {
    id: 'reason-is-cut',
    says: 'A reason is cut at "&": the SDK does not encode it.',
    source: `${OBSERVED}; ${SDK}, DurableClient.js`,
    *orchestrator(context) {
      return yield context.df.waitForExternalEvent('never')
    },
    drive: async (run) => {
      await run.start()
      await run.reached('Running')
      await run.client('terminate', run.id, 'this & that')
      await run.ended()
    },
    expect: { status: 'Terminated', output: 'this ' },
  },
  {
    id: 'suspend',
    says: 'A suspended instance shows the reason as its output; results and events wait for the resume.',
    source: `${OBSERVED}; ${EXTENSION}`,
    *orchestrator(context) {
      yield context.df.waitForExternalEvent('go')
      return yield context.df.callActivity('say', { word: 'went on' })
    },
    drive: async (run) => {
      await run.start()
      await run.reached('Running')
      const { suspendPostUri = '' } = await run.links()
      run.note((await run.http('POST', suspendPostUri.replace('{text}', 'wait'))).status)
      const { output } = await run.reached('Suspended')
      await run.raise('go', 1)
      await run.pause(700)
      run.note(output, (await run.status())?.runtimeStatus, await run.effects())
      await run.client('resume', run.id, 'go on')
      await run.ended()
    },
    expect: {
      status: 'Completed',
      output: 'went on',
      effects: ['went on'],
      notes: [202, 'wait', 'Suspended', []],
    },
  },
  {
    id: 'suspended-terminate',
    says: 'A suspended instance can be terminated.',
    source: OBSERVED,
    *orchestrator(context) {
      return yield context.df.waitForExternalEvent('never')
    },
    drive: async (run) => {
      await run.start()
      await run.reached('Running')
      await run.client('suspend', run.id, 'wait')
      await run.reached('Suspended')
      await run.client('terminate', run.id, 'enough')
      await run.ended()
    },
    expect: { status: 'Terminated', output: 'enough' },
  },
  {
    id: 'finished-control',
    says: 'Terminate, suspend and resume of a finished instance are silently nothing (410), a rewind throws; of an unknown one all throw (404), a purge gives 0.',
    source: `${OBSERVED}; ${EXTENSION}, HttpApiHandler.cs`,
    *orchestrator(context) {
      return yield context.df.callActivity('echo', 'done')
    },
    drive: async (run) => {
      await run.start()
      await run.ended()
      const unknown = run.other('unknown')
      for (const method of ['terminate', 'suspend', 'resume', 'rewind']) {
        const finished = await run.client(method, run.id, 'why')
        const nobody = await run.client(method, unknown, 'why')
        run.note([method, finished.error === undefined, nobody.error === undefined])
      }
      const links = await run.links()
      for (const name of ['terminatePostUri', 'suspendPostUri', 'resumePostUri', 'rewindPostUri']) {
        run.note((await run.http('POST', (links[name] ?? '').replace('{text}', 'why'))).status)
      }
      run.note((await run.client('purgeInstanceHistory', unknown)).value)
    },
    expect: {
      status: 'Completed',
      notes: [
        ['terminate', true, false],
        ['suspend', true, false],
        ['resume', true, false],
        ['rewind', false, false],
        ...[410, 410, 410, 410],
        { instancesDeleted: 0 },
      ],
    },
  },
  {
    id: 'rewind',
    says: 'A rewind of what failed after its retries runs once more, and fails then as "Non-Deterministic".',
    source: OBSERVED,
    *orchestrator(context) {
      const options = new RetryOptions(100, 2)
      return yield context.df.callActivityWithRetry('fail', options, { text: 'no' })
    },
    drive: async (run) => {
      await run.start()
      await run.ended()
      const { rewindPostUri = '' } = await run.links()
      run.note((await run.http('POST', rewindPostUri.replace('{text}', 'again'))).status)
      await run.pause(1000)
      const { output } = await run.ended()
      run.note(/^Non-Deterministic workflow detected/.test(String(output)))
    },
    expect: { status: 'Failed', notes: [202, true] },
    embedded: { why: 'there is no rewind', expect: { status: 'Failed', notes: [501, false] } },
  },
  {
    id: 'start-running-id',
    says: 'A start with the id of a running instance is an error with HTTP 500 and the exception’s name.',
    source: OBSERVED,
    *orchestrator(context) {
      return yield context.df.waitForExternalEvent('never')
    },
    drive: async (run) => {
      await run.start()
      await run.reached('Running')
      const again = await run.client('startNew', 'start-running-id', { instanceId: run.id })
      run.note(again.error !== undefined)
      const { statusQueryGetUri = '' } = await run.links()
      const start = statusQueryGetUri.replace('/instances/', '/orchestrators/start-running-id/')
      const { status, body } = await run.http('POST', start, { json: {} })
      run.note(status, /OrchestrationAlreadyExistsException/.test(JSON.stringify(body)))
      await run.client('terminate', run.id, 'done')
      await run.ended()
    },
    expect: { status: 'Terminated', notes: [true, 500, true] },
  },
  {
    id: 'start-finished-id',
    says: 'A start with the id of a finished instance takes its place.',
    source: OBSERVED,
    *orchestrator(context) {
      return yield context.df.callActivity('echo', context.df.getInput())
    },
    drive: async (run) => {
      await run.start({ input: { n: 1 } })
      await run.ended()
      await run.start({ input: { n: 2 } })
      await run.reached('Completed')
      await run.still()
    },
    expect: { status: 'Completed', output: { n: 2 } },
  },
  {
    id: 'start-five-times',
    says: 'Of five starts of one id at the same time some are accepted; one instance runs.',
    source: `${OBSERVED}: 2 to 5 accepted, the check is not atomic`,
    *orchestrator(context) {
      yield context.df.callActivity('say', { word: 'ran' })
      return yield context.df.waitForExternalEvent('never')
    },
    drive: async (run) => {
      const options = { instanceId: run.id, input: {} }
      const starts = [1, 2, 3, 4, 5].map(() => run.client('startNew', 'start-five-times', options))
      const accepted = (await Promise.all(starts)).filter(({ error }) => error === undefined)
      run.note(accepted.length >= 1)
      await run.still()
    },
    expect: { status: 'Running', effects: ['ran'], notes: [true] },
  },
  {
    id: 'ids',
    says: 'Ids of 250 characters, with space, umlaut and punctuation work; of 300, with a leading @, with / or \\ are refused; # and ? cut them; letter case counts.',
    source: `${OBSERVED}; ${EXTENSION}, DurableClient.cs`,
    *orchestrator(context) {
      return yield context.df.callActivity('echo', 'done')
    },
    drive: async (run) => {
      const own = run.id
      run.note(await startedAs(run, own.padEnd(250, 'x')))
      run.note(await startedAs(run, own.padEnd(300, 'x')))
      run.note(await startedAs(run, `@${own}`))
      run.note(await startedAs(run, `${own}/a`))
      run.note(await startedAs(run, `${own}\\a`))
      run.note(await startedAs(run, `${own} ü+':`))
      run.note(await startedAs(run, `${own}-cut#tail`), await startedAs(run, `${own}-cut2?tail`))
      run.note((await run.ended(`${own}-cut`)).runtimeStatus)
      run.note((await run.ended(`${own}-cut2`)).runtimeStatus)
      await run.start()
      await run.ended()
      run.note(await run.status(own.toUpperCase()))
    },
    expect: {
      status: 'Completed',
      notes: [
        ...['as given', 'refused', 'refused', 'refused', 'refused', 'as given'],
        ...['another', 'another', 'Completed', 'Completed', undefined],
      ],
    },
  },
  {
    id: 'status-shape',
    says: 'A status has all members, in order, with whole seconds; showInput=false makes the input null.',
    source: `${OBSERVED}; ${EXTENSION}, StatusResponsePayload.cs`,
    *orchestrator(context) {
      return yield context.df.callActivity('echo', 'done')
    },
    input: { given: true },
    drive: async (run) => {
      await run.start()
      await run.ended()
      const { statusQueryGetUri = '' } = await run.links()
      const { status, body } = await run.http('GET', statusQueryGetUri)
      const told = body as Record<string, unknown>
      run.note(status, Object.keys(told), told['input'])
      const whole = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/
      run.note(whole.test(String(told['createdTime'])), whole.test(String(told['lastUpdatedTime'])))
      const without = await run.http('GET', `${statusQueryGetUri}&showInput=false`)
      run.note((without.body as Record<string, unknown>)['input'])
    },
    expect: {
      notes: [
        200,
        [
          ...['name', 'instanceId', 'runtimeStatus', 'input', 'customStatus', 'output'],
          ...['createdTime', 'lastUpdatedTime'],
        ],
        { given: true },
        ...[true, true, null],
      ],
    },
  },
  {
    id: 'status-codes',
    says: 'A status is 202 with Location and Retry-After while it runs, 200 after it, 500 for a failure only on request, 404 for none.',
    source: `${EXTENSION}, HttpApiHandler.cs`,
    *orchestrator(context) {
      yield context.df.waitForExternalEvent('go')
      throw new Error('no')
    },
    drive: async (run) => {
      await run.start()
      await run.reached('Running')
      const { statusQueryGetUri = '' } = await run.links()
      const running = await run.http('GET', statusQueryGetUri)
      const { location, 'retry-after': after } = running.headers
      run.note(running.status, location !== undefined, after)
      await run.raise('go', 1)
      await run.ended()
      run.note((await run.http('GET', statusQueryGetUri)).status)
      const asError = `${statusQueryGetUri}&returnInternalServerErrorOnFailure=true`
      run.note((await run.http('GET', asError)).status)
      const { statusQueryGetUri: none = '' } = await run.links(run.other('unknown'))
      run.note((await run.http('GET', none)).status)
    },
    expect: { status: 'Failed', notes: [202, true, '5', 200, 500, 404] },
  },
  {
    id: 'lists',
    says: 'Lists come by prefix and status in pages, with inputs, and end with an empty token; unknown statuses are ignored.',
    source: `${OBSERVED}; ${EXTENSION}, HttpApiHandler.cs`,
    *orchestrator(context) {
      return yield context.df.callActivity('echo', 'done')
    },
    drive: async (run) => {
      const ids = [1, 2, 3, 4, 5].map((n) => run.other(String(n)))
      for (const id of ids) await run.start({ id, input: { of: id } })
      for (const id of ids) await run.ended(id)
      await run.start()
      await run.ended()
      const { statusQueryGetUri = '' } = await run.links()
      const list = statusQueryGetUri.replace(`/instances/${run.id}`, '/instances/')
      const seen: { instanceId: string; input: unknown }[] = []
      let token = ''
      do {
        const query = `instanceIdPrefix=${run.other('')}&top=2&runtimeStatus=Completed,NoSuchStatus`
        const headers = token === '' ? {} : { 'x-ms-continuation-token': token }
        const page = await run.http('GET', `${list}&${query}`, { headers })
        seen.push(...(page.body as typeof seen))
        token = page.headers['x-ms-continuation-token'] ?? ''
      } while (token !== '')
      run.note(seen.length, new Set(seen.map(({ instanceId }) => instanceId)).size)
      run.note(seen.every(({ instanceId, input }) => (input as { of: string }).of === instanceId))
    },
    expect: { status: 'Completed', notes: [5, 5, true] },
  },
  {
    id: 'purge-by-time',
    says: 'A purge by time without statuses removes running instances too; without a time it is refused.',
    source: `${OBSERVED}, against what the documentation says`,
    isAlone: true,
    *orchestrator(context) {
      return yield context.df.waitForExternalEvent('never')
    },
    drive: async (run) => {
      await run.start()
      await run.reached('Running')
      const { purgeHistoryDeleteUri = '' } = await run.links()
      const purge = purgeHistoryDeleteUri.replace(`/instances/${run.id}`, '/instances/')
      run.note((await run.http('DELETE', purge)).status)
      const from = new Date(Date.now() - 60_000).toISOString()
      const { status, body } = await run.http('DELETE', `${purge}&createdTimeFrom=${from}`)
      run.note(status, (body as { instancesDeleted: number }).instancesDeleted >= 1)
    },
    expect: { status: 'none', notes: [400, 200, true] },
  },
]
