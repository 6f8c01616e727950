import assert from 'node:assert/strict'
import { test } from 'node:test'
import { OfficeRewriter } from './office.ts'

/** The end of an archive without files. */
const ARCHIVE = Buffer.concat([Buffer.from('504b0506', 'hex'), Buffer.alloc(18)])

function rewritten(pieces: readonly Uint8Array[]): Buffer {
  const rewriter = new OfficeRewriter()
  const certain = pieces.map((piece) => rewriter.add(piece))
  return Buffer.concat([...certain, rewriter.end()])
}

test('an archive gets its properties as a comment of the right length, however it comes', () => {
  const whole = Buffer.concat([Buffer.alloc(100, 7), ARCHIVE])
  const one = rewritten([whole])
  const comment = one.subarray(whole.length)
  assert.ok(comment.length > 0)
  assert.equal(one.readUInt16LE(whole.length - 2), comment.length)
  assert.deepEqual(one.subarray(0, whole.length - 2), whole.subarray(0, -2))
  const bytes = [...whole].map((byte) => Uint8Array.of(byte))
  assert.deepEqual(rewritten(bytes), one)
})

test('what is no archive keeps all its bytes before the added ones', () => {
  const text = Buffer.from('no archive at all')
  assert.deepEqual(rewritten([text]).subarray(0, text.length), text)
})
