/** All packs of one owner, by name. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { before, describe, test } from 'node:test'
import { type OwnerId, type PackId, parsePackId } from '../../model/ids.ts'
import { sha256Hex } from '../create-once.ts'
import { indexName, packName } from '../names.ts'
import { memoryVault, never, registered, type TestVault } from '../testing/fixture.ts'
import type { NamedPack } from './named-blobs.ts'
import { checkPacks } from './packs-check.ts'
import type { Position } from './progress.ts'
import { allOf, HASHES, workOn } from './testing/vaults.ts'

type PacksPosition = Extract<Position, { step: 'packs' }>

const COUNT = 35
const BATCH = 16

let on: TestVault
let owner: OwnerId
let ids: PackId[]
const nameOf = (id: PackId) => packName(owner, '2026-03', id)

before(async () => {
  on = memoryVault()
  await on.vault.prepare(never)
  owner = await registered(on.vault)
  ids = []
  for (let n = 0; n < COUNT; n += 1) {
    const bytes = randomBytes(100)
    const id = parsePackId(sha256Hex(bytes))
    ids.push(id)
    await on.store.create(nameOf(id), bytes, never)
  }
  ids.sort()
  for (const name of ['notes.txt', `2026-03/${'ab'.repeat(32)}.bak`]) {
    await on.store.create(`packs/${owner}/${name}`, randomBytes(3), never)
  }
})

async function checked(named: ReadonlyMap<PackId, NamedPack>, after?: string) {
  const { work, access, told } = await workOn({ store: on.store }, owner, HASHES)
  const position: PacksPosition = {
    step: 'packs',
    owner,
    ends: {},
    ...(after !== undefined && { after }),
  }
  const steps = await allOf(checkPacks(work, access, { position, named }))
  const { counts, findings } = told()
  const of = (code: string) => findings.filter((finding) => finding.code === code)
  return { steps, counts, findings, of }
}

const namedAll = () => new Map(ids.map((id, n) => [id, { workload: 'mail', seq: n + 1 } as const]))

describe('the packs of an owner', () => {
  test('are looked at one by one, in steps of some', async () => {
    const { steps, counts, of, findings } = await checked(namedAll())
    assert.equal(counts.packs, COUNT)
    assert.equal(counts.packBytes, COUNT * 100)
    assert.deepEqual(
      steps.map((step) => step.after),
      ['', ids[BATCH - 1], ids[2 * BATCH - 1], ids[COUNT - 1]].map((id) =>
        id ? nameOf(id as PackId) : '',
      ),
    )
    assert.ok(steps.every(({ step, owner: whose }) => step === 'packs' && whose === owner))
    // They are no packs, and each is said to be damaged by the commit that names it.
    assert.equal(of('PackDamaged').length, findings.length)
    assert.deepEqual(new Set(of('PackDamaged').map(({ seq }) => seq)).size, COUNT)
  })

  test('are gone on with after the last one that was looked at', async () => {
    const after = nameOf(ids[19] ?? assert.fail('there are so many'))
    const { steps, counts, of } = await checked(new Map(), after)
    assert.equal(counts.packs, COUNT - 20)
    assert.deepEqual(
      steps.map((step) => step.after),
      [nameOf(ids.at(-1) ?? assert.fail('there is one'))],
    )
    assert.equal(of('PackUnnamed').length, 0, 'that was told of in the first step')
    const done = await checked(new Map(), steps[0]?.after)
    assert.deepEqual([done.counts.packs, done.steps[0]?.after], [0, steps[0]?.after])
  })

  test('that are missing are told of first, in their order, with a commit that names them', async () => {
    const gone = ['ff', '00', '77'].map((byte) => parsePackId(byte.repeat(32)))
    const named = new Map<PackId, NamedPack>([
      ...namedAll(),
      ...gone.map((id, n) => [id, { workload: 'drive', seq: 100 + n }] as const),
    ])
    const { findings, of } = await checked(named)
    assert.deepEqual(
      findings.slice(0, 3).map(({ code, pack, workload, seq }) => [code, pack, workload, seq]),
      [
        ['PackMissing', gone[1], 'drive', 101],
        ['PackMissing', gone[2], 'drive', 102],
        ['PackMissing', gone[0], 'drive', 100],
      ],
    )
    assert.equal(of('PackUnnamed').length, 0)
  })

  test('that no commit names are told of, as a notice', async () => {
    const named = namedAll()
    const [first, , third] = ids
    assert.ok(first && third)
    named.delete(first)
    named.delete(third)
    const { of } = await checked(named)
    assert.deepEqual(
      of('PackUnnamed').map(({ pack, blob }) => [pack, blob]),
      [first, third].map((id) => [id, nameOf(id)]),
    )
    assert.deepEqual(
      of('PackDamaged').filter(({ severity }) => severity === 'notice').length,
      of('PackDamaged').filter(({ blob }) => blob === nameOf(first) || blob === nameOf(third))
        .length,
    )
  })

  test('whose indexes are there without them are told of by those, in their order', async () => {
    const bare = ['ee', '11'].map((byte) => parsePackId(byte.repeat(32)))
    const blobs = bare.map((id) => indexName(owner, '2026-03', id))
    const first = ids[0] ?? assert.fail('there is one')
    const beside = indexName(owner, '2026-03', first)
    const foreign = `idx/${owner}/notes.txt`
    for (const name of [...blobs, beside, foreign]) {
      await on.store.create(name, randomBytes(9), never)
    }
    try {
      const { of } = await checked(namedAll())
      assert.deepEqual(
        of('IndexUnnamed').map(({ pack, blob }) => [pack, blob]),
        [
          [bare[1], blobs[1]],
          [bare[0], blobs[0]],
        ],
      )
    } finally {
      for (const name of [...blobs, beside, foreign]) on.store.blobs.delete(name)
    }
  })
})
