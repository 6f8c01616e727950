import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startBench } from '../testing/harness.ts'

const SEED = { seed: 42, users: 4, messages: 120 }

test('one seed gives one tenant, another seed another', async (t) => {
  const clock = () => Date.UTC(2026, 10, 1)
  const snapshots = async (seed: number) => {
    const { control } = await startBench(t, { clock, seed: { ...SEED, seed } })
    const { users } = await control.users({})
    const boxes = users.filter(({ mailbox }) => mailbox !== null)
    return Promise.all(boxes.map(({ id }) => control.snapshot({ user: id })))
  }
  const [first, second, other] = [await snapshots(42), await snapshots(42), await snapshots(43)]
  assert.deepEqual(first, second)
  assert.notDeepEqual(first[0]?.messages, other[0]?.messages)
})

test('generated mail has everything that a backup stumbles over', async (t) => {
  const { control } = await startBench(t, { seed: SEED })
  const { users } = await control.users({})
  assert.ok(users.some(({ mailbox }) => mailbox === null))
  assert.ok(users.some(({ mailbox }) => mailbox?.purpose === 'shared'))
  const boxes = users.filter(({ mailbox }) => mailbox !== null)
  const messages = (
    await Promise.all(boxes.map(({ id }) => control.snapshot({ user: id })))
  ).flatMap((snapshot) => snapshot.messages)
  const attachments = messages.flatMap((message) => message.attachments)
  assert.equal(messages.length, 480)
  for (const kind of ['file', 'item', 'reference']) {
    assert.ok(
      attachments.some((attachment) => attachment.kind === kind),
      kind,
    )
  }
  assert.ok(attachments.some(({ isInline }) => isInline))
  assert.ok(messages.some(({ isDraft }) => isDraft))
  assert.ok(messages.some(({ flag }) => flag.flagStatus === 'flagged'))
  assert.ok(messages.some(({ categories }) => categories.length > 0))
  assert.ok(messages.some(({ subject }) => /[ぁ-ん一-龠]/.test(subject)))
  assert.ok(new Set(messages.map(({ conversationId }) => conversationId)).size < messages.length)
})
