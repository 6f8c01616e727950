import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hasCode } from '../model/errors.ts'
import { WalkGuard } from './paging.ts'
import { sharePointOf } from './sharepoint.ts'
import { readSharePointDelta } from './sharepoint-delta.ts'
import { graphError, graphOn, json, type Step, scripted } from './testing/scripted.ts'

const signal = new AbortController().signal
const NEXT = '@odata.nextLink'
const DELTA = '@odata.deltaLink'
const LINK = 'http://127.0.0.1:9/v1.0/drives/d/root/delta?token=abc'

function read(link: string | null, ...steps: Step[]) {
  const script = scripted(...steps)
  const sharePoint = sharePointOf(graphOn(script.transport).graph, 'tenant')
  const page = readSharePointDelta({
    call: 'x.delta',
    link,
    guard: new WalkGuard('x.delta'),
    read: (at) =>
      sharePoint.json(
        at === null
          ? { name: 'x.delta', path: ['drives', 'd', 'root', 'delta'], charge: 'deltaAnew' }
          : { name: 'x.delta', link: at, charge: 'deltaOn' },
        signal,
      ),
    isThere: async () => {
      const drive = { name: 'drives.get', path: ['drives', 'd'], charge: 'item' } as const
      return await sharePoint.json(drive, signal).then(
        () => true,
        () => false,
      )
    },
  })
  return { page, ...script, sharePoint }
}

test('what carries the deleted facet is deleted, and of each id the last occurrence counts', async () => {
  const gone = (id: string) => ({ id, file: {}, deleted: { state: 'deleted' } })
  const value = [{ id: 'a' }, gone('b'), gone('back'), { id: 'a', n: 2 }, { id: 'back' }]
  const { page, sharePoint } = read(null, () =>
    json({ value: [...value, { id: 'late' }, { id: 'late', deleted: {} }], [DELTA]: 'd' }),
  )
  const { items, deleted, delta } = await page
  assert.deepEqual(items, [{ id: 'a', n: 2 }, { id: 'back' }])
  assert.deepEqual(deleted, [gone('b'), { id: 'late', deleted: {} }])
  assert.equal(delta, 'd')
  assert.equal(sharePoint.units(), 2, 'the first page of a new start')
})

test('a page without exactly one link, or with an item without an id, is unreadable', async () => {
  for (const body of [
    { value: [] },
    { value: [], [NEXT]: 'n', [DELTA]: 'd' },
    { value: [{ name: 'x' }], [DELTA]: 'd' },
  ]) {
    const answers = Array.from({ length: 3 }, () => () => json(body))
    await assert.rejects(read(LINK, ...answers).page, (e) => hasCode(e, 'UnreadableAnswer'))
  }
})

test('a refused link is a resync, whatever its Location says: that is never followed', async () => {
  for (const code of ['resyncChangesApplyDifferences', 'resyncChangesUploadDifferences']) {
    for (const headers of [{}, { Location: 'http://127.0.0.1:9/v1.0/drives/d/root/delta' }]) {
      const { page, seen } = read(LINK, () => graphError(410, code, headers))
      await assert.rejects(page, (error) => hasCode(error, 'ResyncNeeded'))
      assert.equal(seen.length, 1)
    }
  }
})

test('a link that is answered with 404 is a resync where the drive is there', async () => {
  const gone = () => graphError(404, 'itemNotFound')
  const there = read(LINK, gone, () => json({ id: 'd' }))
  await assert.rejects(there.page, (error) => hasCode(error, 'ResyncNeeded'))
  assert.equal(there.sharePoint.units(), 2)
  const away = read(LINK, gone, gone)
  await assert.rejects(away.page, (error) => hasCode(error, 'ItemGone'))
  const anew = read(null, gone)
  await assert.rejects(anew.page, (error) => hasCode(error, 'ItemGone'))
  assert.equal(anew.seen.length, 1)
})

test('a link that is repeated ends the walk', async () => {
  const { page } = read(LINK, () => json({ value: [{ id: 'a' }], [NEXT]: LINK }))
  await assert.rejects(page, (error) => hasCode(error, 'EndlessPages'))
})
