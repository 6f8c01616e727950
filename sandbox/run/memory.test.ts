import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseHighWater } from './memory.ts'

test('the peak is what the kernel says, in MB of a million bytes', () => {
  assert.equal(parseHighWater('Name:\tnode\nVmHWM:\t  250000 kB\nVmRSS:\t 1 kB\n'), 256)
  assert.equal(parseHighWater('Name:\tnode\n'), undefined)
})
