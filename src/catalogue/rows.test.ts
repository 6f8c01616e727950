import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { z } from 'zod'
import { hasCode } from '../model/errors.ts'
import { displaySchema } from '../model/event-schema.ts'
import { decodeContinuation, encodeContinuation } from './continuation.ts'
import { BODY_UNITS_MAX, COLUMN_UNITS_MAX, decodeBody, encodeBody } from './rows.ts'

const rowWith = (values: Record<string, string>) => ({
  partition: 'p',
  row: 'r',
  etag: 'e',
  values,
})

test('a long document comes back from its columns, also where a cut meets a surrogate pair', () => {
  const long = fc
    .tuple(fc.nat(3), fc.nat(3))
    .map(([before, after]) => `${'x'.repeat(before)}${'𝄞'.repeat(40_000)}${'y'.repeat(after)}`)
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: 'binary' }), long), (text) => {
      const columns = encodeBody(text)
      for (const piece of Object.values(columns)) {
        assert.ok(piece.isWellFormed())
        assert.ok(piece.length <= COLUMN_UNITS_MAX)
      }
      // As it comes back from a service that speaks UTF-8.
      const stored = Object.entries(columns).map(([k, v]) => [k, Buffer.from(v).toString('utf8')])
      assert.equal(decodeBody(rowWith(Object.fromEntries(stored)), z.string()), text)
    }),
    { numRuns: 60 },
  )
})

test('a document up to the limit fits, one above it is a typed error', () => {
  const fits = 'x'.repeat(BODY_UNITS_MAX - 2)
  assert.equal(decodeBody(rowWith(encodeBody(fits)), z.string()), fits)
  assert.throws(
    () => encodeBody(`${fits}x`),
    (error) => hasCode(error, 'RowTooLarge'),
  )
})

test('an item with two thousand segments fits into a row', () => {
  const segment = {
    id: 'f'.repeat(64),
    pack: 'f'.repeat(64),
    offset: 33_554_432,
    sealedBytes: 4_194_304,
    plainBytes: 4_194_304,
  }
  encodeBody(Array.from({ length: 2000 }, () => segment))
})

test('a row of another shape is an error that quotes nothing of it', () => {
  for (const e0 of ['{"name":5,"secret":"hush"}', 'hush', '']) {
    assert.throws(
      () => decodeBody(rowWith({ e0 }), displaySchema),
      (error) =>
        hasCode(error, 'RowUnreadable') && !JSON.stringify([error, error.message]).includes('hush'),
    )
  }
})

test('a continuation comes back for its own query only', () => {
  fc.assert(
    fc.property(fc.string(), fc.string(), (query, garbage) => {
      const text = encodeContinuation(query, 'k~1')
      assert.match(text, /^[A-Za-z0-9_-]+$/)
      assert.equal(decodeContinuation(query, text), 'k~1')
      for (const bad of [`${text}x`, text.slice(1), garbage]) {
        assert.throws(() => decodeContinuation(query, bad), { code: 'BadContinuation' })
      }
      assert.throws(() => decodeContinuation(`${query}!`, text), { code: 'BadContinuation' })
    }),
  )
})
