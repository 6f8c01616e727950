import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { sharedFile } from '../testing/csdl.ts'
import { messagePath, startBench } from '../testing/harness.ts'

const corpus = sharedFile('corpus')

test('the real mail of the corpus is imported and every answer about it is valid', {
  skip: corpus === null && 'the corpus is not at hand',
}, async (t) => {
  const { walk, control, tenant, bytes } = await startBench(t, { importDirectory: corpus ?? '' })
  assert.equal(tenant.imported?.imported, 403)
  assert.deepEqual(tenant.imported.refused, [
    { file: 'spamassassin-bsmtpnull.eml', reason: 'the file is empty' },
  ])
  const { users } = await control.users({})
  let messages = 0
  for (const { id: user } of users) {
    const query = '$top=100&$expand=attachments&$select=id,subject,from,sender,body,hasAttachments'
    const { items } = await walk(`/users/${user}/messages?${query},flag,internetMessageHeaders`)
    messages += items.length
    for (const { id } of items.slice(0, 20)) await bytes(`${messagePath(user, id)}/$value`)
  }
  assert.equal(messages, 403)
})

test('an import keeps the bytes, reads the fields, and happens once', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'tenant-import-'))
  t.after(() => rm(folder, { recursive: true }))
  await mkdir(join(folder, 'emails'))
  const source =
    'From: "Eve" <eve@x.example>\nSubject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\nDate: nonsense\n\nhi\n'
  await writeFile(join(folder, 'emails', 'a.eml'), source)
  await writeFile(join(folder, 'emails', 'empty.eml'), '\n')
  const { control, tenant, bytes, walk } = await startBench(t, { importDirectory: folder })
  assert.equal(tenant.imported?.imported, 1)
  assert.deepEqual(tenant.imported.refused, [{ file: 'empty.eml', reason: 'the file is empty' }])
  const { users } = await control.users({})
  const found = await Promise.all(
    users.map(async ({ id }) => ({ user: id, ...(await walk(`/users/${id}/messages`)) })),
  )
  const { user, items } = found.find((each) => each.items.length > 0) ?? assert.fail()
  const [message] = items
  assert.ok(message)
  assert.equal(message.subject, 'Grüße')
  assert.equal(message.sentDateTime, '2020-01-01T00:00:00Z')
  assert.match(message.internetMessageId, /^<.+@.+>$/)
  assert.equal((await bytes(`${messagePath(user, message.id)}/$value`)).toString(), source)
  await control.edit({ user, message: message.id, body: 'changed' })
  const edited = (await bytes(`${messagePath(user, message.id)}/$value`)).toString()
  assert.match(edited, /changed/)
})

test('the imported sources are byte-equal where they have no boundary', {
  skip: corpus === null && 'the corpus is not at hand',
}, async (t) => {
  const { control, walk, bytes } = await startBench(t)
  const { id: user } = await control.createUser({
    displayName: 'One',
    userPrincipalName: 'one@sandbox.example',
    mailbox: { purpose: 'user', locale: 'en-US' },
  })
  const source = readFileSync(join(corpus ?? '', 'emails', 'flanker-encoded-header.eml'))
  await control.deliver({ user, mime: source.toString('base64') })
  const [message] = (await walk(`/users/${user}/messages`)).items
  assert.deepEqual(await bytes(`${messagePath(user, message?.id ?? '')}/$value`), source)
})

test('an imported multipart has new boundaries at each call and nothing else new', async (t) => {
  const { control, bytes } = await startBench(t, { seed: { seed: 1, users: 1, messages: 0 } })
  const user = 'ada.brandt@sandbox.example'
  const head = 'Subject: x\r\nContent-Type: multipart/mixed; boundary="own-boundary"\r\n\r\n'
  const source = `${head}--own-boundary\r\n\r\ntext\r\n--own-boundary--\r\n`
  const { id } = await control.deliver({ user, mime: Buffer.from(source).toString('base64') })
  const path = `${messagePath(user, id)}/$value`
  const answers = [(await bytes(path)).toString(), (await bytes(path)).toString()]
  assert.notEqual(answers[0], answers[1])
  for (const answer of answers) {
    assert.equal(answer.replace(/_0_[0-9a-f]{24}_/g, 'own-boundary'), source)
  }
})
