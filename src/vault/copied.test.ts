/** A vault that was copied into another storage account, on the storage simulator. */
import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { DAY_MS, SimulatedStorage } from '../../sandbox/storage/index.ts'
import { hasCode } from '../model/errors.ts'
import type { CommitRef } from '../model/events.ts'
import type { OwnerId } from '../model/ids.ts'
import type { BlobStore } from '../ports.ts'
import { copiedVault, createVault, recoveryPoints } from './index.ts'
import { COMMIT_VOIDS_MAX } from './limits.ts'
import { collect, contentOf, never, random, registered, vaultOn } from './testing/fixture.ts'
import { codesOf, FULL, fillVault, verify } from './verify/testing/vaults.ts'

/** Two owners, and a third whose chain is longer than a reader passes over void commits. */
async function make() {
  const storage = new SimulatedStorage({ seed: 1 })
  const { vault: store, keys } = storage.open('account', storage.process('writer'))
  const { clock } = storage
  const vault = vaultOn({ store, keys, clock, packBytes: 64 * 1024 })
  const { owner } = await fillVault({ vault, clock })
  const long = await registered(vault)
  const stream = await vault.stream(long, 'mail', never)
  let last: CommitRef | undefined
  for (let n = 0; n < COMMIT_VOIDS_MAX + 4; n += 1) {
    clock.advance(3_600_000)
    const done = await stream.begin(last).commit(contentOf([]), { complete: true }, never)
    assert.ok(done.outcome === 'committed')
    last = done.commit
  }
  return { store, keys, clock, owner, long }
}

let original: Awaited<ReturnType<typeof make>>

before(async () => {
  original = await make()
})

/** A month later, blob by blob, the newest first: as a tool does that copies several at once. */
async function copied(isLeft: (name: string) => boolean = () => false): Promise<BlobStore> {
  const storage = new SimulatedStorage({ seed: 2 })
  const { vault: copy, clock } = storage.open('account', storage.process('copier'))
  clock.advance(30 * DAY_MS)
  const names = await collect(original.store.list('', never))
  for (const { name } of names.toReversed().filter((stat) => !isLeft(stat.name))) {
    clock.advance(60_000)
    const blob = await original.store.read(name, never)
    await copy.create(name, blob?.bytes ?? new Uint8Array(), never)
  }
  return copy
}

async function pointsIn(vault: BlobStore, owner: OwnerId): Promise<(string | number)[][]> {
  const { keys, clock } = original
  const api = createVault({ vault, keys, clock, random, toolVersion: 'holdfast/test' })
  const stream = await api.stream(owner, 'mail', never)
  return (await collect(recoveryPoints(stream, never))).map(({ seq, time }) => [seq, time])
}

describe('a vault that was copied into another account', () => {
  test('looks forged by the times at which its blobs were created there', async () => {
    const store = await copied()
    const report = await verify({ store, keys: original.keys }, FULL)
    assert.ok(codesOf(report).includes('CommitVoid'))
    assert.ok(codesOf(report).includes('ChainBlocked'))
    await assert.rejects(pointsIn(store, original.long), (e) => hasCode(e, 'ChainBlocked'))
  })

  test('has the points and the content of the original when it is read as a copy', async () => {
    const store = copiedVault(await copied())
    const report = await verify({ store, keys: original.keys }, FULL)
    assert.deepEqual([report.findings, report.outcome], [[], 'verified'])
    for (const owner of [original.owner, original.long]) {
      assert.deepEqual(await pointsIn(store, owner), await pointsIn(original.store, owner))
    }
  })

  test('begins at its base when it is read as a copy, if what precedes it has expired', async () => {
    const isExpired = (name: string) => /^c\/[0-9a-f]{32}\/mail\/000000000[123]\//.test(name)
    const mine = (name: string) => isExpired(name) && name.includes(original.owner)
    const store = copiedVault(await copied(mine))
    assert.deepEqual(codesOf(await verify({ store, keys: original.keys }, FULL)), [
      'ChainBeginsAtBase',
    ])
    const all = await pointsIn(original.store, original.owner)
    assert.deepEqual(await pointsIn(store, original.owner), all.slice(-1))
  })

  test('is only read', async () => {
    const store = copiedVault(await copied())
    await assert.rejects(store.create('a', new Uint8Array(1), never), { code: 'StorageReadOnly' })
    assert.equal((await store.stat('format.json', never))?.createdAt, undefined)
    assert.equal((await store.read('format.json', never))?.stat.createdAt, undefined)
  })
})
