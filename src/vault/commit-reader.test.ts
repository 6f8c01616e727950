/** A commit that is sealed well and says what it must not: who reads it says which. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { describe, test } from 'node:test'
import { aPut, folderId, messageId } from '../catalogue/testing/fixtures.ts'
import { hasCode } from '../model/errors.ts'
import type { StreamEvent } from '../model/events.ts'
import { sealPart } from './commit-format.ts'
import { type CommitSource, openCommit, openLink } from './commit-reader.ts'
import { COMMIT_TIME_TOLERANCE_MS, effectiveTime, statedTime } from './commit-time.ts'
import { sha256Hex } from './create-once.ts'
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
import type { ChainEnd } from './types.ts'

const put = (n: number): StreamEvent => aPut(messageId(n), folderId(1))
const last = { seq: 4, hash: aHash('4'), time: aTime(40) }

/** Commit 5, after commit 4, with the parts that lie beside it. */
function sourceOf(more: Partial<CommitSource> = {}, ...parts: Uint8Array[]): CommitSource {
  const beside = new Map(parts.map((bytes) => [sha256Hex(bytes), bytes]))
  return {
    ...{ stream: STREAM, seq: SEQ, secret: SECRET, end: { last, voids: [] } },
    readPart: async (sha256) => beside.get(sha256),
    ...more,
  }
}

const isVoid = (seq: number) => (error: unknown) => {
  assert.ok(hasCode(error, 'CommitVoid'), String(error))
  assert.deepEqual([error.context['owner'], error.context['workload']], Object.values(STREAM))
  assert.equal(error.context['seq'], seq)
  assert.match(String(error.context['sha256']), /^[0-9a-f]{64}$/)
  return true
}

describe('a commit goes on where the chain ends', () => {
  const judge = async (end: ChainEnd, envelope: Forgery['envelope'] = {}) =>
    openLink(await forgedCommit({ envelope }), sourceOf({ end }))

  test('at its last commit, naming it and the void ones since', async () => {
    assert.equal((await judge({ last, voids: [] })).ref.seq, SEQ)
    for (const other of [undefined, { ...last, hash: aHash('3') }]) {
      await assert.rejects(judge({ last: other, voids: [] }), isVoid(SEQ))
    }
  })

  test('over exactly the void ones that are there', async () => {
    const before = { ...last, seq: 2 }
    const voids = [3, 4].map((seq) => ({ seq, sha256: aHash(String(seq)) }))
    const [three, four] = voids
    assert.ok(three && four)
    assert.ok(await judge({ last: before, voids }, { voids }))
    await assert.rejects(judge({ last: before, voids }), isVoid(SEQ))
    await assert.rejects(judge({ last: before, voids: [] }, { voids }), isVoid(SEQ))
    await assert.rejects(judge({ last: before, voids: [four] }, { voids }), isVoid(SEQ))
    for (const other of [
      [{ ...three, sha256: aHash('0') }, four],
      [three, { ...four, seq: 5 }],
      [...voids, { seq: 5, sha256: aHash('5') }],
    ]) {
      await assert.rejects(judge({ last: before, voids: other }, { voids }), isVoid(SEQ))
    }
  })

  test('and later than it: by what it says, or by the clock of storage where that differs', async () => {
    for (const [stated, createdAt, isLater] of [
      [41, undefined, true],
      [40, undefined, false],
      [39, undefined, false],
      [39, 'unknown', true],
      [41, new Date(aTime(42)), true],
      [39, new Date(aTime(41)), false],
      [39, new Date(aTime(50)), true],
      [60, new Date(aTime(30)), false],
    ] as const) {
      const bytes = await forgedCommit({ envelope: { time: aTime(stated) } })
      const judged = openLink(bytes, sourceOf(createdAt === undefined ? {} : { createdAt }))
      if (isLater) assert.ok(await judged)
      else await assert.rejects(judged, isVoid(SEQ))
    }
  })

  test('where nobody says how the chain ends, it is not asked for', async () => {
    const bytes = await forgedCommit({ envelope: { previous: aHash('0') } })
    assert.equal((await openLink(bytes, sourceOf({ end: undefined }))).ref.time, aTime(50))
  })
})

describe('the time of a commit', () => {
  test('is what it says, up to five minutes from what storage says', () => {
    const stated = aTime(100)
    const at = (ms: number) => new Date(Date.parse(stated) + ms)
    for (const off of [0, COMMIT_TIME_TOLERANCE_MS, -COMMIT_TIME_TOLERANCE_MS]) {
      assert.equal(effectiveTime(stated, at(off)), stated)
    }
    for (const off of [COMMIT_TIME_TOLERANCE_MS + 1, -COMMIT_TIME_TOLERANCE_MS - 1]) {
      assert.equal(effectiveTime(stated, at(off)), at(off).toISOString())
    }
    assert.equal(COMMIT_TIME_TOLERANCE_MS, 300_000)
  })

  test('is stated later than the one before, and else as storage says', () => {
    const at = new Date('2026-03-01T10:00:00Z')
    assert.equal(statedTime(at, undefined), '2026-03-01T10:00:00.000Z')
    assert.equal(statedTime(at, '2026-03-01T09:00:00.000Z'), '2026-03-01T10:00:00.000Z')
    assert.equal(statedTime(at, '2026-03-01T10:00:00.000Z'), '2026-03-01T10:00:00.001Z')
    assert.equal(statedTime(at, '2026-03-01T11:00:00.250Z'), '2026-03-01T11:00:00.251Z')
  })
})

describe('the events of a commit', () => {
  const sealed = (index: number, ...events: StreamEvent[]) => {
    const text = events.map((event) => `${JSON.stringify(event)}\n`).join('')
    return sealPart(text, { stream: STREAM, seq: SEQ, index }, SECRET, randomBytes(32))
  }
  const named = (bytes: Uint8Array, inline = false) => ({
    ...{ sha256: sha256Hex(bytes), bytes: bytes.length, inline },
  })

  test('are those of its parts, in order, beside it and inside, with what else it says', async () => {
    const [beside, inside] = [await sealed(0, put(1), put(2)), await sealed(1, put(3))]
    const base = { asOf: 2, hash: aHash('2'), index: { sha256: aHash('b'), bytes: 7 } }
    const bytes = await forgedCommit({
      envelope: {
        ...{ parts: [named(beside), named(inside, true)], packs: [aPack('a')] },
        ...{ complete: false, base },
      },
      body: { events: [2, 1] },
      inline: new Map([[sha256Hex(inside), inside]]),
    })
    const { counts, cursors, round, ...commit } = await openCommit(bytes, sourceOf({}, beside))
    assert.deepEqual([counts.seen, cursors, round.phase], [0, [], 'complete'])
    assert.deepEqual(commit, {
      ...STREAM,
      ...{ seq: SEQ, hash: sha256Hex(bytes), time: aTime(50), previous: aHash('4') },
      ...{ complete: false, events: [put(1), put(2), put(3)], base },
      packs: [{ id: aHash('a'), bytes: 1000, createdAt: aTime(1) }],
    })
    const plain = await openCommit(await forgedCommit(), sourceOf())
    assert.equal('base' in plain, false)
  })

  test('are damaged where a part is missing, another one, too short or too long in events', async () => {
    const part = await sealed(0, put(1), put(2))
    const other = await sealed(0, put(1), put(2))
    const forged = (events: number, name = named(part)) =>
      forgedCommit({ envelope: { parts: [name] }, body: { events: [events] } })
    const isDamaged = (error: unknown) => {
      assert.ok(hasCode(error, 'CommitDamaged'), String(error))
      assert.deepEqual(
        [error.context['owner'], error.context['seq'], error.context['part']],
        [STREAM.owner, SEQ, 0],
      )
      return true
    }
    const good = await forged(2)
    assert.equal((await openCommit(good, sourceOf({}, part))).events.length, 2)
    await assert.rejects(openCommit(good, sourceOf()), isDamaged)
    const swapped = sourceOf({ readPart: async () => other })
    await assert.rejects(openCommit(good, swapped), isDamaged)
    const longer = sourceOf({ readPart: async () => Buffer.concat([part, Buffer.alloc(1)]) })
    await assert.rejects(openCommit(good, longer), isDamaged)
    const lying = await forged(2, { ...named(part), bytes: part.length - 1 })
    await assert.rejects(openCommit(lying, sourceOf({}, part)), isDamaged)
    for (const events of [1, 3]) {
      await assert.rejects(openCommit(await forged(events), sourceOf({}, part)), isDamaged)
    }
  })

  test('are damaged where two of them are of one item, also in two parts', async () => {
    for (const parts of [[[put(1), put(1)]], [[put(1), put(2)], [put(2)]]]) {
      const blobs = await Promise.all(parts.map((events, n) => sealed(n, ...events)))
      const bytes = await forgedCommit({
        envelope: { parts: blobs.map((blob) => named(blob)) },
        body: { events: parts.map((events) => events.length) },
      })
      await assert.rejects(openCommit(bytes, sourceOf({}, ...blobs)), (error) => {
        assert.ok(hasCode(error, 'CommitDamaged'), String(error))
        const { check: _, ...context } = error.context
        assert.deepEqual(context, { ...STREAM, seq: SEQ })
        return true
      })
    }
  })
})
