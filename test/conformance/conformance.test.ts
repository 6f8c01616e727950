/** The conformance suite on the embedded host (docs/conformance.md); long cases in CI. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { TAKES_MORE } from '../level.ts'
import { CASES } from './cases/index.ts'
import type { ConformanceCase } from './suite/case.ts'
import { type EmbeddedHost, startEmbedded } from './suite/embedded.ts'
import { expectedOf, runCase } from './suite/run.ts'

const TOGETHER = 6

let host: EmbeddedHost
before(async () => {
  host = await startEmbedded()
})
after(() => host.stop())

const taken = CASES.filter(({ isLong }) => TAKES_MORE || !isLong)

function holds(one: ConformanceCase): void {
  test(`${one.id}: ${one.says}`, async () => {
    const transcript = await runCase(host, one, 'e')
    for (const [member, expected] of Object.entries(expectedOf(host, one))) {
      assert.deepEqual(transcript[member as keyof typeof transcript], expected, member)
    }
  })
}

describe('the embedded host behaves as the real one', { concurrency: TOGETHER }, () => {
  for (const one of taken) if (!one.isAlone) holds(one)
})

describe('and where a case needs the host for itself', () => {
  for (const one of taken) if (one.isAlone) holds(one)
})

test('cases have names of their own', () => {
  const ids = CASES.map(({ id }) => id)
  assert.equal(new Set(ids).size, ids.length)
  assert.ok(ids.every((id) => /^[A-Za-z0-9-]+$/.test(id)))
})
