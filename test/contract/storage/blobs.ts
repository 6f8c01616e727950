/** BlobStore: create-only, read by name and range, listed in byte order. */
import assert from 'node:assert/strict'
import { hasCode } from '../../../src/model/errors.ts'
import type { BlobStore } from '../../../src/ports.ts'
import { collect } from '../../../src/vault/testing/fixture.ts'
import type { Case } from './cases.ts'

export interface BlobWorld {
  store: BlobStore
  /** The same container for an identity that may only create. */
  adder: BlobStore
  /** Ends with a slash; nothing is below it yet. */
  prefix: string
  /** The service's clock, ms. */
  now(): number
}

const never = new AbortController().signal
const bytes = (text: string): Uint8Array => Buffer.from(text)
const text = (read: { bytes: Uint8Array } | undefined) => Buffer.from(read?.bytes ?? []).toString()

/** Between the service's clock and ours. */
const CLOCKS_APART_MS = 60_000

export const BLOB_CASES: readonly Case<BlobWorld>[] = [
  {
    name: 'a blob is created once; the second create is refused and changes nothing',
    async run({ store, prefix, now }) {
      const first = await store.create(`${prefix}a`, bytes('one'), never)
      const second = await store.create(`${prefix}a`, bytes('two'), never)
      assert.deepEqual([first.outcome, second.outcome], ['created', 'refused'])
      for (const { serverTime } of [first, second]) {
        assert.ok(Math.abs(serverTime.getTime() - now()) < CLOCKS_APART_MS)
      }
      const read = await store.read(`${prefix}a`, never)
      assert.equal(text(read), 'one')
      assert.deepEqual(read?.stat, await store.stat(`${prefix}a`, never))
      assert.equal(read?.stat.name, `${prefix}a`)
    },
  },
  {
    name: 'what is stored does not change with the buffer that it came from',
    async run({ store, prefix }) {
      const given = bytes('before')
      await store.create(`${prefix}a`, given, never)
      given.fill(0)
      assert.equal(text(await store.read(`${prefix}a`, never)), 'before')
    },
  },
  {
    name: 'ranges are read within and across the end, and a missing blob is undefined',
    async run({ store, prefix }) {
      const whole = Buffer.from(Array.from({ length: 1000 }, (_, n) => n % 251))
      await store.create(`${prefix}a`, whole, never)
      const range = async (offset: number, count: number) => {
        const read = await store.read(`${prefix}a`, never, { offset, bytes: count })
        assert.equal(read?.stat.bytes, 1000)
        return Buffer.from(read?.bytes ?? [])
      }
      assert.deepEqual(await range(10, 20), whole.subarray(10, 30))
      assert.deepEqual(await range(990, 100), whole.subarray(990))
      assert.equal((await range(1000, 1)).length, 0)
      const none = `${prefix}none`
      assert.equal(await store.read(none, never), undefined)
      assert.equal(await store.read(none, never, { offset: 0, bytes: 1 }), undefined)
      assert.equal(await store.stat(none, never), undefined)
    },
  },
  {
    name: 'what is read into room of the caller’s is right, and the store keeps nothing of it',
    async run({ store, prefix }) {
      const whole = Buffer.from(Array.from({ length: 1000 }, (_, n) => n % 251))
      const name = `${prefix}a`
      await store.create(name, whole, never)
      const into = new Uint8Array(64)
      const range = async (offset: number, count: number) => {
        const read = await store.read(name, never, { offset, bytes: count, into })
        return Buffer.from(read?.bytes ?? [])
      }
      assert.deepEqual(await range(0, 64), whole.subarray(0, 64))
      assert.deepEqual(
        await range(300, 40),
        whole.subarray(300, 340),
        'into more than is asked for',
      )
      assert.deepEqual(await range(990, 64), whole.subarray(990), 'across the end')
      assert.equal((await range(1000, 64)).length, 0)
      assert.equal(
        await store.read(`${prefix}none`, never, { offset: 0, bytes: 9, into }),
        undefined,
      )
      const given = await store.read(name, never)
      for (const buffer of [into, given?.bytes]) buffer?.fill(7)
      assert.deepEqual(Buffer.from((await store.read(name, never))?.bytes ?? []), whole)
    },
  },
  {
    name: 'an empty blob can be made and read',
    async run({ store, prefix }) {
      await store.create(`${prefix}a`, new Uint8Array(0), never)
      assert.equal((await store.read(`${prefix}a`, never))?.bytes.length, 0)
      const range = { offset: 0, bytes: 9 }
      assert.equal((await store.read(`${prefix}a`, never, range))?.bytes.length, 0)
    },
  },
  {
    name: 'names are listed by prefix in byte order, each with its size',
    async run({ store, prefix }) {
      const names = Array.from({ length: 12 }, (_, n) => `b/${n}`)
      for (const name of [...names, 'a/9', 'c/1', 'b', 'B/1']) {
        await store.create(prefix + name, bytes(name), never)
      }
      const listed = await collect(store.list(`${prefix}b/`, never))
      const short = listed.map(({ name, bytes: size }) => [name.slice(prefix.length), size])
      assert.deepEqual(
        short,
        names.sort().map((name) => [name, name.length]),
      )
      assert.deepEqual(await collect(store.list(`${prefix}none/`, never)), [])
    },
  },
  {
    name: 'who may only create can create, and not overwrite',
    async run({ store, adder, prefix }) {
      assert.equal((await adder.create(`${prefix}a`, bytes('1'), never)).outcome, 'created')
      assert.equal((await adder.create(`${prefix}a`, bytes('2'), never)).outcome, 'refused')
      assert.equal(text(await store.read(`${prefix}a`, never)), '1')
    },
  },
  {
    name: 'a deadline ends a call with the reason of its signal, and nothing is stored',
    async run({ store, prefix }) {
      const reason = new Error('the slice is over')
      const signal = AbortSignal.abort(reason)
      await assert.rejects(store.create(`${prefix}a`, bytes('1'), signal), reason)
      await assert.rejects(store.read(`${prefix}a`, signal), reason)
      await assert.rejects(store.stat(`${prefix}a`, signal), reason)
      await assert.rejects(collect(store.list(prefix, signal)), reason)
      assert.equal(await store.stat(`${prefix}a`, never), undefined)
    },
  },
]

/** Where an identity without the right to read can be had. */
export const CREATE_ONLY_CASES: readonly Case<BlobWorld>[] = [
  {
    name: 'who may not read is denied',
    async run({ adder, prefix }) {
      await adder.create(`${prefix}a`, bytes('1'), never)
      await assert.rejects(adder.read(`${prefix}a`, never), (e) => hasCode(e, 'StorageDenied'))
      await assert.rejects(adder.stat(`${prefix}a`, never), (e) => hasCode(e, 'StorageDenied'))
    },
  },
]
