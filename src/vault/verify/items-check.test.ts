/** The items of the newest state, put together as a restore would. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { before, describe, test } from 'node:test'
import { AppError } from '../../model/errors.ts'
import type { CommitRef, Representation } from '../../model/events.ts'
import { keyHash, type OwnerId } from '../../model/ids.ts'
import { refsOf } from '../../model/representation.ts'
import {
  contentOf,
  forkOf,
  graphId,
  memoryVault,
  never,
  putEvent,
  registered,
  type TestVault,
  version,
} from '../testing/fixture.ts'
import type { StateItem } from '../types.ts'
import type { VerifyDeps, VerifyPlan } from './index.ts'
import { checkItems } from './items-check.ts'
import type { Ends, Position } from './progress.ts'
import {
  addCommit,
  allOf,
  change,
  FULL,
  flipped,
  HASHES,
  namesOf,
  ownedVault,
  workOn,
} from './testing/vaults.ts'

type ItemsPosition = Extract<Position, { step: 'items' }>

const PIECE = 1000

interface Vault {
  on: TestVault
  owner: OwnerId
  end: CommitRef
}

let made: Vault
before(async () => {
  const on = memoryVault()
  await on.vault.prepare(never)
  const owner = await registered(on.vault)
  let last: CommitRef | undefined
  for (const n of [11, 12, 13]) last = await addCommit(on, owner, last, n)
  const writer = (await on.vault.stream(owner, 'mail', never)).begin(last)
  let long: Representation | undefined
  for (let n = 0; n < 5; n += 1) {
    long = await writer.extend(long, { name: 'content', bytes: randomBytes(PIECE) }, never)
  }
  assert.ok(long)
  const item = { ...version('long', randomBytes(10)), carried: [long] }
  const event = putEvent('long', await writer.addVersion(item, never))
  const result = await writer.commit(contentOf([event]), { complete: true }, never)
  assert.ok(result.outcome === 'committed')
  const { seq, hash, time } = result.commit
  made = { on, owner, end: { seq, hash, time } }
})

const aVault = (): Vault => ({ ...made, on: forkOf(made.on) })

async function eventOf({ on, owner }: Vault, item: string) {
  const stream = await on.vault.stream(owner, 'mail', never)
  for (let seq = made.end.seq; seq > 0; seq -= 1) {
    const commit = await stream.readCommit(seq, never)
    const event = commit?.events.find((one) => one.item === graphId(item))
    if (event?.op === 'put') return { ...event, seq }
  }
  return assert.fail(`there is an item ${item}`)
}

async function spoilt(vault: Vault, item: string, nth: number): Promise<number> {
  const { representations, seq } = await eventOf(vault, item)
  const [ref] = refsOf(representations[nth] ?? assert.fail('it has so many'))
  assert.ok(ref)
  const [name = ''] = namesOf(vault.on, new RegExp(`${ref.pack}\\.pk$`))
  change(vault.on, name, flipped(ref.offset + 56 + 5))
  return seq
}

interface Looking {
  plan?: VerifyPlan
  deps?: VerifyDeps
  ends?: Ends
  everyBytes?: number
  from?: Partial<ItemsPosition>
  canUnwrap?: boolean
}

async function checked(vault: Vault, looking: Looking = {}) {
  const { plan = FULL, deps = vault.on, everyBytes, from, canUnwrap } = looking
  const { ends = { mail: { last: vault.end, from: 1 } } } = looking
  const { owner } = vault
  const { work, access, told } = await workOn(deps, owner, plan)
  const on = { ...work, ...(everyBytes !== undefined && { everyBytes }) }
  const position: ItemsPosition = {
    step: 'items',
    owner,
    workload: 'mail',
    ends,
    shard: 0,
    ...from,
  }
  const as = { ...access, ...(canUnwrap !== undefined && { canUnwrap }) }
  const steps: { at: ItemsPosition; items: number; bytes: number }[] = []
  for await (const at of checkItems(on, as, position)) {
    const { items, itemBytes } = told().counts
    steps.push({ at, items, bytes: itemBytes })
  }
  const { counts, findings } = told()
  return { steps, findings, items: counts.items, bytes: counts.itemBytes }
}

/** Three commits of two items each, the one that all have, and the long one. */
const ITEMS = 8

const bytesOf = ({ representations }: Pick<StateItem, 'representations'>) =>
  representations.reduce((sum, { bytes }) => sum + bytes, 0)

async function allBytes(vault: Vault): Promise<number> {
  let sum = 0
  for (const n of [11, 12, 13]) {
    for (const name of ['a', 'b']) sum += bytesOf(await eventOf(vault, `${name}${n}`))
  }
  return sum + bytesOf(await eventOf(vault, 'same')) + bytesOf(await eventOf(vault, 'long'))
}

describe('the items of the newest state', () => {
  test('are all put together, and counted with their bytes', async () => {
    const vault = aVault()
    const { items, bytes, findings, steps } = await checked(vault)
    assert.deepEqual([findings, items, bytes], [[], ITEMS, await allBytes(vault)])
    assert.equal(steps.at(-1)?.at.shard, 1)
    assert.ok(steps.every(({ at }) => at.step === 'items' && at.ends.mail?.last.seq === 4))
  })

  test('are none where nothing can be opened, or nothing is to be', async () => {
    const vault = aVault()
    const ways: Looking[] = [
      { deps: { store: vault.on.store } },
      { ends: {} },
      { canUnwrap: false },
      { plan: HASHES },
    ]
    for (const way of ways) {
      const { items, steps, findings } = await checked(vault, way)
      assert.deepEqual([items, steps, findings], [0, [], []], JSON.stringify(way).slice(0, 80))
    }
    vault.on.keys.loseSecret(vault.owner)
    assert.deepEqual((await checked(vault)).steps, [])
  })

  test('are those of the sample', async () => {
    const vault = aVault()
    const counts: number[] = []
    for (let n = 0; n < 8; n += 1) {
      counts.push((await checked(vault, { plan: { openPercent: 40, seed: `${n}` } })).items)
    }
    assert.ok(counts.some((count) => count > 0 && count < ITEMS))
    assert.ok(counts.every((count) => count < ITEMS))
  })

  test('with a spoilt part are named, and the others are counted', async () => {
    const vault = aVault()
    const seq = await spoilt(vault, 'a12', 0)
    await spoilt(vault, 'a12', 1)
    const { findings, items } = await checked(vault)
    const item = keyHash(graphId('a12'))
    assert.deepEqual(
      findings.map((f) => [f.code, f.workload, f.seq, f.item, f.owner === vault.owner]),
      [1, 2].map(() => ['SegmentDamaged', 'mail', seq, item, true]),
    )
    assert.ok(findings.every(({ check }) => (check ?? '').length > 5))
    assert.equal(items, ITEMS - 1)
  })

  test('are checked over damaged commits: what is left is looked at', async () => {
    const { on, owner } = await ownedVault()
    const stream = await on.vault.stream(owner, 'mail', never)
    const last = (await stream.readCommit(4, never)) ?? assert.fail('it is there')
    const [part = ''] = namesOf(on, /0000000002\/.*\.mf$/)
    change(on, part, flipped(99))
    // Its base would know.
    for (const name of namesOf(on, /\.bi$/)) on.store.blobs.delete(name)
    const { seq, hash, time } = last
    const { items, findings } = await checked({ on, owner, end: { seq, hash, time } })
    // Two of the second commit are lost; the one that all have was told of again.
    assert.deepEqual([items, findings], [9 - 2, []])
  })

  test('are none where no way leads to the state, and none is sought while storage is silent', async () => {
    const { on } = aVault()
    const read = async (...[name, ...rest]: Parameters<typeof on.store.read>) => {
      if (name.endsWith('0000000002/commit.json')) {
        throw new AppError({ code: 'StorageUnavailable', kind: 'transient', message: 'planned' })
      }
      return on.store.read(name, ...rest)
    }
    const silent = { store: { ...on.store, read }, keys: on.keys }
    await assert.rejects(checked(aVault(), { deps: silent }), { code: 'StorageUnavailable' })
    const cut = aVault()
    for (const name of namesOf(cut.on, /0000000002\/commit\.json$/)) cut.on.store.blobs.delete(name)
    const { steps, findings, items } = await checked(cut)
    assert.deepEqual([steps, findings, items], [[], [], 0])
  })

  const failing = (code: string, kind: 'denied' | 'corrupt' | 'permanent' | 'transient') => ({
    unwrap: async () => {
      throw new AppError({ code, kind, message: 'planned' })
    },
  })

  for (const [code, kind, said] of [
    ['KeyMissing', 'denied', 'KeyMissing'],
    ['KeyDisabled', 'denied', 'KeyDisabled'],
    ['WrappedKeyDamaged', 'corrupt', 'SegmentMissing'],
  ] as const) {
    test(`say what a restore would fail with: ${code}`, async () => {
      const vault = aVault()
      const keys = { ...vault.on.keys, ...failing(code, kind) }
      const { findings, items } = await checked(vault, {
        deps: { store: vault.on.store, keys },
        canUnwrap: true,
      })
      assert.deepEqual([...new Set(findings.map((f) => f.code))], [said])
      assert.equal(items, 0)
    })
  }

  test('that are not what their events say are no content, though every segment opens', async () => {
    const vault = aVault()
    const { seq: _, ...event } = await eventOf(vault, 'a13')
    const forged = event.representations.map((representation) => ({
      ...representation,
      sha256: 'ab'.repeat(32),
    }))
    const stream = await vault.on.vault.stream(vault.owner, 'mail', never)
    const events = [{ ...event, item: graphId('forged'), representations: forged }]
    const written = await stream
      .begin(vault.end)
      .commit(contentOf(events), { complete: true }, never)
    assert.ok(written.outcome === 'committed')
    const { seq, hash, time } = written.commit
    const { findings, items } = await checked({ ...vault, end: { seq, hash, time } })
    assert.deepEqual(
      findings.map(({ code, item }) => [code, item]),
      forged.map(() => ['ContentDamaged', keyHash(graphId('forged'))]),
    )
    assert.equal(items, ITEMS)
  })

  test('end the verification where nobody answers, also amid a long one', async () => {
    const vault = aVault()
    const { work, access } = await workOn(vault.on, vault.owner)
    const ends = { mail: { last: vault.end, from: 1 } }
    const position: ItemsPosition = {
      step: 'items',
      owner: vault.owner,
      workload: 'mail',
      ends,
      shard: 0,
    }
    for (const everyBytes of [work.everyBytes, 10]) {
      for (const code of ['KeyStoreUnavailable', 'KeyDenied']) {
        const kind = code === 'KeyDenied' ? 'denied' : 'transient'
        const keys = { ...vault.on.keys, ...failing(code, kind) }
        const steps = checkItems({ ...work, keys, everyBytes }, access, position)
        await assert.rejects(allOf(steps), { code })
      }
    }
  })
})

describe('a verification of items tells how far it is', () => {
  test('after so many bytes of them, and goes on from there to the same end', async () => {
    const vault = aVault()
    const everyBytes = 15_000
    const whole = await checked(vault, { everyBytes })
    assert.equal(whole.items, ITEMS)
    assert.ok(whole.steps.length > 4)
    for (const { at, items, bytes } of whole.steps) {
      const rest = await checked(vault, { everyBytes, from: at })
      assert.deepEqual(
        [items + rest.items, bytes + rest.bytes],
        [whole.items, whole.bytes],
        JSON.stringify(at),
      )
    }
  })

  test('after each where all are longer than that', async () => {
    const { steps } = await checked(aVault(), { everyBytes: 1 })
    const after = steps.flatMap(({ at }) => (at.after === undefined || at.within ? [] : [at.after]))
    assert.deepEqual(after, [...new Set(after)])
    assert.equal(after.length, ITEMS)
  })

  test('after so many of them', async () => {
    const on = memoryVault()
    await on.vault.prepare(never)
    const owner = await registered(on.vault)
    const writer = (await on.vault.stream(owner, 'mail', never)).begin(undefined)
    const events = []
    for (let n = 0; n < 130; n += 1) {
      const content = version(`${n}`, randomBytes(5))
      events.push(putEvent(`${n}`, await writer.addVersion(content, never)))
    }
    const result = await writer.commit(contentOf(events), { complete: true }, never)
    assert.ok(result.outcome === 'committed')
    const { seq, hash, time } = result.commit
    const { steps } = await checked({ on, owner, end: { seq, hash, time } })
    assert.deepEqual(
      steps.map(({ items }) => items),
      [64, 128, 130, 130],
    )
  })

  test('amid long content, piece by piece', async () => {
    const vault = aVault()
    const long = keyHash(graphId('long'))
    const { steps, items } = await checked(vault, { everyBytes: 1.5 * PIECE })
    const amid = steps.flatMap(({ at }) => (at.within ? [at.within] : []))
    const parts = (await eventOf(vault, 'long')).representations
    const sliced = parts.findIndex(({ digest }) => digest === 'segments')
    assert.ok(sliced >= 0)
    assert.deepEqual(
      amid.filter(({ offset }) => offset > 0),
      [2, 4].map((n) => ({ part: sliced, offset: n * PIECE, isWhole: true })),
    )
    assert.deepEqual(
      amid.filter(({ offset }) => offset === 0),
      parts.map((_, n) => ({ part: n + 1, offset: 0, isWhole: true })),
    )
    assert.equal(items, ITEMS)
    assert.ok(steps.some(({ at }) => at.after === long && !at.within))
  })

  test('and remembers that what came before was not whole', async () => {
    const vault = aVault()
    const parts = (await eventOf(vault, 'long')).representations
    const first = parts.findIndex(({ digest }) => digest !== 'segments')
    await spoilt(vault, 'long', first)
    const everyBytes = 1.5 * PIECE
    const whole = await checked(vault, { everyBytes })
    assert.deepEqual([whole.items, whole.findings.length], [ITEMS - 1, 1])
    const later = whole.steps.filter(({ at }) => at.within && !at.within.isWhole)
    assert.ok(later.length > 0)
    for (const { at, items } of later) {
      const rest = await checked(vault, { everyBytes, from: at })
      assert.deepEqual([items + rest.items, rest.findings], [ITEMS - 1, []])
    }
  })
})
