import assert from 'node:assert/strict'
import { test } from 'node:test'
import { InvocationFailedError, WorkerExitError } from '../errors.ts'
import { activityReason, sanitise } from './failure-texts.ts'

const cases: readonly [string, string][] = [
  ['nothing secret', 'nothing secret'],
  ['at $deltatoken=abc and all the rest', 'at $delta[Hidden Credential]'],
  ['a "token=1" b', 'a "[Hidden Credential]" b'],
  ["x TOKEN=1' y", "x [Hidden Credential]' y"],
  ['monkey=1\nnext line', 'mon[Hidden Credential]'],
  ['https://a/?sig=1<b>', 'https://a/[Hidden Credential]<b>'],
  ['at https://user:word@host:443/x', 'at [Hidden Credential]/x'],
  ['token=1" key=2" end', '[Hidden Credential]" [Hidden Credential]" end'],
]

for (const [text, expected] of cases) {
  test(`the credential filter on ${JSON.stringify(text)}`, () => {
    assert.equal(sanitise(text), expected)
  })
}

test('a thrown error has two spaces before its message, a lost worker one', () => {
  const thrown = new InvocationFailedError('boom', '')
  assert.equal(activityReason('x', thrown), "Activity function 'x' failed:  boom")
  const lost = activityReason('x', new WorkerExitError(137))
  assert.equal(lost, "Activity function 'x' failed: node exited with code 137 (0x89)")
})
