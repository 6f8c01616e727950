/**
 * P4: a crash anywhere is harmless, also while the files of a site are read: at every port call of
 * slices in which files come, change, move and go, and in which a large one is read piece by piece
 * over several of them and changes on the way (docs/crash-tests.md).
 */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { counted } from './files/runs.ts'
import { inThread } from './files/thread.ts'

/** The machine has two cores or more. */
const concurrency = 2

describe('P4: every port call of slices that read files', { concurrency }, () => {
  for (const dies of ['before', 'after'] as const) {
    test(`may be the last of its process: it dies ${dies} it`, async (t) => {
      const { calls, runs } = await inThread({ dies })
      t.diagnostic(`${calls} port calls, ${runs} deaths`)
      assert.ok(runs > 0)
    })
  }

  for (const sleepsMinutes of [20, 62]) {
    test(`may be where a worker sleeps for ${sleepsMinutes} minutes while another works the site`, async (t) => {
      const { runs } = await inThread({ sleepsMinutes })
      t.diagnostic(`${runs} sleeps`)
      assert.ok(runs > 0)
    })
  }

  test('the large file was read over several slices, and touched on its way', async () => {
    const [touched, goesOn = 0, anew] = await counted([
      'a file is touched between two pieces of it',
      'content goes on',
      'content is begun anew',
    ])
    assert.equal(touched, 1)
    assert.ok(goesOn >= 2 && anew === 1)
  })
})
