/** JSON that a stranger wrote: as deep and as wide as it may be, and no more. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { hasCode } from '../model/errors.ts'
import { JSON_DEPTH_MAX, JSON_VALUES_MAX } from './limits.ts'
import {
  encodeSealedFile,
  formatUnknown,
  isBounded,
  parseJson,
  parseSealedFile,
} from './sealed-file.ts'

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

test('what stands in a string is no bracket and no comma, wherever the string seems to end', () => {
  const brackets = '['.repeat(JSON_DEPTH_MAX + 1)
  const commas = ','.repeat(9)
  for (const inside of [brackets, `"${brackets}`, `\\"${brackets}"`, `a\\\\"${brackets}`]) {
    assert.ok(isBounded(JSON.stringify([inside, 1])), inside.slice(0, 9))
  }
  for (const inside of [commas, `"${commas}`, `\\"${commas}"`]) {
    assert.ok(isBounded(JSON.stringify([inside, 1]), 3), inside)
  }
  // Behind a string that ends in backslashes, things count again.
  for (const end of ['', '\\', '\\\\']) {
    const text = `[${JSON.stringify(end)},${nested(JSON_DEPTH_MAX, ['[', ']'])}]`
    assert.ok(!isBounded(text), text.slice(0, 9))
    assert.ok(!isBounded(`[${JSON.stringify(end)},1,2]`, 3))
    assert.ok(isBounded(`[${JSON.stringify(end)},1,2]`, 4))
  }
})

test('things beside each other are not inside each other, however many they are', () => {
  for (const one of ['[]', '{}', '[{}]', '{"a":[]}', '"["']) {
    const text = `[${`${one},`.repeat(2 * JSON_DEPTH_MAX)}${one}]`
    assert.deepEqual(parseJson(text), JSON.parse(text))
  }
})

const file = { envelope: '{"a":1}', body: Buffer.from('body'), inline: new Map() }
const encoded = (changes: Record<string, unknown>) => {
  const written = JSON.parse(Buffer.from(encodeSealedFile(file)).toString())
  return Buffer.from(JSON.stringify({ ...written, ...changes }))
}

test('a sealed file comes back, with what lies inside by its hash', () => {
  const inline = new Map([['ab'.repeat(32), Buffer.from('inside')]])
  assert.deepEqual(parseSealedFile(encodeSealedFile(file)), file)
  assert.deepEqual(parseSealedFile(encodeSealedFile({ ...file, inline })), { ...file, inline })
})

test('a sealed file has one form: other fields, white space and other base64 make it none', () => {
  const text = String(encoded({}))
  for (const other of [
    encoded({ holdfast: 0 }),
    encoded({ holdfast: 'x' }),
    encoded({ envelope: 1 }),
    encoded({ body: 'Ym9keQ' }),
    encoded({ body: 'Ym9keR==' }),
    encoded({ inline: undefined }),
    encoded({ inline: null }),
    encoded({ inline: 'x' }),
    encoded({ inline: [] }),
    encoded({ more: 1 }),
    Buffer.from(` ${text}`),
    Buffer.from(`${text}\n`),
    Buffer.from(text.replace(':', ': ')),
    Buffer.from('null'),
    Buffer.from('7'),
  ]) {
    assert.equal(parseSealedFile(other), undefined, String(other))
  }
  for (const name of ['x', `${'ab'.repeat(32)}0`, `0${'ab'.repeat(32)}`, 'AB'.repeat(32)]) {
    assert.equal(parseSealedFile(encoded({ inline: { [name]: 'AAAA' } })), undefined, name)
  }
})

test('a file of a later format is no damage, and says which it is', () => {
  assert.throws(
    () => parseSealedFile(encoded({ holdfast: 2 })),
    (error) => {
      assert.ok(hasCode(error, 'FormatUnknown') && error.kind === 'permanent')
      assert.deepEqual(error.context, { found: 2, known: 1 })
      return true
    },
  )
  assert.match(formatUnknown(7).message, /format 7/)
})
