import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sharedPurse } from './shared-purse.ts'

const CHUNK = 50
const CHUNK_MS = 5_000

/** A row with so many units left, and what was asked of it. */
function row(units: number) {
  let left = units
  const claims: number[] = []
  const pauses: number[] = []
  return {
    claims,
    pauses,
    source: {
      async claim(wanted: number) {
        claims.push(wanted)
        const granted = Math.min(wanted, left)
        left -= granted
        return { granted, waitMs: granted === 0 ? 9_000 : 0 }
      },
      async pause(until: number) {
        pauses.push(until)
      },
    },
  }
}

const purseOver = (source: ReturnType<typeof row>['source']) =>
  sharedPurse({ source, chunkUnits: CHUNK, chunkMs: CHUNK_MS })

test('many calls ask the row once', async () => {
  const { source, claims } = row(1000)
  const purse = purseOver(source)
  const waits = await Promise.all(Array.from({ length: CHUNK }, () => purse.take(1, 0)))
  assert.deepEqual([new Set(waits), claims], [new Set([0]), [CHUNK]])
  assert.equal(await purse.take(1, 0), 0)
  assert.equal(claims.length, 2)
})

test('no more is spent than the row has granted', async () => {
  const { source } = row(70)
  const purse = purseOver(source)
  let spent = 0
  for (let n = 0; n < 100; n += 1) if ((await purse.take(1, 0)) === 0) spent += 1
  assert.equal(spent, 70)
  assert.equal(await purse.take(1, 0), 9_000)
})

test('a chunk that was not spent soon is let go', async () => {
  const { source, claims } = row(1000)
  const purse = purseOver(source)
  await purse.take(1, 0)
  assert.equal(purse.isEmpty(CHUNK_MS - 1), false)
  assert.equal(purse.isEmpty(CHUNK_MS), true)
  await purse.take(1, CHUNK_MS)
  assert.equal(claims.length, 2)
})

test('what the service charged beyond the rule is paid from the chunk', async () => {
  const { source, claims } = row(1000)
  const purse = purseOver(source)
  await purse.take(1, 0)
  purse.correct(CHUNK, 0)
  await purse.take(1, 0)
  assert.equal(claims.length, 2)
})

test('a pause is told to the others before the next chunk', async () => {
  const { source, pauses } = row(1000)
  const purse = purseOver(source)
  await purse.take(1, 0)
  purse.pause?.(60_000)
  await purse.take(1, 1_000)
  assert.deepEqual(pauses, [60_000])
})
