/** HTTP functions: routes, methods, parameters, and odd answers. */
import type { ConformanceCase } from '../suite/case.ts'
import { LIBRARY, OBSERVED } from '../suite/sources.ts'

export const HTTP: readonly ConformanceCase[] = [
  {
    id: 'http-methods',
    says: 'A wrong method, HEAD and OPTIONS are 404 with an empty body, never 405.',
    source: OBSERVED,
    drive: async (run) => {
      for (const method of ['PUT', 'GET', 'DELETE', 'OPTIONS', 'HEAD']) {
        const { status, body } = await run.http(method, '/api/only')
        run.note([method, status, status === 404 ? body : 'served'])
      }
    },
    expect: {
      notes: [
        ['PUT', 200, 'served'],
        ...['GET', 'DELETE', 'OPTIONS', 'HEAD'].map((method) => [method, 404, '']),
      ],
    },
  },
  {
    id: 'http-routes',
    says: 'Letter case and a slash at the end do not matter; a failed constraint is 404; a literal comes before a parameter.',
    source: OBSERVED,
    drive: async (run) => {
      for (const path of [
        ...['/api/PLAIN', '/api/plain/', '/api/items/12', '/api/items/twelve'],
        ...['/api/items/special', '/api/nowhere', '/plain'],
      ]) {
        run.note([path, (await run.http('GET', path)).status])
      }
      const { body } = await run.http('GET', '/api/items/special')
      run.note(body)
    },
    expect: {
      notes: [
        ...[
          ['/api/PLAIN', 200],
          ['/api/plain/', 200],
          ['/api/items/12', 200],
        ],
        ...[
          ['/api/items/twelve', 404],
          ['/api/items/special', 200],
          ['/api/nowhere', 404],
        ],
        ['/plain', 404],
        'literal',
      ],
    },
  },
  {
    id: 'http-parameters',
    says: 'Parameters are decoded; repeated query keys arrive joined with a comma; the metadata is empty.',
    source: OBSERVED,
    drive: async (run) => {
      const { body } = await run.http('GET', '/api/things/a%20b?x=1&x=2&y=%26')
      run.note(body)
    },
    expect: {
      notes: [{ params: { name: 'a b' }, query: { x: '1,2', y: '&' }, metadata: [] }],
    },
  },
  {
    id: 'http-answers',
    says: 'A thrown error or a returned text is 500 with an empty body, an object without known members 200, undefined 204.',
    source: `${OBSERVED}; ${LIBRARY}, converters/toRpcHttp.ts`,
    drive: async (run) => {
      for (const kind of ['throw', 'text', 'object', 'undefined', 'created', 'json']) {
        const { status, body } = await run.http('GET', `/api/answers/${kind}`)
        run.note([kind, status, body])
      }
    },
    expect: {
      notes: [
        ['throw', 500, ''],
        ['text', 500, ''],
        ['object', 200, ''],
        ['undefined', 204, ''],
        ['created', 201, 'made'],
        ['json', 200, { a: 1 }],
      ],
    },
  },
  {
    id: 'http-body',
    says: 'A body arrives byte for byte, and a streamed answer arrives whole.',
    source: OBSERVED,
    drive: async (run) => {
      const body = 'zero\u0000 ä €'
      run.note((await run.http('POST', '/api/bytes', { body })).body)
      run.note((await run.http('GET', '/api/streamed')).body)
    },
    expect: { notes: [Buffer.from('zero\u0000 ä €').toString('hex'), 'one two'] },
  },
]
