import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { eachBounded, MemoryPool, mapBounded } from './index.ts'

const never = new AbortController().signal
const turn = () => new Promise<void>((resolve) => setImmediate(resolve))

describe('bounded work', () => {
  test('never runs more at once than the limit, and answers in order', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat({ max: 3 }), { maxLength: 30 }),
        fc.integer({ min: 1, max: 5 }),
        async (turns, limit) => {
          let running = 0
          let most = 0
          const answers = await mapBounded([...turns.entries()], limit, async ([n, count]) => {
            running += 1
            most = Math.max(most, running)
            for (let i = 0; i < count; i += 1) await turn()
            running -= 1
            return n
          })
          assert.ok(most <= limit)
          assert.deepEqual(answers, [...turns.keys()])
        },
      ),
      { numRuns: 50 },
    )
  })

  test('after a failure nothing new begins, and what runs has ended when it is thrown', async () => {
    const begun: number[] = []
    const ended: number[] = []
    const work = async (n: number) => {
      begun.push(n)
      await turn()
      if (n === 1) throw new Error('one')
      await turn()
      ended.push(n)
    }
    await assert.rejects(eachBounded([0, 1, 2, 3, 4, 5], 2, work), /one/)
    assert.deepEqual(begun, [0, 1])
    assert.deepEqual(ended, [0])
  })
})

describe('the memory pool', () => {
  test('serves in order, never beyond its total, and loses no byte however claims end', async () => {
    const claims = fc.array(
      fc.record({ bytes: fc.integer({ min: 0, max: 10 }), aborts: fc.boolean() }),
      { maxLength: 20 },
    )
    await fc.assert(
      fc.asyncProperty(claims, async (asked) => {
        const pool = new MemoryPool(10)
        let held = 0
        await Promise.all(
          asked.map(async ({ bytes, aborts }) => {
            const abort = new AbortController()
            if (aborts) setImmediate(() => abort.abort(new Error('no longer')))
            let release: () => void
            try {
              release = await pool.claim(bytes, abort.signal)
            } catch {
              return
            }
            held += bytes
            assert.ok(held <= 10)
            await turn()
            held -= bytes
            release()
          }),
        )
        const all = await pool.claim(10, never)
        all()
      }),
      { numRuns: 100 },
    )
  })
})
