import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import {
  CONTENT_FIELDS,
  canonicalJson,
  compareMarkers,
  DECORATION_FIELDS,
  messageMarker,
} from './markers.ts'

const value = fc.jsonValue({ maxDepth: 2 })
const message = fc.record(
  Object.fromEntries(
    [...CONTENT_FIELDS, ...DECORATION_FIELDS, 'attachments', 'changeKey'].map((name) => [
      name,
      name === 'changeKey' ? fc.string() : value,
    ]),
  ),
  { requiredKeys: [] },
)

function differs(a: unknown, b: unknown): boolean {
  return canonicalJson(a ?? null) !== canonicalJson(b ?? null)
}

test('equal messages are the same, in any order of keys and with nulls for what is missing', () =>
  fc.assert(
    fc.property(message, (one) => {
      const other = Object.fromEntries(Object.entries(one).reverse())
      const marker = messageMarker(one)
      assert.equal(compareMarkers(marker, messageMarker(other)), 'same')
      assert.equal(compareMarkers(marker, messageMarker({ uniqueBody: null, ...one })), 'same')
    }),
  ))

test('a content field that differs is content, whatever else differs', () =>
  fc.assert(
    fc.property(
      message,
      message,
      fc.constantFrom(...CONTENT_FIELDS),
      value,
      (one, two, field, v) => {
        fc.pre(differs(one[field], v))
        const marker = messageMarker({ ...two, ...one })
        assert.equal(compareMarkers(marker, messageMarker({ ...one, [field]: v })), 'content')
      },
    ),
  ))

test('decoration that differs alone, or with the change key, costs no content request', () =>
  fc.assert(
    fc.property(
      message,
      fc.constantFrom(...DECORATION_FIELDS),
      value,
      fc.string(),
      (one, field, v, changeKey) => {
        fc.pre(differs(one[field], v))
        const now = messageMarker({ ...one, [field]: v, changeKey })
        assert.equal(compareMarkers(messageMarker(one), now), 'decoration')
      },
    ),
  ))

test('a change key that no field explains is content: an attachment was replaced', () =>
  fc.assert(
    fc.property(message, fc.string(), (one, changeKey) => {
      const { changeKey: before = '' } = one
      fc.pre(before !== changeKey)
      const now = messageMarker({ ...one, changeKey })
      assert.equal(compareMarkers(messageMarker(one), now), 'content')
    }),
  ))

test('attachments count by what they are, not by their order or ids', () => {
  const file = { '@odata.type': 'f', name: 'a', size: 1, isInline: false, contentType: 't/t' }
  const marker = (...attachments: object[]) => messageMarker({ attachments, changeKey: 'k' })
  const both = marker({ ...file, id: '1' }, { ...file, name: 'b', id: '2' })
  const turned = marker({ ...file, name: 'b', id: '3' }, { ...file, id: '4' })
  assert.equal(compareMarkers(both, turned), 'same')
  assert.equal(
    compareMarkers(both, marker({ ...file, size: 2 }, { ...file, name: 'b' })),
    'content',
  )
  assert.equal(compareMarkers(both, marker(file)), 'content')
})
