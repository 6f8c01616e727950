/** The bytes of a base: what is in its place and says what it may, and nothing else, is read. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { describe, test } from 'node:test'
import { aCursor, aPut, folderId, graphId, iso, messageId } from '../catalogue/testing/fixtures.ts'
import { hasCode } from '../model/errors.ts'
import { keyHash } from '../model/ids.ts'
import { seal } from '../sealing/seal.ts'
import {
  cutLines,
  keyOfLine,
  openBaseIndex,
  openBasePart,
  sealBaseIndex,
  sealBasePart,
} from './base-format.ts'
import { BASE_PARTS_MAX, EVENT_BYTES_MAX, PART_PLAIN_BYTES_TARGET } from './limits.ts'
import { deflate } from './segment-codec.ts'
import { newOwner } from './testing/fixture.ts'
import { aHash, SECRET, SEQ, STREAM } from './testing/forged.ts'
import type { BaseIndex, StateCursor, StateEntry, StateItem, StateLine } from './types.ts'

const asOf = { seq: SEQ, hash: aHash('5'), time: iso(0) }
const at = { stream: STREAM, asOf }
const salt = () => randomBytes(32)

function itemOf(n: number, name = '', seq = 1): StateItem {
  const put = aPut(messageId(n), folderId(1), { display: { name } })
  const { item, kind, why, marker, display, representations } = put
  const place = { ...put.place, from: 1 }
  return { is: 'item', item, kind, seq, why, place, marker, display, representations }
}

const cursor: StateCursor = { is: 'cursor', seq: 2, cursor: aCursor(folderId(7)) }
const entry: StateEntry = {
  is: 'entry',
  seq: SEQ,
  event: {
    ...{ op: 'left', kind: 'item', item: messageId(9), at: iso(0), round: 1 },
    place: { container: folderId(1), sortKey: '0', from: 2 },
  },
}

const isDamaged = (context: Record<string, unknown>) => (error: unknown) => {
  assert.ok(hasCode(error, 'BaseDamaged'), String(error))
  const { check: _, ...said } = error.context
  assert.deepEqual(said, { ...STREAM, ...context })
  return true
}

test('a line is ordered by the item or container that it is about', () => {
  assert.equal(keyOfLine(itemOf(3)), keyHash(messageId(3)))
  assert.equal(keyOfLine(entry), keyHash(messageId(9)))
  assert.equal(keyOfLine(cursor), keyHash(folderId(7)))
})

describe('lines are cut into pieces', () => {
  const sizeOf = (line: StateLine) => JSON.stringify(line).length + 1
  const cut = (...lines: StateLine[]) => [...cutLines(lines)].map((piece) => piece.length)

  test('of about 4 MiB, and a longer line is a piece of its own', () => {
    const half = (PART_PLAIN_BYTES_TARGET >> 1) - sizeOf(itemOf(1))
    const of = (n: number, chars: number) => itemOf(n, 'x'.repeat(chars))
    assert.deepEqual(cut(), [])
    assert.deepEqual(cut(of(1, half), of(2, half)), [2])
    assert.deepEqual(cut(of(1, half), of(2, half), cursor), [2, 1])
    assert.deepEqual(cut(of(1, half), of(2, half + 1), cursor), [1, 2])
    assert.deepEqual(cut(of(1, 5_000_000), cursor, entry), [1, 2])
    const lines = [of(1, half), of(2, 5_000_000), of(3, half), entry]
    assert.deepEqual([...cutLines(lines)].flat(), lines)
    assert.deepEqual(cut(of(1, half), itemOf(2, 'ä'.repeat(half / 2 + 1))), [1, 1])
  })

  test('and none is written that no reader would take', async () => {
    const room = EVENT_BYTES_MAX - sizeOf(itemOf(1))
    assert.ok(await sealBasePart([itemOf(1, 'x'.repeat(room))], at, SECRET, salt()))
    const tooLong = sealBasePart([itemOf(1, 'x'.repeat(room + 1))], at, SECRET, salt())
    await assert.rejects(tooLong, (error) => hasCode(error, 'InvariantBroken'))
  })
})

describe('a part of a base', () => {
  const damaged = isDamaged({ asOf: SEQ })

  test('opens for the state that it was made for, and no other', async () => {
    const lines = [itemOf(1, 'ä'), entry, cursor]
    const bytes = await sealBasePart(lines, at, SECRET, salt())
    assert.deepEqual(await openBasePart(bytes, at, SECRET), lines)
    for (const place of [
      { stream: STREAM, asOf: { ...asOf, seq: SEQ + 1 } },
      { stream: STREAM, asOf: { ...asOf, hash: aHash('6') } },
      { stream: { ...STREAM, owner: newOwner() }, asOf },
      { stream: { ...STREAM, workload: 'drive' as const }, asOf },
    ]) {
      const opening = openBasePart(bytes, place, SECRET)
      await assert.rejects(opening, (error) => hasCode(error, 'BaseDamaged'))
    }
    await assert.rejects(openBasePart(bytes, at, randomBytes(32)), damaged)
  })

  test('holds whole lines, each with its fields, of no later seq than its state', async () => {
    const text = (line: unknown) => `${JSON.stringify(line)}\n`
    const bound = Buffer.from(`${STREAM.owner}/${STREAM.workload}/base/0000000005/${asOf.hash}`)
    const open = async (plain: string) => {
      const packed = await deflate(Buffer.from(plain))
      return openBasePart(seal(SECRET, 'base-part', packed, salt(), bound), at, SECRET)
    }
    assert.deepEqual(await open(text(entry)), [entry])
    assert.deepEqual(await open(''), [])
    for (const wrong of [
      text(entry).trimEnd(),
      `${text(entry)}${text(entry).trimEnd()}`,
      `\n${text(entry)}`,
      text('no line'),
      'no JSON\n',
      text({ ...entry, is: 'else' }),
      text({ ...entry, is: 'item' }),
      text({ ...itemOf(1), is: 'cursor' }),
      text({ ...cursor, is: 'entry' }),
      text({ ...entry, event: aPut(messageId(1), folderId(1)) }),
      text({ ...entry, seq: 0 }),
      ...[itemOf(1), entry, cursor].map((line) => text({ ...line, seq: SEQ + 1 })),
      ...Object.keys(itemOf(1)).map((field) => text({ ...itemOf(1), [field]: undefined })),
    ]) {
      await assert.rejects(open(wrong), damaged, wrong.slice(0, 200))
    }
  })
})

describe('the index of a base', () => {
  const place = { stream: STREAM, seq: SEQ + 1 }
  const damaged = isDamaged({ seq: SEQ + 1 })
  const part = {
    ...{ sha256: aHash('a'), bytes: 10, holds: 'state' as const, lines: 2 },
    ...{ first: keyHash(graphId('a')), last: keyHash(graphId('b')) },
  }
  const index: BaseIndex = {
    asOf,
    round: { id: 1, startedAt: iso(0), phase: 'complete' },
    parts: [part, { ...part, holds: 'cursors' }],
  }
  const sealed = (said: unknown) => sealBaseIndex(said as BaseIndex, place, SECRET, salt())

  test('opens in the commit that names it, and in no other', async () => {
    const bytes = await sealed(index)
    assert.deepEqual(await openBaseIndex(bytes, place, SECRET), index)
    for (const other of [
      { stream: STREAM, seq: SEQ },
      { stream: { ...STREAM, owner: newOwner() }, seq: SEQ + 1 },
      { stream: { ...STREAM, workload: 'drive' as const }, seq: SEQ + 1 },
    ]) {
      const opening = openBaseIndex(bytes, other, SECRET)
      await assert.rejects(opening, (error) => hasCode(error, 'BaseDamaged'))
    }
    await assert.rejects(openBaseIndex(bytes, place, randomBytes(32)), damaged)
  })

  test('says what is restated, and of each part its hash, lengths and keys', async () => {
    const key = part.first
    for (const said of [
      { asOf: { ...asOf, seq: 0 } },
      { asOf: { ...asOf, hash: `${asOf.hash}0` } },
      { asOf: { ...asOf, hash: `0${asOf.hash}` } },
      { asOf: { ...asOf, time: '2026-01-01T00:00:00Z' } },
      { asOf: {} },
      { round: undefined },
      ...[{ sha256: 'x' }, { bytes: -1 }, { holds: 'else' }, { lines: 0 }].map((wrong) => ({
        parts: [{ ...part, ...wrong }],
      })),
      ...[`${key}a`, `a${key}`, key.slice(1), key.toUpperCase()].flatMap((wrong) => [
        { parts: [{ ...part, first: wrong }] },
        { parts: [{ ...part, last: wrong }] },
      ]),
    ]) {
      await assert.rejects(
        openBaseIndex(await sealed({ ...index, ...said }), place, SECRET),
        damaged,
      )
    }
    const empty = { ...index, parts: [{ ...part, bytes: 0, lines: 1 }] }
    assert.deepEqual(await openBaseIndex(await sealed(empty), place, SECRET), empty)
  })

  test('names at most as many parts as the format takes', async () => {
    const parts = Array.from({ length: BASE_PARTS_MAX + 1 }, () => part)
    const most = { ...index, parts: parts.slice(1) }
    const opened = await openBaseIndex(await sealed(most), place, SECRET)
    assert.equal(opened.parts.length, BASE_PARTS_MAX)
    await assert.rejects(sealed({ ...index, parts }), (error) => hasCode(error, 'InvariantBroken'))
    const bound = Buffer.from(`${STREAM.owner}/${STREAM.workload}/0000000006/base`)
    const plain = await deflate(Buffer.from(JSON.stringify({ ...index, parts })))
    const forged = seal(SECRET, 'base-index', plain, salt(), bound)
    await assert.rejects(openBaseIndex(forged, place, SECRET), damaged)
  })
})
