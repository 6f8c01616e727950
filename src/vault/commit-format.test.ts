/** What makes a commit.json void, and a part of it damaged, and what does not. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { describe, test } from 'node:test'
import { aPut, folderId, messageId } from '../catalogue/testing/fixtures.ts'
import { hasCode } from '../model/errors.ts'
import type { StreamEvent } from '../model/events.ts'
import { seal } from '../sealing/seal.ts'
import {
  encodeCommit,
  openBody,
  openPart,
  parseCommit,
  sealPart,
  splitEvents,
} from './commit-format.ts'
import { sha256Hex } from './create-once.ts'
import { isDamage } from './damage.ts'
import { EVENT_BYTES_MAX, PART_PLAIN_BYTES_TARGET } from './limits.ts'
import { encodeSealedFile, parseSealedFile } from './sealed-file.ts'
import { deflate } from './segment-codec.ts'
import { newOwner } from './testing/fixture.ts'
import {
  aHash,
  aPack,
  aTime,
  type Forgery,
  forgedCommit,
  SECRET,
  SEQ,
  STREAM,
} from './testing/forged.ts'

const parse = (bytes: Uint8Array, seq = SEQ) => parseCommit(bytes, STREAM, seq)
const blob = (letter: string, inline = false) => ({ sha256: aHash(letter), bytes: 10, inline })
const times = <T>(count: number, one: T): T[] => Array.from({ length: count }, () => one)

/** Void at this place, with what a writer must name to pass it. */
function isVoid(bytes: Uint8Array) {
  return (error: unknown) => {
    assert.ok(hasCode(error, 'CommitVoid') && isDamage(error), String(error))
    const { check: _, ...context } = error.context
    assert.deepEqual(context, { ...STREAM, seq: SEQ, sha256: sha256Hex(bytes) })
    return true
  }
}

async function isRead(forgery: Forgery, seq = SEQ): Promise<void> {
  const bytes = await forgedCommit(forgery)
  assert.equal(parse(bytes, seq).hash, sha256Hex(bytes))
}

async function isRefused(envelope: Record<string, unknown>): Promise<void> {
  const bytes = await forgedCommit({ envelope })
  assert.throws(() => parse(bytes), isVoid(bytes), JSON.stringify(envelope).slice(0, 200))
}

describe('an envelope', () => {
  test('says all of its fields, each of its kind, or the commit is void', async () => {
    const { envelope } = parse(await forgedCommit())
    for (const field of Object.keys(envelope)) {
      await isRefused({ [field]: undefined })
      await isRefused({ [field]: { something: 'else' } })
    }
    for (const count of Object.keys(envelope.counts)) {
      for (const value of [undefined, -1, 0.5, '1']) {
        await isRefused({ counts: { ...envelope.counts, [count]: value } })
      }
    }
  })

  test('has hashes of 64 lower-case digits and times to the millisecond', async () => {
    for (const hash of [`${aHash('a')}0`, `0${aHash('a')}`, aHash('A'), aHash('a').slice(1), '']) {
      await isRefused({ previous: hash })
      await isRefused({ used: [hash] })
      await isRefused({ parts: [{ ...blob('a'), sha256: hash }] })
    }
    for (const time of ['2026-01-01', '2026-01-01T00:00:00Z', '2026-01-01T00:00:00.000+01:00']) {
      await isRefused({ time })
      await isRefused({ packs: [{ ...aPack('a'), createdAt: time }] })
    }
    for (const bytes of [-1, 0.5, '1', undefined]) {
      await isRefused({ parts: [{ ...blob('a'), bytes }] })
      await isRefused({ packs: [{ ...aPack('a'), bytes }] })
    }
    await isRefused({ parts: [{ ...blob('a'), inline: undefined }] })
    await isRefused({ packs: [{ ...aPack('a'), id: undefined }] })
    await isRefused({ packs: [{ ...aPack('a'), index: undefined }] })
    await isRefused({ packs: [aPack('a'), aPack('b'), aPack('a')] })
  })

  test('names as many parts, packs and recipients as the format takes, and no more', async () => {
    const part = blob('a')
    const packs = (count: number) =>
      times(count, aPack('a')).map((pack, n) => ({ ...pack, id: n.toString(16).padStart(64, '0') }))
    const [key] = parse(await forgedCommit()).envelope.secret
    await isRead({ envelope: { packs: packs(16_384) } })
    await isRefused({ packs: packs(16_385) })
    for (const [field, one, max] of [
      ['parts', part, 4096],
      ['used', aHash('a'), 16_384],
      ['secret', key, 4],
    ] as const) {
      await isRead({ envelope: { [field]: times(max, one) } })
      await isRefused({ [field]: times(max + 1, one) })
    }
    await isRefused({ secret: [] })
    for (const wrong of [{ keyId: 1 }, { fingerprint: 'f' }, { wrapped: '?' }]) {
      await isRefused({ secret: [{ ...key, ...wrong }] })
    }
  })

  test('lies where it says it belongs', async () => {
    for (const other of [{ owner: newOwner() }, { workload: 'drive' }, { seq: 6 }, { seq: 4 }]) {
      await isRefused(other)
    }
  })

  test('may restate a state before its own commit, not the own one or a later one', async () => {
    const baseAt = (asOf: unknown) => ({
      base: { asOf, hash: aHash('b'), index: { sha256: aHash('c'), bytes: 10 } },
    })
    for (const asOf of [1, SEQ - 1]) await isRead({ envelope: baseAt(asOf) })
    for (const asOf of [0, SEQ, SEQ + 1, undefined]) await isRefused(baseAt(asOf))
    await isRefused({ base: { ...baseAt(1).base, hash: '' } })
    await isRefused({ base: { ...baseAt(1).base, index: {} } })
  })
})

describe('a commit links', () => {
  const voidAt = (seq: number) => ({ seq, sha256: aHash('9') })

  test('to the seq before it, or over void ones without a gap', async () => {
    await isRead({ envelope: { seq: 1, previous: null } }, 1)
    await isRead({ envelope: { seq: 3, previous: null, voids: [voidAt(1), voidAt(2)] } }, 3)
    await isRead({ envelope: { seq: 3, voids: [voidAt(2)] } }, 3)
    const sixteen = times(16, 0).map((_, n) => voidAt(n + 1))
    await isRead({ envelope: { seq: 17, previous: null, voids: sixteen } }, 17)
    await isRead({ envelope: { seq: 18, voids: sixteen.map((_, n) => voidAt(n + 2)) } }, 18)
  })

  test('and is void where it links to nothing, to itself, out of order or too far', async () => {
    for (const envelope of [
      { previous: null },
      { voids: [voidAt(5)] },
      { voids: [voidAt(3)] },
      { voids: [voidAt(4), voidAt(3)] },
      { voids: [voidAt(3), voidAt(3)] },
      { voids: [{ ...voidAt(4), sha256: 'x' }] },
      { voids: [{ ...voidAt(4), seq: '4' }] },
      { voids: [1, 2, 3, 4].map(voidAt) },
      { previous: null, voids: [2, 3, 4].map(voidAt) },
    ]) {
      await isRefused(envelope)
    }
    const first = await forgedCommit({ envelope: { seq: 1 } })
    assert.throws(
      () => parse(first, 1),
      (error) => hasCode(error, 'CommitVoid'),
    )
    const seventeen = times(17, 0).map((_, n) => voidAt(n + 1))
    const far = await forgedCommit({ envelope: { seq: 18, previous: null, voids: seventeen } })
    assert.throws(
      () => parse(far, 18),
      (error) => hasCode(error, 'CommitVoid'),
    )
  })
})

describe('blobs inside of commit.json', () => {
  const [part, index] = [Buffer.from('a part'), Buffer.from('an index')]
  const named = (bytes: Uint8Array) => ({
    sha256: sha256Hex(bytes),
    bytes: bytes.length,
    inline: true,
  })
  const inline = new Map([part, index].map((bytes) => [sha256Hex(bytes), bytes]))
  const both = { parts: [named(part)], packs: [{ ...aPack('a'), index: named(index) }] }

  test('are exactly those that the envelope calls so', async () => {
    await isRead({ envelope: both, inline })
    await isRead({ envelope: { ...both, parts: [named(part), blob('b')] }, inline })
    for (const envelope of [
      { parts: both.parts },
      { packs: both.packs },
      { ...both, parts: [...both.parts, blob('b', true)] },
      { ...both, parts: [{ ...named(part), inline: false }] },
      { ...both, parts: [{ ...named(part), bytes: part.length + 1 }] },
    ]) {
      const bytes = await forgedCommit({ envelope, inline })
      assert.throws(() => parse(bytes), isVoid(bytes))
    }
  })

  test('have their hashes', async () => {
    const other = Buffer.from('a port')
    const bytes = await forgedCommit({
      envelope: both,
      inline: new Map(inline).set(sha256Hex(part), other),
    })
    assert.throws(() => parse(bytes), isVoid(bytes))
  })
})

describe('the body of a commit', () => {
  const open = (bytes: Uint8Array, secret = SECRET) => openBody(parse(bytes), STREAM, secret)

  test('opens with its envelope and the secret of the owner, and with no other', async () => {
    const bytes = await forgedCommit()
    assert.deepEqual((await open(bytes)).round.phase, 'complete')
    await assert.rejects(open(bytes, randomBytes(32)), isVoid(bytes))
    const [one, two] = [bytes, await forgedCommit({ envelope: { tool: 'another' } })].map(
      (file) => parseSealedFile(file) ?? assert.fail('it is one'),
    )
    assert.ok(one && two)
    const swapped = encodeSealedFile({ ...one, envelope: two.envelope })
    await assert.rejects(open(swapped), isVoid(swapped))
  })

  test('has cursors, a round, and a number of events for each part', async () => {
    const parts = [blob('a'), blob('b')]
    const counted = await forgedCommit({ envelope: { parts }, body: { events: [1, 0] } })
    assert.deepEqual((await open(counted)).events, [1, 0])
    for (const body of [
      { events: [1] },
      { events: [1, 2, 3] },
      { events: [1, -1] },
      { events: undefined },
      { events: [0, 1], round: undefined },
      { events: [0, 1], cursors: [{ container: '' }] },
      { events: [0, 1], cursors: undefined },
    ]) {
      const bytes = await forgedCommit({ envelope: { parts }, body })
      await assert.rejects(open(bytes), isVoid(bytes))
    }
  })

  test('is JSON, compressed', async () => {
    const { envelope } = parse(await forgedCommit())
    const text = JSON.stringify(envelope)
    for (const plain of [Buffer.from('{}'), await deflate(Buffer.from('no JSON'))]) {
      const body = seal(SECRET, 'commit-body', plain, randomBytes(32), Buffer.from(text))
      const bytes = encodeSealedFile({ envelope: text, body, inline: new Map() })
      await assert.rejects(open(bytes), isVoid(bytes))
    }
    const same = await encodeCommit(
      {
        ...{ envelope, inline: new Map(), secret: SECRET },
        body: { cursors: [], round: { id: 1, startedAt: aTime(0), phase: 'reading' }, events: [] },
      },
      randomBytes(32),
    )
    assert.equal((await open(same)).round.phase, 'reading')
  })
})

const put = (n: number, name = ''): StreamEvent =>
  aPut(messageId(n), folderId(1), { display: { name } })
const lineOf = (event: StreamEvent) => `${JSON.stringify(event)}\n`

describe('events are cut into parts', () => {
  test('at 4 MiB, between two lines, and a longer line is a part of its own', () => {
    const half = (PART_PLAIN_BYTES_TARGET >> 1) - lineOf(put(1)).length
    const [one, two, little] = [put(1, 'x'.repeat(half)), put(2, 'x'.repeat(half)), put(3)]
    const cut = (...events: StreamEvent[]) => splitEvents(events).map((part) => part.events)
    assert.deepEqual(cut(), [])
    assert.deepEqual(cut(one, two), [2])
    assert.deepEqual(cut(one, two, little), [2, 1])
    const [more, long] = [put(2, 'x'.repeat(half + 1)), put(4, 'x'.repeat(5 * 1024 * 1024))]
    assert.deepEqual(cut(one, more), [1, 1])
    assert.deepEqual(cut(one, long, little), [1, 1, 1])
    assert.deepEqual(cut(long), [1])
    const [first] = splitEvents([one, two])
    assert.equal(first?.text, lineOf(one) + lineOf(two))
  })

  test('lengths are those of UTF-8, and an event has at most 8 MiB', () => {
    const room = EVENT_BYTES_MAX - lineOf(put(1)).length
    assert.equal(splitEvents([put(1, 'x'.repeat(room))]).length, 1)
    for (const name of ['x'.repeat(room + 1), 'ä'.repeat(room / 2 + 1)]) {
      assert.throws(
        () => splitEvents([put(1, name)]),
        (error) => hasCode(error, 'InvariantBroken'),
      )
    }
  })
})

describe('a part', () => {
  const at = { stream: STREAM, seq: SEQ, index: 3 }
  const sealed = (text: string) => sealPart(text, at, SECRET, randomBytes(32))
  const isDamaged = (error: unknown) => {
    assert.ok(hasCode(error, 'CommitDamaged'), String(error))
    const { check: _, ...context } = error.context
    assert.deepEqual(context, { ...STREAM, seq: SEQ, part: 3 })
    return true
  }

  test('opens at its place of its commit, and nowhere else', async () => {
    const text = lineOf(put(1)) + lineOf(put(2, 'ä'))
    const bytes = await sealed(text)
    const opened = await openPart(bytes, at, SECRET)
    assert.deepEqual(opened.events, [put(1), put(2, 'ä')])
    assert.equal(opened.plainBytes, Buffer.byteLength(text))
    for (const place of [
      { ...at, index: 2 },
      { ...at, seq: 6 },
      { ...at, stream: { ...STREAM, owner: newOwner() } },
      { ...at, stream: { ...STREAM, workload: 'drive' as const } },
    ]) {
      await assert.rejects(openPart(bytes, place, SECRET), (e) => hasCode(e, 'CommitDamaged'))
    }
    await assert.rejects(openPart(bytes, at, randomBytes(32)), isDamaged)
    assert.deepEqual((await openPart(await sealed(''), at, SECRET)).events, [])
  })

  test('holds whole lines, each of them an event that its commit can say', async () => {
    const past = { container: folderId(1), sortKey: '0', from: SEQ }
    for (const text of [
      lineOf(put(1)).trimEnd(),
      `${lineOf(put(1))}{}`,
      `\n${lineOf(put(1))}`,
      'no JSON\n',
      '{}\n',
      lineOf(aPut(messageId(1), folderId(1), { leaves: past })),
    ]) {
      await assert.rejects(openPart(await sealed(text), at, SECRET), isDamaged)
    }
  })
})
