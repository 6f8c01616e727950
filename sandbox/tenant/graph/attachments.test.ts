import assert from 'node:assert/strict'
import { test } from 'node:test'
import { messagePath, startBench } from '../testing/harness.ts'

const ADA = 'ada.brandt@sandbox.example'
const SEED = { seed: 1, users: 1, messages: 1 }
const MIB = 1024 * 1024

test('large files come without contentBytes in lists, and whole on their own', async (t) => {
  const { call, bytes, control } = await startBench(t, { seed: SEED })
  const large = Buffer.alloc(3 * MIB + 1, 7)
  const small = Buffer.from('small')
  const { id } = await control.deliver({
    user: ADA,
    attachments: [
      { name: 'large.bin', base64: large.toString('base64') },
      { name: 'small.bin', base64: small.toString('base64') },
    ],
  })
  const path = messagePath(ADA, id)
  const listed = (await call(`${path}/attachments`)).json.value
  const expanded = (await call(`${path}?$expand=attachments`)).json.attachments
  for (const found of [listed, expanded]) {
    assert.deepEqual(
      found.map((a) => [a.name, a.size, a.contentBytes]),
      [
        ['large.bin', large.length, undefined],
        ['small.bin', small.length, small.toString('base64')],
      ],
    )
  }
  const one = `${path}/attachments/${encodeURIComponent(listed[0]?.id ?? '')}`
  assert.equal((await call(one)).json.contentBytes, large.toString('base64'))
  assert.deepEqual(await bytes(`${one}/$value`), large)
})

test('nested messages have an item when expanded, and MIME as their value', async (t) => {
  const { call, bytes, control } = await startBench(t, { seed: SEED })
  const mime = [
    'From: a@x.example',
    'Subject: outer',
    'Content-Type: multipart/mixed; boundary=b',
    '',
    '--b',
    'Content-Type: message/rfc822',
    '',
    'Subject: inner',
    'From: c@x.example',
    '',
    'deep',
    '--b--',
    '',
  ].join('\r\n')
  const { id } = await control.deliver({ user: ADA, mime: Buffer.from(mime).toString('base64') })
  const attachments = `${messagePath(ADA, id)}/attachments`
  const [listed] = (await call(attachments)).json.value
  assert.equal(listed?.['@odata.type'], '#microsoft.graph.itemAttachment')
  const path = `${attachments}/${encodeURIComponent(listed.id)}`
  assert.equal((await call(path)).json.item, undefined)
  const { json } = await call(`${path}?$expand=microsoft.graph.itemAttachment/item`)
  assert.equal(json.item?.subject, 'inner')
  assert.match((await bytes(`${path}/$value`)).toString(), /Subject: inner[\s\S]*deep/)
})

test('attachments are added to and taken from a message', async (t) => {
  const { call, control } = await startBench(t, { seed: SEED })
  const { id } = await control.deliver({ user: ADA, subject: 'bare', body: 'kept' })
  const path = messagePath(ADA, id)
  const before = (await call(path)).json
  const json = { '@odata.type': '#microsoft.graph.fileAttachment', name: 'a', contentBytes: 'AAAA' }
  const added = await call(`${path}/attachments`, { json })
  assert.equal(added.status, 201)
  const after = (await call(path)).json
  assert.equal(after.hasAttachments, true)
  assert.notEqual(after.changeKey, before.changeKey)
  assert.equal(after.body.content, 'kept')
  const one = `${path}/attachments/${encodeURIComponent(added.json.id)}`
  assert.equal((await call(one, { method: 'DELETE' })).status, 204)
  assert.equal((await call(path)).json.hasAttachments, false)
  assert.equal((await call(one)).status, 404)
})
