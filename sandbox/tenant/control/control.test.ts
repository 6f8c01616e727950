import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { test } from 'node:test'
import { ControlRefusal, type MailboxSnapshot } from '../index.ts'
import { messagePath, startBench } from '../testing/harness.ts'

const ADA = 'ada.brandt@sandbox.example'
const SEED = { seed: 9, users: 1, messages: 40 }

function sha256(data: string | Buffer): string {
  return createHash('sha256').update(data).digest('hex')
}

/** Folder counters are kept, not computed: they must never drift from what is there. */
function checkCounters(snapshot: MailboxSnapshot): void {
  for (const folder of snapshot.folders) {
    const inside = snapshot.messages.filter(({ folderId }) => folderId === folder.id)
    assert.equal(folder.total, inside.length, folder.path)
    assert.equal(folder.unread, inside.filter(({ isRead }) => !isRead).length, folder.path)
  }
}

test('the snapshot agrees with what Graph says', async (t) => {
  const { control, walk } = await startBench(t, { seed: SEED })
  const snapshot = await control.snapshot({ user: ADA })
  const { items } = await walk(`/users/${ADA}/messages?$expand=attachments&$top=50`)
  const paths = new Map(snapshot.folders.map((folder) => [folder.id, folder.path]))
  assert.equal(items.length, snapshot.messages.length)
  for (const item of items) {
    const truth = snapshot.messages.find((message) => message.immutableId === item.id)
    assert.ok(truth)
    assert.equal(truth.folderPath, paths.get(item.parentFolderId))
    assert.equal(truth.bodySha256, sha256(item.body.content))
    for (const [n, attachment] of item.attachments.entries()) {
      assert.equal(truth.attachments[n]?.name, attachment.name)
      if (attachment.contentBytes === undefined) continue
      const bytes = Buffer.from(attachment.contentBytes, 'base64')
      assert.equal(truth.attachments[n]?.sha256, sha256(bytes))
    }
  }
  checkCounters(snapshot)
})

test('people delete softly, past the bin, and for good', async (t) => {
  const { control } = await startBench(t, { seed: SEED })
  const placeOf = async (id: string) => {
    const { messages } = await control.snapshot({ user: ADA })
    return messages.find(({ immutableId }) => immutableId === id)?.folderPath
  }
  const deliver = async () => (await control.deliver({ user: ADA, subject: 'x' })).id
  const [soft, recoverable, hard] = [await deliver(), await deliver(), await deliver()]
  await control.delete({ user: ADA, message: soft, mode: 'soft' })
  await control.delete({ user: ADA, message: recoverable, mode: 'recoverable' })
  await control.delete({ user: ADA, message: hard, mode: 'hard' })
  assert.equal(await placeOf(soft), 'Deleted Items')
  assert.equal(await placeOf(recoverable), 'Recoverable Items/Deletions')
  assert.equal(await placeOf(hard), undefined)
  const { messages } = await control.emptyFolder({ user: ADA, folder: 'inbox', mode: 'hard' })
  assert.ok(messages > 0)
  assert.deepEqual((await control.messages({ user: ADA, folder: 'inbox' })).messages, [])
  await control.read({ user: ADA, message: soft, isRead: true })
  checkCounters(await control.snapshot({ user: ADA }))
})

test('folders are handled by path, doubled names included', async (t) => {
  const { control } = await startBench(t, { seed: SEED })
  const ref = { user: ADA, folder: 'Inbox/Projects' }
  await control.createFolder({ ...ref, name: 'Gamma' })
  await control.createFolder({ ...ref, name: 'Gamma' })
  await control.renameFolder({ user: ADA, folder: 'Inbox/Projects/Gamma', name: 'Delta' })
  await control.moveFolder({ user: ADA, folder: 'Inbox/Projects/Delta', target: 'archive' })
  const paths = async () => (await control.folders({ user: ADA })).folders.map(({ path }) => path)
  assert.ok((await paths()).includes('Archive/Delta'))
  assert.ok((await paths()).includes('Inbox/Projects/Gamma'))
  await control.deleteFolder(ref)
  assert.ok(!(await paths()).some((path) => path.startsWith('Inbox/Projects')))
})

test('wrong names and inputs are refused with a reason', async (t) => {
  const { control, tenant } = await startBench(t, { seed: SEED })
  const refusal = { name: 'ControlRefusal', status: 400 }
  await assert.rejects(control.snapshot({ user: 'nobody' }), refusal)
  await assert.rejects(control.folders({} as { user: string }), refusal)
  const unknown = await fetch(`${tenant.controlUrl}/control/nothing`, { method: 'POST' })
  assert.equal(unknown.status, 404)
  assert.ok(ControlRefusal)
})

test('counts tell requests by kind until they are reset', async (t) => {
  const { control, call } = await startBench(t, { seed: SEED })
  await call(`/users/${ADA}/mailFolders/inbox/messages/delta`)
  await call('/users/delta')
  await call('/users/delta')
  const { requests, statuses, mailboxes } = await control.counts({})
  assert.deepEqual(requests, { 'messages.delta': 1, 'users.delta': 2 })
  assert.deepEqual(Object.values(mailboxes), [{ 'messages.delta': 1 }])
  assert.deepEqual(statuses, { 200: 3 })
  await control.resetCounts({})
  assert.deepEqual((await control.counts({})).requests, {})
})

test('a fault fails, holds or cuts off the request that it names', async (t) => {
  const { control, call } = await startBench(t, { seed: SEED })
  const path = `/users/${ADA}/messages`
  const subjects = async () =>
    (await control.messages({ user: ADA, folder: 'drafts' })).messages.map((m) => m.subject)
  const fault = { method: 'POST', path: '/messages$' }
  await control.addFault({
    ...fault,
    nth: 2,
    action: 'fail',
    status: 429,
    headers: { 'retry-after': '2.5' },
  })
  assert.equal((await call(path, { json: { subject: 'one' } })).status, 201)
  const failed = await call(path, { json: { subject: 'two' } })
  assert.deepEqual([failed.status, failed.headers.get('retry-after')], [429, '2.5'])

  await control.addFault({ ...fault, action: 'drop-before' })
  await assert.rejects(call(path, { json: { subject: 'three' } }))
  await control.addFault({ ...fault, action: 'drop-after' })
  await assert.rejects(call(path, { json: { subject: 'four' } }))

  const { id } = await control.addFault({ ...fault, action: 'hold' })
  let answered = false
  const held = call(path, { json: { subject: 'five' } }).then(({ status }) => {
    answered = true
    return status
  })
  while (!(await control.listFaults({})).faults.some(({ holding }) => holding));
  assert.ok((await subjects()).includes('five') && !answered)
  await control.releaseFault({ id })
  assert.equal(await held, 201)
  const seen = await subjects()
  assert.deepEqual(
    ['one', 'two', 'three', 'four', 'five'].map((subject) => seen.includes(subject)),
    [true, false, false, true, true],
  )
  assert.ok((await control.listFaults({})).faults.every(({ hit }) => hit))
})

test('a message that went keeps its MIME log', async (t) => {
  const { control, bytes } = await startBench(t, { seed: SEED })
  const { id } = await control.deliver({ user: ADA, body: 'plain' })
  const mime = await bytes(`${messagePath(ADA, id)}/$value`)
  await control.delete({ user: ADA, message: id, mode: 'hard' })
  const { answers } = await control.mimeLog({ message: id })
  assert.deepEqual(answers, [{ sha256: sha256(mime), bytes: mime.length }])
})
