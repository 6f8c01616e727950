import assert from 'node:assert/strict'
import { test } from 'node:test'
import { decodeMessage } from './queue-triggers.ts'

test('messages are base64 unless host.json says otherwise', () => {
  assert.equal(decodeMessage('ZsO8cg==', 'base64'), 'für')
  assert.equal(decodeMessage('ZsO8cg==\n', 'base64'), 'für')
  assert.equal(decodeMessage('für', 'none'), 'für')
})

test('what is no base64 is told apart from a text that decodes to nonsense', () => {
  for (const text of ['{"job":1}', 'ZsO8cg=', 'a b', '=', 'für=']) {
    assert.equal(decodeMessage(text, 'base64'), undefined, text)
  }
  assert.equal(decodeMessage('', 'base64'), '')
})
