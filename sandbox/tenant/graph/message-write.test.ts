import assert from 'node:assert/strict'
import { test } from 'node:test'
import { RESTORE_CLIENT_ID } from '../index.ts'
import { type GraphJson, messagePath, startBench } from '../testing/harness.ts'

const ADA = 'ada.brandt@sandbox.example'
const SEED = { seed: 1, users: 2, messages: 5 }
const INBOX = `/users/${ADA}/mailFolders/inbox/messages`

const FINISHED = [
  { id: 'Integer 0x0E07', value: '4' },
  { id: 'SystemTime 0x0039', value: '2020-01-02T03:04:05Z' },
  { id: 'SystemTime 0x0E06', value: '2020-01-02T03:04:06Z' },
]
const MARK = 'String {00020329-0000-0000-C000-000000000046} Name HoldfastSlot'

const PERSON = { emailAddress: { name: 'Eve', address: 'eve@elsewhere.example' } }

test('a creation with message flags is a finished message with its own dates', async (t) => {
  const { call } = await startBench(t, { seed: SEED })
  const { status, json } = await call(INBOX, {
    json: {
      subject: 'restored',
      body: { contentType: 'HTML', content: '<p>hello</p>' },
      from: PERSON,
      toRecipients: [PERSON],
      isRead: true,
      importance: 'high',
      categories: ['Customer'],
      flag: { flagStatus: 'flagged' },
      internetMessageId: '<kept@x.example>',
      singleValueExtendedProperties: [...FINISHED, { id: MARK, value: 'slot-1' }],
    },
  })
  assert.equal(status, 201)
  assert.equal(json.isDraft, false)
  assert.equal(json.isRead, true)
  assert.equal(json.sentDateTime, '2020-01-02T03:04:05Z')
  assert.equal(json.receivedDateTime, '2020-01-02T03:04:06Z')
  assert.equal(json.internetMessageId, '<kept@x.example>')
  assert.equal(json.flag.flagStatus, 'flagged')
})

test('a creation without the flags, or with the unsent bit, is a draft of now', async (t) => {
  const { call } = await startBench(t, { seed: SEED })
  const plain = await call(INBOX, {
    json: { subject: 'x', receivedDateTime: '2020-01-02T03:04:06Z', isDraft: false },
  })
  assert.equal(plain.json.isDraft, true)
  assert.ok(plain.json.receivedDateTime > '2026')
  const flags = [{ id: 'Integer 0x0E07', value: '8' }]
  const unsent = await call(INBOX, { json: { singleValueExtendedProperties: flags } })
  assert.equal(unsent.json.isDraft, true)
})

test('extended properties are found by filter and expand, in canonical form', async (t) => {
  const { call } = await startBench(t, { seed: SEED })
  const created = await call(INBOX, {
    json: {
      subject: 'marked',
      singleValueExtendedProperties: [...FINISHED, { id: MARK, value: 'Slot-1' }],
    },
  })
  const any = (value: string) =>
    `singleValueExtendedProperties/Any(ep: ep/id eq '${MARK}' and ep/value eq '${value}')`
  const find = async (value: string) =>
    (await call(`/users/${ADA}/messages?$filter=${encodeURIComponent(any(value))}`)).json.value
  assert.deepEqual(
    (await find('slot-1')).map(({ id }) => id),
    [created.json.id],
  )
  assert.deepEqual(await find('slot-2'), [])
  const expand = `$expand=singleValueExtendedProperties($filter=id eq 'Integer 0x0E07' or id eq '${MARK}')`
  const { json } = await call(`${messagePath(ADA, created.json.id)}?${expand}`)
  assert.deepEqual(json.singleValueExtendedProperties, [
    { id: 'Integer 0xe07', value: '0' },
    {
      id: MARK.toLowerCase()
        .replace('string', 'String')
        .replace(/name .*/, 'Name HoldfastSlot'),
      value: 'Slot-1',
    },
  ])
})

test('attachments of all kinds come with the one POST', async (t) => {
  const { call, bytes } = await startBench(t, { seed: SEED })
  const file = Buffer.from('file bytes')
  const { json } = await call(INBOX, {
    json: {
      subject: 'with attachments',
      body: { contentType: 'html', content: '<img src="cid:logo@x">' },
      singleValueExtendedProperties: FINISHED,
      attachments: [
        {
          '@odata.type': '#microsoft.graph.fileAttachment',
          name: 'a.txt',
          contentType: 'text/plain',
          contentBytes: file.toString('base64'),
        },
        {
          '@odata.type': '#microsoft.graph.fileAttachment',
          name: 'l.png',
          contentType: 'image/png',
          isInline: true,
          contentId: 'logo@x',
          contentBytes: 'AAAA',
        },
        {
          '@odata.type': '#microsoft.graph.itemAttachment',
          name: 'inner',
          item: {
            '@odata.type': '#microsoft.graph.message',
            subject: 'inner',
            body: { contentType: 'text', content: 'deep' },
          },
        },
        { '@odata.type': '#microsoft.graph.referenceAttachment', name: 'link.xlsx' },
      ],
    },
  })
  assert.equal(json.hasAttachments, true)
  const { json: expanded } = await call(`${messagePath(ADA, json.id)}?$expand=attachments`)
  const types = expanded.attachments.map((a) => a['@odata.type'].split('.').at(-1))
  assert.deepEqual(types, [
    'fileAttachment',
    'fileAttachment',
    'itemAttachment',
    'referenceAttachment',
  ])
  const mime = (await bytes(`${messagePath(ADA, json.id)}/$value`)).toString()
  for (const part of ['a.txt', '<logo@x>', 'Subject: inner', 'deep']) assert.ok(mime.includes(part))
  const beta = {
    '@odata.type': '#microsoft.graph.referenceAttachment',
    name: 'l',
    sourceUrl: 'https://x',
  }
  const refused = await call(INBOX, { json: { attachments: [beta] } })
  assert.deepEqual([refused.status, refused.json.error.code], [400, 'RequestBodyRead'])
})

test('only inline parts do not count as attachments', async (t) => {
  const { call } = await startBench(t, { seed: SEED })
  const inline = {
    '@odata.type': '#microsoft.graph.fileAttachment',
    name: 'l.png',
    isInline: true,
    contentBytes: 'AAAA',
  }
  const { json } = await call(INBOX, { json: { attachments: [inline] } })
  assert.equal(json.hasAttachments, false)
})

test('MIME makes a draft, whatever it says', async (t) => {
  const { call, bytes } = await startBench(t, { seed: SEED })
  const mime =
    'From: a@x.example\r\nSubject: old\r\nDate: Thu, 2 Jan 2020 03:04:05 +0000\r\n\r\nhi\r\n'
  const text = Buffer.from(mime).toString('base64')
  const headers = { 'content-type': 'text/plain' }
  const { status, json } = await call(INBOX, { text, headers })
  assert.deepEqual([status, json.isDraft, json.subject], [201, true, 'old'])
  assert.equal((await bytes(`${messagePath(ADA, json.id)}/$value`)).toString(), mime)
  const bad = await call(INBOX, { text: 'Subject: not base64!', headers })
  assert.equal(bad.json.error.code, 'ErrorMimeContentInvalidBase64String')
})

test('bodies above 4 MB, unknown properties and bad values are refused', async (t) => {
  const { call } = await startBench(t, { seed: SEED })
  const refusal = async (json: unknown) => {
    const answer = await call(INBOX, { json })
    return [answer.status, answer.json.error.code]
  }
  assert.deepEqual(await refusal({ subject: 'x'.repeat(4_200_000) }), [
    413,
    'RequestEntityTooLarge',
  ])
  assert.deepEqual(await refusal({ subjekt: 'x' }), [400, 'RequestBodyRead'])
  const header = { internetMessageHeaders: [{ name: 'Received', value: 'x' }] }
  assert.deepEqual(await refusal(header), [400, 'InvalidInternetMessageHeader'])
  const property = { singleValueExtendedProperties: [{ id: 'Integer 0x0E07', value: 'four' }] }
  assert.deepEqual(await refusal(property), [400, 'ErrorInvalidProperty'])
})

test('move, copy, delete and purge do what Exchange does', async (t) => {
  const { call, control } = await startBench(t, { seed: SEED })
  const { id } = await control.deliver({ user: ADA, subject: 'wanderer' })
  const path = messagePath(ADA, id)
  const moved = await call(`${path}/move`, { json: { destinationId: 'archive' } })
  assert.deepEqual([moved.status, moved.json.id], [201, id])
  const copied = await call(`${path}/copy`, { json: { destinationId: 'inbox' } })
  assert.equal(copied.status, 201)
  assert.notEqual(copied.json.id, id)
  const placeOf = async () => {
    const { folders } = await control.folders({ user: ADA })
    const { json } = await call(path)
    return folders.find((folder) => folder.id === json.parentFolderId)?.wellKnown
  }
  assert.equal((await call(path, { method: 'DELETE' })).status, 204)
  assert.equal(await placeOf(), 'recoverableitemsdeletions')
  assert.equal((await call(path, { method: 'DELETE' })).status, 204)
  assert.equal(await placeOf(), 'recoverableitemspurges')
  assert.equal((await call(path, { method: 'DELETE' })).status, 204)
  assert.equal((await call(path)).status, 404)
})

test('PATCH changes state and, before the new rule, content', async (t) => {
  const { call, control } = await startBench(t, { seed: SEED })
  const { id } = await control.deliver({ user: ADA, subject: 'before' })
  const patch = (json: Partial<GraphJson>) => call(messagePath(ADA, id), { method: 'PATCH', json })
  assert.equal((await patch({ isRead: true })).json.isRead, true)
  assert.equal((await patch({ subject: 'after' })).json.subject, 'after')
  const dates = { singleValueExtendedProperties: FINISHED }
  assert.equal((await patch(dates)).json.error.code, 'ErrorInvalidPropertySet')
})

test('under the new rule content of a non-draft needs the advanced permission', async (t) => {
  const { call, control } = await startBench(t, { seed: SEED, settings: { mailAdvanced: true } })
  const { id } = await control.deliver({ user: ADA, subject: 'before' })
  const patch = async (json: object, of = id) => {
    const answer = await call(messagePath(ADA, of), { method: 'PATCH', json })
    return answer.status === 200 ? 200 : answer.json.error.code
  }
  assert.equal(await patch({ subject: 'after' }), 'ErrorAccessDenied')
  assert.equal(await patch({ toRecipients: [PERSON] }), 'ErrorAccessDenied')
  assert.equal(
    await patch({ isRead: true, categories: ['x'], flag: { flagStatus: 'flagged' } }),
    200,
  )
  const file = { '@odata.type': '#microsoft.graph.fileAttachment', name: 'a', contentBytes: 'AAAA' }
  const added = await call(`${messagePath(ADA, id)}/attachments`, { json: file })
  assert.equal(added.json.error.code, 'ErrorAccessDenied')
  const draft = await call(`/users/${ADA}/messages`, { json: { subject: 'draft' } })
  assert.equal(await patch({ subject: 'still mine' }, draft.json.id), 200)
  const permissions = ['Mail.ReadWrite', 'Mail-Advanced.ReadWrite.All']
  await control.setAppPermissions({ clientId: RESTORE_CLIENT_ID, permissions })
  const { token } = await control.issueAppToken({ clientId: RESTORE_CLIENT_ID })
  const allowed = await call(messagePath(ADA, id), {
    method: 'PATCH',
    json: { subject: 'y' },
    as: { token },
  })
  assert.equal(allowed.status, 200)
})
