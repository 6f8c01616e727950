/** callHttp: the built-in activity that asks another server, here the host itself. */
import type { OrchestrationContext } from 'durable-functions'
import type { ConformanceCase } from '../suite/case.ts'
import type { Run } from '../suite/run.ts'
import { OBSERVED, SDK } from '../suite/sources.ts'

const withUrl = async (run: Run) => {
  await run.start({ input: { url: run.host.url } })
  await run.ended()
}

const urlOf = (context: OrchestrationContext): string =>
  (context.df.getInput() as { url: string }).url

export const HTTP_CALLS: readonly ConformanceCase[] = [
  {
    id: 'http-call',
    says: 'An answer is its status, its headers without those of the content, and its text; one of 500 is a value too.',
    source: OBSERVED,
    *orchestrator(context) {
      const url = urlOf(context)
      const good = yield context.df.callHttp({ method: 'GET', url: `${url}/api/plain` })
      const bad = yield context.df.callHttp({ method: 'GET', url: `${url}/api/answers/throw` })
      const hasContentHeaders = Object.keys(good.headers).some((name) => /^content-/i.test(name))
      return [good.statusCode, good.content, hasContentHeaders, bad.statusCode]
    },
    drive: withUrl,
    expect: { status: 'Completed', output: [200, 'plain', false, 500] },
  },
  {
    id: 'http-call-body',
    says: 'A body is sent as text/plain unless a header says otherwise; an object as its JSON.',
    source: OBSERVED,
    *orchestrator(context) {
      const url = `${urlOf(context)}/api/asked`
      const plain = yield context.df.callHttp({ method: 'POST', url, body: { a: 1 } })
      const headers = { 'Content-Type': 'application/json' }
      const typed = yield context.df.callHttp({ method: 'POST', url, headers, body: { a: 1 } })
      return [JSON.parse(plain.content), JSON.parse(typed.content)]
    },
    drive: withUrl,
    expect: {
      status: 'Completed',
      output: [
        { type: 'text/plain', body: '{"a":1}' },
        { type: 'application/json', body: '{"a":1}' },
      ],
    },
  },
  {
    id: 'http-call-polls',
    says: '202 with a Location is asked again, by timers, until it is something else.',
    source: `${OBSERVED}; ${SDK}, task/CallHttpWithPollingTask.js`,
    *orchestrator(context) {
      const url = `${urlOf(context)}/api/later/${context.df.instanceId}`
      const answer = yield context.df.callHttp({ method: 'GET', url })
      return [answer.statusCode, answer.content]
    },
    drive: withUrl,
    expect: { status: 'Completed', output: [200, 'ready'], effects: ['asked', 'asked', 'asked'] },
  },
  {
    id: 'http-call-bare-202',
    says: '202 without a Location ends the instance only after half a minute.',
    source: OBSERVED,
    isLong: true,
    *orchestrator(context) {
      const url = `${urlOf(context)}/api/answers/accepted`
      const answer = yield context.df.callHttp({ method: 'GET', url })
      return answer.statusCode
    },
    drive: async (run) => {
      const fromMs = Date.now()
      await withUrl(run)
      const tookMs = Date.now() - fromMs
      run.note(tookMs > 28_000, tookMs < 60_000)
    },
    expect: { status: 'Completed', output: 202, notes: [true, true] },
  },
  {
    id: 'http-call-refused',
    says: 'A connection that is refused fails the call.',
    source: OBSERVED,
    *orchestrator(context) {
      try {
        yield context.df.callHttp({ method: 'GET', url: 'http://127.0.0.1:1/' })
        return 'unreachable'
      } catch {
        return 'failed'
      }
    },
    expect: { status: 'Completed', output: 'failed' },
  },
]
