import assert from 'node:assert/strict'
import { test } from 'node:test'
import { mailboxOf } from '../../graph/index.ts'
import {
  graphError,
  graphOn,
  json,
  networkError,
  type Step,
  scripted,
} from '../../graph/testing/scripted.ts'
import { hasCode } from '../../model/errors.ts'
import type { GraphId } from '../../model/ids.ts'
import { creationAt } from '../testing/creation.ts'
import type { HeldVersion } from '../workload.ts'
import { presentMessage } from './changes.ts'
import { createMailWriter } from './restore.ts'

const signal = new AbortController().signal
const inbox = 'inbox' as GraphId
const at = (mark: string) => creationAt(inbox, mark)

function writerOn(...steps: Step[]) {
  const { transport, seen } = scripted(...steps)
  return { writer: createMailWriter(mailboxOf(graphOn(transport).graph, 'u')), seen }
}

const message = {
  id: 'm',
  subject: 'Hello',
  body: { contentType: 'html', content: '<p>x</p>' },
  from: { emailAddress: { name: 'Ada', address: 'ada@example.com' } },
  toRecipients: [{ emailAddress: { name: 'Bob', address: 'bob@example.com' } }],
  ccRecipients: [],
  internetMessageId: '<1@example.com>',
  sentDateTime: '2026-01-01T10:00:00Z',
  receivedDateTime: '2026-01-01T10:00:05Z',
  isDraft: false,
  isRead: true,
  isReadReceiptRequested: true,
  flag: { flagStatus: 'flagged', dueDateTime: null },
  categories: ['red'],
  attachments: [],
}

function held(fields: Record<string, unknown> = {}, mime = 'Subject: Hello\r\n\r\nx'): HeldVersion {
  const whole = { ...message, ...fields }
  const { id, place, display } = presentMessage(whole, inbox)
  return {
    item: id,
    place,
    display,
    representations: new Map([
      ['json', Buffer.from(JSON.stringify(whole))],
      ['mime', Buffer.from(mime, 'latin1')],
    ]),
    streams: new Map(),
  }
}

function withFile(bytes: Buffer): HeldVersion {
  const attachments = [
    { '@odata.type': '#microsoft.graph.fileAttachment', name: 'a.bin', isInline: false },
  ]
  const mime = [
    'Content-Type: multipart/mixed; boundary=b',
    '',
    '--b',
    'Content-Type: application/octet-stream',
    'Content-Disposition: attachment; filename=a.bin',
    'Content-Transfer-Encoding: base64',
    '',
    bytes.toString('base64'),
    '--b--',
  ]
  return held({ hasAttachments: true, attachments }, mime.join('\r\n'))
}

interface SentMessage {
  isReadReceiptRequested?: boolean
  flag?: unknown
  singleValueExtendedProperties: { id: string; value: string }[]
}

async function sentIn(request: Request | undefined): Promise<SentMessage> {
  return (await request?.json()) as SentMessage
}

const created: Step = () => json({ id: 'new' }, { status: 201 })

test('a message is one POST with its dates, its mark and no request for receipts', async () => {
  const { writer, seen } = writerOn(created)
  const outcome = await writer.create(held(), at('job/1'), signal)
  assert.deepEqual(outcome, { outcome: 'created', id: 'new', requests: 1 })
  assert.equal(seen[0]?.method, 'POST')
  const sent = await sentIn(seen[0])
  assert.equal(sent.isReadReceiptRequested, undefined)
  assert.deepEqual(sent.flag, { flagStatus: 'flagged' })
  const properties = Object.fromEntries(
    sent.singleValueExtendedProperties.map(({ id, value }) => [id, value]),
  )
  assert.equal(Number(properties['Integer 0x0E07']) & 8, 0)
  assert.equal(properties['SystemTime 0x0039'], message.sentDateTime)
  assert.equal(properties['SystemTime 0x0E06'], message.receivedDateTime)
  const mark = Object.keys(properties).find((id) => id.endsWith(' Name HoldfastSlot'))
  assert.equal(properties[mark ?? ''], 'job/1')
})

test('a draft stays a draft', async () => {
  const { writer, seen } = writerOn(created)
  await writer.create(held({ isDraft: true }), at('x'), signal)
  const sent = await sentIn(seen[0])
  const ids = sent.singleValueExtendedProperties.map(({ id }) => id)
  assert.ok(!ids.includes('Integer 0x0E07'))
  assert.equal(sent.isReadReceiptRequested, true)
})

test('what does not fit into one call is refused before or after it, and nothing is made', async () => {
  const { writer, seen } = writerOn(
    () => new Response(null, { status: 413 }),
    () => graphError(400, 'ErrorInvalidProperty'),
  )
  for (const size of [3 * 1024 * 1024, 4 * 1024 * 1024]) {
    const outcome = await writer.create(withFile(Buffer.alloc(size)), at('x'), signal)
    assert.ok(outcome.outcome === 'refused' && outcome.code === 'needs-exact-lane')
  }
  assert.equal(seen.length, 0)
  const late = await writer.create(withFile(Buffer.alloc(10)), at('x'), signal)
  assert.ok(late.outcome === 'refused' && late.code === 'needs-exact-lane')
  const fault = await writer.create(held(), at('x'), signal)
  assert.ok(fault.outcome === 'refused' && fault.code === 'RequestNotUnderstood')
})

test('a message whose attachments are not held is refused instead of restored without them', async () => {
  const { writer } = writerOn()
  const listed = { '@odata.type': '#microsoft.graph.fileAttachment', name: 'a.bin' }
  for (const version of [
    held({ hasAttachments: true }),
    held({ hasAttachments: true, attachments: [listed] }),
  ]) {
    const outcome = await writer.create(version, at('x'), signal)
    assert.ok(outcome.outcome === 'refused' && outcome.code === 'attachment-not-held')
  }
})

test('a lost answer and an answer without an id are AnswerLost', async () => {
  const { writer, seen } = writerOn(
    () => Promise.reject(networkError('ECONNRESET')),
    () => new Response('{"id":', { status: 201 }),
    () => json({}, { status: 201 }),
  )
  for (let turn = 1; turn <= 3; turn += 1) {
    await assert.rejects(writer.create(held(), at('x'), signal), (e) => hasCode(e, 'AnswerLost'))
    assert.equal(seen.length, turn)
  }
})

test('a folder that came meanwhile is taken, also after a lost answer', async () => {
  const children = () => json({ value: [{ id: 'f', displayName: 'Projects' }] })
  const { writer } = writerOn(
    () => graphError(409, 'ErrorFolderExists'),
    children,
    () => Promise.reject(networkError('ECONNRESET')),
    children,
    () => Promise.reject(networkError('ECONNRESET')),
    () => json({ value: [] }),
  )
  assert.equal(await writer.createContainer('projects', undefined, signal), 'f')
  assert.equal(await writer.createContainer('Projects', inbox, signal), 'f')
  await assert.rejects(writer.createContainer('Projects', inbox, signal), (e) =>
    hasCode(e, 'AnswerLost'),
  )
})

test('a check names the fields that differ, and hashes what lists leave out', async () => {
  const bytes = Buffer.from('content')
  const file = {
    '@odata.type': '#microsoft.graph.fileAttachment',
    id: 'a',
    name: 'a.bin',
    isInline: false,
  }
  const version = withFile(bytes)
  const made = { ...message, hasAttachments: true, attachments: [file] }
  const { writer } = writerOn(
    () => json(made),
    () => new Response(bytes),
    () => json({ ...made, subject: 'y', categories: [], sentDateTime: '2026-01-02T00:00:00Z' }),
    () => new Response('other'),
    () => graphError(404, 'ErrorItemNotFound'),
  )
  const id = 'new' as GraphId
  const whole = await writer.check(id, version, at('x'), signal)
  assert.equal(whole.outcome, 'verified')
  assert.ok(whole.outcome === 'verified' && whole.seen, 'it says what it saw')
  const { seen: _, ...spoilt } = {
    seen: undefined,
    ...(await writer.check(id, version, at('x'), signal)),
  }
  assert.deepEqual(spoilt, {
    outcome: 'differs',
    fields: ['subject', 'sentDateTime', 'categories', 'attachments.contentBytes'],
  })
  assert.deepEqual(await writer.check(id, version, at('x'), signal), {
    outcome: 'could-not-check',
    code: 'ItemGone',
  })
})

test('a match asks for the content alone, and a passing trouble is no answer', async () => {
  const { writer } = writerOn(
    () => json({ ...message, isRead: false, categories: [], flag: { flagStatus: 'notFlagged' } }),
    () => json({ ...message, subject: 'y' }),
    () => graphError(404, 'ErrorItemNotFound'),
    ...Array.from({ length: 5 }, () => () => graphError(503, 'ServiceUnavailable')),
  )
  const id = 'new' as GraphId
  const matches = () => writer.matches(id, held(), signal)
  assert.deepEqual([await matches(), await matches(), await matches()], ['same', 'other', 'gone'])
  await assert.rejects(matches(), (e) => hasCode(e, 'GraphUnavailable'))
})

test('a message whose answer breaks off is asked for again, and one that always does is broken', async () => {
  const cut = () => new Response('{"value":[')
  const none = () => graphError(404, 'ErrorItemNotFound')
  const folders = Array.from({ length: 5 }, () => none)
  const { writer } = writerOn(
    ...[cut, cut, () => json({ ...message, parentFolderId: 'f', changeKey: 'k' }), ...folders],
    ...[cut, cut, cut],
    ...Array.from({ length: 5 }, () => () => graphError(500, 'ErrorInternalServerError')),
  )
  const id = 'new' as GraphId
  const now = await writer.present(id, signal)
  assert.deepEqual([now?.container, now?.marker.change, now?.shownWhole], ['f', 'k', true])
  await assert.rejects(writer.present(id, signal), (e) => hasCode(e, 'ItemUnreadable'))
  await assert.rejects(writer.present(id, signal), (e) => hasCode(e, 'ItemUnreadable'))
})

test('a folder is removed only where no message and no folder is in it', async () => {
  const none = () => json({ value: [] })
  const some = () => json({ value: [{ id: 'x' }] })
  const { writer, seen } = writerOn(
    ...[some, none, some, none, none, () => new Response(null, { status: 204 })],
    () => graphError(404, 'ErrorItemNotFound'),
  )
  const remove = () => writer.removeEmptyContainer(inbox, signal)
  const outcomes = [await remove(), await remove(), await remove(), await remove()]
  assert.deepEqual(outcomes, ['not-empty', 'not-empty', 'removed', 'gone'])
  assert.deepEqual(
    seen.map(({ method }) => method).filter((method) => method !== 'GET'),
    ['DELETE'],
  )
})

test('copies have one identity, to the second', () => {
  const { writer } = writerOn()
  const base = writer.identity(held())
  assert.equal(writer.identity(held({ id: 'n', sentDateTime: '2026-01-01T10:00:00.4Z' })), base)
  assert.notEqual(writer.identity(held({ sentDateTime: '2026-01-01T10:00:01Z' })), base)
  assert.notEqual(writer.identity(held({ internetMessageId: '<2@example.com>' })), base)
  assert.throws(
    () => writer.identity({ representations: new Map(), display: { name: '' } }),
    (e) => hasCode(e, 'VersionUnreadable'),
  )
})
