import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TENANT_ID } from '../identities.ts'
import { startBench } from '../testing/harness.ts'

const SEED = { seed: 5, users: 5, messages: 0 }
const ADA = 'ada.brandt@sandbox.example'

test('users come in pages and their links carry the options', async (t) => {
  const { call, walk } = await startBench(t, { seed: SEED })
  const { items, pages } = await walk('/users?$select=id,mail&$top=2')
  assert.equal(items.length, 6)
  assert.equal(pages, 3)
  assert.ok(items.every((user) => 'mail' in user && !('displayName' in user)))
  const first = await call('/users?$select=id,mail&$top=2')
  const extended = await call(`${first.json['@odata.nextLink']}&$top=3`)
  assert.deepEqual([extended.status, extended.json.error.code], [400, 'BadRequest'])
})

test('filters select, and unknown ones, options and properties are refused', async (t) => {
  const { call } = await startBench(t, { seed: SEED })
  const found = await call(`/users?$filter=userPrincipalName eq '${ADA}'`)
  assert.deepEqual(
    found.json.value.map((user) => user.userPrincipalName),
    [ADA],
  )
  const shared = await call("/users?$filter=accountEnabled eq false and userType eq 'Member'")
  assert.equal(shared.json.value.length, 1)
  assert.equal((await call("/users?$filter=city eq 'Ulm'")).status, 501)
  assert.equal((await call('/users?$search=x')).status, 400)
  assert.equal((await call('/users?$select=shoeSize')).status, 400)
  assert.equal(
    (await call('/users/nobody@sandbox.example')).json.error.code,
    'Request_ResourceNotFound',
  )
})

test('the users delta tells of new, changed and deleted people, once', async (t) => {
  const { walk, control } = await startBench(t, { seed: SEED })
  const first = await walk('/users/delta?$select=id,displayName')
  assert.equal(first.items.length, 6)
  const { id } = await control.createUser({
    displayName: 'New One',
    userPrincipalName: 'new@sandbox.example',
    mailbox: null,
  })
  const gone = first.items[1]?.id
  await control.updateUser({ user: ADA, displayName: 'Ada Renamed' })
  await control.deleteUser({ user: gone ?? '' })
  const second = await walk(first.delta)
  assert.deepEqual(
    second.items.map((user) => user['@removed']?.reason ?? user.displayName),
    ['New One', 'Ada Renamed', 'changed'],
  )
  assert.deepEqual([second.items[0]?.id, second.items[2]?.id], [id, gone])
  assert.deepEqual((await walk(second.delta)).items, [])
})

test('an expired directory delta answers 410', async (t) => {
  const { walk, call, control } = await startBench(t, { seed: SEED })
  const { delta } = await walk('/users/delta')
  await control.expireDelta({ user: null })
  assert.equal((await call(delta)).status, 410)
  assert.equal((await walk('/users/delta')).items.length, 6)
})

test('mailbox ids and kinds are told, and their absence too', async (t) => {
  const { call } = await startBench(t, { seed: SEED })
  const exchange = await call(`/users/${ADA}/settings/exchange`)
  assert.match(exchange.json.primaryMailboxId, new RegExp(`^MBX:[0-9a-f-]{36}@${TENANT_ID}$`))
  const { json } = await call('/users')
  const nobody = json.value.find((user) => user.displayName === 'Nobody Unlicensed')?.id
  for (const path of ['settings/exchange', 'mailboxSettings', 'mailFolders', 'messages']) {
    const answer = await call(`/users/${nobody}/${path}`)
    assert.deepEqual([answer.status, answer.json.error.code], [404, 'MailboxNotEnabledForRESTAPI'])
  }
  const purposes = json.value
    .filter((user) => user.id !== nobody)
    .map(async (user) => (await call(`/users/${user.id}/mailboxSettings`)).json.userPurpose)
  assert.deepEqual(await Promise.all(purposes), ['user', 'user', 'user', 'user', 'shared'])
})
