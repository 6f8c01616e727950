/** Proofs of bases, and how they are remembered. */
import assert from 'node:assert/strict'
import { before, describe, test } from 'node:test'
import { AppError, hasCode } from '../../model/errors.ts'
import type { CarriedBase } from '../beginning.ts'
import { never } from '../testing/fixture.ts'
import type { StreamReader } from '../types.ts'
import { createProver } from './proofs.ts'
import { ADA, type OpsInMemory, opsInMemory } from './testing/records.ts'
import { fourVersions, RetentionWorld } from './testing/world.ts'
import { carriedBase, type WalkedStream, walkStream } from './walk.ts'

let walked: WalkedStream
let base: CarriedBase

before(async () => {
  const { world } = await fourVersions()
  walked = await walkStream(await world.stream(), never)
  base = await baseOf(walked, 4)
})

async function baseOf(of: WalkedStream, seq: number): Promise<CarriedBase> {
  const found = await carriedBase(of, seq, never)
  assert.ok(found)
  return found
}

function proving({ ops }: OpsInMemory, service: 'keeper' | 'expirer' = 'keeper') {
  const different: number[] = []
  const note = (_: WalkedStream, seq: number) => different.push(seq)
  return { different, isProven: createProver({ ops, service }, note, never) }
}

/** Nothing of the stream may be read. */
const closed = (error: AppError): StreamReader => ({
  ...walked.reader,
  readBasePart: async () => {
    throw error
  },
})
const failure = (code: string) => new AppError({ code, kind: 'corrupt', message: 'x' })

describe('P1: a base that says what its commits say', () => {
  test('is proven, and the service remembers it in its own place', async () => {
    for (const service of ['keeper', 'expirer'] as const) {
      const on = opsInMemory()
      const { isProven, different } = proving(on, service)
      assert.equal(await isProven(walked, base), true)
      assert.deepEqual(different, [])
      const said = on.ops.blobs.get(`${service}/proven/${ADA}-mail-4.json`)
      const { asOf, parts } = base.index
      assert.deepEqual(JSON.parse(Buffer.from(said?.bytes ?? []).toString()), {
        asOf: { seq: asOf.seq, hash: asOf.hash },
        parts: parts.map(({ sha256 }) => sha256),
      })
    }
  })

  test('is not read again', async () => {
    const on = opsInMemory()
    await proving(on).isProven(walked, base)
    const { isProven } = proving(on)
    assert.equal(await isProven({ ...walked, reader: closed(failure('Read')) }, base), true)
    const other = proving(on, 'expirer').isProven(
      { ...walked, reader: closed(failure('Read')) },
      base,
    )
    await assert.rejects(other, (error) => hasCode(error, 'Read'))
  })

  test('is not taken for another of the same commit', async () => {
    const on = opsInMemory()
    await proving(on).isProven(walked, base)
    const { isProven, different } = proving(on)
    const { index } = base
    for (const other of [
      { ...index, asOf: { ...index.asOf, hash: 'other' } },
      { ...index, asOf: { ...index.asOf, seq: 1 } },
      { ...index, parts: index.parts.slice(1) },
    ]) {
      assert.equal(await isProven(walked, { ...base, index: other }), false)
    }
    assert.deepEqual(different, [])
  })

  test('is proven from the base with which the stream begins', async () => {
    const begin = await baseOf(walked, 2)
    const begun = {
      ...walked,
      beginning: { end: { last: begin.index.asOf, voids: [] }, base: begin },
    }
    const reader: StreamReader = {
      ...walked.reader,
      async next(end, signal) {
        assert.ok((end.last?.seq ?? 0) >= 1, 'commits before the beginning are not read')
        return await walked.reader.next(end, signal)
      },
    }
    assert.equal(await proving(opsInMemory()).isProven({ ...begun, reader }, base), true)
  })
})

describe('P1: a base', () => {
  test('that says something else is told of, and nothing is remembered', async () => {
    const world = await RetentionWorld.make()
    await world.policy(1, 'forever')
    await world.register(ADA)
    for (const item of ['a', 'b']) await world.commit(item)
    await world.base({ forged: true })
    const forged = await walkStream(await world.stream(), never)
    const on = opsInMemory()
    const { isProven, different } = proving(on)
    assert.equal(await isProven(forged, await baseOf(forged, 3)), false)
    assert.deepEqual([different, on.ops.blobs.size], [[3], 0])
  })

  test('that is damaged is told of, too', async () => {
    const on = opsInMemory()
    const { isProven, different } = proving(on)
    const reader = closed(failure('BaseDamaged'))
    assert.equal(await isProven({ ...walked, reader }, base), false)
    assert.deepEqual([different, on.ops.blobs.size], [[4], 0])
  })

  test('of which the proof cannot be read is in doubt', async () => {
    for (const text of [
      '{}',
      '{"asOf":{},"parts":[]}',
      '{"asOf":{"seq":1,"hash":"x"},"parts":[1]}',
    ]) {
      const on = opsInMemory()
      await on.raw(`keeper/proven/${ADA}-mail-4.json`, text)
      const proof = proving(on).isProven(walked, base)
      await assert.rejects(proof, (error) => hasCode(error, 'RecordUnreadable'))
    }
  })

  test('may have a long proof', async () => {
    const on = opsInMemory()
    const { asOf } = base.index
    const parts = Array.from({ length: 2000 }, () => 'f'.repeat(64))
    const said = { asOf: { seq: asOf.seq, hash: asOf.hash }, parts }
    await on.raw(`keeper/proven/${ADA}-mail-4.json`, JSON.stringify(said))
    assert.equal(await proving(on).isProven(walked, base), false)
  })
})
