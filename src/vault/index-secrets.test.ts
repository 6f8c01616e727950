import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AppError, hasCode } from '../model/errors.ts'
import { type OwnerId, parseOwnerId } from '../model/ids.ts'
import { createIndexSecrets, SECRET_AGE_MS_MAX } from './index-secrets.ts'

const signal = new AbortController().signal
const [ann, bob, eve] = ['1', '2', '3'].map((n) => parseOwnerId(n.repeat(32))) as [
  OwnerId,
  OwnerId,
  OwnerId,
]

function keyStore() {
  const fetched: OwnerId[] = []
  const world = { now: 0, erased: new Set<OwnerId>(), fetched }
  const keys = {
    indexSecret: async (owner: OwnerId) => {
      fetched.push(owner)
      if (world.erased.has(owner)) {
        throw new AppError({ code: 'KeyMissing', kind: 'denied', message: 'planned' })
      }
      return new Uint8Array([Number(owner[0])])
    },
  }
  const secretOf = createIndexSecrets({ keys, clock: { now: () => world.now }, keptMax: 2 })
  return { ...world, world, secretOf: (owner: OwnerId) => secretOf(owner, signal) }
}

test('a secret is fetched once in its time, and an erased one is noticed after it', async () => {
  const { secretOf, fetched, world } = keyStore()
  assert.deepEqual(await secretOf(ann), new Uint8Array([1]))
  world.now = SECRET_AGE_MS_MAX - 1
  await secretOf(ann)
  assert.equal(fetched.length, 1)
  world.erased.add(ann)
  world.now = SECRET_AGE_MS_MAX
  for (const _ of ['noticed', 'and not remembered']) {
    await assert.rejects(secretOf(ann), (error) => hasCode(error, 'KeyMissing'))
  }
  assert.equal(fetched.length, 3)
})

test('of more owners than are kept the oldest is fetched again', async () => {
  const { secretOf, fetched } = keyStore()
  for (const owner of [ann, bob, eve, eve, bob, ann]) await secretOf(owner)
  assert.deepEqual(fetched, [ann, bob, eve, ann])
})
