import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { GraphId } from '../../model/ids.ts'
import type { HeldVersion } from '../workload.ts'
import type { HeldFile } from './attachment-parts.ts'
import { attachmentJson, heldAttachments } from './attachments.ts'

const file = { '@odata.type': '#microsoft.graph.fileAttachment', isInline: false }
const item = { '@odata.type': '#microsoft.graph.itemAttachment', isInline: false }
const link = { '@odata.type': '#microsoft.graph.referenceAttachment', isInline: false }

function held(attachments: unknown, ...parts: string[][]): HeldVersion {
  const mime = [
    'Content-Type: multipart/mixed; boundary=outer',
    '',
    ...parts.flatMap((part) => ['--outer', ...part]),
    '--outer--',
  ]
  const json = attachments === undefined ? {} : { attachments }
  return {
    item: 'm' as GraphId,
    place: { container: 'inbox' as GraphId, sortKey: '' },
    display: { name: 'x', hasAttachments: true },
    streams: new Map(),
    representations: new Map([
      ['json', Buffer.from(JSON.stringify(json))],
      ['mime', Buffer.from(mime.join('\r\n'), 'latin1')],
    ]),
  }
}

async function filesOf(version: HeldVersion): Promise<HeldFile[]> {
  const { all, whole } = await heldAttachments(version)
  assert.ok(whole)
  return all.filter((attachment) => attachment.kind === 'file')
}

const body = ['', 'The text.']
const inner = [
  'Date: Thu, 01 Jan 2026 10:00:00 +0000',
  'Subject: =?utf-8?Q?Caf=C3=A9?=',
  'X-Kept: yes',
  'Content-Type: multipart/mixed; boundary=inner',
  '',
  '--inner',
  'Content-Type: image/gif; name=dot.gif',
  'Content-Transfer-Encoding: base64',
  '',
  'R0lG',
  '--inner--',
]
const nested = ['Content-Type: message/rfc822', '', ...inner]

test('a nested message comes back as a file of its bytes, with its dates and attachments', async () => {
  const [whole] = await filesOf(held([{ ...item, name: 'Caf\u00e9' }], body, nested))
  assert.ok(whole)
  assert.equal(whole.name, 'Caf\u00e9.eml')
  assert.equal(whole.contentType, 'message/rfc822')
  assert.equal(whole.bytes.toString('latin1'), inner.join('\r\n'))
  assert.equal(attachmentJson(whole)['@odata.type'], '#microsoft.graph.fileAttachment')
  const [unlisted] = await filesOf(held(undefined, body, nested))
  assert.equal(unlisted?.name, 'Caf\u00e9.eml')
})

test('a file that is listed but lies in a nested message is taken from there', async () => {
  const listed = { ...file, name: 'dot.gif', contentType: 'image/gif', size: 3 }
  const [gif] = await filesOf(held([listed], body, nested))
  assert.equal(gif?.bytes.toString(), 'GIF')
  // Nothing of the like: then it is not held, and a message in its place would be a lie.
  const { whole } = await heldAttachments(
    held([{ ...file, name: 'a.zip', contentType: 'application/zip' }], body, nested),
  )
  assert.equal(whole, false)
  const some = await heldAttachments(held([listed, { ...listed, name: 'b.gif' }], body, nested))
  assert.equal(some.whole, false)
})

test('attachments of one name are told apart by their sizes, whatever their order', async () => {
  const part = (content: string) => ['Content-Type: image/png; name=a.png', '', content]
  const listed = (size: number) => ({ ...file, name: 'a.png', contentType: 'image/png', size })
  const files = await filesOf(held([listed(302), listed(310)], part('tenletters'), part('two')))
  assert.deepEqual(
    files.map(({ bytes }) => bytes.toString()),
    ['two', 'tenletters'],
  )
})

test('a part with half a type is an attachment under its listed name', async () => {
  const listed = { ...file, name: 'ATT00001.dat', contentType: 'x-be2', size: 4 }
  const [odd] = await filesOf(held([listed], body, ['Content-Type: X-BE2;version=12', '', 'data']))
  assert.equal(odd?.name, 'ATT00001.dat')
  assert.equal(odd?.bytes.toString(), 'data')
})

test('items keep the ending of their form, links their place in the list', async () => {
  const listed = [
    { ...link, name: 'shared' },
    { ...item, name: 'Ada' },
    { ...file, name: 'a.txt', contentType: 'text/plain' },
  ]
  const { all, whole } = await heldAttachments(
    held(
      listed,
      body,
      ['Content-Type: text/plain; name=a.txt', '', 'a'],
      ['Content-Type: text/x-vcard', '', 'BEGIN:VCARD'],
    ),
  )
  assert.ok(whole)
  assert.deepEqual(
    all.map(({ kind, name }) => [kind, name]),
    [
      ['reference', 'shared'],
      ['file', 'Ada.vcf'],
      ['file', 'a.txt'],
    ],
  )
})
