import assert from 'node:assert/strict'
import { test } from 'node:test'
import {
  digestOfGenerated,
  generatedPieces,
  generatedStretch,
  readDescription,
} from './generated-bytes.ts'
import { quickXorHash } from './quick-xor.ts'

for (const kind of ['binary', 'text'] as const) {
  test(`any stretch of a generated ${kind} file is that of the whole`, () => {
    const content = { seed: 5, size: 300_001, kind }
    const whole = Buffer.concat([...generatedPieces(content)])
    assert.equal(whole.length, content.size)
    for (const [from, to] of [
      [0, 1],
      [3, 20],
      [65_530, 65_545],
      [262_100, 300_001],
    ] as const) {
      const stretch = generatedStretch(content, { from, to })
      assert.deepEqual(stretch, whole.subarray(from, to), `${from}-${to}`)
    }
    assert.equal(digestOfGenerated(content).quickXorHash, quickXorHash(whole))
    assert.deepEqual(readDescription(whole), content)
  })
}

test('bytes that describe nothing are no generated file', () => {
  assert.equal(readDescription(Buffer.from('a letter')), null)
  assert.equal(readDescription(Buffer.alloc(0)), null)
})
