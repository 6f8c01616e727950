/** One chain at a time, for who can open its commits and for who has no key. */
import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { AppError } from '../../model/errors.ts'
import { COMMIT_VOIDS_MAX } from '../limits.ts'
import { commitName } from '../names.ts'
import { contentOf, forkOf, never } from '../testing/fixture.ts'
import { checkChain, endsAfter } from './chain-check.ts'
import type { VerifyDeps } from './index.ts'
import type { Position } from './progress.ts'
import {
  change,
  flipped,
  HASHES,
  namesOf,
  type OwnedVault,
  ownedVault,
  workOn,
} from './testing/vaults.ts'

type ChainPosition = Extract<Position, { step: 'chain' }>

let made: OwnedVault
before(async () => {
  made = await ownedVault()
})

const aVault = (): OwnedVault => ({ ...made, on: forkOf(made.on) })
const streamOf = ({ owner }: OwnedVault) => ({ owner, workload: 'mail' }) as const
const named = (vault: OwnedVault, seq: number) => commitName(streamOf(vault), seq)
const beside = ({ on, owner }: OwnedVault, seq: number) =>
  namesOf(on, new RegExp(`${owner}/mail/000000000${seq}/.*\\.mf$`))

async function walked(vault: OwnedVault, deps: VerifyDeps, from: Partial<ChainPosition> = {}) {
  const { work, access, told } = await workOn(deps, vault.owner, HASHES)
  const begin: ChainPosition = { step: 'chain', ...streamOf(vault), ends: {}, ...from }
  const steps = checkChain(work, access, begin)
  const passed: ChainPosition[] = []
  for (;;) {
    const { done, value } = await steps.next()
    if (done) {
      const { counts, findings } = told()
      const found = findings.map(({ code, seq, check }) => [code, seq, ...(check ? [check] : [])])
      return { end: value, passed, counts, findings, found }
    }
    passed.push(value)
  }
}

/** Both ways to look at a chain. */
async function bothWays(vault: OwnedVault, deps: VerifyDeps = vault.on) {
  const keyless = { store: deps.store }
  return { keyed: await walked(vault, deps), keyless: await walked(vault, keyless) }
}

const garbage = (vault: OwnedVault, seq: number, text = '{"holdfast":1}') =>
  vault.on.store.create(named(vault, seq), Buffer.from(text), never)

describe('a chain', () => {
  test('in order is counted commit by commit, events where they can be opened', async () => {
    const vault = aVault()
    const { keyed, keyless } = await bothWays(vault)
    for (const { found, passed, end, counts } of [keyed, keyless]) {
      assert.deepEqual(found, [])
      assert.deepEqual([counts.streams, counts.commits], [1, 5])
      assert.deepEqual(
        passed.map((position) => position.end?.last?.seq),
        [1, 2, 3, 4, 5],
      )
      assert.ok(passed.every(({ from, end: at }) => from === 1 && at?.voids.length === 0))
      assert.equal(end.end?.last?.seq, 5)
    }
    assert.deepEqual(keyless.end, keyed.end)
    assert.deepEqual([keyed.counts.events, keyless.counts.events], [12, 0])
  })

  test('that is not there is none: nothing is counted', async () => {
    const vault = aVault()
    const { found, counts, end } = await walked(vault, vault.on, { workload: 'drive' })
    assert.deepEqual([found, counts.streams, end.end], [[], 0, undefined])
  })

  test('of which one commit was deleted has a gap, which is where it ends', async () => {
    const vault = aVault()
    vault.on.store.blobs.delete(named(vault, 3))
    for (const { found, end, findings, counts } of Object.values(await bothWays(vault))) {
      assert.deepEqual(found, [['ChainGap', 3]])
      assert.equal(findings[0]?.blob, named(vault, 3))
      assert.deepEqual([end.end?.last?.seq, counts.commits, counts.streams], [2, 2, 1])
    }
  })

  test('to which a commit comes meanwhile has no gap, and one of two commits later has', async () => {
    const vault = aVault()
    for (const [seq, expected] of [
      [6, []],
      [7, [['ChainGap', 6]]],
    ] as const) {
      const later = named(vault, seq)
      const { store, keys } = vault.on
      const growing = {
        ...store,
        async *list(prefix: string, signal: AbortSignal) {
          yield* store.list(prefix, signal)
          const stat = { name: later, bytes: 1, createdAt: new Date() }
          if (later.startsWith(prefix)) yield stat
        },
      }
      for (const deps of [{ store: growing, keys }, { store: growing }]) {
        assert.deepEqual((await walked(vault, deps)).found, expected)
      }
    }
  })

  test('that ends in garbage says where, and looks for no gap behind it', async () => {
    const vault = aVault()
    await garbage(vault, 6)
    await garbage(vault, 7)
    await garbage(vault, 9)
    for (const { found, findings, end, counts } of Object.values(await bothWays(vault))) {
      assert.deepEqual(found, [
        ['CommitVoid', 6],
        ['CommitVoid', 7],
      ])
      assert.deepEqual(
        findings.map(({ blob }) => blob),
        [named(vault, 6), named(vault, 7)],
      )
      assert.equal(counts.commits, 5)
      assert.equal(end.end?.last?.seq, 5)
      assert.deepEqual(
        end.end?.voids.map(({ seq, sha256 }) => [seq, sha256.length]),
        [
          [6, 64],
          [7, 64],
        ],
      )
    }
  })

  test('whose next commit passes the garbage goes on', async () => {
    const vault = aVault()
    const { on, owner } = vault
    await garbage(vault, 6)
    const stream = await on.vault.stream(owner, 'mail', never)
    const last = (await walked(vault, on)).end.end
    assert.ok(last?.last)
    const result = await stream
      .begin(last.last, last.voids)
      .commit(contentOf([]), { complete: true }, never)
    assert.equal(result.outcome, 'committed')
    for (const { found, findings, end, passed } of Object.values(await bothWays(vault))) {
      assert.deepEqual(found, [['CommitVoidPassed', 6]])
      assert.equal(findings[0]?.blob, named(vault, 6))
      assert.deepEqual([end.end?.last?.seq, end.end?.voids], [7, []])
      assert.equal(passed.length, 7)
    }
  })

  test('with a commit that continues another past is void from there on', async () => {
    const vault = aVault()
    const { on, owner } = vault
    const stream = await on.vault.stream(owner, 'mail', never)
    const last = (await walked(vault, on)).end.end?.last ?? assert.fail('it ends')
    const forged = { ...last, hash: 'ab'.repeat(32) }
    await stream.begin(forged).commit(contentOf([]), { complete: true }, never)
    for (const { found } of Object.values(await bothWays(vault))) {
      assert.deepEqual(found, [['CommitVoid', 6]])
    }
  })

  test('with more garbage than a commit may pass is blocked', async () => {
    const vault = aVault()
    for (let n = 0; n <= COMMIT_VOIDS_MAX; n += 1) await garbage(vault, 6 + n)
    await garbage(vault, 40)
    for (const { found, findings, end, counts } of Object.values(await bothWays(vault))) {
      assert.deepEqual(found[0], ['ChainBlocked', 6 + COMMIT_VOIDS_MAX])
      assert.equal(findings[0]?.blob, named(vault, 6 + COMMIT_VOIDS_MAX))
      assert.equal(found.length, 1 + COMMIT_VOIDS_MAX)
      assert.ok(found.slice(1).every(([code]) => code === 'CommitVoid'))
      assert.equal(end.end?.voids.length, COMMIT_VOIDS_MAX)
      assert.equal(counts.streams, 1)
    }
  })

  test('with a commit of a later format is read up to there, and no gap is looked for', async () => {
    const vault = aVault()
    change(vault.on, named(vault, 3), (bytes) =>
      Buffer.from(bytes.toString().replace('{"holdfast":1', '{"holdfast":2')),
    )
    for (const { found, findings, end } of Object.values(await bothWays(vault))) {
      assert.deepEqual(found, [['FormatUnknown', 3]])
      assert.equal(findings[0]?.blob, named(vault, 3))
      assert.equal(end.end?.last?.seq, 2)
    }
  })

  test('that cannot be read from storage ends the verification', async () => {
    const vault = aVault()
    const read = async () => {
      throw new AppError({ code: 'StorageUnavailable', kind: 'transient', message: 'planned' })
    }
    const { work, access } = await workOn(vault.on, vault.owner)
    const begin: ChainPosition = { step: 'chain', ...streamOf(vault), ends: {} }
    const steps = checkChain({ ...work, store: { ...work.store, read } }, access, begin)
    await assert.rejects(steps.next(), { code: 'StorageUnavailable' })
  })
})

describe('a part of a commit', () => {
  for (const [how, spoil, check] of [
    ['that is missing', undefined, 'a part is there'],
    ['that was changed', flipped(5000), 'a part has the hash that its commit names'],
    ['that was cut', (b: Buffer) => b.subarray(0, -1), 'a part has the hash that its commit names'],
    [
      'to which something was added',
      (b: Buffer) => Buffer.concat([b, b]),
      'a part has the hash that its commit names',
    ],
  ] as const) {
    test(`${how} damages its commit, and the chain goes on`, async () => {
      const vault = aVault()
      const [name = ''] = beside(vault, 2)
      if (spoil) change(vault.on, name, spoil)
      else vault.on.store.blobs.delete(name)
      for (const { found, findings, counts, end } of Object.values(await bothWays(vault))) {
        assert.deepEqual(found, [['CommitDamaged', 2, check]])
        assert.equal(findings[0]?.blob, name)
        assert.deepEqual([counts.commits, end.end?.last?.seq], [5, 5])
      }
    })
  }

  test('is read no further than its commit says', async () => {
    const vault = aVault()
    const [name = ''] = beside(vault, 2)
    const lengths: number[] = []
    const { store } = vault.on
    const spying = {
      ...store,
      read: async (...[of, signal, range]: Parameters<typeof store.read>) => {
        if (of === name) lengths.push(range?.bytes ?? Infinity)
        return store.read(of, signal, range)
      },
    }
    await walked(vault, { store: spying })
    assert.deepEqual(lengths, [(store.blobs.get(name)?.bytes.length ?? 0) + 1])
  })
})

describe('a chain whose first commits are gone', () => {
  const begun = () => {
    const vault = aVault()
    for (const seq of [1, 2, 3]) vault.on.store.blobs.delete(named(vault, seq))
    return vault
  }

  test('begins at its base', async () => {
    const vault = begun()
    const { found, end, counts, passed } = await walked(vault, vault.on)
    assert.deepEqual(found, [['ChainBeginsAtBase', 4]])
    assert.deepEqual([end.from, end.end?.last?.seq, counts.commits], [5, 5, 1])
    assert.ok(passed.every(({ from }) => from === 5))
    assert.deepEqual(endsAfter(end), { mail: { last: end.end?.last, from: 5 } })
  })

  test('cannot be read from anywhere on without a key, and that is said', async () => {
    const vault = begun()
    const { found, findings, end, counts, passed } = await walked(vault, { store: vault.on.store })
    assert.deepEqual(found, [['ChainGap', 1]])
    assert.equal(findings[0]?.blob, named(vault, 1))
    assert.deepEqual([end.end, counts.commits, counts.streams, passed], [undefined, 0, 1, []])
    assert.deepEqual(endsAfter(end), {})
  })

  test('nor where its base is gone, too', async () => {
    const vault = begun()
    for (const name of namesOf(vault.on, /\.bi$/)) vault.on.store.blobs.delete(name)
    const { found, counts, end } = await walked(vault, vault.on)
    assert.deepEqual([found, counts.streams, end.end], [[['ChainGap', 1]], 1, undefined])
  })

  test('is gone on with from a place between, with what was said before', async () => {
    const vault = begun()
    const { passed } = await walked(vault, vault.on)
    const [first] = passed
    assert.ok(first)
    const { found, end, counts } = await walked(vault, vault.on, first)
    assert.deepEqual([found, counts.commits, end.from], [[], 0, 5])
  })
})

test('what the chain ended with is known to the checks after it, from the first commit on', () => {
  const last = { seq: 5, hash: 'ab'.repeat(32), time: '2026-03-01T10:00:00.000Z' }
  const { owner } = made
  const ends = { drive: { last, from: 3 } }
  const at: ChainPosition = { step: 'chain', owner, workload: 'mail', ends }
  assert.deepEqual(endsAfter(at), ends)
  assert.deepEqual(endsAfter({ ...at, end: { voids: [] } }), ends)
  assert.deepEqual(endsAfter({ ...at, end: { last, voids: [] } }), {
    ...ends,
    mail: { last, from: 1 },
  })
})
