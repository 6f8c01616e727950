/** Where a stream begins, whatever is gone of it, and whatever somebody put in its place. */
import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { folderId, messageId } from '../catalogue/testing/fixtures.ts'
import { hasCode } from '../model/errors.ts'
import { beginningOf, byKind, restated, soundBase } from './beginning.ts'
import { copiedVault } from './copied.ts'
import { type BasedChain, basedChain } from './testing/based-chain.ts'
import { never, vaultOn } from './testing/fixture.ts'
import type { StreamReader } from './types.ts'

const DAY_MS = 24 * 3_600_000
/** The commits that carry bases, and what each restates; the last two restate the same. */
const BASES = { 5: 2, 7: 5, 8: 5 }

let made: BasedChain
before(async () => {
  made = await basedChain(9, BASES)
})

const without = (...seqs: readonly number[]) => made.without(...seqs)

/** The seq of the state with which it begins, and of the commit that carries it; 0: at the first. */
async function begins(
  stream: StreamReader,
  unused: readonly number[] = [],
): Promise<[number, number]> {
  const { end, base } = await beginningOf(stream, never, unused)
  assert.deepEqual(end, { last: end.last, voids: [] })
  assert.equal(end.last?.hash, base?.index.asOf.hash)
  return [end.last?.seq ?? 0, base?.seq ?? 0]
}

describe('a stream begins', () => {
  test('at its first commit, where that one is there', async () => {
    const { stream } = await without()
    assert.deepEqual(await begins(stream), [0, 0])
  })

  test('at its first commit, where others are gone: who walks finds the gap', async () => {
    const { stream } = await without(3, 4)
    assert.deepEqual(await begins(stream), [0, 0])
  })

  test('at the oldest state that a base restates, where the first commit has expired', async () => {
    const { stream } = await without(1)
    assert.deepEqual(await begins(stream), [2, 5])
    const { stream: later } = await without(1, 2)
    assert.deepEqual(await begins(later), [2, 5])
  })

  test('at a later state, where a commit after the oldest is missing', async () => {
    for (const gone of [3, 4]) {
      const { stream } = await without(1, 2, gone)
      assert.deepEqual(await begins(stream), [5, 7], `${gone} is gone`)
    }
  })

  test('at the next base, where the commit that carries one is gone', async () => {
    const { stream } = await without(1, 2, 3, 4, 5, 7)
    assert.deepEqual(await begins(stream), [0, 0], 'no chain leads to it')
    const { stream: led } = await without(1, 2, 3, 4, 5)
    assert.deepEqual(await begins(led), [5, 7])
  })

  test('at the base that was committed first, of several for one state', async () => {
    const { stream } = await without(1, 2, 3, 4)
    assert.deepEqual(await begins(stream), [5, 7])
    assert.deepEqual(await begins(stream, [7]), [5, 8])
  })

  test('without bases that are not to be used, or whose index is damaged', async () => {
    const copy = await without(1)
    assert.deepEqual(await begins(copy.stream, [5]), [5, 7])
    copy.spoil(5, '.bi')
    assert.deepEqual(await begins(copy.stream), [5, 7])
    copy.spoil(7, '.bi')
    assert.deepEqual(await begins(copy.stream), [5, 8])
    copy.spoil(8, '.bi')
    assert.deepEqual(await begins(copy.stream), [0, 0])
  })

  test('at the first commit, where there is no base', async () => {
    const { stream } = await without(1, 5, 7, 8)
    assert.deepEqual(await begins(stream), [0, 0])
  })

  test('at a base also where somebody put a commit into the place of the first: it is younger', async () => {
    const copy = await without(1)
    const blob = made.on.store.blobs.get(made.named(1)) ?? assert.fail('there is a first')
    const younger = new Date(made.on.clock.now() + DAY_MS)
    copy.put(1, blob.bytes, younger)
    assert.deepEqual(await begins(copy.stream), [2, 5])
  })

  test('at its first commit, where another is older than it, and the first older than the base', async () => {
    const copy = await without()
    const blob = made.on.store.blobs.get(made.named(2)) ?? assert.fail('there is a second')
    copy.put(2, blob.bytes)
    assert.deepEqual(await begins(copy.stream), [0, 0])
  })

  test('at its first commit in a copy, which has no times', async () => {
    const { on, owner } = await without()
    const { keys, clock } = on
    const copy = vaultOn({ store: copiedVault(on.store), keys, clock, packBytes: 1024 })
    assert.deepEqual(await begins(await copy.stream(owner, 'mail', never)), [0, 0])
  })

  test('nowhere, where a commit is of a later format: that is no damage', async () => {
    const copy = await without(1)
    copy.put(5, Buffer.from('{"holdfast":2}'))
    await assert.rejects(begins(copy.stream), (error) => hasCode(error, 'FormatUnknown'))
  })
})

describe('a base', () => {
  test('is that of the commit that carries it, or none', async () => {
    const copy = await without(7)
    assert.equal((await soundBase(copy.stream, 5, never))?.asOf.seq, 2)
    assert.equal(await soundBase(copy.stream, 4, never), undefined)
    assert.equal(await soundBase(copy.stream, 7, never), undefined)
    copy.spoil(5, '.bi')
    assert.equal(await soundBase(copy.stream, 5, never), undefined)
  })

  test('restates items, entries and cursors, part by part', async () => {
    const { stream } = await without(1)
    const beginning = await beginningOf(stream, never)
    const items: string[] = []
    const cursors: string[] = []
    let parts = 0
    for await (const part of restated(stream, beginning, never)) {
      parts += 1
      assert.deepEqual(part.entries, [])
      items.push(...part.items.map(({ item }) => item))
      cursors.push(...part.cursors.map(({ cursor }) => cursor.container))
    }
    assert.equal(parts, beginning.base?.index.parts.length)
    assert.deepEqual(items.toSorted(), [messageId(1), messageId(2)].toSorted())
    assert.deepEqual(cursors.toSorted(), [folderId(0), folderId(1)].toSorted())
  })

  test('restates nothing where the stream begins with its first commit', async () => {
    const { stream } = await without()
    for await (const _ of restated(stream, await beginningOf(stream, never), never)) {
      assert.fail('nothing is restated')
    }
  })

  test('has each line under its kind', () => {
    const lines = ['item', 'entry', 'cursor', 'entry'].map((is) => ({ is }) as never)
    const { items, entries, cursors } = byKind(lines)
    assert.deepEqual([items, entries, cursors], [[lines[0]], [lines[1], lines[3]], [lines[2]]])
  })
})
