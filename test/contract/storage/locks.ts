/** BlobVersions, BlobLocks and BlobRemoval on a container with version-level immutability. */
import assert from 'node:assert/strict'
import type {
  BlobLocks,
  BlobRemoval,
  BlobStore,
  BlobVersion,
  BlobVersions,
} from '../../../src/ports.ts'
import { collect } from '../../../src/vault/testing/fixture.ts'
import type { Case } from './cases.ts'

export interface LockWorld {
  store: BlobStore
  /** For an identity that may read and no more. */
  versions: BlobVersions
  locks: BlobLocks
  removal: BlobRemoval
  /** Ends with a slash; nothing is below it yet. */
  prefix: string
  /** The service's clock, ms. */
  now(): number
  /** Lets so much time pass for the service. */
  pass(ms: number): Promise<void>
  /** A lock of this length lasts longer than a few calls; a test waits for its end. */
  shortMs: number
  /** A write without a condition, by somebody who may. */
  overwrite(name: string, bytes: Uint8Array): Promise<void>
}

const never = new AbortController().signal
const bytes = (text: string): Uint8Array => Buffer.from(text)
const SECOND_MS = 1000
/** Looks like a version id of Azure, and was none. */
const NO_VERSION = '2020-02-02T02:02:02.0000000Z'

async function created({ store, locks, prefix }: LockWorld, name = 'a'): Promise<BlobVersion> {
  await store.create(prefix + name, bytes('one'), never)
  const [version] = await collect(locks.versions(prefix + name, never))
  assert.ok(version, 'the version is listed')
  return version
}

/** Whole seconds, so that it comes back as it was given. */
function end({ now }: LockWorld, ms: number): Date {
  return new Date(Math.ceil((now() + ms) / SECOND_MS) * SECOND_MS)
}

const again = async ({ locks }: LockWorld, { name, version }: BlobVersion) => {
  const versions = await collect(locks.versions(name, never))
  return versions.find((one) => one.version === version)
}

export const LOCK_CASES: readonly Case<LockWorld>[] = [
  {
    name: 'a new blob is one version, the current one, and no hold is on it',
    async run(world) {
      const version = await created(world)
      const stat = await world.store.stat(version.name, never)
      const { name, bytes: size, createdAt, current, held } = version
      assert.deepEqual({ name, bytes: size, createdAt }, { ...stat })
      assert.deepEqual({ current, held }, { current: true, held: false })
      const read = await world.versions.readVersion(version.name, version.version, never)
      assert.deepEqual(Buffer.from(read ?? []), bytes('one'))
      assert.equal(await world.versions.readVersion(version.name, NO_VERSION, never), undefined)
    },
  },
  {
    name: 'versions are listed by name, of one name oldest first, and the newest is current',
    async run(world) {
      const { prefix, versions } = world
      for (const name of ['b', 'a', 'c']) await created(world, name)
      for (const text of ['two', 'three', 'four']) await world.overwrite(`${prefix}b`, bytes(text))
      const listed = await collect(versions.versions(prefix, never))
      assert.deepEqual(
        listed.map(({ name, current }) => [name.slice(prefix.length), current]),
        [
          ['a', true],
          ['b', false],
          ['b', false],
          ['b', false],
          ['b', true],
          ['c', true],
        ],
      )
      assert.equal(new Set(listed.map(({ version }) => version)).size, 6)
      assert.deepEqual(
        listed.slice(1, 5).map(({ bytes: size }) => size),
        [3, 3, 5, 4],
      )
    },
  },
  {
    name: 'a version is locked until a second, which the listing tells',
    async run(world) {
      const version = await created(world)
      const until = end(world, world.shortMs)
      const { name } = version
      const early = new Date(until.getTime() - 400)
      await world.locks.lockUntil(name, version.version, early, never)
      assert.deepEqual((await again(world, version))?.lock, { until, locked: true })
    },
  },
  {
    name: 'a lock is repeated and extended, and never shortened',
    async run(world) {
      const version = await created(world)
      const lock = (until: Date) =>
        world.locks.lockUntil(version.name, version.version, until, never)
      const until = end(world, world.shortMs)
      await lock(until)
      await lock(until)
      const later = new Date(until.getTime() + SECOND_MS)
      await lock(later)
      await assert.rejects(lock(until), { code: 'LockRefused', kind: 'permanent' })
      assert.deepEqual((await again(world, version))?.lock, { until: later, locked: true })
    },
  },
  {
    name: 'a locked version is not removed and stays readable; after its end it is removed',
    async run(world) {
      const { store, removal } = world
      const { name, version } = await created(world)
      await world.locks.lockUntil(name, version, end(world, world.shortMs), never)
      const locked = { code: 'BlobLocked', kind: 'permanent' }
      await assert.rejects(removal.remove(name, version, never), locked)
      assert.ok(await store.read(name, never), 'its name still finds it')
      await world.pass(world.shortMs + 2 * SECOND_MS)
      assert.equal(await removal.remove(name, version, never), 'removed')
      assert.equal(await store.read(name, never), undefined)
      assert.deepEqual(await collect(removal.versions(name, never)), [])
      assert.equal(await removal.remove(name, version, never), 'missing')
    },
  },
  {
    name: 'a held version is not removed until the hold is cleared',
    async run(world) {
      const { locks, removal, store } = world
      const made = await created(world)
      const { name, version } = made
      await locks.setHold(name, version, true, never)
      await locks.setHold(name, version, true, never)
      assert.equal((await again(world, made))?.held, true)
      const held = { code: 'BlobHeld', kind: 'permanent' }
      await assert.rejects(removal.remove(name, version, never), held)
      assert.ok(await store.read(name, never), 'its name still finds it')
      await locks.setHold(name, version, false, never)
      assert.equal((await again(world, made))?.held, false)
      assert.equal(await removal.remove(name, version, never), 'removed')
    },
  },
  {
    name: 'a write over a held version hides it and destroys nothing',
    async run(world) {
      const { locks, removal, store } = world
      const { name, version } = await created(world)
      await locks.setHold(name, version, true, never)
      await world.overwrite(name, bytes('two'))
      assert.deepEqual(Buffer.from((await store.read(name, never))?.bytes ?? []), bytes('two'))
      const hidden = await locks.readVersion(name, version, never)
      assert.deepEqual(Buffer.from(hidden ?? []), bytes('one'))
      await assert.rejects(removal.remove(name, version, never), { code: 'BlobHeld' })
      await locks.setHold(name, version, false, never)
    },
  },
  {
    name: 'an earlier version is removed and leaves the current one alone',
    async run(world) {
      const { name, version } = await created(world)
      await world.overwrite(name, bytes('two'))
      assert.equal(await world.removal.remove(name, version, never), 'removed')
      const left = await collect(world.locks.versions(name, never))
      assert.deepEqual(
        left.map(({ bytes: size, current }) => [size, current]),
        [[3, true]],
      )
      assert.deepEqual(
        Buffer.from((await world.store.read(name, never))?.bytes ?? []),
        bytes('two'),
      )
    },
  },
  {
    name: 'a version that does not exist is neither locked nor held',
    async run(world) {
      const { name } = await created(world)
      const missing = { code: 'BlobMissing' }
      const until = end(world, world.shortMs)
      await assert.rejects(world.locks.lockUntil(name, NO_VERSION, until, never), missing)
      await assert.rejects(world.locks.setHold(name, NO_VERSION, true, never), missing)
    },
  },
  {
    name: 'a deadline ends each of these calls with the reason of its signal',
    async run({ locks, removal, prefix }) {
      const reason = new Error('the pass is over')
      const signal = AbortSignal.abort(reason)
      const name = `${prefix}a`
      await assert.rejects(collect(locks.versions(prefix, signal)), reason)
      await assert.rejects(locks.readVersion(name, NO_VERSION, signal), reason)
      await assert.rejects(locks.lockUntil(name, NO_VERSION, new Date(), signal), reason)
      await assert.rejects(locks.setHold(name, NO_VERSION, true, signal), reason)
      await assert.rejects(removal.remove(name, NO_VERSION, signal), reason)
    },
  },
]

/** On a container with a default policy that is locked. */
export const DEFAULT_POLICY_CASES: readonly Case<LockWorld>[] = [
  {
    name: 'a new blob inherits the locked default policy of its container',
    async run(world) {
      const { createdAt, lock } = await created(world)
      assert.equal(lock?.locked, true)
      assert.ok(createdAt, 'storage says when a blob was made')
      const days = (lock.until.getTime() - createdAt.getTime()) / 86_400_000
      assert.ok(days >= 1 && Math.abs(days - Math.round(days)) < 1 / 86_400, `${days} days`)
    },
  },
]
