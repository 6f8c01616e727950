import assert from 'node:assert/strict'
import { test } from 'node:test'
import { mailboxOf } from '../../graph/index.ts'
import { BASE_URL, graphError, graphOn, json, scripted } from '../../graph/testing/scripted.ts'
import { hasCode } from '../../model/errors.ts'
import { CONTAINERS } from '../../model/events.ts'
import type { GraphId } from '../../model/ids.ts'
import type { Present } from '../workload.ts'
import { createChangeReader } from './changes.ts'
import { createItemReader } from './item.ts'

const signal = new AbortController().signal
const NAMED = ['msgfolderroot', 'inbox', 'syncissues', 'recoverableitemsdeletions']

interface World {
  pages: unknown[]
  named?: string[]
}

/** A mailbox whose well-known folders have their names as ids. */
function mailbox(world: World) {
  const asked: string[] = []
  const { graph } = graphOn(async (request) => {
    const path = decodeURIComponent(new URL(request.url).pathname).replace('/v1.0/users/u/', '')
    asked.push(path)
    if (path.includes('delta')) return json(world.pages.shift())
    const name = path.replace('mailFolders/', '')
    if (!(world.named ?? NAMED).includes(name)) return graphError(404, 'ErrorItemNotFound')
    const parent = name.startsWith('recoverable') ? 'hidden-root' : 'msgfolderroot'
    return json({ id: name, parentFolderId: name === 'msgfolderroot' ? 'top' : parent })
  })
  return { reader: createChangeReader(mailboxOf(graph, 'u'), 50), asked }
}

function folder(id: string, parentFolderId = 'msgfolderroot', more = {}) {
  return { id, displayName: id, parentFolderId, totalItemCount: 1, isHidden: false, ...more }
}

function page(value: unknown[], link: Record<string, string>) {
  return { value, ...link }
}

const delta = (name: string) => ({ '@odata.deltaLink': `${BASE_URL}/delta/${name}` })

test('folders keep their fixed names, parents and reasons not to be read', async () => {
  const { reader } = mailbox({
    pages: [
      page(
        [
          folder('deep', 'conflicts'),
          folder('conflicts', 'syncissues'),
          folder('syncissues'),
          folder('inbox', 'msgfolderroot', { '@odata.etag': 'x' }),
          folder('child', 'inbox'),
          folder('view', 'msgfolderroot', { '@odata.type': '#microsoft.graph.mailSearchFolder' }),
          folder('purges', 'hidden-root'),
          { id: 'old', '@removed': { reason: 'deleted' } },
        ],
        delta('1'),
      ),
    ],
  })
  const { changes } = await reader.page(CONTAINERS, null, signal)
  const folders = new Map(changes.filter((c) => c.op === 'present').map((c) => [c.id as string, c]))
  const excluded = Object.fromEntries([...folders].map(([id, { excluded }]) => [id, excluded]))
  assert.deepEqual(excluded, {
    deep: 'sync-issues',
    conflicts: 'sync-issues',
    syncissues: 'sync-issues',
    inbox: undefined,
    child: undefined,
    view: 'search-folder',
    purges: 'recoverable-items',
  })
  assert.deepEqual(folders.get('inbox')?.display, { name: 'inbox', wellKnownName: 'inbox' })
  assert.equal(folders.get('child')?.display.parent, 'inbox')
  assert.equal(folders.get('child')?.hasCursor, true)
  assert.equal(folders.get('view')?.hasCursor, undefined)
  assert.ok(!('@odata.etag' in Object(folders.get('inbox')?.json)))
  assert.deepEqual(changes.at(-1), {
    op: 'removed',
    kind: 'container',
    id: 'old',
    container: CONTAINERS,
  })
})

test('fixed names are asked for once and travel with the cursor', async () => {
  const world: World = { pages: [page([folder('inbox'), folder('mine')], delta('1'))] }
  const { reader, asked } = mailbox(world)
  const first = await reader.page(CONTAINERS, null, signal)
  const before = asked.length
  world.pages.push(
    page([folder('inbox', 'msgfolderroot', { totalItemCount: 9 }), folder('mine')], delta('2')),
    page([folder('late', 'syncissues')], delta('3')),
  )
  const second = await reader.page(CONTAINERS, first.delta ?? '', signal)
  const third = await reader.page(CONTAINERS, second.delta ?? '', signal)
  assert.equal(asked.length, before + 2, 'one request for each page')
  const [inbox] = second.changes as Present[]
  const [old] = first.changes as Present[]
  assert.equal(inbox?.display.wellKnownName, 'inbox')
  assert.deepEqual(inbox?.marker, old?.marker, 'a count is no change')
  assert.equal((third.changes as Present[])[0]?.excluded, 'sync-issues')
})

test('a folder that Exchange makes late is recognised when it comes', async () => {
  const named = ['msgfolderroot', 'inbox']
  const world: World = { pages: [page([folder('inbox')], delta('1'))], named }
  const { reader, asked } = mailbox(world)
  const first = await reader.page(CONTAINERS, null, signal)
  named.push('syncissues')
  world.pages.push(page([folder('syncissues')], delta('2')), page([folder('inbox')], delta('3')))
  const before = asked.length
  const second = await reader.page(CONTAINERS, first.delta ?? '', signal)
  assert.equal((second.changes as Present[])[0]?.excluded, 'sync-issues')
  assert.equal(asked.length, before + 3)
  await reader.page(CONTAINERS, second.delta ?? '', signal)
  assert.equal(asked.length, before + 4)
})

test('a folder cursor of another kind is a resync', async () => {
  const { reader } = mailbox({ pages: [] })
  for (const text of ['https://graph.microsoft.com/x', '{}', '{"v":2,"link":"x","known":{}}']) {
    await assert.rejects(reader.page(CONTAINERS, text, signal), (e) => hasCode(e, 'ResyncNeeded'))
  }
})

test('newer mail sorts first, and a message without dates sorts last', async () => {
  const value = ['2026-01-01T00:00:00Z', '2026-01-02T00:00:00Z', undefined].map((at, index) => ({
    id: `${index}`,
    receivedDateTime: at,
  }))
  const { reader } = mailbox({ pages: [page(value, delta('1'))] })
  const { changes } = await reader.page('f' as GraphId, null, signal)
  const keys = (changes as Present[]).map(({ place }) => place.sortKey)
  const [older = '', newer = '', none = ''] = keys
  assert.ok(newer < older && older < none)
  for (const key of keys) assert.match(key, /^\d{13}$/)
})

test('where attachments cannot be expanded, messages are read without them', async () => {
  const { transport, seen } = scripted(
    () => graphError(400, 'BadRequest'),
    () => json(page([{ id: 'm' }], delta('1'))),
    () => graphError(410, 'SyncStateNotFound'),
  )
  const reader = createChangeReader(mailboxOf(graphOn(transport).graph, 'u'), 50)
  const { delta: link = '' } = await reader.page('f' as GraphId, null, signal)
  assert.ok(seen[0]?.url.includes('$expand=attachments') && !seen[1]?.url.includes('$expand'))
  await assert.rejects(reader.page('f' as GraphId, link, signal), (e) => hasCode(e, 'ResyncNeeded'))
})

test('annotations are left out, and with them a list of attachments that is not whole', async () => {
  const whole = { id: '1', '@odata.etag': 'x', 'attachments@odata.context': 'x', attachments: [] }
  const cut = { ...whole, id: '2', 'attachments@odata.nextLink': 'x', '@odata.type': 't' }
  const { reader } = mailbox({ pages: [page([whole, cut], delta('1'))] })
  const { changes } = await reader.page('f' as GraphId, null, signal)
  assert.deepEqual(
    (changes as Present[]).map((change) => change.json),
    [
      { id: '1', attachments: [] },
      { id: '2', '@odata.type': 't' },
    ],
  )
})

test('a purged message is gone, although its id still answers', async () => {
  const { transport } = scripted(
    () => json({ id: 'm', parentFolderId: 'deletions' }),
    () => json({ id: 'deletions' }),
    ...Array.from({ length: 3 }, () => () => graphError(404, 'ErrorItemNotFound')),
    () => json({ id: 'm', parentFolderId: 'inbox' }),
    () => graphError(404, 'ErrorItemNotFound'),
  )
  const items = createItemReader(mailboxOf(graphOn(transport).graph, 'u'))
  const id = 'm' as GraphId
  assert.equal(await items.read(id, signal), undefined)
  assert.equal((await items.read(id, signal))?.place.container, 'inbox')
  assert.equal(await items.read(id, signal), undefined)
})

test('a message whose attachments cannot be expanded is read without them', async () => {
  const { transport, seen } = scripted(
    () => graphError(400, 'BadRequest'),
    () => json({ id: 'm', parentFolderId: 'inbox' }),
    ...Array.from({ length: 4 }, () => () => graphError(404, 'ErrorItemNotFound')),
  )
  const items = createItemReader(mailboxOf(graphOn(transport).graph, 'u'))
  assert.equal((await items.read('m' as GraphId, signal))?.id, 'm')
  assert.ok(seen[0]?.url.includes('$expand') && !seen[1]?.url.includes('$expand'))
})
