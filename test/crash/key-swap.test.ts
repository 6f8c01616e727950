/**
 * P5, P10: somebody puts another key in the place of an owner's. The writer stops with its next data
 * key; if it did not, what it writes from then on would open for nobody.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { OpenedStorage } from '../../sandbox/storage/index.ts'
import type { OwnerKeys } from '../../src/ports.ts'
import { checkPoints } from '../property/years/verdict.ts'
import { type Plant, YearsWorld } from '../property/years/world.ts'

const SEED = 1
const put = (text: string) => [{ do: 'put', item: 1, text } as const]

/** A commit after the key was swapped, by a writer that needs a new data key. */
async function swapped(plant: Plant): Promise<YearsWorld> {
  const world = await YearsWorld.make(SEED, plant)
  const [model] = world.streams
  assert.ok(model)
  await world.commit(model, put('before'), true)
  world.storage.keys.swap(model.owner)
  world.rehire()
  await world.commit(model, put('after'), true)
  return world
}

test('the writer stops when the key of an owner is another one', async () => {
  await assert.rejects(swapped({}), { code: 'OwnerKeyMismatch' })
})

test('planted: public keys come from a cache, and a swapped key stays unseen', async (t) => {
  const kept = new Map<string, ReturnType<OwnerKeys['recipients']>>()
  const cached = (ports: OpenedStorage): OpenedStorage => ({
    ...ports,
    keys: {
      ...ports.keys,
      recipients(owner, signal) {
        const answer = kept.get(owner) ?? ports.keys.recipients(owner, signal)
        kept.set(owner, answer)
        return answer
      },
    },
  })
  const world = await swapped({ writer: cached })
  const [model] = world.streams
  assert.ok(model)
  await assert.rejects(checkPoints(world, model, [2]), (error: Error & { code?: string }) => {
    t.diagnostic(`caught: seed ${SEED}, ${error.code ?? error.message}`)
    return true
  })
})
