import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { QuickXorHash } from '../../graph/index.ts'
import { json, type Step } from '../../graph/testing/scripted.ts'
import { hasCode } from '../../model/errors.ts'
import type { GraphId } from '../../model/ids.ts'
import type { LongPosition } from '../workload.ts'
import { DRIVE, driveOn, file, ROOT } from './testing/scripted-drive.ts'

const signal = new AbortController().signal
const ITEM = `drives/${DRIVE}/items/a`

function contentOf(length: number): Buffer {
  return Buffer.from(Array.from({ length }, (_, at) => (at * 31 + (at >> 7)) & 0xff))
}

function hashed(bytes: Uint8Array): string {
  const hash = new QuickXorHash()
  hash.update(bytes)
  return hash.digest()
}

/** Serves ranges of these bytes, with a break after so many of them. */
function ranges(content: Buffer, breakAfter = Number.POSITIVE_INFINITY): Step {
  return (request) => {
    const from = Number(/^bytes=(\d+)-$/.exec(request.headers.get('range') ?? '')?.[1] ?? 0)
    const body = new Uint8Array(content.subarray(from, from + breakAfter))
    const total = content.byteLength
    if (from === 0) return new Response(body, { headers: { 'Content-Length': `${total}` } })
    const headers = { 'Content-Range': `bytes ${from}-${total - 1}/${total}` }
    return new Response(body, { status: 206, headers })
  }
}

function longFile(content: Buffer, more: object = {}) {
  return file('a', ROOT, {
    size: content.byteLength,
    file: { hashes: { quickXorHash: hashed(content) } },
    parentReference: { id: ROOT, path: '/drives/d/root:' },
    '@microsoft.graph.downloadUrl': 'https://a/1',
    ...more,
  })
}

async function longOn(answers: Record<string, Step | Step[]>) {
  const world = driveOn(answers, { longBytes: 100 })
  const item = await world.reader.item(`${DRIVE}/a` as GraphId, signal)
  const { long } = world.reader
  assert.ok(item && long)
  return { ...world, item, long }
}

type World = Awaited<ReturnType<typeof longOn>>

/** Reads at most so many pieces from a position on. */
async function slice({ long, item }: World, from: LongPosition | undefined, pieces = Infinity) {
  const bytes: Uint8Array[] = []
  let next = from
  for await (const piece of long.read(item, from, 64, signal)) {
    bytes.push(piece.bytes)
    next = piece.next
    if (bytes.length >= pieces) return { bytes, next, ended: false }
  }
  return { bytes, next, ended: true }
}

test('in slices of any length, over bodies that break, the pieces are the file', () =>
  fc.assert(
    fc.asyncProperty(
      fc.integer({ min: 1, max: 1000 }),
      fc.integer({ min: 20, max: 400 }),
      fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 20 }),
      async (length, breakAfter, plan) => {
        const content = contentOf(length)
        const world = await longOn({
          [ITEM]: () => json(longFile(content)),
          'https://a/1': ranges(content, breakAfter),
        })
        const all: Uint8Array[] = []
        let at: LongPosition | undefined
        for (const pieces of [...plan, Number.POSITIVE_INFINITY]) {
          // A text, as it is stored between slices.
          const stored =
            at === undefined ? undefined : (JSON.parse(JSON.stringify(at)) as typeof at)
          const { bytes, next, ended } = await slice(world, stored, pieces)
          all.push(...bytes)
          at = next
          assert.equal(at?.offset ?? 0, Buffer.concat(all).byteLength)
          if (ended) break
        }
        assert.deepEqual(Buffer.concat(all), content)
        for (const piece of all.slice(0, -1)) assert.equal(piece.byteLength, 64)
      },
    ),
    { numRuns: 60 },
  ))

test('a file that has another ETag by now is begun anew, at a begin and at the end', async () => {
  const content = contentOf(300)
  const now = () => json(longFile(content, { eTag: '"{a},2"' }))
  const first = () => json(longFile(content))
  const early = await longOn({ [ITEM]: [first, first, now], 'https://a/1': ranges(content) })
  const { next } = await slice(early, undefined, 1)
  await assert.rejects(slice(early, next), (error) => hasCode(error, 'ContentChanged'))
  const late = await longOn({ [ITEM]: [first, first, now], 'https://a/1': ranges(content) })
  await assert.rejects(slice(late, undefined), (error) => hasCode(error, 'ContentChanged'))
})

test('a position of another state of the file, or one that nobody wrote, is begun anew', async () => {
  const content = contentOf(300)
  let now = content
  const world = await longOn({
    [ITEM]: () => json(longFile(now, { eTag: `"{a},${now.byteLength}"` })),
    'https://a/1': (request) => ranges(now)(request),
  })
  const { next } = await slice(world, undefined, 1)
  assert.ok(next)
  for (const state of [next.state.replace('"v":1', '"v":2'), '{}', 'x']) {
    const read = slice(world, { ...next, state })
    await assert.rejects(read, (error) => hasCode(error, 'ContentChanged'))
  }
  now = contentOf(299)
  const item = await world.reader.item(world.item.id, signal)
  assert.ok(item)
  const read = slice({ ...world, item }, next)
  await assert.rejects(read, (error) => hasCode(error, 'ContentChanged'))
  assert.ok((await slice({ ...world, item }, undefined)).ended)
})

test('a file whose bytes are not what its hash says is begun anew', async () => {
  const content = contentOf(300)
  const listed = longFile(contentOf(301).subarray(1))
  const world = await longOn({ [ITEM]: () => json(listed), 'https://a/1': ranges(content) })
  await assert.rejects(slice(world, undefined), (error) => hasCode(error, 'ContentDiffers'))
})

test('a file that is renamed between two slices goes on where it was', async () => {
  const content = contentOf(300)
  const first = () => json(longFile(content))
  const renamed = () => json(longFile(content, { name: 'other', eTag: '"{a},2"' }))
  const world = await longOn({ [ITEM]: [first, first, renamed], 'https://a/1': ranges(content) })
  const begun = await slice(world, undefined, 2)
  const item = await world.reader.item(world.item.id, signal)
  assert.ok(item)
  const rest = await slice({ ...world, item }, begun.next)
  assert.deepEqual(Buffer.concat([...begun.bytes, ...rest.bytes]), content)
})

test('an Office file that SharePoint rewrote is whole when its bytes are', async () => {
  const content = contentOf(300)
  const listed = longFile(contentOf(280), { name: 'Plan.pptx' })
  const world = await longOn({ [ITEM]: () => json(listed), 'https://a/1': ranges(content) })
  const first = await slice(world, undefined, 2)
  const rest = await slice(world, first.next)
  assert.ok(rest.ended)
  assert.deepEqual(Buffer.concat([...first.bytes, ...rest.bytes]), content)
  const again = await slice(world, rest.next)
  assert.deepEqual([again.bytes.length, again.ended], [0, true], 'killed just before its end')
  assert.ok(rest.next)
  const came = { hashDiffers: true, quickXorHash: hashed(content), bytes: 300 }
  assert.deepEqual(world.long.note?.(world.item, rest.next), came)
})

test('each slice of a long file costs two units, and one more at its end', async () => {
  const content = contentOf(300)
  const answers = { [ITEM]: () => json(longFile(content)), 'https://a/1': ranges(content) }
  const world = await longOn(answers)
  const units = () => world.reader.units?.().all ?? 0
  const before = units()
  const { next } = await slice(world, undefined, 2)
  assert.equal(units() - before, 2)
  await slice(world, next)
  assert.equal(units() - before, 5)
})
