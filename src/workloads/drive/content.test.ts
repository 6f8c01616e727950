import assert from 'node:assert/strict'
import { test } from 'node:test'
import { QuickXorHash } from '../../graph/index.ts'
import { graphError, json, networkError, type Step } from '../../graph/testing/scripted.ts'
import { hasCode } from '../../model/errors.ts'
import type { GraphId } from '../../model/ids.ts'
import type { ContentOutcome, Present } from '../workload.ts'
import { DRIVE, driveOn, file, page, ROOT, root } from './testing/scripted-drive.ts'

const signal = new AbortController().signal
const START = `drives/${DRIVE}/root/delta`
const ITEM = `drives/${DRIVE}/items/a`
const BYTES = Buffer.from('The quick brown fox.')

function hashed(bytes: Uint8Array): string {
  const hash = new QuickXorHash()
  hash.update(bytes)
  return hash.digest()
}

/** A file of these bytes, at this address. */
function fileAt(address: string | undefined, more: object = {}) {
  const file_ = { mimeType: 'text/plain', hashes: { quickXorHash: hashed(BYTES) } }
  const url = address === undefined ? {} : { '@microsoft.graph.downloadUrl': address }
  return file('a', ROOT, { size: BYTES.byteLength, file: file_, ...url, ...more })
}

async function fetched(
  listed: object,
  answers: Record<string, Step | Step[]>,
  options: Parameters<typeof driveOn>[1] = {},
) {
  const world = driveOn({ [START]: page([root, listed], { delta: 'd' }), ...answers }, options)
  const { changes } = await world.reader.changes(DRIVE, null, signal)
  const item = changes.find((change): change is Present => change.op === 'present')
  assert.ok(item)
  const before = world.reader.units?.().all ?? 0
  const outcome = await world.reader.content(item, signal)
  const units = () => (world.reader.units?.().all ?? 0) - before
  return { ...world, item, outcome, units }
}

async function bytesOf(outcome: ContentOutcome): Promise<string> {
  assert.equal(outcome.outcome, 'content')
  const [part] = outcome.outcome === 'content' ? outcome.parts : []
  assert.equal(part?.name, 'content')
  const pieces: Uint8Array[] = []
  for await (const piece of part?.bytes ?? []) pieces.push(piece)
  return Buffer.concat(pieces).toString()
}

function noteOf(outcome: ContentOutcome) {
  return outcome.outcome === 'content' ? outcome.note?.() : assert.fail('content')
}

test('a file comes from the address in its page, for one unit', async () => {
  const { outcome, units, seen } = await fetched(fileAt('https://a/1'), {
    'https://a/1': () => new Response(BYTES),
  })
  assert.equal(await bytesOf(outcome), BYTES.toString())
  assert.equal(noteOf(outcome), undefined)
  assert.equal(units(), 1)
  assert.equal(seen.at(-1)?.headers.get('authorization'), null)
})

test('a file whose page has no address is asked for it', async () => {
  const { outcome, units } = await fetched(fileAt(undefined), {
    [ITEM]: () => json(fileAt('https://a/2')),
    'https://a/2': () => new Response(BYTES),
  })
  assert.equal(await bytesOf(outcome), BYTES.toString())
  assert.equal(units(), 2)
})

test('an address whose time is over is replaced, and the body gone on with', async () => {
  const { outcome } = await fetched(fileAt('https://a/1'), {
    'https://a/1': [
      () => new Response(BYTES.subarray(0, 9), { headers: { 'Content-Length': '20' } }),
      () => new Response(null, { status: 401 }),
    ],
    [ITEM]: () => json(fileAt('https://a/2')),
    'https://a/2': () =>
      new Response(BYTES.subarray(9), {
        status: 206,
        headers: { 'Content-Range': 'bytes 9-19/20' },
      }),
  })
  assert.equal(await bytesOf(outcome), BYTES.toString())
})

test('an empty file needs no request', async () => {
  const { outcome, units } = await fetched(fileAt('https://a/1', { size: 0, file: {} }), {})
  assert.equal(await bytesOf(outcome), '')
  assert.equal(units(), 0)
})

test('bytes that are not what their hash says are not taken for content', async () => {
  const other = Buffer.from('The quick brown cat.')
  for (const bytes of [other, BYTES.subarray(0, 12)]) {
    const { outcome } = await fetched(fileAt('https://a/1'), {
      'https://a/1': () => new Response(bytes),
      [ITEM]: () => json(fileAt('https://a/2')),
    })
    await assert.rejects(bytesOf(outcome), (error) => hasCode(error, 'ContentDiffers'))
  }
})

test('an Office file that SharePoint rewrote is taken, and it is noted what came', async () => {
  const name = 'Plan.docx'
  const other = Buffer.from('The quick brown cat, and properties.')
  const { outcome, units } = await fetched(fileAt('https://a/1', { name }), {
    'https://a/1': () => new Response(other),
    [ITEM]: () => json(fileAt('https://a/2', { name })),
  })
  assert.equal(await bytesOf(outcome), other.toString())
  assert.deepEqual(noteOf(outcome), {
    ...{ hashDiffers: true, quickXorHash: hashed(other), bytes: other.byteLength },
  })
  assert.equal(units(), 2, 'it is asked whether it changed meanwhile')
})

test('a file that changed while it was read is neither rewritten nor broken', async () => {
  const name = 'Plan.docx'
  const { outcome } = await fetched(fileAt('https://a/1', { name }), {
    'https://a/1': () => new Response('other bytes'),
    [ITEM]: () => json(fileAt('https://a/2', { name, eTag: '"{a},2"' })),
  })
  await assert.rejects(bytesOf(outcome), (error) => hasCode(error, 'ContentChanged'))
})

test('a file without a hash is held to its size', async () => {
  const bare = { file: { mimeType: 'text/plain' } }
  const answers = (bytes: Buffer) => ({
    'https://a/1': () => new Response(bytes),
    [ITEM]: () => json(fileAt('https://a/1', bare)),
  })
  const right = await fetched(fileAt('https://a/1', bare), answers(BYTES))
  assert.equal(await bytesOf(right.outcome), BYTES.toString())
  const short = await fetched(fileAt('https://a/1', bare), answers(BYTES.subarray(1)))
  await assert.rejects(bytesOf(short.outcome), (error) => hasCode(error, 'ContentDiffers'))
})

test('a JSON error never becomes content', async () => {
  const error = () => Response.json({ error: { code: 'itemNotFound' } })
  const { outcome } = await fetched(fileAt('https://a/1', { name: 'a.docx' }), {
    'https://a/1': error,
    'https://a/2': error,
    [ITEM]: () => json(fileAt('https://a/2', { name: 'a.docx' })),
  })
  assert.equal(outcome.outcome, 'ledger')
  assert.equal(outcome.outcome === 'ledger' && outcome.code, 'ContentBroken')
})

test('a file that is gone by now is gone, one that is locked or changed is in the ledger', async () => {
  const refused = { 'https://a/1': () => new Response(null, { status: 404 }) }
  const gone = await fetched(fileAt('https://a/1'), refused)
  assert.deepEqual(gone.outcome, { outcome: 'gone' })
  const locked = await fetched(fileAt('https://a/1'), {
    'https://a/1': () => graphError(423, 'resourceLocked'),
  })
  assert.equal(locked.outcome.outcome === 'ledger' && locked.outcome.code, 'ResourceLocked')
  const changed = await fetched(fileAt('https://a/1'), {
    ...refused,
    [ITEM]: () => json(fileAt('https://a/2', { eTag: '"{a},9"' })),
  })
  assert.equal(changed.outcome.outcome === 'ledger' && changed.outcome.code, 'ContentChanged')
})

test('trouble with the network or the tenant is thrown', async () => {
  for (const step of [
    () => Promise.reject(networkError('ECONNRESET')),
    () => graphError(429, 'activityLimitReached', { 'Retry-After': '300' }),
  ]) {
    const call = fetched(fileAt('https://a/1'), { 'https://a/1': step })
    await assert.rejects(call, (e) => hasCode(e, 'GraphUnavailable') || hasCode(e, 'Throttled'))
  }
})

test('malware stands in the ledger, or comes through the override where the setting says so', async () => {
  const listed = fileAt('https://a/1', { malware: { description: 'eicar' } })
  const refused = await fetched(listed, {})
  assert.deepEqual(refused.outcome, {
    ...{ outcome: 'ledger', reason: 'refused', code: 'MalwareDetected', retry: false },
  })
  assert.equal(refused.units(), 0)
  const late = await fetched(fileAt('https://a/1'), {
    'https://a/1': () => graphError(403, 'malwareDetected'),
  })
  assert.equal(late.outcome.outcome === 'ledger' && late.outcome.code, 'MalwareDetected')
  const forced = await fetched(
    listed,
    { [`/beta/${ITEM}/contentStream`]: () => new Response(BYTES) },
    { includeInfected: true },
  )
  assert.equal(await bytesOf(forced.outcome), BYTES.toString())
  const request = forced.seen.at(-1)
  assert.equal(request?.headers.get('prefer'), 'forceInfectedDownload')
  assert.equal(request?.headers.get('authorization'), 'Bearer secret-token')
})

test('an item that was read again comes from the address that it was read with', async () => {
  const { reader } = driveOn({
    [ITEM]: () => json(fileAt('https://a/3')),
    [`drives/${DRIVE}/root`]: () => json({ id: ROOT }),
    'https://a/3': () => new Response(BYTES),
  })
  const item = await reader.item(`${DRIVE}/a` as GraphId, signal)
  assert.ok(item)
  const before = reader.units?.().all ?? 0
  assert.equal(await bytesOf(await reader.content(item, signal)), BYTES.toString())
  assert.equal((reader.units?.().all ?? 0) - before, 1)
})

test('what was listed anew meanwhile is not downloaded for its older state', async () => {
  const newer = { eTag: '"{a},2"' }
  const { reader, names } = driveOn({
    [START]: page([root, fileAt('https://a/1')], { delta: 'd' }),
    [`${START} d`]: page([fileAt('https://a/2', newer)], { delta: 'd2' }),
    [ITEM]: () => json(fileAt('https://a/3', newer)),
  })
  const first = await reader.changes(DRIVE, null, signal)
  await reader.changes(DRIVE, first.delta ?? null, signal)
  const [item] = first.changes
  assert.ok(item?.op === 'present')
  const outcome = await reader.content(item, signal)
  assert.equal(outcome.outcome === 'ledger' && outcome.code, 'ContentChanged')
  assert.ok(!names().some((name) => name.startsWith('https:')), names().join())
})
