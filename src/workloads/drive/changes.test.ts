import assert from 'node:assert/strict'
import { test } from 'node:test'
import { graphError, json } from '../../graph/testing/scripted.ts'
import { hasCode } from '../../model/errors.ts'
import { CONTAINERS } from '../../model/events.ts'
import type { GraphId } from '../../model/ids.ts'
import type { ChangePage, Present } from '../workload.ts'
import {
  DRIVE,
  driveOn,
  file,
  folder,
  linkTo,
  page,
  ROOT,
  root,
  SITE,
} from './testing/scripted-drive.ts'

const signal = new AbortController().signal
const LIST = `sites/${SITE}/drives`
const START = `drives/${DRIVE}/root/delta`

function present(found: ChangePage): Present[] {
  return found.changes.filter((change) => change.op === 'present')
}

const byId = (found: ChangePage, id: string) =>
  present(found).find((change) => change.id === `${DRIVE}/${id}`)

test('every drive of the site is a container, and its own the cursor', async () => {
  const drives = [
    { id: DRIVE, name: 'Documents', driveType: 'documentLibrary' },
    { id: 'b!hidden', name: 'Style Library', system: {} },
  ]
  const { reader, workload, seen } = driveOn({ [LIST]: () => json({ value: drives }) })
  const found = await reader.changes(CONTAINERS, null, signal)
  assert.deepEqual(
    present(found).map(({ id, kind, hasCursor, display, place }) => [
      ...[id, kind, hasCursor, display.name, display.parent, place.container],
    ]),
    [
      [DRIVE, 'container', true, 'Documents', undefined, CONTAINERS],
      ['b!hidden', 'container', true, 'Style Library', undefined, CONTAINERS],
    ],
  )
  assert.match(seen[0]?.url ?? '', /select=[^&]*system/)
  const cursorOf = (id: string) => workload.cursorOf?.(id as GraphId)
  assert.deepEqual([`${DRIVE}/f`, DRIVE, CONTAINERS].map(cursorOf), [DRIVE, DRIVE, CONTAINERS])
})

test('a round asks for the list of drives once, and is told what differs and what is missing', async () => {
  const drives = (...named: [string, string][]) =>
    json({ value: named.map(([id, name]) => ({ id, name })) })
  const { workload } = driveOn({
    [LIST]: [
      () => drives([DRIVE, 'A'], ['b!2', 'B'], ['b!3', 'C']),
      () => drives([DRIVE, 'A'], ['b!3', 'renamed'], ['b!4', 'D']),
    ],
  })
  const next = () => workload.reader({ graphId: SITE })
  const [one, two] = [next(), next()]
  const first = await one.changes(CONTAINERS, null, signal)
  assert.equal(first.changes.length, 3)
  const confirmed = await one.changes(CONTAINERS, first.delta ?? null, signal)
  assert.deepEqual(confirmed.changes, [])
  assert.equal(one.requests(), 1)
  const later = await two.changes(CONTAINERS, confirmed.delta ?? null, signal)
  assert.deepEqual(
    later.changes.map((change) => [change.op, change.id]),
    [
      ['present', 'b!3'],
      ['present', 'b!4'],
      ['removed', 'b!2'],
    ],
  )
  assert.deepEqual(two.units?.(), { all: 2, permissions: 0 })
})

test('a deleted, locked or archived site is a state of the owner', async () => {
  for (const [status, code] of [
    [404, 'itemNotFound'],
    [423, 'resourceLocked'],
  ] as const) {
    const answer = () => graphError(status, code)
    const { reader } = driveOn({ [LIST]: answer })
    const list = reader.changes(CONTAINERS, null, signal)
    await assert.rejects(list, (error) => hasCode(error, 'ContentNotAvailable'), code)
  }
  const { reader } = driveOn({ [START]: () => graphError(423, 'resourceLocked') })
  const delta = reader.changes(DRIVE, null, signal)
  await assert.rejects(delta, (error) => hasCode(error, 'ContentNotAvailable'))
})

test('everything in a drive is known by ids, whatever comes first', async () => {
  const { reader, seen } = driveOn({
    [START]: page([file('a', 'sub'), folder('sub', 'top'), root], { next: 'n1' }),
    [`${START} n1`]: page([folder('top'), file('b')], { delta: 'd1' }),
  })
  const first = await reader.changes(DRIVE, null, signal)
  const second = await reader.changes(DRIVE, first.next ?? null, signal)
  assert.equal(byId(first, 'a')?.place.container, `${DRIVE}/sub`)
  assert.equal(byId(first, 'sub')?.display.parent, `${DRIVE}/top`)
  assert.equal(byId(first, 'sub')?.place.container, CONTAINERS)
  assert.equal(byId(first, 'sub')?.hasCursor, undefined, 'only drives have cursors')
  assert.equal(byId(second, 'top')?.display.parent, DRIVE)
  assert.equal(byId(second, 'b')?.place.container, DRIVE)
  assert.equal(byId(first, ROOT), undefined, 'the root is the drive itself')
  assert.ok(second.delta)
  assert.equal(seen[1]?.url, linkTo('n1'), 'a link is followed as it came')
  for (const request of seen) {
    assert.equal(
      request.headers.get('prefer'),
      'hierarchicalsharing, deltashowremovedasdeleted, deltatraversepermissiongaps, ' +
        'deltashowsharingchanges',
    )
  }
  const select = new URL(seen[0]?.url ?? '').searchParams.get('$select')?.split(',') ?? []
  for (const field of ['deleted', 'package', 'remoteItem', '@microsoft.graph.downloadUrl']) {
    assert.ok(select.includes(field), field)
  }
  assert.deepEqual(reader.units?.(), { all: 3, permissions: 0 })
})

test('what is shown of a file is its name, author, date and size; its address is kept back', async () => {
  const secret = { '@microsoft.graph.downloadUrl': 'https://secret', '@odata.etag': 'x' }
  const { reader } = driveOn({ [START]: page([root, file('a', ROOT, secret)], { delta: 'd' }) })
  const a = byId(await reader.changes(DRIVE, null, signal), 'a')
  assert.deepEqual(a?.display, {
    ...{ name: 'a.bin', by: 'Ada', date: '2026-01-02T00:00:00Z', size: 4 },
  })
  assert.equal(a?.expectedBytes, 4)
  assert.deepEqual(a?.json, file('a'))
})

test('what carries the deleted facet is gone from wherever it stood, whatever it was', async () => {
  const deleted = { state: 'deleted' }
  const { reader } = driveOn({
    [START]: page(
      [
        root,
        { id: 'f', file: {}, deleted, parentReference: { driveId: DRIVE, id: 'x' } },
        { id: 'd', folder: {}, deleted },
        { id: 'u', deleted },
        file('back', ROOT, { deleted }),
        file('back'),
      ],
      { delta: 'd' },
    ),
  })
  const { changes } = await reader.changes(DRIVE, null, signal)
  assert.deepEqual(
    changes.filter(({ op }) => op === 'removed'),
    [
      { op: 'removed', id: `${DRIVE}/f`, kind: 'item' },
      { op: 'removed', id: `${DRIVE}/d`, kind: 'container' },
      { op: 'removed', id: `${DRIVE}/u` },
    ],
  )
  assert.deepEqual(
    changes.filter(({ op }) => op === 'present').map(({ id }) => id),
    [`${DRIVE}/back`],
  )
})

test('a notebook is a folder, a shortcut a file that nothing is followed from', async () => {
  const remoteItem = { id: 'r', parentReference: { driveId: 'b!other' }, folder: {} }
  const { reader, names } = driveOn({
    [START]: page(
      [
        root,
        { ...folder('both'), package: { type: 'oneNote' } },
        { ...folder('only'), folder: undefined, package: { type: 'oneNote' } },
        { ...folder('link'), remoteItem },
      ],
      { delta: 'd' },
    ),
  })
  const found = await reader.changes(DRIVE, null, signal)
  assert.equal(byId(found, 'both')?.kind, 'container')
  assert.equal(byId(found, 'only')?.kind, 'container')
  const link = byId(found, 'link')
  assert.ok(link?.kind === 'item')
  assert.deepEqual(await reader.content(link, signal), { outcome: 'content', parts: [] })
  assert.equal(names().length, 1)
})

test('an item of which a page says too little is asked for by its id', async () => {
  const { reader } = driveOn({
    [START]: page([root, { id: 'a' }, { id: 'b', file: {} }], { delta: 'd' }),
    [`drives/${DRIVE}/items/a`]: () => json(file('a')),
  })
  const { changes } = await reader.changes(DRIVE, null, signal)
  assert.deepEqual(
    changes.map(({ op, id }) => [op, id]),
    [
      ['present', `${DRIVE}/a`],
      ['removed', `${DRIVE}/b`],
    ],
  )
})

test('a drive whose root is not listed is asked for it, once', async () => {
  const { reader, names } = driveOn({
    [START]: page([file('a')], { next: 'n' }),
    [`${START} n`]: page([file('b')], { delta: 'd' }),
    [`drives/${DRIVE}/root`]: () => json({ id: ROOT }),
  })
  const first = await reader.changes(DRIVE, null, signal)
  const second = await reader.changes(DRIVE, first.next ?? null, signal)
  assert.equal(byId(second, 'b')?.place.container, DRIVE)
  assert.deepEqual(names(), [START, `drives/${DRIVE}/root`, `${START} n`])
})

test('a link of another version, a refused one, and 404 for one whose time is over, begin anew', async () => {
  const { reader } = driveOn({
    [START]: page([root], { delta: 'old' }),
    [`${START} old`]: [
      () => graphError(410, 'resyncChangesApplyDifferences', { Location: linkTo('fresh') }),
      () => graphError(404, 'itemNotFound'),
    ],
    [`drives/${DRIVE}/root`]: () => json({ id: ROOT }),
  })
  const { delta = null } = await reader.changes(DRIVE, null, signal)
  for (const link of [delta, delta, 'https://graph/v1.0/x', '{"v":2,"link":"x","root":"y"}']) {
    await assert.rejects(reader.changes(DRIVE, link, signal), (e) => hasCode(e, 'ResyncNeeded'))
  }
  const list = reader.changes(CONTAINERS, '{"v":1}', signal)
  await assert.rejects(list, (error) => hasCode(error, 'ResyncNeeded'))
})

test('a drive that is gone is gone', async () => {
  const { reader } = driveOn({ [START]: page([root], { delta: 'old' }) })
  const { delta = null } = await reader.changes(DRIVE, null, signal)
  await assert.rejects(reader.changes(DRIVE, delta, signal), (e) => hasCode(e, 'ItemGone'))
})

test('one item, folder or drive is read as it is now, and stands where the list has it', async () => {
  const path = (tail: string) => ({
    driveId: DRIVE,
    id: 'p',
    path: `/drives/${DRIVE}/root:${tail}`,
  })
  const { reader, names } = driveOn({
    [`drives/${DRIVE}`]: () => json({ id: DRIVE, name: 'Documents' }),
    [`drives/${DRIVE}/items/deep`]: () => json(file('deep', 'p', { parentReference: path('/A') })),
    [`drives/${DRIVE}/items/top`]: () => json(folder('top', ROOT, { parentReference: path('') })),
    [`drives/${DRIVE}/items/bare`]: () => json(file('bare')),
    [`drives/${DRIVE}/items/bin`]: () => json(file('bin', ROOT, { deleted: {} })),
    [`drives/${DRIVE}/root`]: () => json({ id: ROOT }),
  })
  const read = (id: string) => reader.item(`${DRIVE}/${id}` as GraphId, signal)
  assert.equal((await reader.item(DRIVE, signal))?.display.name, 'Documents')
  assert.equal((await read('deep'))?.place.container, `${DRIVE}/p`)
  assert.equal((await read('top'))?.display.parent, DRIVE)
  assert.equal(await read('bin'), undefined)
  assert.equal(await read('gone'), undefined)
  const asked = names().length
  assert.equal((await read('bare'))?.place.container, `${DRIVE}/${ROOT}`, 'the root is p here')
  assert.equal(names().length, asked + 1, 'the root is known by now')
  assert.equal(await reader.item('b!gone' as GraphId, signal), undefined)
})

test('how much a site holds is told by the roots of its drives', async () => {
  const { reader } = driveOn({
    [LIST]: () => json({ value: [{ id: DRIVE }, { id: 'b!2' }] }),
    [`drives/${DRIVE}/root`]: () => json({ id: ROOT, size: 700 }),
    'drives/b!2/root': () => json({ id: 'R2', size: 50 }),
  })
  assert.deepEqual(await reader.size?.(signal), { bytes: 750 })
  assert.deepEqual(reader.units?.(), { all: 4, permissions: 0 })
})
