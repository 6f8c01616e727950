/**
 * What the simulator knows of locks, holds, tiers, soft delete and failover beyond the product's
 * ports: administrators, thieves and lifecycle rules. What the ports promise is in test/contract.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { collect } from '../../src/vault/testing/fixture.ts'
import {
  type ContainerOptions,
  DAY_MS,
  IDENTITIES,
  type IdentityName,
  ProcessDied,
  SimulatedStorage,
} from './index.ts'

const never = new AbortController().signal
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const { account, writer, restorer, reader, keeper, expirer } = IDENTITIES
const LOCKED: ContainerOptions = { policy: { days: 60, mode: 'Locked' } }
const UNLOCKED: ContainerOptions = { policy: { days: 60, mode: 'Unlocked' } }

function storageWith(blobs: ContainerOptions = {}): SimulatedStorage {
  return new SimulatedStorage({ seed: 1, blobs })
}

/** A storage that holds one blob, written by the backup. */
function holding(blobs: ContainerOptions = {}) {
  const storage = storageWith(blobs)
  const { vault } = storage
  vault.create(writer, 'a', bytes('1'))
  const [version] = vault.versionsOf('a')
  assert.ok(version)
  return { storage, vault, version, id: version.id }
}

function opened(storage: SimulatedStorage, role: IdentityName) {
  const process = storage.process(role)
  return { process, ...storage.open(role, process) }
}

const lockedFor = (storage: SimulatedStorage, days: number) =>
  ({ untilMs: storage.clock.now() + days * DAY_MS, mode: 'Locked' }) as const

describe('the default policy', () => {
  for (const [mode, blobs] of Object.entries({ Locked: LOCKED, Unlocked: UNLOCKED })) {
    test(`is inherited by a new blob with its mode: ${mode}`, () => {
      const { version } = holding(blobs)
      const untilMs = version.createdAt.getTime() + 60 * DAY_MS
      assert.deepEqual(version.lock, { untilMs, mode })
    })
  }

  test('does not reach the versions that are there when it changes', () => {
    const { vault, version } = holding(UNLOCKED)
    vault.setPolicy({ days: 90, mode: 'Locked' })
    assert.deepEqual(vault.versionsOf('a')[0]?.lock, version.lock)
    vault.create(writer, 'b', bytes('1'))
    assert.equal(vault.versionsOf('b')[0]?.lock?.mode, 'Locked')
  })

  test('is shortened and removed while it is unlocked, and only extended once it is locked', () => {
    const { vault } = storageWith(UNLOCKED)
    vault.setPolicy({ days: 30, mode: 'Unlocked' })
    vault.setPolicy(undefined)
    vault.setPolicy({ days: 30, mode: 'Locked' })
    vault.setPolicy({ days: 31, mode: 'Locked' })
    const refused = { code: 'LockRefused' }
    assert.throws(() => vault.setPolicy({ days: 30, mode: 'Locked' }), refused)
    assert.throws(() => vault.setPolicy({ days: 99, mode: 'Unlocked' }), refused)
    assert.throws(() => vault.setPolicy(undefined), refused)
    assert.deepEqual(vault.policy, { days: 31, mode: 'Locked' })
  })

  test('has 1 to 146,000 days', () => {
    const { vault } = storageWith()
    for (const days of [0, 1.5, 146_001]) {
      assert.throws(() => vault.setPolicy({ days, mode: 'Unlocked' }), { code: 'StorageFault' })
    }
  })

  test('a blob that is uploaded with a lock of its own, or with none, does not inherit it', () => {
    const { vault, clock } = storageWith(LOCKED)
    const own = { untilMs: clock.now() + DAY_MS, mode: 'Unlocked' } as const
    vault.overwrite(writer, 'own', bytes('1'), { lock: own })
    vault.overwrite(writer, 'bare', bytes('1'), { lock: 'none' })
    assert.equal(vault.versionsOf('own')[0]?.lock?.mode, 'Unlocked')
    assert.equal(vault.versionsOf('bare')[0]?.lock, undefined)
  })
})

describe('a protected version', () => {
  test('is deleted by nobody before its lock ends, not even by the key of the account', () => {
    const { storage, vault, id } = holding(LOCKED)
    for (const who of [expirer, account]) {
      assert.throws(() => vault.deleteBlob(who, 'a'), {
        code: 'BlobLocked',
        context: { status: 409, storageCode: 'BlobImmutableDueToPolicy' },
      })
      vault.overwrite(account, 'a', bytes('2'))
      assert.throws(() => vault.deleteVersion(who, 'a', id), { code: 'BlobLocked' })
    }
    storage.clock.advance(60 * DAY_MS)
    vault.deleteVersion(expirer, 'a', id)
    assert.deepEqual(
      vault.versionsOf('a').map((version) => Buffer.from(version.bytes).toString()),
      ['2', '2'],
    )
  })

  test('is hidden by a thief who may write and delete, and stays whole', async () => {
    const { storage, vault } = holding(LOCKED)
    // An empty version on top, unlocked, then without a policy, then deleted by name.
    const lock = { untilMs: storage.clock.now() + DAY_MS, mode: 'Unlocked' } as const
    vault.overwrite(account, 'a', new Uint8Array(0), { lock })
    const marker = vault.currentOf('a')?.id ?? ''
    vault.clearLock(account, 'a', marker)
    vault.deleteBlob(account, 'a')
    vault.deleteVersion(account, 'a', marker)
    const ports = opened(storage, 'keeper')
    assert.equal(await ports.vault.read('a', never), undefined)
    assert.deepEqual(await collect(ports.vault.list('', never)), [])
    const [hidden] = await collect(ports.locks.vault.versions('', never))
    assert.ok(hidden?.current === false)
    const back = await ports.locks.vault.readVersion('a', hidden.version, never)
    assert.deepEqual(back, bytes('1'))
  })

  test('may be written again under its name, and the new version is not protected by the old one', () => {
    const { vault, id } = holding()
    vault.setHold(keeper, 'a', id, true)
    vault.overwrite(account, 'a', bytes('2'))
    assert.deepEqual(
      vault.versionsOf('a').map((version) => version.held),
      [true, false],
    )
  })

  test('names its hold before its lock, and outlives the lock by the hold', () => {
    const { storage, vault, id } = holding(LOCKED)
    vault.setHold(keeper, 'a', id, true)
    assert.throws(() => vault.deleteBlob(expirer, 'a'), {
      code: 'BlobHeld',
      context: { status: 409, storageCode: 'BlobImmutableDueToLegalHold' },
    })
    storage.clock.advance(61 * DAY_MS)
    assert.throws(() => vault.deleteBlob(expirer, 'a'), { code: 'BlobHeld' })
    vault.setHold(keeper, 'a', id, false)
    vault.deleteBlob(expirer, 'a')
  })
})

describe('the lock of a version', () => {
  test('is shortened and removed while it is unlocked', () => {
    const { storage, vault, id } = holding(UNLOCKED)
    const shorter = { untilMs: storage.clock.now() + DAY_MS, mode: 'Unlocked' } as const
    vault.setLock(keeper, 'a', id, shorter)
    vault.clearLock(keeper, 'a', id)
    vault.deleteBlob(expirer, 'a')
  })

  test('once locked is never shortened, unlocked or removed, also after its end', () => {
    const { storage, vault, id } = holding(LOCKED)
    const wrong = () => {
      assert.throws(() => vault.clearLock(account, 'a', id), {
        code: 'LockRefused',
        context: { status: 409, storageCode: 'ImmutabilityPolicyDeleteOnLockedPolicy' },
      })
      const unlocked = { ...lockedFor(storage, 99), mode: 'Unlocked' } as const
      assert.throws(() => vault.setLock(account, 'a', id, unlocked), { code: 'LockRefused' })
    }
    wrong()
    assert.throws(() => vault.setLock(account, 'a', id, lockedFor(storage, 59)), {
      code: 'LockRefused',
    })
    storage.clock.advance(61 * DAY_MS)
    wrong()
    vault.setLock(keeper, 'a', id, lockedFor(storage, 1))
    assert.throws(() => vault.deleteBlob(expirer, 'a'), { code: 'BlobLocked' })
  })

  test('that its creation gave counts from the second of its creation', () => {
    const { storage, vault, version } = holding(LOCKED)
    storage.clock.advance(version.createdAt.getTime() + 60 * DAY_MS - 1 - storage.clock.now())
    assert.throws(() => vault.deleteBlob(expirer, 'a'), { code: 'BlobLocked' })
    storage.clock.advance(1)
    vault.deleteBlob(expirer, 'a')
  })
})

describe('rights', () => {
  const denied = { code: 'StorageDenied' }

  test('only the keeper locks and holds, and only the expirer deletes', () => {
    const { storage, vault, id } = holding()
    const lock = lockedFor(storage, 1)
    for (const who of [writer, restorer, reader, expirer]) {
      assert.throws(() => vault.setLock(who, 'a', id, lock), denied, who.name)
      assert.throws(() => vault.clearLock(who, 'a', id), denied, who.name)
      assert.throws(() => vault.setHold(who, 'a', id, true), denied, who.name)
    }
    for (const who of [writer, restorer, reader, keeper]) {
      assert.throws(() => vault.deleteBlob(who, 'a'), denied, who.name)
      assert.throws(() => vault.deleteVersion(who, 'a', id), denied, who.name)
    }
  })

  test('no identity of Holdfast overwrites, changes a tier or undeletes', () => {
    const { vault } = holding()
    for (const who of [writer, restorer, reader, keeper, expirer]) {
      assert.throws(() => vault.overwrite(who, 'a', bytes('2')), denied, who.name)
      assert.throws(() => vault.setTier(who, 'a', 'Archive'), denied, who.name)
      assert.throws(() => vault.undelete(who, 'a'), denied, who.name)
    }
    for (const who of [restorer, reader, keeper, expirer]) {
      assert.equal(vault.create(who, `by-${who.name}`, bytes('1')).outcome, 'refused')
    }
  })

  test('in ops each service creates under its own prefix, and the keeper locks under all', async () => {
    const storage = storageWith()
    const prefixes = { restorer: 'restore/', reader: 'access/', keeper: 'keeper/' } as const
    for (const [role, prefix] of Object.entries({ ...prefixes, expirer: 'expirer/' })) {
      const { ops } = opened(storage, role as IdentityName)
      assert.equal((await ops.create(`${prefix}a`, bytes('1'), never)).outcome, 'created', role)
      assert.equal((await ops.create(`backup/${role}`, bytes('1'), never)).outcome, 'refused')
      const verifies = (await ops.create(`verify/${role}`, bytes('1'), never)).outcome
      assert.equal(verifies, role === 'restorer' ? 'created' : 'refused', 'who opens verifies')
    }
    const { locks } = opened(storage, 'keeper')
    const versions = await collect(locks.ops.versions('', never))
    for (const { name, version } of versions) await locks.ops.setHold(name, version, true, never)
    const names = versions.map(({ name }) => name)
    assert.deepEqual(names, ['access/a', 'expirer/a', 'keeper/a', 'restore/a', 'verify/restorer'])
  })
})

describe('a removal', () => {
  test('that dies between its two steps leaves a version that the next one removes', async () => {
    const { storage, id } = holding()
    const { removal, process } = opened(storage, 'expirer')
    process.crashAfter(2)
    await assert.rejects(removal.vault.remove('a', id, never), ProcessDied)
    assert.deepEqual([storage.vault.names(), storage.vault.versionsOf('a').length], [[], 1])
    const { removal: again } = opened(storage, 'expirer')
    assert.equal(await again.vault.remove('a', id, never), 'removed')
    assert.equal(await again.vault.remove('a', id, never), 'missing')
  })

  test('of a current version by its id alone is refused by the service', () => {
    const { vault, id } = holding()
    assert.throws(() => vault.deleteVersion(expirer, 'a', id), {
      code: 'StorageDenied',
      context: { status: 403, storageCode: 'OperationNotAllowedOnRootBlob' },
    })
  })
})

describe('soft delete', () => {
  const soft: ContainerOptions = { softDeleteDays: 7 }

  test('keeps a deleted version for its days; undelete brings it back, as no current one', () => {
    const { storage, vault } = holding(soft)
    vault.removeVersion(expirer, 'a', 0)
    assert.deepEqual(vault.versionsOf('a'), [])
    storage.clock.advance(7 * DAY_MS - 1)
    vault.undelete(account, 'a')
    assert.deepEqual([vault.versionsOf('a').length, vault.currentOf('a')], [1, undefined])
  })

  test('lets go of it when the days are over', () => {
    const { storage, vault } = holding(soft)
    vault.removeVersion(expirer, 'a', 0)
    storage.clock.advance(7 * DAY_MS)
    assert.throws(() => vault.undelete(account, 'a'), { code: 'BlobMissing' })
  })

  test('does not make a protected version deletable', () => {
    const { vault } = holding({ ...soft, ...LOCKED })
    assert.throws(() => vault.removeVersion(expirer, 'a', 0), { code: 'BlobLocked' })
  })
})

describe('tiers', () => {
  test('cool and cold blobs are read as before, archived ones only after their rehydration', async () => {
    const { storage, vault } = holding(LOCKED)
    const { vault: port } = opened(storage, 'restorer')
    for (const tier of ['Cool', 'Cold'] as const) {
      vault.setTier(account, 'a', tier)
      assert.ok(await port.read('a', never))
    }
    vault.setTier(account, 'a', 'Archive')
    const archived = { code: 'BlobArchived', context: { status: 409, storageCode: 'BlobArchived' } }
    await assert.rejects(port.read('a', never), archived)
    assert.equal((await port.stat('a', never))?.bytes, 1)
    vault.setTier(account, 'a', 'Hot')
    assert.throws(() => vault.setTier(account, 'a', 'Cool'), {
      context: { status: 409, storageCode: 'BlobBeingRehydrated' },
    })
    storage.clock.advance(14 * 3_600_000)
    await assert.rejects(port.read('a', never), archived)
    storage.clock.advance(3_600_000)
    assert.deepEqual((await port.read('a', never))?.bytes, bytes('1'))
  })

  test('an archived blob that no lock protects is deleted like any other', () => {
    const { vault } = holding()
    vault.setTier(account, 'a', 'Archive')
    vault.removeVersion(expirer, 'a', 0)
    assert.deepEqual(vault.names(), [])
  })
})

describe('a failover', () => {
  test('loses what was written, locked and held since the last sync time', async () => {
    const { storage, vault, id } = holding()
    const secondary = storage.fork()
    vault.setLock(keeper, 'a', id, lockedFor(storage, 30))
    vault.setHold(keeper, 'a', id, true)
    await opened(storage, 'writer').vault.create('b', bytes('1'), never)
    const lost = vault.versionsOf('b')[0]?.id
    const after = storage.failedOver(secondary)
    assert.deepEqual(after.vault.names(), ['a'])
    assert.deepEqual(after.vault.versionsOf('a')[0]?.lock, undefined)
    assert.equal(after.vault.versionsOf('a')[0]?.held, false)
    assert.ok(after.clock.now() > storage.clock.now())
    await opened(after, 'writer').vault.create('b', bytes('2'), never)
    assert.notEqual(after.vault.versionsOf('b')[0]?.id, lost)
  })

  test('of one account leaves the other as it is, and no etag comes twice', async () => {
    const storage = storageWith()
    storage.tables.make()
    const put = (of: SimulatedStorage, n: number) =>
      opened(of, 'writer').tables.batch(
        'items',
        'p',
        [{ op: 'put', row: 'r', values: { n } }],
        never,
      )
    await put(storage, 1)
    const secondary = storage.fork()
    await put(storage, 2)
    await opened(storage, 'writer').vault.create('a', bytes('1'), never)
    const lost = storage.tables.rows('items')[0]?.etag
    const after = storage.failedOver(secondary, ['runtime'])
    assert.deepEqual(after.vault.names(), ['a'])
    assert.deepEqual(after.tables.rows('items')[0]?.values, { n: 1 })
    await put(after, 3)
    assert.notEqual(after.tables.rows('items')[0]?.etag, lost)
    assert.deepEqual(storage.failedOver(secondary, ['vault']).vault.names(), [])
  })
})
