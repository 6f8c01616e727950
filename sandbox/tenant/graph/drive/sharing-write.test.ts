import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startDriveBench } from '../../testing/drive-bench.ts'

const SEED = { seed: 3, users: 1, messages: 1 }
const ADA = 'ada.brandt@sandbox.example'
const STRANGER = 'somebody@elsewhere.example'

test('an invitation gives access, and mails nobody where it says so', async (t) => {
  const { put, on, control, file } = await startDriveBench(t, { seed: SEED })
  const { item } = await put('root:/one.txt:/content', 'one')
  const body = { recipients: [{ email: ADA }], roles: ['write'], requireSignIn: true }
  const silent = await on(`${item.id}/invite`, { json: { ...body, sendInvitation: false } })
  assert.equal(silent.status, 200)
  assert.deepEqual((await control.invitations({})).invitations, [])
  const [given] = (await file('one.txt'))?.permissions ?? []
  assert.deepEqual([given?.roles, given?.grantees.map(({ kind }) => kind)], [['write'], ['user']])
  await on(`${item.id}/invite`, { json: body })
  const { invitations } = await control.invitations({})
  assert.deepEqual(
    invitations.map(({ recipient }) => recipient),
    [ADA],
  )
})

test('people outside get nothing where sharing is off, and nobody knows whom nobody knows', async (t) => {
  const { put, on, control } = await startDriveBench(t, { seed: SEED })
  const { item } = await put('root:/one.txt:/content', 'one')
  const invite = (recipient: object) =>
    on(`${item.id}/invite`, {
      json: { recipients: [recipient], roles: ['read'], sendInvitation: false },
    })
  assert.equal((await invite({ email: STRANGER })).status, 200)
  await control.settings({ externalSharing: false })
  const off = await invite({ email: STRANGER })
  assert.deepEqual([off.status, off.code, off.inner], [403, 'accessDenied', 'sharingDisabled'])
  const link = await on(`${item.id}/createLink`, { json: { type: 'view', scope: 'anonymous' } })
  assert.equal(link.inner, 'sharingDisabled')
  assert.equal((await invite({ email: ADA })).status, 200)
  const unknown = await invite({ objectId: '00000000-0000-4000-8000-000000000000' })
  assert.deepEqual([unknown.status, unknown.inner], [400, 'noResolvedUsers'])
})

test('a link is made once of each kind; its password is never told', async (t) => {
  const { put, on, file } = await startDriveBench(t)
  const { item } = await put('root:/one.txt:/content', 'one')
  const link = (json: object) => on(`${item.id}/createLink`, { json })
  const first = await link({ type: 'view', scope: 'organization' })
  const again = await link({ type: 'view', scope: 'organization' })
  assert.deepEqual([first.status, again.status], [201, 200])
  assert.equal(first.item.id, again.item.id)
  const secret = await link({ type: 'view', scope: 'anonymous', password: 'open sesame' })
  assert.equal(secret.status, 201)
  assert.ok(!JSON.stringify(secret.json).includes('sesame'))
  assert.ok((secret.json as { hasPassword: boolean }).hasPassword)
  assert.equal((await link({ type: 'embed', scope: 'anonymous' })).status, 400)
  assert.equal((await file('one.txt'))?.permissions.length, 2)
})

test('a permission is taken away where it was given, and nowhere below', async (t) => {
  const { put, on, file } = await startDriveBench(t, { seed: SEED })
  const { item: folder } = await on('root/children', { json: { name: 'Here', folder: {} } })
  const { item } = await put(`${folder.id}:/one.txt:/content`, 'one')
  const body = { recipients: [{ email: ADA }], roles: ['read'], sendInvitation: false }
  const { json } = await on(`${folder.id}/invite`, { json: body })
  const [permission] = (json as { value: { id: string }[] }).value
  const remove = (from: string) => on(`${from}/permissions/${permission?.id}`, { method: 'DELETE' })
  assert.equal((await remove(item.id)).status, 400)
  assert.equal((await remove(folder.id)).status, 204)
  assert.equal((await remove(folder.id)).status, 404)
  assert.deepEqual((await file('Here'))?.permissions, [])
})

test('a change of permissions is no change of the item, and is told to who asks for it', async (t) => {
  const { put, on, walk, drive } = await startDriveBench(t)
  const { item } = await put('root:/one.txt:/content', 'one')
  const { delta } = await walk(`/drives/${drive}/root/delta`)
  await on(`${item.id}/createLink`, { json: { type: 'view', scope: 'organization' } })
  assert.deepEqual((await walk(delta)).items, [])
})
