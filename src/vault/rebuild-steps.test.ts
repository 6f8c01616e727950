/** What a rebuild does at each of its steps: where it stops, what it passes, when it begins anew. */
import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { LATER } from '../catalogue/testing/fixtures.ts'
import { AppError, hasCode } from '../model/errors.ts'
import { damage } from './damage.ts'
import {
  REBUILD_START,
  type RebuildOptions,
  type RebuildProgress,
  rebuildProgressSchema,
  rebuildStream,
} from './rebuild.ts'
import { type BasedChain, basedChain } from './testing/based-chain.ts'
import { tablesFor } from './testing/chains.ts'
import { never } from './testing/fixture.ts'

const COMMITS = 9
/** The commits that carry bases, and what each restates. */
const BASES = { 5: 3, 8: 6 }

let made: BasedChain
before(async () => {
  made = await basedChain(COMMITS, BASES)
})

/** A chain, its tables, and steps of a rebuild from what the last one answered. */
function rebuildOf(chain: BasedChain) {
  const { tables } = tablesFor(chain)
  let kept = REBUILD_START
  const step = async (options: Partial<RebuildOptions> = {}): Promise<RebuildProgress> => {
    kept = await rebuildStream(chain.stream, tables, kept, { notAfter: LATER, ...options }, never)
    assert.deepEqual(rebuildProgressSchema.parse(JSON.parse(JSON.stringify(kept))), kept)
    return kept
  }
  return { tables, step }
}

/** May go on so many times. */
function times(left: number): () => boolean {
  let asked = 0
  return () => {
    asked += 1
    return asked <= left
  }
}

describe('a rebuild', () => {
  test('of a whole chain applies each commit, shows its head, and is done', async () => {
    const { tables, step } = rebuildOf(made)
    const { phase, applied, damaged, lossy, end } = await step()
    assert.deepEqual([phase, applied, damaged, lossy], ['done', COMMITS, 0, false])
    assert.equal(end.last?.hash, made.ref(COMMITS).hash)
    assert.equal((await tables.head(never))?.seq, COMMITS)
  })

  test('that is done does nothing more', async () => {
    const { tables, step } = rebuildOf(made)
    const done = await step()
    await tables.clear({ notAfter: LATER }, never)
    assert.equal(await step(), done)
    assert.equal(await tables.head(never), undefined)
  })

  test('stops after any commit, tells each, and shows nothing before its end', async () => {
    const { tables, step } = rebuildOf(made)
    const told: number[] = []
    const onProgress = (now: RebuildProgress) => told.push(now.applied)
    for (let seq = 1; seq <= COMMITS; seq += 1) {
      const { phase, applied, end } = await step({ mayGoOn: () => false, onProgress })
      assert.deepEqual([phase, applied, end.last?.seq], ['apply', seq, seq])
      assert.equal(await tables.head(never), undefined)
    }
    assert.equal((await step({ mayGoOn: () => false, onProgress })).phase, 'done')
    assert.deepEqual(
      [...new Set(told)],
      Array.from({ length: COMMITS + 1 }, (_, n) => n),
    )
  })

  test('of an empty stream is done, and shows nothing', async () => {
    const { on, owner } = await made.without()
    const stream = await on.vault.stream(owner, 'drive', never)
    const { tables } = tablesFor(made)
    const options = { notAfter: LATER }
    const { phase, applied } = await rebuildStream(stream, tables, REBUILD_START, options, never)
    assert.deepEqual([phase, applied], ['done', 0])
    assert.equal(await tables.head(never), undefined)
  })

  test('begins anew where another has set the head meanwhile', async () => {
    const { tables, step } = rebuildOf(made)
    await step({ mayGoOn: times(3) })
    await tables.moveHead(made.ref(2), { notAfter: LATER }, never)
    const moveHead = tables.moveHead.bind(tables)
    tables.moveHead = async () => moveHead(made.ref(2), { notAfter: LATER }, never)
    assert.deepEqual(await step(), REBUILD_START)
    tables.moveHead = moveHead
    assert.equal((await step()).phase, 'done')
    assert.equal((await tables.head(never))?.seq, COMMITS)
  })

  test('throws where a commit is missing and a later one is there', async () => {
    const { step } = rebuildOf(await made.without(4))
    await assert.rejects(step(), (error) => error instanceof AppError && error.kind === 'corrupt')
  })
})

describe('a rebuild of a stream that begins with a base', () => {
  test('writes what it restates, part by part, and then the commits after it', async () => {
    const chain = await made.without(1, 2, 3)
    const { tables, step } = rebuildOf(chain)
    const seen: [string, number][] = []
    let now = await step({ mayGoOn: () => false })
    for (; now.phase === 'base'; now = await step({ mayGoOn: () => false })) {
      seen.push([now.phase, now.base?.parts ?? 0])
      assert.equal(now.base?.seq, 5)
      assert.equal(await tables.head(never), undefined)
    }
    assert.deepEqual(
      seen,
      seen.map((_, n) => ['base', n + 1]),
    )
    assert.ok(seen.length > 2, 'the base has several parts')
    assert.deepEqual([now.phase, now.applied, now.end.last?.seq], ['apply', 1, 4])
    const { phase, applied } = await step()
    assert.deepEqual([phase, applied], ['done', COMMITS - 3])
  })

  test('passes a base of which a part is damaged, and takes its rows away again', async () => {
    const chain = await made.without(1, 2, 3)
    chain.spoil(3, '.bs')
    const { tables, step } = rebuildOf(chain)
    assert.deepEqual(await step(), { ...REBUILD_START, damagedBases: [5] })
    const { phase, applied, damagedBases } = await step()
    assert.deepEqual([phase, applied, damagedBases], ['done', COMMITS - 6, [5]])
    assert.equal((await tables.head(never))?.seq, COMMITS)
  })

  test('says every base that is damaged, and finds the gap where none is left', async () => {
    const chain = await made.without(1, 2, 3)
    chain.spoil(3, '.bs')
    chain.spoil(6, '.bs')
    const { step } = rebuildOf(chain)
    await step()
    assert.deepEqual((await step()).damagedBases, [5, 8])
    await assert.rejects(step(), (error) => error instanceof AppError && error.kind === 'corrupt')
  })

  test('begins anew where the base with which it began has expired meanwhile', async () => {
    const chain = await made.without(1, 2, 3)
    const { step } = rebuildOf(chain)
    assert.equal((await step({ mayGoOn: () => false })).base?.seq, 5)
    for (const seq of [4, 5, 6]) chain.on.store.blobs.delete(chain.named(seq))
    assert.deepEqual(await step(), REBUILD_START)
    const { phase, applied } = await step()
    assert.deepEqual([phase, applied], ['done', COMMITS - 6])
  })
})

describe('a rebuild over a damaged commit', () => {
  /** Commit 4 cannot be read, as one of which a part is gone. */
  const damaged = async () => {
    const chain = await made.without()
    const { stream } = chain
    const cause = damage('CommitDamaged', 'a part is there')
    const next: typeof stream.next = async (end, signal) => {
      const step = await stream.next(end, signal)
      const isDamaged = step?.is === 'commit' && step.commit.seq === 4
      return isDamaged ? { is: 'damaged', ref: made.ref(4), cause } : step
    }
    return rebuildOf({ ...chain, stream: { ...stream, next } })
  }

  test('throws, unless it is told to go on', async () => {
    const { tables, step } = await damaged()
    await assert.rejects(step(), (error) => hasCode(error, 'CommitDamaged'))
    assert.equal(await tables.head(never), undefined)
  })

  test('begins anew, without links, counts what it passes, and names it', async () => {
    const { tables, step } = await damaged()
    const told: boolean[] = []
    const onProgress = ({ lossy }: RebuildProgress) => told.push(lossy)
    assert.deepEqual(await step({ overDamage: true, onProgress }), {
      ...REBUILD_START,
      lossy: true,
    })
    assert.deepEqual([told[0], told.at(-1)], [false, true])
    const done = await step({ overDamage: true })
    const { phase, lossy, applied, damagedSeqs } = done
    assert.deepEqual([phase, lossy, applied, done.damaged], ['done', true, COMMITS - 1, 1])
    assert.deepEqual(damagedSeqs, [4])
    const cursors = await tables.cursors(made.stream.secret, never)
    assert.ok(cursors.length > 0)
    for (const cursor of cursors) {
      assert.deepEqual([cursor.start, cursor.position], [null, null])
    }
  })
})
