/** What commits name, without a key, and what of it has to be locked. */
import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { AppError } from '../../model/errors.ts'
import type { CommitRef, PutEvent } from '../../model/events.ts'
import type { OwnerId } from '../../model/ids.ts'
import { packOfName } from '../names.ts'
import {
  contentOf,
  forkOf,
  memoryVault,
  never,
  registered,
  type TestVault,
} from '../testing/fixture.ts'
import { baseOf } from '../testing/states.ts'
import type { VerifyDeps } from './index.ts'
import { namedBlobs } from './named-blobs.ts'
import { neededNames } from './needed-names.ts'
import type { Ends } from './progress.ts'
import { addCommit, change, flipped, HASHES, namesOf, workOn } from './testing/vaults.ts'

interface Vault {
  on: TestVault
  owner: OwnerId
  /** The end of the chain, and the seq at which it begins. */
  ends: Ends
}

let made: Vault
before(async () => {
  const on = memoryVault()
  await on.vault.prepare(never)
  const owner = await registered(on.vault)
  const stream = await on.vault.stream(owner, 'mail', never)
  let last: CommitRef | undefined
  for (const n of [11, 2]) last = await addCommit(on, owner, last, n)
  assert.ok(last)
  const base = await baseOf(stream, last)
  const add = async (from: CommitRef, events: PutEvent[], options = {}): Promise<CommitRef> => {
    on.clock.advance(60_000)
    const content = contentOf(events)
    const result = await stream.begin(from).commit(content, { complete: true, ...options }, never)
    assert.ok(result.outcome === 'committed')
    const { seq, hash, time } = result.commit
    return { seq, hash, time }
  }
  last = await add(last, [], { base })
  // An item of the first commit is told of again: its pack is used, and was added before.
  const first = (await stream.readCommit(1, never)) ?? assert.fail('it is there')
  const again = first.events.filter((event) => event.op === 'put').slice(0, 1)
  last = await add(last, again)
  made = { on, owner, ends: { mail: { last, from: 1 } } }
})

const aVault = (): Vault => ({ ...made, on: forkOf(made.on) })
const packOf = (commit: { packs: readonly { id: string }[] } | undefined) => commit?.packs[0]?.id

async function namedIn({ on, owner, ends }: Vault, deps: VerifyDeps = on) {
  const { work, access } = await workOn(deps, owner, HASHES)
  const named = await namedBlobs(work, access, ends)
  const isNeeded = await neededNames(work, access, { ends, named })
  return { named, isNeeded }
}

/** The first commits have expired; the base of the third one says what was there. */
function expired(): Vault {
  const vault = aVault()
  for (const name of namesOf(vault.on, /\/mail\/000000000[12]\/.*\.(json|mf)$/)) {
    vault.on.store.blobs.delete(name)
  }
  const last = made.ends.mail?.last ?? assert.fail('it ends')
  return { ...vault, ends: { mail: { last, from: 3 } } }
}

async function packsBySeq({ on, owner }: Vault) {
  const stream = await on.vault.stream(owner, 'mail', never)
  const [one, two] = [await stream.readCommit(1, never), await stream.readCommit(2, never)]
  return { one: packOf(one), two: packOf(two) }
}

describe('what the commits of an owner name', () => {
  test('is every pack, with the commit that adds it, with a key and without', async () => {
    const vault = aVault()
    const { one, two } = await packsBySeq(vault)
    for (const deps of [vault.on, { store: vault.on.store }]) {
      const { named } = await namedIn(vault, deps)
      const all = namesOf(vault.on, /\.pk$/).map(packOfName)
      assert.deepEqual([...named.packs.keys()].sort(), all.sort())
      for (const [id, { workload, seq, added }] of named.packs) {
        const [name = ''] = namesOf(vault.on, new RegExp(`packs/.*${id}`))
        assert.deepEqual([workload, seq === 1 || seq === 2], ['mail', true])
        assert.equal(added?.bytes, vault.on.store.blobs.get(name)?.bytes.length)
        assert.equal(added?.inline, seq === 1)
        assert.match(added?.index ?? '', /^[0-9a-f]{64}$/)
      }
      assert.equal([...named.packs].find(([id]) => id === one)?.[1].seq, 1)
      assert.equal([...named.packs].find(([id]) => id === two)?.[1].seq, 2)
    }
  })

  test('is every part that lies beside a commit, and the indexes of bases', async () => {
    const vault = aVault()
    const { named } = await namedIn(vault)
    assert.deepEqual([...named.parts].sort(), namesOf(vault.on, /\.(mf|bi)$/))
    assert.deepEqual(named.bases, [{ workload: 'mail', seq: 3, asOf: 2 }])
  })

  test('is nothing of a stream that has no end', async () => {
    const vault: Vault = { ...aVault(), ends: {} }
    const { named } = await namedIn(vault)
    assert.deepEqual([named.packs.size, named.parts.size, named.bases], [0, 0, []])
  })

  test('are the packs that its beginning holds, where the commits that added them are gone', async () => {
    const vault = expired()
    const { one, two } = await packsBySeq(made)
    const { named } = await namedIn(vault)
    const [first, second] = [one, two].map((pack) => [...named.packs].find(([id]) => id === pack))
    // The last commit uses it.
    assert.deepEqual(first?.[1], { workload: 'mail', seq: 4 })
    assert.deepEqual(second?.[1], { workload: 'mail', seq: 3 })
    assert.deepEqual([...named.parts].sort(), namesOf(vault.on, /\.(mf|bi)$/))
  })

  test('are those that later commits use, where nothing can be opened', async () => {
    const vault = expired()
    const { one } = await packsBySeq(made)
    const { named } = await namedIn(vault, { store: vault.on.store })
    assert.deepEqual([...named.packs], [[one, { workload: 'mail', seq: 4 }]])
  })

  test('are those, too, where the base is damaged', async () => {
    const vault = expired()
    for (const name of namesOf(vault.on, /\.bs$/)) change(vault.on, name, flipped(50))
    const { one } = await packsBySeq(made)
    const { named } = await namedIn(vault)
    assert.deepEqual([...named.packs.keys()], [one])
  })

  test('cannot be told while storage does not answer', async () => {
    const vault = expired()
    const { store, keys } = vault.on
    const read = async (...[name, ...rest]: Parameters<typeof store.read>) => {
      if (name.endsWith('.bs')) {
        throw new AppError({ code: 'StorageUnavailable', kind: 'transient', message: 'planned' })
      }
      return store.read(name, ...rest)
    }
    await assert.rejects(namedIn(vault, { store: { ...store, read }, keys }), {
      code: 'StorageUnavailable',
    })
  })

  test('ends where a commit was taken away meanwhile', async () => {
    const vault = aVault()
    for (const name of namesOf(vault.on, /0000000001\/commit\.json$/)) {
      vault.on.store.blobs.delete(name)
    }
    const { named } = await namedIn(vault)
    const { one } = await packsBySeq(made)
    assert.deepEqual([...named.packs].find(([id]) => id === one)?.[1], {
      workload: 'mail',
      seq: 4,
    })
  })
})

describe('what is needed, and has to be locked', () => {
  const HASH = 'ab'.repeat(32)

  test('is every blob of an owner from whom nothing has expired', async () => {
    const vault = aVault()
    for (const deps of [vault.on, { store: vault.on.store }]) {
      const { isNeeded } = await namedIn(vault, deps)
      const names = namesOf(vault.on, new RegExp(vault.owner))
      assert.ok(names.length > 10)
      assert.deepEqual(
        names.filter((name) => !isNeeded(name)),
        [],
      )
    }
  })

  test('is no pack, part or part of a base that nothing names', async () => {
    const vault = aVault()
    const { isNeeded } = await namedIn(vault)
    const { owner } = vault
    for (const name of [
      `packs/${owner}/2026-03/${HASH}.pk`,
      `idx/${owner}/2026-03/${HASH}.ix`,
      `c/${owner}/mail/0000000002/${HASH}.mf`,
      `c/${owner}/mail/0000000002/${HASH}.bs`,
      `c/${owner}/mail/0000000003/${HASH}.bi`,
    ]) {
      assert.ok(!isNeeded(name), name)
    }
  })

  test('is every part where that of a base would lie, while its index cannot be read', async () => {
    const damaged = aVault()
    for (const name of namesOf(damaged.on, /\.bi$/)) change(damaged.on, name, flipped(50))
    const vault = aVault()
    for (const [{ owner }, { isNeeded }] of [
      [damaged, await namedIn(damaged)],
      [vault, await namedIn(vault, { store: vault.on.store })],
    ] as const) {
      assert.ok(isNeeded(`c/${owner}/mail/0000000002/${HASH}.bs`))
      assert.ok(!isNeeded(`c/${owner}/mail/0000000002/${HASH}.mf`))
      assert.ok(!isNeeded(`c/${owner}/mail/0000000003/${HASH}.bs`))
      assert.ok(!isNeeded(`c/${owner}/drive/0000000002/${HASH}.bs`))
    }
  })

  test('are commits from the beginning of their chain on', async () => {
    const vault = expired()
    const { isNeeded } = await namedIn(vault)
    const commit = (seq: number, workload = 'mail') =>
      `c/${vault.owner}/${workload}/${`${seq}`.padStart(10, '0')}/commit.json`
    assert.deepEqual(
      [1, 2, 3, 4, 5, 30].map((seq) => isNeeded(commit(seq))),
      [false, false, true, true, true, true],
    )
    // Of these no chain could be read, or is known.
    for (const workload of ['drive', 'unheard']) assert.ok(isNeeded(commit(1, workload)))
    assert.ok(isNeeded(`owners/${vault.owner}/1.json`))
    assert.ok(!isNeeded(`${commit(9)}.bak`) && !isNeeded(`x/${commit(9)}`))
  })
})
