/** Opening content: what is asked of storage, whom hints mislead, and what is never given out. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { before, describe, test } from 'node:test'
import { AppError } from '../model/errors.ts'
import type { Representation, SegmentRef } from '../model/events.ts'
import { type OwnerId, type PackId, parsePackId } from '../model/ids.ts'
import { createContentReader, parseMetadata } from './content-reader.ts'
import { METADATA_SEGMENT_BYTES_MAX } from './limits.ts'
import {
  collect,
  contentOf,
  forkOf,
  memoryVault,
  never,
  putEvent,
  registered,
  type TestVault,
  version,
} from './testing/fixture.ts'

const SAME = randomBytes(500)
const LONG = randomBytes(20 * 1024 * 1024)

let made: TestVault
let owner: OwnerId
/** By item: of `a` and `b`, two commits, the content is the same, in two packs. */
let held: Map<string, Representation[]>

before(async () => {
  made = memoryVault()
  await made.vault.prepare(never)
  owner = await registered(made.vault)
  held = new Map()
  const stream = await made.vault.stream(owner, 'mail', never)
  let last: Parameters<typeof stream.begin>[0]
  for (const [item, ...contents] of [
    ['a', SAME, randomBytes(100)],
    ['b', SAME],
    ['long', LONG],
  ] as [string, ...Uint8Array[]][]) {
    made.clock.advance(60_000)
    const writer = stream.begin(last)
    const event = putEvent(item, await writer.addVersion(version(item, ...contents), never))
    const result = await writer.commit(contentOf([event]), { complete: true }, never)
    assert.ok(result.outcome === 'committed')
    const { seq, hash, time, events } = result.commit
    last = { seq, hash, time }
    const [put] = events
    held.set(item, put?.op === 'put' ? put.representations : [])
  }
})

function of(item: string, name = 'mime'): Representation {
  const found = held.get(item)?.find((representation) => representation.name === name)
  return found ?? assert.fail(`${name} of ${item}`)
}
const refOf = (item: string, name?: string): SegmentRef =>
  of(item, name).segments[0] ?? assert.fail('it has a segment')
const withRef = (item: string, change: Partial<SegmentRef>): Representation => ({
  ...of(item),
  segments: [{ ...refOf(item), ...change }],
})

/** A reader, and what it asks for. */
function reading(on = forkOf(made)) {
  const calls: string[] = []
  const { store, keys } = on
  const kindOf = (name: string) => name.split('/')[0]
  const spying = {
    ...store,
    read: async (...[name, signal, range]: Parameters<typeof store.read>) => {
      calls.push(`${kindOf(name)} ${range?.offset === 0 ? 'from 0' : `${range?.bytes} bytes`}`)
      return store.read(name, signal, range)
    },
    list: (prefix: string, signal: AbortSignal) => {
      calls.push(`list ${kindOf(prefix)}`)
      return store.list(prefix, signal)
    },
  }
  const content = createContentReader({ store: spying, keys, owner })
  const all = async (representation: Representation) =>
    Buffer.concat(await collect(content.read(representation, never)))
  return { on, content, all, calls }
}

const nameOf = (on: TestVault, pack: PackId) =>
  [...on.store.blobs.keys()].find((name) => name.endsWith(`${pack}.pk`)) ?? assert.fail('a pack')

function spoil(on: TestVault, { pack, offset }: SegmentRef): void {
  const name = nameOf(on, pack)
  const blob = on.store.blobs.get(name)
  assert.ok(blob)
  const bytes = Uint8Array.from(blob.bytes)
  bytes[offset + 60] = (bytes[offset + 60] ?? 0) ^ 1
  on.store.blobs.set(name, { ...blob, bytes })
}

describe('content in order', () => {
  test('is read with one list of names, one header for each pack, and one range a segment', async () => {
    const { all, calls, on } = reading()
    assert.deepEqual(await all(of('a')), Buffer.from(SAME))
    const range = `packs ${refOf('a').sealedBytes} bytes`
    assert.deepEqual(calls, ['list packs', 'packs from 0', range])
    calls.length = 0
    await all(of('a', 'attachments'))
    assert.deepEqual(calls, [`packs ${refOf('a', 'attachments').sealedBytes} bytes`])
    const before = on.keys.unwraps
    calls.length = 0
    await all(of('b'))
    assert.deepEqual(calls, ['packs from 0', `packs ${refOf('b').sealedBytes} bytes`])
    assert.ok(on.keys.unwraps <= before + 1)
  })

  test('is listed for once by readers side by side', async () => {
    const { all, calls } = reading()
    await Promise.all([all(of('a')), all(of('a', 'attachments')), all(of('b'))])
    assert.equal(calls.filter((call) => call === 'list packs').length, 1)
    assert.equal(calls.filter((call) => call === 'packs from 0').length, 2)
  })

  test('of packs that came since the list was made is found by another one', async () => {
    const on = forkOf(made)
    const name = nameOf(on, refOf('b').pack)
    const blob = on.store.blobs.get(name) ?? assert.fail('it is there')
    on.store.blobs.delete(name)
    const { all, calls } = reading(on)
    await all(of('a'))
    on.store.blobs.set(name, blob)
    assert.deepEqual(await all(of('b')), Buffer.from(SAME))
    assert.equal(calls.filter((call) => call === 'list packs').length, 2)
  })

  test('of many segments is whole, and each piece is its own', async () => {
    const { content } = reading()
    const pieces = await collect(content.read(of('long'), never))
    assert.equal(pieces.length, 3)
    assert.ok(Buffer.concat(pieces).equals(LONG))
  })

  test('is read on from any place', async () => {
    const { content, calls } = reading()
    const mib = 1024 * 1024
    for (const [offset, segments] of [
      [0, 3],
      [1, 3],
      [8 * mib - 1, 3],
      [8 * mib, 2],
      [20 * mib - 1, 1],
      [20 * mib, 0],
      [21 * mib, 0],
    ] as const) {
      calls.length = 0
      const bytes = Buffer.concat(await collect(content.readFrom(of('long'), offset, never)))
      assert.ok(bytes.equals(LONG.subarray(offset)), `${offset}`)
      const ranges = calls.filter((call) => call.endsWith('bytes') && call.startsWith('packs'))
      const first = calls.filter((call) => call === 'packs from 0')
      assert.ok(ranges.length + first.length >= segments && ranges.length <= segments, `${offset}`)
    }
  })

  test('that is longer than what is asked for at once is not read', async () => {
    const { content, calls } = reading()
    assert.equal((await content.readAll(of('a'), SAME.length, never)).length, SAME.length)
    calls.length = 0
    await assert.rejects(content.readAll(of('a'), SAME.length - 1, never), {
      code: 'ContentTooLarge',
    })
    const long = { ...of('a', 'json'), bytes: METADATA_SEGMENT_BYTES_MAX + 1 }
    await assert.rejects(content.metadata(long, never), { code: 'ContentTooLarge' })
    assert.deepEqual(calls, [])
    assert.equal((await content.metadata(of('a', 'json'), never)).item, 'a')
    assert.equal((await content.segment(refOf('a'), never)).length, SAME.length)
  })
})

describe('a hint that misleads', () => {
  const GONE = parsePackId('ab'.repeat(32))
  const ways: Record<string, Partial<SegmentRef>> = {
    'to a pack that is not there': { pack: GONE },
    'to another place': { offset: 3 },
    'beyond the end of its pack': { offset: 50 * 1024 * 1024 },
    'with another length': { sealedBytes: 57 },
    'with a length that no segment has': { sealedBytes: 3 },
    'with a length beyond any': { sealedBytes: 2 ** 31 },
    'with another length of what it holds': { plainBytes: 3 },
  }
  for (const [how, change] of Object.entries(ways)) {
    test(`${how} costs a look at the indexes, and the content comes back`, async () => {
      const { all } = reading()
      assert.deepEqual(await all(withRef('a', change)), Buffer.from(SAME))
    })
  }

  test('leads to another copy where the hinted one is spoilt', async () => {
    const on = forkOf(made)
    spoil(on, refOf('a'))
    const { all } = reading(on)
    assert.deepEqual(await all(of('a')), Buffer.from(SAME))
    spoil(on, refOf('b'))
    await assert.rejects(all(of('a')), { code: 'SegmentDamaged' })
  })

  test('is no content of which no index knows', async () => {
    const { all, calls } = reading()
    const { id } = refOf('a')
    const unknown = { id: id.replace(/^.{8}/, '01234567') as typeof id, pack: GONE }
    for (const expected of [2, 1]) {
      calls.length = 0
      await assert.rejects(all(withRef('a', unknown)), (error) => {
        assert.ok(error instanceof AppError && error.code === 'SegmentMissing')
        assert.equal(error.context['damagedIndexes'], 0)
        return true
      })
      // The second time nothing is listed and nothing is walked again.
      assert.ok(calls.filter((call) => call.startsWith('list')).length <= expected + 1)
    }
    assert.deepEqual(calls, [])
  })

  test('is not followed up where the key of the owner is gone', async () => {
    const on = forkOf(made)
    on.keys.erase(owner)
    const { all, calls } = reading(on)
    await assert.rejects(all(of('a')), { code: 'KeyMissing' })
    assert.ok(!calls.includes('list idx'))
  })

  test('is not followed up where storage or the key store does not answer', async () => {
    const away = new AppError({ code: 'Away', kind: 'transient', message: 'planned' })
    const on = forkOf(made)
    const { store, keys } = on
    const silent = {
      ...store,
      read: async () => {
        throw away
      },
    }
    const first = createContentReader({ store: silent, keys, owner })
    await assert.rejects(collect(first.read(of('a'), never)), away)
    let isAway = true
    const flaky = {
      ...keys,
      indexSecret: async (...args: Parameters<typeof keys.indexSecret>) => {
        if (isAway) throw away
        return keys.indexSecret(...args)
      },
    }
    const second = createContentReader({ store, keys: flaky, owner })
    await assert.rejects(collect(second.read(of('a'), never)), away)
    isAway = false
    assert.equal((await collect(second.read(of('a'), never))).length, 1, 'asked again, it answers')
  })
})

describe('what is not what its event says is no content', () => {
  for (const [how, change] of Object.entries({
    'another hash': { sha256: 'ab'.repeat(32) },
    'more bytes': { bytes: SAME.length + 1 },
    'fewer bytes': { bytes: SAME.length - 1 },
    'no segments': { segments: [] },
    'a hash of segments that are not these': { digest: 'segments' as const },
  })) {
    test(how, async () => {
      const { all } = reading()
      await assert.rejects(all({ ...of('a'), ...change }), { code: 'ContentDamaged' })
    })
  }

  test('and nothing is given out beyond its length', async () => {
    const { content } = reading()
    const given: Uint8Array[] = []
    const short = { ...of('long'), bytes: 9 * 1024 * 1024 }
    const walk = async () => {
      for await (const piece of content.read(short, never)) given.push(piece)
    }
    await assert.rejects(walk(), { code: 'ContentDamaged' })
    assert.equal(given.length, 1)
    const longer = { ...of('long'), bytes: LONG.length + 1 }
    await assert.rejects(collect(content.readFrom(longer, 5, never)), { code: 'ContentDamaged' })
  })

  test('and metadata is not, of another shape', async () => {
    const good = await reading().content.metadata(of('a', 'json'), never)
    const parse = (value: unknown) => parseMetadata(Buffer.from(JSON.stringify(value)))
    assert.deepEqual(parse(good), good)
    const [first] = good.contents
    for (const wrong of [
      'text',
      { ...good, holdfast: 2 },
      { ...good, item: 3 },
      { ...good, kind: 'folder' },
      { ...good, container: undefined },
      { ...good, workload: null },
      { ...good, capturedAt: undefined },
      { ...good, contents: undefined },
      { ...good, contents: [{ ...first, bytes: '3' }] },
      { ...good, contents: [{ ...first, name: undefined }] },
      { ...good, contents: [{ ...first, sha256: undefined }] },
      { ...good, contents: [{ ...first, segments: [3] }] },
      { ...good, contents: [{ ...first, lists: 'x' }] },
      { ...good, contents: [{ ...first, digest: 'bytes' }] },
      { ...good, contents: [{ ...first, note: 'x' }] },
    ]) {
      assert.throws(() => parse(wrong), { code: 'ContentDamaged' }, JSON.stringify(wrong))
    }
    assert.throws(() => parseMetadata(Buffer.from('{')), { code: 'ContentDamaged' })
  })
})
