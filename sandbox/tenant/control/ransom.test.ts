import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MailboxSnapshot, MessageSnapshot } from '../index.ts'
import { messagePath, startBench } from '../testing/harness.ts'

const ADA = 'ada.brandt@sandbox.example'
const SEED = { seed: 9, users: 1, messages: 60 }

function byId({ messages }: MailboxSnapshot): Map<string, MessageSnapshot> {
  return new Map(messages.map((message) => [message.immutableId, message]))
}

test('ransomware changes every body, file and subject, or deletes, and leaves a note', async (t) => {
  const { control, bytes, walk } = await startBench(t, { seed: SEED })
  const delta = `/users/${ADA}/mailFolders/inbox/messages/delta`
  const round = await walk(delta)
  const before = byId(await control.snapshot({ user: ADA }))
  const hit = await control.ransom({ user: ADA, seed: 5, deletedShare: 0.2 })
  const after = byId(await control.snapshot({ user: ADA }))
  assert.ok(hit.encrypted.length > 0 && hit.deleted.length > 0)
  assert.equal(after.size, before.size - hit.deleted.length + 1, 'the note is new')
  for (const id of hit.deleted) assert.ok(!after.has(id))
  for (const id of hit.encrypted) {
    const [old, now] = [before.get(id), after.get(id)]
    assert.ok(old && now)
    assert.match(now.subject, /\.locked$/)
    assert.notEqual(now.bodySha256, old.bodySha256)
    const files = now.attachments.filter(({ kind }) => kind === 'file')
    assert.ok(files.every(({ name }) => name.endsWith('.locked')))
    assert.equal(now.folderPath, old.folderPath)
    const hashes = new Set(old.attachments.map(({ sha256 }) => sha256))
    assert.ok(files.every(({ sha256 }) => !hashes.has(sha256)))
  }
  const [first = ''] = hit.encrypted
  assert.match((await bytes(`${messagePath(ADA, first)}/$value`)).toString(), /\.locked/)
  const news = await walk(round.delta)
  assert.ok(
    news.items.some((item) => item['@removed']),
    'the delta tells of the deletions',
  )
  assert.ok(news.items.some(({ subject }) => subject?.startsWith('READ ME')))
})

test('the same seed hits the same messages in the same way', async (t) => {
  const outcome = async (seed: number, shares = { share: 0.5, deletedShare: 0 }) => {
    const { control } = await startBench(t, { seed: SEED })
    const hit = await control.ransom({ user: ADA, seed, ...shares, note: false })
    const { messages } = await control.snapshot({ user: ADA })
    return { hit, bodies: messages.map(({ subject, bodySha256 }) => [subject, bodySha256]) }
  }
  const [one, again, other] = [await outcome(3), await outcome(3), await outcome(4)]
  assert.deepEqual(again, one)
  assert.notDeepEqual(other.hit, one.hit)
  const all = { share: 1, deletedShare: 0.5 }
  assert.notDeepEqual((await outcome(3, all)).hit.deleted, (await outcome(4, all)).hit.deleted)
  const count = one.hit.encrypted.length + one.hit.deleted.length
  assert.ok(count > 15 && count < 45, String(count))
})

test('it spares other folders, and keeps to its speed', async (t) => {
  const { control } = await startBench(t, { seed: { ...SEED, messages: 1 } })
  for (let n = 0; n < 25; n += 1) await control.deliver({ user: ADA, folder: 'archive' })
  const began = performance.now()
  const attack = { user: ADA, deletedShare: 0, note: false, messagesPerSecond: 1_000 }
  const hit = await control.ransom({ ...attack, folders: ['archive'] })
  assert.ok(performance.now() - began > 15, 'twenty messages take twenty milliseconds')
  const { messages } = await control.snapshot({ user: ADA })
  const locked = messages.filter(({ subject }) => subject.endsWith('.locked'))
  assert.deepEqual(new Set(locked.map(({ folderPath }) => folderPath)), new Set(['Archive']))
  assert.equal(hit.encrypted.length, locked.length)
})
