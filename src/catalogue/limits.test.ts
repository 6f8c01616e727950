import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { hasCode } from '../model/errors.ts'
import type { TableOp, TableStore, Values } from '../ports.ts'
import {
  BATCH_BYTES_MAX,
  KEY_UNITS_MAX,
  opBytes,
  PROPERTIES_MAX,
  PROPERTY_BYTES_MAX,
  withAzureLimits,
} from './limits.ts'
import { NEVER } from './testing/fixtures.ts'
import { batchesOf } from './write.ts'

const reached: TableStore = {
  prepare: async () => {},
  get: async () => undefined,
  page: async () => ({ rows: [] }),
  batch: async () => ({ outcome: 'applied' }),
}
const store = withAzureLimits(reached)
const put = (values: Values, row = 'r'): TableOp => ({ op: 'put', row, values })

async function passes(ops: readonly TableOp[], partition = 'p'): Promise<boolean> {
  try {
    await store.batch('items', partition, ops, NEVER)
    return true
  } catch (error) {
    assert.ok(hasCode(error, 'TableLimit'), String(error))
    return false
  }
}

const columns = (count: number, length: number): Values =>
  Object.fromEntries(Array.from({ length: count }, (_, n) => [`e${n}`, 'x'.repeat(length)]))

test('keys keep to their characters and to 512 units', async () => {
  const key = async (text: string) => {
    const both = [await passes([put({}, text)]), await passes([put({})], text)]
    assert.equal(both[0], both[1])
    if (!both[0]) await assert.rejects(store.get('items', text, 'r', NEVER))
    return both[0]
  }
  assert.equal(await key('x'.repeat(KEY_UNITS_MAX)), true)
  assert.equal(await key('x'.repeat(KEY_UNITS_MAX + 1)), false)
  for (const bad of ['/', '\\', '#', '?', '\u0000', '\t', '\u007f', '\u009f', '\ud800']) {
    assert.equal(await key(`a${bad}b`), false, `U+${bad.charCodeAt(0).toString(16)}`)
  }
  assert.equal(await key("it's é~%"), true)
})

test('a row keeps to 252 properties, 64 KiB for one and 1 MiB in all', async () => {
  assert.equal(await passes([put(columns(PROPERTIES_MAX, 1))]), true)
  assert.equal(await passes([put(columns(PROPERTIES_MAX + 1, 1))]), false)
  assert.equal(await passes([put({ a: 'x'.repeat(PROPERTY_BYTES_MAX / 2) })]), true)
  assert.equal(await passes([put({ a: 'x'.repeat(PROPERTY_BYTES_MAX / 2 + 1) })]), false)
  assert.equal(await passes([put({ a: new Uint8Array(PROPERTY_BYTES_MAX) })]), true)
  assert.equal(await passes([put({ a: new Uint8Array(PROPERTY_BYTES_MAX + 1) })]), false)
  assert.equal(await passes([put(columns(15, 32_000))]), true)
  assert.equal(await passes([put(columns(17, 32_000))]), false)
})

test('property names are identifiers that are not the system’s', async () => {
  for (const good of ['a', '_a', 'A1', 'x'.repeat(255)]) {
    assert.equal(await passes([put({ [good]: 1 })]), true, good)
  }
  const bad = ['', '1a', 'a-b', 'a.b', 'a b', 'x'.repeat(256), 'etag', 'Timestamp', 'rowKey']
  for (const name of bad) assert.equal(await passes([put({ [name]: 1 })]), false, name)
})

test('numbers are finite and texts are well-formed', async () => {
  for (const value of [Number.NaN, Number.POSITIVE_INFINITY, '\ud83d']) {
    assert.equal(await passes([put({ a: value })]), false)
  }
})

test('a transaction keeps to 100 rows, each once, below 4 MiB', async () => {
  const rows = (count: number) => Array.from({ length: count }, (_, n) => put({}, `r${n}`))
  assert.equal(await passes(rows(100)), true)
  assert.equal(await passes(rows(101)), false)
  assert.equal(await passes([]), false)
  assert.equal(await passes([put({}), put({})]), false)
  const big = (n: number) => put(columns(15, 30_000), `r${n}`)
  assert.equal(await passes([1, 2, 3].map(big)), true)
  assert.equal(await passes(Array.from({ length: 10 }, (_, n) => big(n))), false)
  const remove: TableOp = { op: 'remove', row: 'x', etag: 'e' }
  assert.equal(await passes([remove]), true)
  assert.equal(await passes([remove, put({})]), false)
})

test('pages have 1 to 1,000 rows', async () => {
  const page = (max: number) => store.page('items', { partition: 'p' }, { max }, NEVER)
  await page(1000)
  for (const max of [0, 1001, 1.5]) await assert.rejects(page(max), { code: 'TableLimit' })
})

test('batches are cut so that every one of them passes, in order, and none is lost', async () => {
  const sizes = fc.array(fc.nat(400_000), { maxLength: 300 })
  await fc.assert(
    fc.asyncProperty(sizes, async (units) => {
      const ops = units.map((count, n) => put(columns(Math.ceil(count / 30_000), 30_000), `r${n}`))
      const batches = batchesOf(ops)
      assert.deepEqual(
        batches.flat().map((op) => op.row),
        ops.map((op) => op.row),
      )
      for (const batch of batches) {
        assert.ok(await passes(batch))
        assert.ok(batch.length === 1 || sum(batch) < BATCH_BYTES_MAX)
      }
    }),
    { numRuns: 10 },
  )
})

const sum = (ops: readonly TableOp[]): number => ops.reduce((bytes, op) => bytes + opBytes(op), 0)
