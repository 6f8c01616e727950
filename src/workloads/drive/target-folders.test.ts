/** The libraries and folders that a restore finds in a site, and those that it makes. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { sharePointOf } from '../../graph/index.ts'
import { graphError, graphOn, json, networkError } from '../../graph/testing/scripted.ts'
import { hasCode } from '../../model/errors.ts'
import type { GraphId } from '../../model/ids.ts'
import { targetSite } from './site.ts'
import { createContainer, readTree, removeEmptyFolder } from './target-folders.ts'

const signal = new AbortController().signal
const BASE = 'http://127.0.0.1:9/v1.0'
const DELTA = `${BASE}/drives/b!d/root/delta?token=`

/** Answers by `METHOD path`; of an array one after the other. */
function siteOn(answers: Record<string, unknown>) {
  const seen: string[] = []
  const { graph, clock } = graphOn(async (request) => {
    const { pathname, searchParams } = new URL(request.url)
    const token = searchParams.get('token')
    const path = decodeURIComponent(pathname.replace('/v1.0', ''))
    const call = `${request.method} ${path}${token === null ? '' : ` ${token}`}`
    seen.push(call)
    const known = answers[call]
    const answer: unknown = Array.isArray(known) ? known.shift() : known
    if (answer instanceof Error) throw answer
    if (answer instanceof Response) return answer.clone()
    return answer === undefined ? graphError(404, 'itemNotFound') : json(answer)
  })
  const sharePoint = sharePointOf(graph, 'tenant')
  const site = 'site' as GraphId
  return { target: targetSite({ sharePoint, clock, site, app: 'app' }), seen }
}

const webUrl = 'https://contoso.sharepoint.com/sites/f%C3%BCr/Shared%20Documents'
const DRIVES = {
  'GET /sites/site/drive': { id: 'b!d' },
  'GET /sites/site/drives': { value: [{ id: 'b!d', name: 'Documents', webUrl }] },
}
const folder = (id: string, name: string, parent: string, more: object = {}) => ({
  ...{ id, name, folder: {}, parentReference: { driveId: 'b!d', id: parent }, ...more },
})

test('the tree is whole whatever the order of the pages, with the length of each path', async () => {
  const { target } = siteOn({
    ...DRIVES,
    'GET /drives/b!d/root/delta': {
      value: [
        folder('b', 'B', 'a'),
        folder('x', 'Gone', 'r'),
        { id: 'f', name: 'f.txt', file: {}, parentReference: { id: 'r' } },
        { id: 's', name: 'Shortcut', folder: {}, remoteItem: {}, parentReference: { id: 'r' } },
      ],
      '@odata.nextLink': `${DELTA}2`,
    },
    'GET /drives/b!d/root/delta 2': {
      value: [
        { id: 'r', name: 'root', root: {}, folder: {} },
        folder('a', 'Annual', 'r'),
        { id: 'n', name: 'Notes', package: { type: 'oneNote' }, parentReference: { id: 'b' } },
        { id: 'x', deleted: {}, folder: {} },
      ],
      '@odata.deltaLink': `${DELTA}3`,
    },
  })
  const tree = await readTree(target, signal)
  const top = 'sites/für/Shared Documents'.length
  assert.deepEqual(tree, [
    { id: 'b!d', name: 'Documents', isHome: true, pathLength: top },
    { id: 'b!d/a', parent: 'b!d', name: 'Annual', pathLength: top + 7 },
    { id: 'b!d/b', parent: 'b!d/a', name: 'B', pathLength: top + 9 },
    { id: 'b!d/n', parent: 'b!d/b', name: 'Notes', pathLength: top + 15 },
  ])
})

test('a folder is made once; one of its name is taken, a file of its name is not', async () => {
  const call = 'POST /drives/b!d/items/a/children'
  const named = 'GET /drives/b!d/items/a:/New'
  const of = { name: 'New', parent: 'b!d/a' as GraphId }
  const made = siteOn({ [call]: { id: 'new' } })
  assert.equal(await createContainer(made.target, of, signal), 'b!d/new')
  for (const trouble of [graphError(409, 'nameAlreadyExists'), networkError('ECONNRESET')]) {
    const there = siteOn({ [call]: trouble, [named]: folder('there', 'new', 'a') })
    assert.equal(await createContainer(there.target, of, signal), 'b!d/there')
    assert.equal(there.seen.filter((one) => one === call).length, 1)
  }
  const file = siteOn({
    [call]: graphError(409, 'nameAlreadyExists'),
    [named]: { id: 'f', name: 'New', file: {} },
  })
  await assert.rejects(createContainer(file.target, of, signal), (e) => hasCode(e, 'NameTaken'))
  const lost = siteOn({ [call]: networkError('ECONNRESET') })
  await assert.rejects(createContainer(lost.target, of, signal), (e) => hasCode(e, 'AnswerLost'))
})

test('a library is made with its list, and found by its name after a lost answer', async () => {
  const call = 'POST /sites/site/lists'
  const of = { name: 'DOCUMENTS', parent: undefined }
  const made = siteOn({ [call]: { id: 'l' }, 'GET /sites/site/lists/l/drive': { id: 'b!new' } })
  assert.equal(await createContainer(made.target, of, signal), 'b!new')
  // Made just now, it has no drive for a moment.
  for (const answers of [{ [call]: networkError('ECONNRESET') }, { [call]: { id: 'l' } }]) {
    const there = siteOn({ ...DRIVES, ...answers })
    assert.equal(await createContainer(there.target, of, signal), 'b!d')
    assert.equal(there.seen.filter((one) => one === call).length, 1)
  }
})

test('only an empty folder is removed, and never a library', async () => {
  const remove = (answers: Record<string, unknown>, id = 'b!d/a') =>
    removeEmptyFolder(siteOn(answers).target, id as GraphId, signal)
  const children = 'GET /drives/b!d/items/a/children'
  assert.equal(await remove({ [children]: { value: [{ id: 'f' }] } }), 'not-empty')
  assert.equal(await remove({}), 'gone')
  const deleted = new Response(null, { status: 204 })
  const empty = { [children]: { value: [] }, 'DELETE /drives/b!d/items/a': deleted }
  assert.equal(await remove(empty), 'removed')
  await assert.rejects(remove({}, 'b!d'), (e) => hasCode(e, 'LibraryStays'))
})
