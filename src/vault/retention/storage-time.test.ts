/** By which clock anything is locked or goes. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { AppError } from '../../model/errors.ts'
import { never } from '../testing/fixture.ts'
import { storageNow } from './storage-time.ts'
import { opsInMemory, seededRandom } from './testing/records.ts'

const MINUTES_MS = 60_000

describe("P1: storage's time", () => {
  test('is that of a record that is new', async () => {
    const { ops, clock, days } = opsInMemory()
    const deps = { ops, clock, random: seededRandom() }
    for (const tool of ['keeper', 'expirer', 'keeper'] as const) {
      assert.equal(await storageNow(deps, tool, never), clock.now())
      days(1)
    }
    const names = [...ops.blobs.keys()].sort()
    assert.equal(names.length, 3)
    assert.match(names[0] ?? '', /^expirer\/2026-03-02\/begun-[0-9a-f]{32}\.json$/)
    assert.match(names[1] ?? '', /^keeper\/2026-03-01\/begun-[0-9a-f]{32}\.json$/)
    const texts = names.map((name) => Buffer.from(ops.blobs.get(name)?.bytes ?? []).toString())
    assert.deepEqual(
      texts.map((text) => JSON.parse(text).tool),
      ['expirer', 'keeper', 'keeper'],
    )
  })

  test('may differ from that of the machine by five minutes, either way, and by no more', async () => {
    const { ops, clock } = opsInMemory()
    const random = seededRandom()
    const within = (ms: number) => {
      return storageNow({ ops, random, clock: { now: () => clock.now() + ms } }, 'keeper', never)
    }
    for (const way of [-1, 1]) {
      assert.equal(await within(way * 5 * MINUTES_MS), clock.now())
      const differenceMs = way * (5 * MINUTES_MS + 1)
      await assert.rejects(within(differenceMs), (error) => {
        assert.ok(error instanceof AppError)
        const { code, kind, context } = error
        const said = { code: 'ClockWrong', kind: 'permanent', context: { differenceMs } }
        assert.deepEqual({ code, kind, context }, said)
        return true
      })
    }
  })
})
