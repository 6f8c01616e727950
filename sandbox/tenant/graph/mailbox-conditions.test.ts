import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { MailboxCondition } from '../model.ts'
import { startBench } from '../testing/harness.ts'

const ADA = 'ada.brandt@sandbox.example'
const SEED = { seed: 4, users: 1, messages: 10 }

test('mailboxes that are not in the cloud or have no licence are not enabled', async (t) => {
  const { call, control } = await startBench(t, { seed: SEED })
  const conditions = ['on-premises', 'inactive', 'unlicensed'] as const satisfies MailboxCondition[]
  for (const condition of conditions) {
    await control.setMailboxCondition({ user: ADA, condition })
    for (const path of ['mailFolders/delta', 'settings/exchange', 'mailboxSettings']) {
      const { status, json } = await call(`/users/${ADA}/${path}`)
      assert.deepEqual([status, json.error.code], [404, 'MailboxNotEnabledForRESTAPI'], condition)
    }
    const { json } = await call(`/users/${ADA}?$select=assignedPlans,onPremisesSyncEnabled`)
    const onPremises = condition === 'on-premises' ? true : null
    assert.deepEqual(json, { ...json, assignedPlans: [], onPremisesSyncEnabled: onPremises })
  }
  await control.setMailboxCondition({ user: ADA, condition: null })
  assert.equal((await call(`/users/${ADA}/mailFolders/delta`)).status, 200, 'all is still there')
})

test('a mailbox outside the app’s scope is denied', async (t) => {
  const { call, control } = await startBench(t, { seed: SEED })
  await control.setMailboxCondition({ user: ADA, condition: 'blocked' })
  const { status, json } = await call(`/users/${ADA}/mailFolders/inbox`)
  assert.deepEqual([status, json.error.code], [403, 'ErrorAccessDenied'])
})

test('a mailbox on the move answers nothing for a while', async (t) => {
  const { call, control } = await startBench(t, { seed: SEED })
  await control.setMailboxCondition({ user: ADA, condition: 'moving' })
  const { status, json } = await call(`/users/${ADA}/mailFolders/inbox`)
  assert.deepEqual([status, json.error.code], [503, 'ErrorMailboxMoveInProgress'])
})

test('a full mailbox can be read and takes nothing', async (t) => {
  const { call, control, walk } = await startBench(t, { seed: SEED })
  const { delta } = await walk('/users/delta')
  const { id } = await control.deliver({ user: ADA })
  await control.setMailboxCondition({ user: ADA, condition: 'over-quota' })
  assert.equal((await walk(delta)).items.length, 1, 'the directory tells of it')
  const message = `/users/${ADA}/messages/${encodeURIComponent(id)}`
  const file = {
    '@odata.type': '#microsoft.graph.fileAttachment',
    ...{ name: 'a.txt', contentBytes: 'QQ==' },
  }
  const writes = [
    call(`/users/${ADA}/messages`, { json: { subject: 'x' } }),
    call(`/users/${ADA}/messages`, {
      text: Buffer.from('Subject: x\r\n\r\nx').toString('base64'),
      headers: { 'content-type': 'text/plain' },
    }),
    call(`${message}/copy`, { json: { destinationId: 'archive' } }),
    call(`${message}/attachments`, { json: file }),
  ]
  for (const { status, json } of await Promise.all(writes)) {
    assert.deepEqual([status, json.error.code], [507, 'ErrorQuotaExceeded'])
  }
  assert.equal((await call(message)).status, 200)
  assert.equal((await call(`${message}/move`, { json: { destinationId: 'archive' } })).status, 201)
})

test('shared mailboxes are disabled users without a licence, and have mail', async (t) => {
  const { call, control } = await startBench(t, { seed: SEED })
  const user = 'team@sandbox.example'
  const mailbox = { purpose: 'shared', locale: 'en-GB' } as const
  await control.createUser({ displayName: 'Team', userPrincipalName: user, mailbox })
  const { json } = await call(`/users/${user}?$select=accountEnabled,assignedPlans`)
  assert.deepEqual(json, { ...json, accountEnabled: false, assignedPlans: [] })
  assert.equal((await call(`/users/${user}/mailboxSettings`)).json.userPurpose, 'shared')
  assert.equal((await call(`/users/${user}/mailFolders/inbox/messages/delta`)).status, 200)
})
