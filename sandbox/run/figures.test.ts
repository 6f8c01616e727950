import assert from 'node:assert/strict'
import { test } from 'node:test'
import { exceededBy } from './figures.ts'
import { parseHighWater } from './memory.ts'

const good = {
  requestsPerMessage: 1.1,
  workerPeakMb: 399.9,
  items: 100,
  messages: 100,
  workerDeaths: 0,
}

test('each limit is told when it is exceeded, and only then', () => {
  assert.deepEqual(exceededBy(good), [])
  assert.match(exceededBy({ ...good, requestsPerMessage: 1.101 }).join(), /1\.101 requests/)
  assert.match(exceededBy({ ...good, workerPeakMb: 400 }).join(), /400 MB/)
  assert.match(exceededBy({ ...good, workerDeaths: 2 }).join(), /2 workers died/)
  assert.match(exceededBy({ ...good, items: 99 }).join(), /only 99 of 100/)
})

test('memory that could not be measured is not within its limit', () => {
  assert.match(exceededBy({ ...good, workerPeakMb: undefined }).join(), /could not be measured/)
})

test('the peak is what the kernel says, in MB of a million bytes', () => {
  assert.equal(parseHighWater('Name:\tnode\nVmHWM:\t  250000 kB\nVmRSS:\t 1 kB\n'), 256)
  assert.equal(parseHighWater('Name:\tnode\n'), undefined)
})
