/** JSON that a stranger wrote: as deep and as wide as it may be, and no more. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { JSON_DEPTH_MAX, JSON_VALUES_MAX } from './limits.ts'
import { parseJson } from './sealed-file.ts'

const nested = (depth: number, [open, close]: readonly [string, string]) =>
  `${open.repeat(depth)}1${close.repeat(depth)}`

test('what JSON.stringify writes is read, whatever its strings hold', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const text = JSON.stringify(value)
      assert.deepEqual(parseJson(text), JSON.parse(text))
      assert.deepEqual(parseJson(Buffer.from(text)), JSON.parse(text))
    }),
  )
  for (const text of ['"[[["', '["\\\\",[]]', '["\\"[",1]', '{"a\\\\\\"]":"{{"}']) {
    assert.deepEqual(parseJson(text), JSON.parse(text))
  }
})

test('JSON that is deeper than any that is written is none: it could never be written again', () => {
  for (const brackets of [
    ['[', ']'],
    ['{"a":', '}'],
  ] as const) {
    const deepest = nested(JSON_DEPTH_MAX, brackets)
    assert.deepEqual(parseJson(deepest), JSON.parse(deepest))
    assert.equal(parseJson(nested(JSON_DEPTH_MAX + 1, brackets)), undefined)
    assert.equal(parseJson(nested(1_000_000, brackets)), undefined)
  }
})

test('JSON with more values than any that is written is none: they would fill the memory', () => {
  const before = process.memoryUsage().heapUsed
  assert.equal(parseJson(`[${'{},'.repeat(JSON_VALUES_MAX)}0]`), undefined)
  assert.ok(process.memoryUsage().heapUsed - before < 64 * 1024 * 1024)
})

test('what is no JSON is none', () => {
  for (const text of ['', '"', '"\\"', '[', '{', ']]]]', '[}', '\u0000', '"\\']) {
    assert.equal(parseJson(text), undefined)
  }
  assert.equal(parseJson(new Uint8Array([0x22, 0xff, 0x22])), undefined)
})
