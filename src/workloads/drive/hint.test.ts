import assert from 'node:assert/strict'
import { test } from 'node:test'
import { graphError, json } from '../../graph/testing/scripted.ts'
import { hasCode } from '../../model/errors.ts'
import { CONTAINERS } from '../../model/events.ts'
import type { GraphId } from '../../model/ids.ts'
import { DRIVE, driveOn, file, page, root, SITE } from './testing/scripted-drive.ts'

const signal = new AbortController().signal
const START = `drives/${DRIVE}/root/delta`

async function hinted(answers: Parameters<typeof driveOn>[0]) {
  const world = driveOn({
    [`sites/${SITE}/drives`]: () => json({ value: [{ id: DRIVE, name: 'A' }] }),
    [START]: page([root], { delta: 'd1' }),
    ...answers,
  })
  const links = new Map<GraphId, string>()
  for (const container of [CONTAINERS, DRIVE]) {
    const { delta } = await world.reader.changes(container, null, signal)
    links.set(container, delta ?? assert.fail('a link'))
  }
  const before = world.reader.units?.().all ?? 0
  return {
    ...world,
    links,
    units: () => (world.reader.units?.().all ?? 0) - before,
    ask: () => world.reader.changedSince?.(links, signal),
  }
}

test('an unchanged drive costs one unit, also where its root is listed', async () => {
  for (const items of [[], [root]]) {
    const { ask, units } = await hinted({ [`${START} d1`]: page(items, { delta: 'd2' }) })
    assert.equal(await ask(), false)
    assert.equal(units(), 1)
  }
})

test('a changed or deleted file is news', async () => {
  for (const item of [file('a'), { id: 'a', deleted: {} }]) {
    const { ask } = await hinted({ [`${START} d1`]: page([root, item], { delta: 'd2' }) })
    assert.equal(await ask(), true)
  }
})

test('empty pages are walked for a while, then the drive is read', async () => {
  const empty = page([], { next: 'n1' })
  const ended = await hinted({ [`${START} d1`]: empty, [`${START} n1`]: page([], { delta: 'd2' }) })
  assert.equal(await ended.ask(), false)
  const endless = await hinted({
    [`${START} d1`]: empty,
    [`${START} n1`]: page([], { next: 'n2' }),
    [`${START} n2`]: page([], { next: 'n3' }),
  })
  assert.equal(await endless.ask(), true)
})

test('where the list of drives is old, or one of them was never read, a round must tell', async () => {
  const old = await hinted({})
  await old.clock.sleep(6 * 3_600_000, signal)
  assert.equal(await old.ask(), true)
  assert.equal(old.units(), 0)
  const unread = await hinted({})
  unread.links.delete(DRIVE)
  assert.equal(await unread.ask(), true)
})

test('a refused link is told', async () => {
  const { ask } = await hinted({ [`${START} d1`]: () => graphError(410, 'resyncRequired') })
  await assert.rejects(
    async () => await ask(),
    (error) => hasCode(error, 'ResyncNeeded'),
  )
})
