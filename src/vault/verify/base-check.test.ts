/** The bases of one stream: that each says what the commits before it say. */
import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { AppError } from '../../model/errors.ts'
import type { CommitRef } from '../../model/events.ts'
import { commitName } from '../names.ts'
import { contentOf, forkOf, memoryVault, never, registered } from '../testing/fixture.ts'
import { baseOf } from '../testing/states.ts'
import type { BaseIndex, StateLine, StreamVault } from '../types.ts'
import { checkBases } from './base-check.ts'
import type { VerifyDeps } from './index.ts'
import type { Ends, Position } from './progress.ts'
import {
  addCommit,
  allOf,
  change,
  flipped,
  HASHES,
  namesOf,
  type OwnedVault,
  ownedVault,
  workOn,
} from './testing/vaults.ts'

type BasesPosition = Extract<Position, { step: 'bases' }>

const mailOf = ({ on, owner }: OwnedVault) => on.vault.stream(owner, 'mail', never)
const named = ({ owner }: OwnedVault, seq: number) => commitName({ owner, workload: 'mail' }, seq)

async function refOf(stream: StreamVault, seq: number): Promise<CommitRef> {
  const commit = (await stream.readCommit(seq, never)) ?? assert.fail(`there is a commit ${seq}`)
  return { seq, hash: commit.hash, time: commit.time }
}

/** The next commit, with this base. */
async function carry(vault: OwnedVault, at: number, base?: BaseIndex): Promise<void> {
  const stream = await mailOf(vault)
  vault.on.clock.advance(60_000)
  const writer = stream.begin(await refOf(stream, at - 1))
  const options = { complete: true, ...(base && { base }) }
  const result = await writer.commit(contentOf([]), options, never)
  assert.ok(result.outcome === 'committed' && result.commit.seq === at)
}

let made: OwnedVault
before(async () => {
  const on = memoryVault()
  await on.vault.prepare(never)
  const [owner, other] = [await registered(on.vault), await registered(on.vault)]
  made = { on, owner, other }
  let last: CommitRef | undefined
  for (const n of [11, 12, 13, 14]) last = await addCommit(on, owner, last, n)
  const stream = await mailOf(made)
  await carry(made, 5, await baseOf(stream, await refOf(stream, 4)))
  await addCommit(on, owner, await refOf(stream, 5), 16)
  await carry(made, 7, await baseOf(stream, await refOf(stream, 6)))
})

/** Bases are carried by commits 5 and 7; they restate the states after 4 and 6. */
const aVault = (): OwnedVault => ({ ...made, on: forkOf(made.on) })

async function checked(
  vault: OwnedVault,
  {
    deps = vault.on,
    after = 0,
    from = 1,
    last,
  }: { deps?: VerifyDeps; after?: number; from?: number; last?: number } = {},
) {
  const seqs = namesOf(vault.on, new RegExp(`${vault.owner}/mail/\\d+/commit.json`)).length
  const end = await refOf(await mailOf(made), Math.min(last ?? seqs, 7))
  const ends: Ends = { mail: { last: { ...end, seq: last ?? end.seq }, from } }
  return checkedTo(vault, { deps, ends, after })
}

async function checkedTo(
  { owner }: OwnedVault,
  { deps, ends, after }: { deps: VerifyDeps; ends: Ends; after: number },
) {
  const { work, access, told } = await workOn(deps, owner, HASHES)
  const position: BasesPosition = { step: 'bases', owner, workload: 'mail', ends, after }
  const steps = await allOf(checkBases(work, access, position))
  const { counts, findings } = told()
  const found = findings.map(({ code, seq, check }) => [code, seq, ...(check ? [check] : [])])
  return { steps, found, findings, bases: counts.bases, position }
}

describe('the bases of a stream', () => {
  test('in order are counted, one after the other', async () => {
    const { steps, found, bases, position } = await checked(aVault())
    assert.deepEqual([found, bases], [[], 2])
    assert.deepEqual(steps, [
      { ...position, after: 5 },
      { ...position, after: 7 },
    ])
  })

  test('are not looked at without the secret, nor of a stream that has no end', async () => {
    const vault = aVault()
    const keyless = await checked(vault, { deps: { store: vault.on.store } })
    assert.deepEqual([keyless.steps, keyless.bases], [[], 0])
    const endless = await checkedTo(vault, { deps: vault.on, ends: {}, after: 0 })
    assert.deepEqual([endless.steps, endless.bases], [[], 0])
  })

  test('are gone on with after the last one', async () => {
    const { bases, steps } = await checked(aVault(), { after: 5 })
    assert.deepEqual([bases, steps.map(({ after }) => after)], [1, [7]])
    assert.equal((await checked(aVault(), { after: 7 })).bases, 0)
    assert.equal((await checked(aVault(), { after: 4 })).bases, 2)
  })

  test('are those of the chain, between its beginning and its end', async () => {
    const seqsOf = async (from: number, last: number) =>
      (await checked(aVault(), { from, last })).steps.map(({ after }) => after)
    assert.deepEqual(await seqsOf(1, 6), [5])
    assert.deepEqual(await seqsOf(1, 7), [5, 7])
    assert.deepEqual(await seqsOf(5, 7), [5, 7])
    assert.deepEqual(await seqsOf(6, 7), [7])
    assert.deepEqual(await seqsOf(1, 4), [])
  })

  test('with a damaged part are named, with the index that names the part', async () => {
    for (const isMissing of [false, true]) {
      const vault = aVault()
      const [part = ''] = namesOf(vault.on, /0000000006\/.*\.bs$/)
      if (isMissing) vault.on.store.blobs.delete(part)
      else change(vault.on, part, flipped(100))
      const { found, findings, bases } = await checked(vault)
      assert.deepEqual(
        found.map(([code, seq]) => [code, seq]),
        [['BaseDamaged', 7]],
      )
      assert.match(findings[0]?.blob ?? '', /mail\/0000000007\/[0-9a-f]{64}\.bi$/)
      assert.ok((findings[0]?.check ?? '').length > 5)
      assert.equal(bases, 2)
    }
  })

  test('whose index is damaged or gone likewise', async () => {
    for (const isMissing of [false, true]) {
      const vault = aVault()
      const [index = ''] = namesOf(vault.on, /0000000007\/.*\.bi$/)
      if (isMissing) vault.on.store.blobs.delete(index)
      else change(vault.on, index, flipped(100))
      const { found, findings } = await checked(vault)
      // Without its index nothing says that there is a base but its commit.
      assert.deepEqual(
        found.map(([code, seq]) => [code, seq]),
        isMissing ? [] : [['BaseDamaged', 7]],
      )
      if (!isMissing) assert.equal(findings[0]?.blob, index)
    }
  })

  test('of commits that are none, or of a later format, are told of by their chain', async () => {
    for (const text of ['garbage', '{"holdfast":2}']) {
      const vault = aVault()
      change(vault.on, named(vault, 7), () => Buffer.from(text))
      const { found, bases, steps } = await checked(vault)
      assert.deepEqual([found, bases, steps.length], [[], 1, 2])
    }
    const vault = aVault()
    vault.on.store.blobs.delete(named(vault, 7))
    assert.deepEqual((await checked(vault, { last: 7 })).bases, 1)
  })

  test('that cannot be read from storage end the verification', async () => {
    const vault = aVault()
    for (const ending of ['commit.json', '.bs', '.bi']) {
      const { store, keys } = vault.on
      const read = async (...[name, ...rest]: Parameters<typeof store.read>) => {
        if (name.includes('/0000000007/') || name.includes('/0000000006/')) {
          if (name.endsWith(ending)) {
            throw new AppError({
              code: 'StorageUnavailable',
              kind: 'transient',
              message: 'planned',
            })
          }
        }
        return store.read(name, ...rest)
      }
      const deps = { store: { ...store, read }, keys }
      await assert.rejects(checked(vault, { deps }), { code: 'StorageUnavailable' }, ending)
    }
  })
})

describe('a base that its commits do not say', () => {
  /** As the first base, with other lines. */
  async function forged(vault: OwnedVault, change: (lines: StateLine[]) => StateLine[]) {
    const stream = await mailOf(vault)
    const asOf = await refOf(stream, 6)
    const carrier = (await stream.readCommit(7, never)) ?? assert.fail('it is there')
    const base = (await stream.base(carrier, never)) ?? assert.fail('it carries one')
    const parts = []
    for (const part of base.parts) {
      const lines = await stream.readBasePart(base, part, never)
      parts.push(await stream.writeBasePart(asOf, change([...lines]), never))
    }
    await carry(vault, 8, { asOf, round: base.round, parts })
    return { asOf, base }
  }

  const withoutOne = (lines: StateLine[]) => (lines.length > 1 ? lines.slice(1) : lines)

  test('differs, whether an item is missing or is another', async () => {
    const ways: ((lines: StateLine[]) => StateLine[])[] = [
      withoutOne,
      (lines) =>
        lines.map((line) => ('seq' in line && line.seq === 1 ? { ...line, seq: 2 } : line)),
    ]
    for (const way of ways) {
      const vault = aVault()
      await forged(vault, way)
      const { found, findings, bases } = await checked(vault, { last: 8 })
      assert.deepEqual(
        found.map(([code, seq]) => [code, seq]),
        [['BaseDiffers', 8]],
      )
      assert.equal(found[0]?.length, 3, 'it says what differs')
      assert.match(findings[0]?.blob ?? '', /0000000008\/.*\.bi$/)
      assert.equal(bases, 3)
    }
  })

  test('is not its own witness, nor is a later one', async () => {
    const vault = aVault()
    await forged(vault, withoutOne)
    const stream = await mailOf(vault)
    // Built on the forged one, it says the same.
    await carry(vault, 9, await baseOf(stream, await refOf(stream, 8)))
    const { found } = await checked(vault, { last: 9 })
    assert.ok(found.some(([code, seq]) => code === 'BaseDiffers' && seq === 8))
  })

  test('of a state that is on no chain differs', async () => {
    const vault = aVault()
    const stream = await mailOf(vault)
    const asOf = { ...(await refOf(stream, 6)), hash: 'ab'.repeat(32) }
    const carrier = (await stream.readCommit(7, never)) ?? assert.fail('it is there')
    const base = (await stream.base(carrier, never)) ?? assert.fail('it carries one')
    const parts = []
    for (const part of base.parts) {
      const lines = await stream.readBasePart(base, part, never)
      parts.push(await stream.writeBasePart(asOf, lines, never))
    }
    await carry(vault, 8, { asOf, round: base.round, parts })
    const { found } = await checked(vault, { last: 8 })
    assert.deepEqual(found, [['BaseDiffers', 8]])
  })

  test('is unproven where what was before it is gone, or of a later format', async () => {
    const ways: ((vault: OwnedVault) => void)[] = [
      ({ on }) => {
        for (const seq of [1, 2, 3, 4]) on.store.blobs.delete(named(made, seq))
      },
      (vault) =>
        change(vault.on, named(vault, 2), (bytes) =>
          Buffer.from(bytes.toString().replace('{"holdfast":1', '{"holdfast":2')),
        ),
    ]
    for (const [n, way] of ways.entries()) {
      const vault = aVault()
      way(vault)
      const { found, bases } = await checked(vault, { last: 7 })
      assert.deepEqual(found, [['BaseUnproven', 5]], `${n}`)
      assert.equal(bases, 2)
    }
  })

  test('is unproven where a commit before it is damaged', async () => {
    const vault = await ownedVault()
    change(vault.on, namesOf(vault.on, /0000000002\/.*\.mf$/)[0] ?? '', flipped(99))
    const last = await refOf(await mailOf(vault), 5)
    const ends = { mail: { last, from: 1 } }
    const { found } = await checkedTo(vault, { deps: vault.on, ends, after: 0 })
    assert.deepEqual(found, [['BaseUnproven', 5]])
  })

  test('differs where the chain is cut between it and a commit that is still there', async () => {
    const vault = aVault()
    vault.on.store.blobs.delete(named(vault, 3))
    const { found } = await checked(vault, { last: 7 })
    assert.deepEqual(found, [['BaseDiffers', 5]])
  })
})
