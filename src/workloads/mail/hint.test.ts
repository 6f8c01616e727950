import assert from 'node:assert/strict'
import { test } from 'node:test'
import { mailboxOf } from '../../graph/index.ts'
import { BASE_URL, graphError, graphOn, json, scripted } from '../../graph/testing/scripted.ts'
import { hasCode } from '../../model/errors.ts'
import { encodeFolderCursor } from './folders.ts'
import { foldersChangedSince } from './hint.ts'

const signal = new AbortController().signal
const known = { names: {}, roots: {}, below: {}, top: [], settled: true }
const LINK = encodeFolderCursor({ link: `${BASE_URL}/delta/1`, known })
const end = { '@odata.deltaLink': `${BASE_URL}/delta/2` }
const empty = (n: number) => () => json({ value: [], '@odata.nextLink': `${BASE_URL}/page/${n}` })

function asked(...answers: Parameters<typeof scripted>) {
  const { transport, seen } = scripted(...answers)
  const mailbox = mailboxOf(graphOn(transport).graph, 'u')
  return { seen, ask: (link = LINK) => foldersChangedSince(mailbox, link, signal) }
}

test('a mailbox in which no folder changed costs one request, dressed like any other', async () => {
  const { ask, seen } = asked(() => json({ value: [], ...end }))
  assert.equal(await ask(), false)
  assert.deepEqual(
    seen.map((request) => [request.url, request.headers.get('prefer')]),
    [[`${BASE_URL}/delta/1`, 'IdType="ImmutableId", odata.maxpagesize=200']],
  )
})

test('a folder that changed, one that is gone, and a link of another kind mean a change', async () => {
  const folder = { id: 'f', displayName: 'F' }
  assert.equal(await asked(() => json({ value: [folder], ...end })).ask(), true)
  const gone = { id: 'f', '@removed': { reason: 'deleted' } }
  assert.equal(await asked(() => json({ value: [gone], ...end })).ask(), true)
  assert.equal(await asked().ask('no cursor of ours'), true)
})

test('an empty page is not the end, and a list that does not come to it means a change', async () => {
  const once = asked(empty(1), () => json({ value: [], ...end }))
  assert.equal(await once.ask(), false)
  const { ask, seen } = asked(empty(1), empty(2), empty(3))
  assert.equal(await ask(), true)
  assert.equal(seen.length, 3)
})

test('a link that is no longer accepted is told as such', async () => {
  const { ask } = asked(() => graphError(410, 'SyncStateNotFound'))
  await assert.rejects(ask(), (error) => hasCode(error, 'ResyncNeeded'))
})
