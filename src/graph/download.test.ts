import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { hasCode } from '../model/errors.ts'
import { type DownloadOptions, download } from './download.ts'
import { SERVICE_LIMITS } from './governor.ts'
import { sharePointOf } from './sharepoint.ts'
import { graphError, graphOn, json, networkError, type Step, scripted } from './testing/scripted.ts'

const signal = new AbortController().signal
const ADDRESS = 'https://contoso-my.sharepoint.com/d.aspx?Uid=1&tempauth=v1.eyJ%2Fa==&b=%20&a'

function contentOf(length: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length }, (_, at) => (at * 7 + (at >> 8)) % 251)
}

type Options = Partial<Omit<DownloadOptions, 'source' | 'call'>> & { renews?: string[] }

function downloadOn(steps: Step[], { renews, ...options }: Options = {}) {
  const script = scripted(...steps)
  const { graph } = graphOn(script.transport)
  const sharePoint = sharePointOf(graph, 'tenant')
  let address = ADDRESS
  const source = {
    open: (headers: Readonly<Record<string, string>>, at: AbortSignal) =>
      sharePoint.sendTo(
        { name: 'x.download', address, charge: 'download', headers, answer: 'streamed' },
        at,
      ),
    async renew() {
      address = renews?.shift() ?? assert.fail('no further address')
    },
  }
  const bytes = download({ call: 'x.download', source, signal, ...options })
  return { ...script, sharePoint, bytes }
}

async function all(bytes: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const pieces: Uint8Array[] = []
  for await (const piece of bytes) pieces.push(piece)
  return new Uint8Array(Buffer.concat(pieces))
}

/** A body of these bytes that breaks before its end. */
function breaking(bytes: Uint8Array<ArrayBuffer>, init: ResponseInit): Response {
  // The break comes later than what is read ahead, as it does on a line.
  const body = new ReadableStream({
    start: (c) => c.enqueue(bytes),
    pull: (c) => c.error(networkError('ECONNRESET')),
  })
  return new Response(body, init)
}

function partial(content: Uint8Array, from: number, headers: Record<string, string> = {}) {
  const range = `bytes ${from}-${content.byteLength - 1}/${content.byteLength}`
  return { status: 206, headers: { 'Content-Range': range, ...headers } }
}

const length = (content: Uint8Array) => ({ 'Content-Length': `${content.byteLength}` })

/** Longer than what the client reads ahead. */
const LONG = contentOf(1_500_000)

test('an address is asked as it came, without a token, and costs one unit', async () => {
  const content = contentOf(10)
  const { bytes, seen, sharePoint } = downloadOn([() => new Response(content)])
  assert.deepEqual(await all(bytes), content)
  assert.equal(seen[0]?.url, ADDRESS)
  assert.equal(seen[0]?.headers.get('authorization'), null)
  assert.deepEqual([sharePoint.requests(), sharePoint.units()], [1, 1])
})

test('an open line is no way for content', async () => {
  const { graph } = graphOn(() => assert.fail('nothing is sent'))
  const address = 'http://contoso.sharepoint.com/d'
  const call = sharePointOf(graph, 't').sendTo({ name: 'x', address, charge: 'download' }, signal)
  await assert.rejects(call, (error) => hasCode(error, 'ForeignLink'))
})

test('a body that breaks is gone on with where it broke', async () => {
  const cut = LONG.subarray(0, 1_200_000)
  const { bytes, seen } = downloadOn([
    () => breaking(cut, { headers: length(LONG) }),
    () => new Response(LONG.subarray(1_200_000), partial(LONG, 1_200_000)),
  ])
  assert.deepEqual(await all(bytes), LONG)
  assert.equal(seen[0]?.headers.get('range'), null)
  assert.equal(seen[1]?.headers.get('range'), 'bytes=1200000-')
})

test('a body that just ends before its length is a broken one', async () => {
  const content = contentOf(100)
  const { bytes, seen } = downloadOn([
    () => new Response(content.subarray(0, 60), { headers: length(content) }),
    () => new Response(content.subarray(60), partial(content, 60)),
  ])
  assert.deepEqual(await all(bytes), content)
  assert.equal(seen.length, 2)
})

test('however bodies break, and whether ranges are honoured or not, the bytes are the file', () =>
  fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 500 }),
      fc.array(fc.record({ bytes: fc.integer({ min: 1, max: 200 }), ranged: fc.boolean() })),
      async (size, breaks) => {
        const content = contentOf(size)
        const answer = (request: Request, ranged: boolean, sends: number): Response => {
          const asked = Number(/^bytes=(\d+)-$/.exec(request.headers.get('range') ?? '')?.[1] ?? 0)
          if (asked === 0 || !ranged) {
            const end = asked + sends
            return new Response(content.slice(0, end), { headers: length(content) })
          }
          return new Response(content.slice(asked, asked + sends), partial(content, asked))
        }
        const steps: Step[] = breaks.map((one) => (r) => answer(r, one.ranged, one.bytes))
        const { bytes } = downloadOn([...steps, (r) => answer(r, true, size)])
        assert.deepEqual(await all(bytes), content)
      },
    ),
  ))

test('bodies that bring nothing any more are given up', async () => {
  const content = contentOf(100)
  const cut = () => new Response(content.subarray(0, 60), { headers: length(content) })
  const { bytes } = downloadOn([cut, cut, cut, cut, cut])
  await assert.rejects(all(bytes), (error) => hasCode(error, 'ContentBroken'))
})

test('an address whose time is over is replaced by a fresh one, once for each place', async () => {
  const content = contentOf(100)
  for (const status of [401, 403, 404, 410]) {
    const refused = () => new Response(null, { status })
    const { bytes, seen } = downloadOn([refused, () => new Response(content)], {
      renews: ['https://fresh.example/1'],
    })
    assert.deepEqual(await all(bytes), content, `${status}`)
    assert.deepEqual(
      seen.map(({ url }) => url),
      [ADDRESS, 'https://fresh.example/1'],
    )
    const { bytes: none } = downloadOn([refused, refused], { renews: ['https://fresh.example/1'] })
    const code = status === 403 ? 'AccessDenied' : 'ContentBroken'
    await assert.rejects(all(none), (error) => hasCode(error, code), `${status}`)
  }
})

test('an address that runs out in the middle is replaced, and nothing is read twice', async () => {
  const { bytes, seen } = downloadOn(
    [
      () => breaking(LONG.subarray(0, 1_100_000), { headers: length(LONG) }),
      () => new Response('', { status: 401 }),
      () => new Response(LONG.subarray(1_100_000), partial(LONG, 1_100_000)),
    ],
    { renews: ['https://fresh.example/1'] },
  )
  assert.deepEqual(await all(bytes), LONG)
  assert.equal(seen[2]?.headers.get('range'), 'bytes=1100000-')
})

test('an error that comes as a success is no content', async () => {
  const said = () => Response.json({ error: { code: 'itemNotFound' } })
  const { bytes, seen } = downloadOn([said, said], { renews: ['https://fresh.example/1'] })
  await assert.rejects(all(bytes), (error) => hasCode(error, 'ContentBroken'))
  assert.equal(seen.length, 2)
  const file = downloadOn([() => Response.json({ a: 1 })], {
    mediaType: 'application/json; charset=utf-8',
  })
  assert.equal(Buffer.from(await all(file.bytes)).toString(), '{"a":1}')
})

test('malware and a locked file are what they are, not an address whose time is over', async () => {
  for (const [status, graphCode, code] of [
    [403, 'malwareDetected', 'MalwareDetected'],
    [423, 'resourceLocked', 'ResourceLocked'],
  ] as const) {
    const { bytes } = downloadOn([() => graphError(status, graphCode)])
    await assert.rejects(all(bytes), (error) => hasCode(error, code))
  }
})

test('bytes of two states of a file are never put together', async () => {
  const cut = (headers: Record<string, string>) => () =>
    breaking(LONG.subarray(0, 1_100_000), { headers: { ...length(LONG), ...headers } })
  const rest = LONG.subarray(1_100_000)
  const ends: [string, Step, Step][] = [
    [
      'another length',
      cut({}),
      () =>
        new Response(rest, {
          status: 206,
          headers: { 'Content-Range': 'bytes 1100000-1599999/1600000' },
        }),
    ],
    [
      'another ETag',
      cut({ ETag: '"1"' }),
      () => new Response(rest, partial(LONG, 1_100_000, { ETag: '"2"' })),
    ],
    ['shorter by now', cut({}), () => new Response(null, { status: 416 })],
  ]
  for (const [what, first, second] of ends) {
    const { bytes } = downloadOn([first, second])
    await assert.rejects(all(bytes), (error) => hasCode(error, 'ContentChanged'), what)
  }
})

test('an answer that begins elsewhere than was asked for is not used', async () => {
  const content = contentOf(100)
  const { bytes } = downloadOn([() => new Response(content.subarray(50), partial(content, 50))])
  await assert.rejects(all(bytes), (error) => hasCode(error, 'ContentBroken'))
})

test('reading goes on at a place from an earlier slice, and at the end asks for nothing', async () => {
  const content = contentOf(100)
  const { bytes, seen } = downloadOn(
    [() => new Response(content.subarray(40), partial(content, 40))],
    { from: { offset: 40, total: 100 } },
  )
  assert.deepEqual(await all(bytes), content.subarray(40))
  assert.equal(seen[0]?.headers.get('range'), 'bytes=40-')
  const whole = downloadOn([], { from: { offset: 100, total: 100 } })
  assert.equal((await all(whole.bytes)).byteLength, 0)
})

test('who stops reading gives the slot back; who reads slowly is waited for', async () => {
  let pulled = 0
  const full = Promise.withResolvers<Response>()
  const endless = () =>
    new Response(
      new ReadableStream(
        {
          pull(controller) {
            pulled += 1
            controller.enqueue(new Uint8Array(256 * 1024))
          },
        },
        { highWaterMark: 0 },
      ),
    )
  const { slots } = SERVICE_LIMITS.sharepoint
  const { bytes, sharePoint } = downloadOn([endless, ...Array(slots).fill(() => full.promise)])
  const reader = bytes[Symbol.asyncIterator]()
  for (let n = 0; n < 8; n += 1) await reader.next()
  const before = pulled
  await new Promise((resolve) => setImmediate(resolve))
  assert.equal(pulled, before, 'nothing is read that nobody takes')
  assert.ok(pulled <= 10, `${pulled} pieces for eight`)
  await reader.return(undefined)
  // All slots are there: so many calls are under way before the first of them ends.
  const calls = Array.from({ length: slots }, () =>
    sharePoint.send({ name: 'x', path: ['x'], charge: 'item' }, signal),
  )
  for (let turn = 0; turn < 1000 && sharePoint.requests() < 1 + slots; turn += 1) {
    await new Promise((resolve) => setImmediate(resolve))
  }
  assert.equal(sharePoint.requests(), 1 + slots)
  full.resolve(json({}))
  assert.equal((await Promise.allSettled(calls)).length, slots)
})
