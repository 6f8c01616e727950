/** What a base is held against, and what is said where it is not what its commits say. */
import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { aCommit, aCursor, aPut, folderId, messageId } from '../catalogue/testing/fixtures.ts'
import type { CommitRef } from '../model/events.ts'
import { differenceOf, proveBase } from './base-proof.ts'
import { openState } from './stream-state.ts'
import { type ChainInVault, emptyChain, extend } from './testing/chains.ts'
import { forkOf, never } from './testing/fixture.ts'
import { baseOf } from './testing/states.ts'
import type { BaseIndex, StateLine } from './types.ts'

const ITEMS = 9
const SHARD_ITEMS = 2

let chain: ChainInVault
let sound: BaseIndex
before(async () => {
  chain = await emptyChain()
  for (let n = 1; n <= ITEMS; n += 1) {
    const cursors = [aCursor(folderId(n % 2))]
    await extend(chain, aCommit(n, [aPut(messageId(n), folderId(1))], { cursors, complete: true }))
  }
  sound = await baseOf(chain.stream, ref(ITEMS), SHARD_ITEMS)
})

const ref = (seq: number): CommitRef => chain.refs[seq - 1] ?? assert.fail('there is one')

/** The same base with other lines. */
async function restated(change: (lines: StateLine[]) => StateLine[]): Promise<BaseIndex> {
  const { stream } = chain
  const lines: StateLine[] = []
  for (const part of sound.parts) lines.push(...(await stream.readBasePart(sound, part, never)))
  const changed = change(lines)
  const parts = []
  for (const isCursor of [false, true]) {
    const some = changed.filter(({ is }) => (is === 'cursor') === isCursor)
    if (some.length > 0) parts.push(await stream.writeBasePart(sound.asOf, some, never))
  }
  return { ...sound, parts }
}

/** Held against all commits, in shards of so many. */
async function difference(base: BaseIndex, shardItems = SHARD_ITEMS): Promise<string | undefined> {
  const told = await openState(chain.stream, sound.asOf, { without: [], shardItems }, never)
  assert.equal(told.shards > 1, shardItems < ITEMS)
  return await differenceOf(told, { base, seq: ITEMS + 1 }, never)
}

describe('a base that is held against its commits', () => {
  test('differs in nothing where it is sound, in one shard or in many', async () => {
    assert.equal(await difference(sound), undefined)
    assert.equal(await difference(sound, ITEMS), undefined)
  })

  for (let n = 1; n <= ITEMS; n += 1) {
    test(`differs in its items where it leaves out item ${n}, in whatever shard that is`, async () => {
      const without = await restated((lines) =>
        lines.filter((line) => line.is !== 'item' || line.item !== messageId(n)),
      )
      assert.equal(await difference(without), 'a base has the items of its commits')
    })
  }

  test('differs in its items where it says another version of one', async () => {
    const other = await restated((lines) =>
      lines.map((line) => (line.is === 'item' && line.seq === 3 ? { ...line, seq: 2 } : line)),
    )
    assert.equal(await difference(other), 'a base has the items of its commits')
  })

  test('differs in its cursors where it leaves one out, or says another link', async () => {
    const fewer = await restated((lines) => {
      const at = lines.findIndex(({ is }) => is === 'cursor')
      return lines.toSpliced(at, 1)
    })
    assert.equal(await difference(fewer), 'a base has the cursors of its commits')
    const other = await restated((lines) =>
      lines.map((line) =>
        line.is === 'cursor' ? { ...line, cursor: { ...line.cursor, round: 7 } } : line,
      ),
    )
    assert.equal(await difference(other), 'a base has the cursors of its commits')
  })

  test('differs in its round', async () => {
    const other = { ...sound, round: { ...sound.round, id: 7 } }
    assert.equal(await difference(other), 'a base has the round of its commits')
  })
})

describe('the proof of a base', () => {
  test('does not believe a base before it that is forged', async () => {
    const forged = await restated((lines) =>
      lines.filter((line) => line.is !== 'item' || line.item !== messageId(1)),
    )
    const twice = await extendedBy(forged)
    const { stream, refs } = twice
    const asOf = refs.at(-1) ?? assert.fail('there is one')
    const begun = await baseOf(stream, asOf)
    const said = await proveBase(stream, { seq: asOf.seq + 1, index: begun }, undefined, never)
    assert.equal(said, 'a base has the items of its commits')
  })

  test('begins at the base of the beginning, where commits before it are gone', async () => {
    const { stream } = chain
    const seq = ITEMS + 1
    const copied = await extendedBy(sound)
    assert.equal(
      await proveBase(stream, { seq, index: sound }, undefined, never),
      undefined,
      'without any',
    )
    for (let gone = 1; gone <= 3; gone += 1) remove(copied, gone)
    const asOf = copied.refs.at(-1) ?? assert.fail('there is one')
    const next = await baseOf(copied.stream, asOf)
    const carried = { seq: asOf.seq + 1, index: next }
    assert.equal(await proveBase(copied.stream, carried, seq, never), undefined)
    await assert.rejects(proveBase(copied.stream, carried, undefined, never))
  })
})

/** A copy of the chain, with one commit more that carries this base. */
async function extendedBy(base: BaseIndex): Promise<ChainInVault> {
  const on = forkOf(chain.on)
  const stream = await on.vault.stream(chain.owner, 'mail', never)
  const copy: ChainInVault = { on, owner: chain.owner, stream, refs: [...chain.refs] }
  await extend(copy, aCommit(ITEMS + 1, [aPut(messageId(ITEMS + 1), folderId(1))]), base)
  return copy
}

function remove({ on, owner }: ChainInVault, seq: number): void {
  for (const name of on.store.blobs.keys()) {
    if (name.startsWith(`c/${owner}/mail/${String(seq).padStart(10, '0')}/`)) {
      on.store.blobs.delete(name)
    }
  }
}
