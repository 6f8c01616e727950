import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { createControlClient, startTenant } from '../tenant/index.ts'
import { judge, parseFidelity } from '../verdict/index.ts'
import { mailboxUsers, protectedHoldings, snapshots } from './mailboxes.ts'
import { tellStory } from './story.ts'

const FIDELITY = parseFidelity('| field | when |\n|-|-|\n| `id` | always |\n')
const tenant = await startTenant({ seed: { seed: 5, users: 3, messages: 30 } })
after(() => tenant.stop())
const control = createControlClient(tenant.controlUrl)

test('what is to be backed up is the mail of everybody with a mailbox', async () => {
  assert.equal((await mailboxUsers(control)).length, 3)
  const { messages, folders } = await protectedHoldings(control)
  assert.equal(messages, 90)
  assert.equal(folders % 3, 0)
})

test('the story does damage in three mailboxes, and asks for all of it back', async () => {
  const before = await snapshots(control)
  const story = await tellStory(control, [...before.values()])
  const damaged = await snapshots(control)
  assert.equal(story.wishes.length, 4)
  assert.equal(new Set(story.wishes.map(({ user }) => user)).size, 3)
  const cases = [...before].flatMap(([user, was]) => {
    const is = damaged.get(user)
    const restores = story.wishes.filter((wish) => wish.user === user).map(({ asked }) => asked)
    const none = { refused: [], notStored: new Set<string>() }
    return is ? [{ before: was, damaged: is, after: is, restores, ...none }] : []
  })
  // Nothing is restored, so the verdict must miss something in each of the mailboxes.
  const verdict = judge(cases, FIDELITY)
  const missing = verdict.problems.filter(({ kind }) => kind === 'missing')
  assert.equal(new Set(missing.map(({ user }) => user)).size, 3)
  assert.ok(verdict.problems.some(({ kind }) => kind === 'folder-missing'))
  assert.equal(verdict.missing, verdict.expected)
  assert.ok(verdict.keptNewer >= 3, 'what was only marked keeps its newer state')
})
