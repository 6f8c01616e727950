import assert from 'node:assert/strict'
import { test } from 'node:test'
import { iso } from '../catalogue/testing/fixtures.ts'
import { keyHash } from '../model/ids.ts'
import { type BaseShard, newestShard, parseBaseShard, progressOf } from './base-shards.ts'
import { aHash } from './testing/forged.ts'
import type { BasePart } from './types.ts'

const refOf = (seq: number, letter = 'a') => ({ seq, hash: aHash(letter), time: iso(seq) })
const partOf = (letter: string): BasePart => ({
  ...{ sha256: aHash(letter), bytes: 10, holds: 'state', lines: 2 },
  ...{ first: keyHash('a'), last: keyHash('b') },
})
const piece = (n: number, changes: Partial<BaseShard> = {}): BaseShard => ({
  ...{ asOf: refOf(5), shards: 4, n, parts: [partOf(String(n))] },
  ...changes,
})
const partsOf = (...letters: string[]) => letters.map(partOf)

test('a piece comes back from its text, and nothing else does', () => {
  assert.deepEqual(parseBaseShard(JSON.stringify(piece(3))), piece(3))
  for (const wrong of [
    { asOf: undefined },
    { shards: 0 },
    { shards: 1025 },
    { n: -1 },
    { n: 1025 },
    { n: '0' },
    { parts: undefined },
    { parts: [{}] },
    { parts: Array.from({ length: 16_385 }, () => partOf('0')) },
  ]) {
    const text = JSON.stringify({ ...piece(3), ...wrong })
    assert.equal(parseBaseShard(text), undefined, text.slice(0, 200))
  }
  for (const text of ['', 'null', '[]', '{}']) assert.equal(parseBaseShard(text), undefined)
  const most = piece(1023, { shards: 1024, parts: [] })
  assert.deepEqual(parseBaseShard(JSON.stringify(most)), most)
})

test('the newest piece is what progress gained', () => {
  const { asOf, shards } = piece(0)
  const progress = { asOf, shards, done: 2, parts: partsOf('0', '1', '2') }
  assert.deepEqual(newestShard(progress, 1), piece(1, { parts: partsOf('1', '2') }))
  assert.deepEqual(newestShard(progress, 3), piece(1, { parts: [] }))
})

test('progress is the longest run of pieces from the first on, in whatever order they come', () => {
  const { asOf, shards } = piece(0)
  for (const [pieces, done] of [
    [[0], 1],
    [[2, 1, 0], 3],
    [[0, 2, 3], 1],
    [[3, 2, 1, 0], 4],
    [[0, 1, 2, 3, 4, 5], 4],
  ] as const) {
    const parts = partsOf(...['0', '1', '2', '3'].slice(0, done))
    const progress = progressOf(
      pieces.map((n) => piece(n)),
      4,
    )
    assert.deepEqual(progress, { asOf, shards, done, parts })
  }
  for (const pieces of [[], [piece(1)], [piece(1), piece(2)]]) {
    assert.equal(progressOf(pieces, 4), undefined)
  }
})

test('it is of one state, the newest after the commit that is named, cut in one way', () => {
  const older = [0, 1, 2].map((n) => piece(n, { asOf: refOf(3, 'b') }))
  const newer = [piece(0), piece(1)]
  const newest = [piece(1, { asOf: refOf(7, 'c') })]
  const all = [...older, ...newer, ...newest]
  for (const pieces of [all, all.toReversed()]) {
    assert.equal(progressOf(pieces, 2)?.asOf.seq, 5)
    assert.equal(progressOf(pieces, 4)?.done, 2)
    assert.equal(progressOf(pieces, 5), undefined)
  }
  const otherCut = [piece(0), piece(1, { shards: 8 }), piece(2)]
  assert.equal(progressOf(otherCut, 4)?.done, 1)
  const otherHash = [piece(0), piece(1, { asOf: refOf(5, 'd') })]
  assert.equal(progressOf(otherHash, 4)?.done, 1)
})
