import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { hasCode } from '../model/errors.ts'
import { sharePointOf } from './sharepoint.ts'
import { graphError, graphOn, json, networkError, type Step, scripted } from './testing/scripted.ts'
import { askUpload, sendPiece, UPLOAD_PIECE_BYTES, type UploadSession } from './upload.ts'

const ADDRESS = 'http://127.0.0.1:9/upload/secret?tempauth=b&z=1&a=2'
const TOTAL = 10
const signal = new AbortController().signal

function session(...steps: Step[]): { session: UploadSession; seen: Request[] } {
  const { transport, seen } = scripted(...steps)
  const { graph, clock } = graphOn(transport)
  const calls = sharePointOf(graph, 'tenant')
  return { session: { calls, clock, address: ADDRESS, total: TOTAL, signal }, seen }
}

const piece = (offset: number, length: number, isFresh = false) => ({
  offset,
  bytes: new Uint8Array(length).fill(offset + 1),
  isFresh,
})
const more = (start: number) => () => json({ nextExpectedRanges: [`${start}-`] }, { status: 202 })
const status = (start: number) => () => json({ nextExpectedRanges: [`${start}-${TOTAL - 1}`] })
const gone = () => graphError(404, 'itemNotFound')

describe('a piece of an upload', () => {
  it('goes to the address as it came, with its range and without a token', async () => {
    const { session: to, seen } = session(more(4))
    assert.deepEqual(await sendPiece(to, piece(0, 4)), { state: 'more', offset: 4 })
    const [request] = seen
    assert.equal(request?.url, ADDRESS)
    assert.equal(request?.method, 'PUT')
    assert.equal(request?.headers.get('authorization'), null)
    assert.equal(request?.headers.get('content-range'), 'bytes 0-3/10')
    assert.equal((await request?.arrayBuffer())?.byteLength, 4)
    assert.equal(to.calls.units(), 2)
  })

  it('has a length that the service takes', () => {
    assert.equal(UPLOAD_PIECE_BYTES % (320 * 1024), 0)
    assert.ok(UPLOAD_PIECE_BYTES < 60 * 1024 * 1024)
  })

  it('is waited for where the service does not know its new session yet (row 19)', async () => {
    const { session: to, seen } = session(gone, gone, more(4))
    const before = to.clock.now()
    assert.deepEqual(await sendPiece(to, piece(0, 4, true)), { state: 'more', offset: 4 })
    assert.equal(seen.length, 3)
    assert.ok(to.clock.now() - before >= 10_000)
  })

  it('finds its session lost where that is not new', async () => {
    const { session: to } = session(gone)
    assert.deepEqual(await sendPiece(to, piece(4, 2)), { state: 'lost' })
  })

  it('that the service has already is asked about, not sent again (row 19)', async () => {
    const { session: to, seen } = session(() => graphError(416, 'invalidRange'), status(8))
    assert.deepEqual(await sendPiece(to, piece(0, 4)), { state: 'more', offset: 8 })
    assert.deepEqual(
      seen.map(({ method }) => method),
      ['PUT', 'GET'],
    )
    assert.equal(seen[1]?.headers.get('authorization'), null)
  })

  it('whose answer is lost is asked about', async () => {
    const broken = () => Promise.reject(networkError('ECONNRESET'))
    const { session: to } = session(broken, status(4))
    assert.deepEqual(await sendPiece(to, piece(0, 4)), { state: 'more', offset: 4 })
  })

  it('gives the item with its last byte', async () => {
    const { session: to } = session(() => json({ id: 'made' }, { status: 201 }))
    const sent = await sendPiece(to, piece(4, 6))
    assert.equal(sent.state === 'done' && sent.item['id'], 'made')
  })

  it('that may have been the last one is never sent again: its answer is lost', async () => {
    const broken = () => Promise.reject(networkError('ECONNRESET'))
    for (const steps of [
      [broken, gone],
      [() => json({ no: 'id' }, { status: 201 })],
      [() => new Response('cut', { status: 201 })],
    ]) {
      const { session: to } = session(...steps)
      await assert.rejects(sendPiece(to, piece(4, 6)), (error) => hasCode(error, 'AnswerLost'))
    }
  })

  it('says what stands in its way: a name that is taken, a quota that is used up', async () => {
    for (const [answer, code] of [
      [graphError(409, 'upload_name_conflict'), 'NameTaken'],
      [graphError(409, 'whatever'), 'NameTaken'],
      [graphError(507, 'quotaLimitReached'), 'QuotaExceeded'],
    ] as const) {
      const { session: to } = session(() => answer.clone())
      await assert.rejects(sendPiece(to, piece(4, 6)), (error) => {
        assert.ok(!JSON.stringify(error, Object.getOwnPropertyNames(error)).includes('tempauth'))
        return hasCode(error, code)
      })
    }
  })
})

it('a session that is used up, too old or refused is over', async () => {
  for (const [code, text] of [
    [404, 'itemNotFound'],
    [410, 'resyncRequired'],
    [401, 'InvalidAuthenticationToken'],
  ] as const) {
    const { session: to } = session(() => graphError(code, text))
    assert.deepEqual(await askUpload(to), { state: 'lost' }, text)
  }
})
