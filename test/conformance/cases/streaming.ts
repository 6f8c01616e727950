/** HTTP functions of an app that streams: what differs from one that does not. */
import type { ConformanceCase } from '../suite/case.ts'
import type { Run } from '../suite/run.ts'
import { LIBRARY, OBSERVED } from '../suite/sources.ts'

/** Longer than any answer that comes takes. */
const NO_ANSWER_MS = 4000

async function isAnswered(run: Run, path: string): Promise<boolean> {
  const url = `${run.host.streamingUrl}${path}`
  try {
    await (await fetch(url, { signal: AbortSignal.timeout(NO_ANSWER_MS) })).arrayBuffer()
    return true
  } catch {
    return false
  }
}

export const STREAMING: readonly ConformanceCase[] = [
  {
    id: 'stream-parts',
    says: 'A streamed answer arrives in parts, while the rest of it is made.',
    source: OBSERVED,
    needs: 'streaming-app',
    drive: async (run) => {
      const response = await fetch(`${run.host.streamingUrl}/api/parts`)
      const times: number[] = []
      let text = ''
      for await (const part of response.body ?? []) {
        times.push(Date.now())
        text += new TextDecoder().decode(part)
      }
      const [first = 0, second = 0] = times
      run.note(text, second - first > 300)
    },
    expect: { notes: ['one two', true] },
  },
  {
    id: 'stream-no-answer',
    says: 'A handler that throws, or returns nothing or a text, gives no answer at all.',
    source: `${OBSERVED}: none in 10 s; ${LIBRARY}, http/httpProxy.ts`,
    needs: 'streaming-app',
    drive: async (run) => {
      const kinds = ['throw', 'text', 'undefined']
      run.note(...(await Promise.all(kinds.map((kind) => isAnswered(run, `/api/answers/${kind}`)))))
      run.note(await isAnswered(run, '/api/plain'))
    },
    expect: { notes: [false, false, false, true] },
  },
  {
    id: 'stream-parameters',
    says: 'Query values appear among the parameters too, the last one wins; repeated keys stay apart; "/" in a parameter is encoded twice; a header of the answer names the invocation.',
    source: `${OBSERVED}; ${LIBRARY}, http/HttpRequest.ts`,
    needs: 'streaming-app',
    drive: async (run) => {
      const url = `${run.host.streamingUrl}/api/things/a%2Fb?x=1&x=2`
      const response = await fetch(url)
      run.note(await response.json(), response.headers.has('x-ms-invocation-id'))
    },
    expect: {
      notes: [
        {
          params: { name: 'a%2Fb', x: '2' },
          query: [
            ['x', '1'],
            ['x', '2'],
          ],
        },
        true,
      ],
    },
  },
]
