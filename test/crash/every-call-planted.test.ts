/**
 * The harness catches what it is there to catch: known bugs, planted (docs/crash-tests.md). Those
 * that only a sleeper shows take many runs: they are hunted where every point is taken.
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { PLANTS, type PlantName, WRITER_PLANTS, type WriterPlantName } from './every-call/plants.ts'
import { REBUILD_PLANTS, type RebuildPlantName } from './every-call/rebuild-plants.ts'
import { SAMPLE } from './every-call/sample.ts'
import { inThread } from './every-call/thread.ts'

const concurrency = 2
const plants = (Object.keys(PLANTS) as PlantName[]).filter(
  (plant) => !SAMPLE || PLANTS[plant].how !== 'stall',
)
const rebuildPlants = SAMPLE ? [] : (Object.keys(REBUILD_PLANTS) as RebuildPlantName[])

describe('a planted bug is caught', { concurrency }, () => {
  for (const plant of plants) {
    test(`${plant}: ${PLANTS[plant].bug}`, async (t) => {
      const { caught } = await inThread({ job: 'planted', plant })
      assert.ok(caught, 'it is caught')
      t.diagnostic(`${caught.at}: ${caught.broken}`)
    })
  }

  for (const plant of Object.keys(WRITER_PLANTS) as WriterPlantName[]) {
    test(`${plant}: ${WRITER_PLANTS[plant].bug}`, async (t) => {
      const { caught } = await inThread({ job: 'planted-writer', plant })
      assert.ok(caught, 'it is caught')
      t.diagnostic(`${caught.at}: ${caught.broken}`)
    })
  }

  for (const plant of rebuildPlants) {
    test(`${plant}: ${REBUILD_PLANTS[plant].bug}`, async (t) => {
      const { caught } = await inThread({ job: 'planted-rebuild', plant })
      assert.ok(caught, 'it is caught')
      t.diagnostic(`${caught.at}: ${caught.broken}`)
    })
  }
})
