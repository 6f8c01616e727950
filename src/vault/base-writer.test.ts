/** Building bases over several slices. */
import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { aCommit, aCursor, aPut, folderId, messageId } from '../catalogue/testing/fixtures.ts'
import { AppError } from '../model/errors.ts'
import type { CommitRef } from '../model/events.ts'
import { type BaseProgress, buildBase } from './base-writer.ts'
import { emptyChain, extend } from './testing/chains.ts'
import { never } from './testing/fixture.ts'
import type { BaseIndex, BasePart, StreamVault } from './types.ts'

const ITEMS = 12

let stream: StreamVault
let refs: CommitRef[]
before(async () => {
  const chain = await emptyChain()
  for (const seq of [1, 2]) {
    const puts = Array.from({ length: ITEMS / 2 }, (_, n) => {
      return aPut(messageId(seq * ITEMS + n), folderId(1))
    })
    const cursors = [aCursor(folderId(seq))]
    await extend(chain, aCommit(seq, puts, { cursors, complete: true }))
  }
  ;({ stream, refs } = chain)
})

const ref = (seq: number): CommitRef => refs[seq - 1] ?? assert.fail(`there is a commit ${seq}`)

interface Asked {
  asOf?: CommitRef
  shardItems?: number
  progress?: BaseProgress
}

/** `asked`: the progress that each question was told. */
async function built(how: Asked, mayGoOn: () => boolean | Promise<boolean>) {
  const asked: BaseProgress[] = []
  const ask = (progress: BaseProgress) => {
    asked.push(structuredClone(progress))
    return mayGoOn()
  }
  const outcome = await buildBase(stream, { asOf: ref(2), ...how, mayGoOn: ask }, never)
  return { outcome, asked }
}

/** What the parts restate, and how many of them are of cursors. */
async function contentOf(base: BaseIndex) {
  const lines = await Promise.all(base.parts.map((part) => stream.readBasePart(base, part, never)))
  const items = lines.flat().flatMap((line) => (line.is === 'item' ? [line.item] : []))
  const cursors = lines.flat().flatMap((l) => (l.is === 'cursor' ? [l.cursor.container] : []))
  return { items: items.toSorted(), cursors: cursors.toSorted() }
}

const all = {
  items: [1, 2]
    .flatMap((seq) => Array.from({ length: ITEMS / 2 }, (_, n) => messageId(seq * ITEMS + n)))
    .toSorted(),
  cursors: [folderId(1), folderId(2)].toSorted(),
}

describe('a base', () => {
  test('of one shard is built at once, and nobody is asked', async () => {
    const { outcome, asked } = await built({ shardItems: ITEMS }, () => false)
    assert.ok(outcome.outcome === 'built')
    assert.deepEqual(asked, [])
    assert.deepEqual(await contentOf(outcome.base), all)
    const { seq, hash, time } = ref(2)
    assert.deepEqual(outcome.base.asOf, { seq, hash, time })
  })

  test('of several shards asks after each, and stops where it may not go on', async () => {
    const { outcome, asked } = await built({ shardItems: 3 }, () => false)
    assert.ok(outcome.outcome === 'more')
    assert.deepEqual(asked, [outcome.progress])
    const { done, shards, parts, asOf } = outcome.progress
    assert.ok(done === 1 && shards > 2 && parts.length > 0)
    assert.deepEqual(asOf, ref(2))
  })

  test('waits for an answer that takes its time', async () => {
    const { outcome } = await built({ shardItems: 3 }, () => Promise.resolve(false))
    assert.equal(outcome.outcome, 'more')
  })

  test('goes on where it stood: each shard is written once, and the whole is the same', async () => {
    const { outcome: whole, asked } = await built({ shardItems: 3 }, () => true)
    assert.ok(whole.outcome === 'built')
    assert.deepEqual(
      asked.map(({ done }) => done),
      Array.from({ length: asked[0]?.shards ?? 0 }, (_, n) => n + 1),
    )
    let progress: BaseProgress | undefined
    const told: BasePart[][] = []
    for (let slices = 1; ; slices += 1) {
      const { outcome } = await built({ shardItems: 3, ...(progress && { progress }) }, () => false)
      if (outcome.outcome === 'built') {
        assert.equal(slices, asked.length + 1)
        assert.deepEqual(outcome.base.parts.slice(0, told.at(-1)?.length), told.at(-1))
        assert.deepEqual(await contentOf(outcome.base), all)
        break
      }
      progress = outcome.progress
      told.push(progress.parts)
    }
    assert.deepEqual(await contentOf(whole.base), all)
  })

  test('keeps the shards that it began with, also where another size is asked for now', async () => {
    const { outcome } = await built({ shardItems: 3 }, () => false)
    assert.ok(outcome.outcome === 'more')
    const { progress } = outcome
    const { outcome: rest, asked } = await built({ shardItems: ITEMS, progress }, () => true)
    assert.ok(rest.outcome === 'built')
    assert.ok(asked.every(({ shards }) => shards === progress.shards))
    assert.deepEqual(await contentOf(rest.base), all)
  })

  test('is not gone on with as of another commit', async () => {
    const { outcome } = await built({ shardItems: 3 }, () => false)
    assert.ok(outcome.outcome === 'more')
    const { progress } = outcome
    await assert.rejects(
      built({ asOf: ref(1), progress }, () => true),
      (error) => error instanceof AppError && error.kind === 'bug',
    )
  })

  test('as of an earlier commit restates only what was there', async () => {
    const { outcome } = await built({ asOf: ref(1) }, () => true)
    assert.ok(outcome.outcome === 'built')
    const { items, cursors } = await contentOf(outcome.base)
    assert.deepEqual([items.length, cursors], [ITEMS / 2, [folderId(1)]])
  })
})
