/** A version on its way into packs, of which only what is added is looked at. */
import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { describe, test } from 'node:test'
import type { Representation, SegmentRef } from '../model/events.ts'
import { parsePackId, parseSegmentId } from '../model/ids.ts'
import { METADATA_SEGMENT_BYTES_MAX, VERSION_SEGMENTS_MAX } from './limits.ts'
import type { PackWriter } from './pack-writer.ts'
import { never, stream, version } from './testing/fixture.ts'
import type { VersionInput, VersionMetadata } from './types.ts'
import { writeVersion } from './version-writer.ts'

const TIME = '2026-03-01T10:00:00.500Z'
const MIB = 1024 * 1024
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

/** Remembers what is added; nothing of content, which may be long. */
function packsOf() {
  const added: { kind: string; bytes: number; sha256: string }[] = []
  const metadata: VersionMetadata[] = []
  const add: PackWriter['add'] = async (kind, plain) => {
    if (kind === 'metadata') metadata.push(JSON.parse(Buffer.from(plain).toString()))
    added.push({ kind, bytes: plain.length, sha256: sha256(plain) })
    const id = parseSegmentId(sha256(Buffer.from(`${added.length}`)))
    const pack = parsePackId('0'.repeat(64))
    return { id, pack, offset: 0, sealedBytes: plain.length, plainBytes: plain.length }
  }
  return { packs: { add } as PackWriter, added, metadata }
}

async function written(input: VersionInput) {
  const { packs, added, metadata } = packsOf()
  const representations = await writeVersion(packs, input, TIME, never)
  return { representations, added, metadata: metadata[0] ?? assert.fail('there is one') }
}

const ref = (n: number): SegmentRef => ({
  id: parseSegmentId(sha256(Buffer.from(`ref ${n}`))),
  pack: parsePackId('1'.repeat(64)),
  offset: n,
  sealedBytes: 80,
  plainBytes: 8,
})

const carriedOf = (segments: number, more: Partial<Representation> = {}): Representation => ({
  name: 'content',
  bytes: 8 * segments,
  sha256: 'ab'.repeat(32),
  segments: Array.from({ length: segments }, (_, n) => ref(n)),
  ...more,
})

describe('a version', () => {
  test('is its contents, in their order, and then the metadata that names them', async () => {
    const [mime, attachments] = [randomBytes(300), randomBytes(40)]
    const input = { ...version('m', mime, attachments), carried: [carriedOf(2)] }
    const { representations, added, metadata } = await written(input)
    assert.deepEqual(
      representations.map(({ name }) => name),
      ['json', 'mime', 'attachments', 'content'],
    )
    assert.deepEqual(
      added.map(({ kind, bytes }) => [kind, bytes]),
      [
        ['content', 300],
        ['content', 40],
        ['metadata', added[2]?.bytes],
      ],
    )
    const [json, first] = representations
    assert.deepEqual([json?.bytes, json?.sha256], [added[2]?.bytes, added[2]?.sha256])
    assert.deepEqual([first?.bytes, first?.sha256, first?.segments.length], [300, sha256(mime), 1])
    assert.ok(!('note' in (first ?? {})))
    const { contents, ...rest } = metadata
    assert.deepEqual(rest, {
      ...{ holdfast: 1, item: 'm', kind: 'item', container: 'inbox', workload: 'mail' },
      ...{ capturedAt: TIME, json: input.json },
    })
    assert.deepEqual(
      contents,
      representations.slice(1).map(({ name, bytes, sha256: hash, segments }) => ({
        ...{ name, bytes, sha256: hash },
        segments: segments.map(({ id }) => id),
      })),
    )
  })

  test('names the lists of long content, and what its hash is of', async () => {
    const list = { ...ref(9), contentBytes: 100, packs: '' }
    const long = carriedOf(1, { lists: [list], digest: 'segments' })
    const { metadata, representations } = await written({ ...version('m'), carried: [long] })
    assert.deepEqual(metadata.contents[0]?.lists, [list.id])
    assert.equal(metadata.contents[0]?.digest, 'segments')
    assert.deepEqual(representations[1], long)
  })

  test('has a note of a part, which is asked for when the part was read', async () => {
    let isRead = false
    async function* bytes() {
      yield randomBytes(3)
      isRead = true
    }
    const note = () => ({ isRead })
    const input = { ...version('m'), parts: [{ name: 'mime', bytes: bytes(), note } as const] }
    const { representations, metadata } = await written(input)
    assert.deepEqual(representations[1]?.note, { isRead: true })
    assert.deepEqual(metadata.contents[0]?.note, { isRead: true })
    const long = { ...input.parts[0], bytes: stream(), note: () => ({ text: 'x'.repeat(1000) }) }
    await assert.rejects(written({ ...input, parts: [long as never] }), /a note is short/)
    const short = { ...long, bytes: stream(), note: () => ({ text: 'x'.repeat(989) }) }
    assert.equal((await written({ ...input, parts: [short as never] })).representations.length, 2)
  })

  test('of nothing has a content without segments', async () => {
    const { representations } = await written(version('m', randomBytes(0)))
    const empty = { name: 'mime', bytes: 0, sha256: sha256(randomBytes(0)), segments: [] }
    assert.deepEqual(representations[1], empty)
  })

  test('is cut into segments of 8 MiB', async () => {
    const { representations, added } = await written(version('m', Buffer.alloc(17 * MIB)))
    assert.deepEqual(
      added.slice(0, 3).map(({ bytes }) => bytes),
      [8 * MIB, 8 * MIB, MIB],
    )
    assert.equal(representations[1]?.segments.length, 3)
    assert.equal(representations[1]?.sha256, sha256(Buffer.alloc(17 * MIB)))
  })

  test('has each representation once, and makes its JSON itself', async () => {
    for (const carried of [carriedOf(1, { name: 'mime' }), carriedOf(1, { name: 'json' })]) {
      const input = { ...version('m', randomBytes(3)), carried: [carried] }
      await assert.rejects(written(input), /each representation once/)
    }
  })

  test('of more segments than a row holds is refused', async () => {
    const most = { ...version('m'), carried: [carriedOf(VERSION_SEGMENTS_MAX - 1)] }
    assert.equal((await written(most)).representations.length, 2)
    const more = { ...version('m'), carried: [carriedOf(VERSION_SEGMENTS_MAX)] }
    await assert.rejects(written(more), { code: 'VersionTooLarge' })
    const oneMore = { ...version('m', randomBytes(1)), carried: most.carried }
    await assert.rejects(written(oneMore), { code: 'VersionTooLarge' })
  })

  test('whose JSON is longer or deeper than it may be is refused', async () => {
    const deep = JSON.parse(`${'['.repeat(600)}${']'.repeat(600)}`)
    for (const json of [{ text: 'x'.repeat(METADATA_SEGMENT_BYTES_MAX) }, deep]) {
      await assert.rejects(written({ ...version('m'), json }), { code: 'MetadataTooLarge' })
    }
    const { packs, added } = packsOf()
    const input = { ...version('m'), json: deep }
    await assert.rejects(writeVersion(packs, input, TIME, never))
    assert.deepEqual(added, [])
  })

  test('whose source breaks is not written, and what breaks is told', async () => {
    const { packs, added } = packsOf()
    async function* broken() {
      yield randomBytes(10)
      throw new Error('the link is gone')
    }
    const input = { ...version('m'), parts: [{ name: 'mime', bytes: broken() } as const] }
    await assert.rejects(writeVersion(packs, input, TIME, never), /the link is gone/)
    assert.deepEqual(added, [])
  })
})
