import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { BACKUP_CLIENT_ID } from '../index.ts'
import { sharedFile } from '../testing/csdl.ts'
import { messagePath, startBench } from '../testing/harness.ts'
import { PERMISSIONS } from './permissions.ts'
import { ROUTES } from './routes.ts'

const published = sharedFile('graph/application-permissions.tsv')

/** `METHOD path` in lower case with `{id}` for every key, to the permissions that open it. */
function readTable(file: string): Map<string, Set<string>> {
  const table = new Map<string, Set<string>>()
  for (const line of readFileSync(file, 'utf8').trim().split('\n').slice(1)) {
    const [method = '', path = '', permission = ''] = line.split('\t')
    const key = `${method} ${path.toLowerCase()}`
    table.set(key, (table.get(key) ?? new Set()).add(permission))
  }
  return table
}

function keyOf(call: string): string {
  const [method = '', path = ''] = call.split(' ')
  // The published list does not tell the versions apart.
  const unversioned = path.toLowerCase().replace(/^\/beta\//, '/')
  return `${method} ${unversioned.replace(/\{\w+\}/g, '{id}')}`
}

const extra = readTable(new URL('permissions-extra.tsv', new URL('../', import.meta.url)).pathname)

test('each served call is opened by exactly the permissions that are published for it', {
  skip: published === null && 'the published list is not at hand',
}, () => {
  const table = readTable(published ?? '')
  for (const [call, permissions] of Object.entries(PERMISSIONS)) {
    const expected = table.get(keyOf(call)) ?? extra.get(keyOf(call))
    assert.deepEqual(new Set(permissions), expected, call)
  }
})

test('our own list has only calls that the published one lacks and that are served', {
  skip: published === null && 'the published list is not at hand',
}, () => {
  const table = readTable(published ?? '')
  const served = new Set(Object.keys(PERMISSIONS).map(keyOf))
  for (const key of extra.keys()) {
    assert.ok(!table.has(key), `${key} is published`)
    assert.ok(served.has(key), `${key} is not served`)
  }
})

test('there is a permission entry for each route and a route for each entry', () => {
  assert.equal(ROUTES.length, Object.keys(PERMISSIONS).length)
})

const SEED = { seed: 3, users: 1, messages: 12 }
const ADA = 'ada.brandt@sandbox.example'

test('a call without the permission is refused, in the words of its service', async (t) => {
  const { call, control } = await startBench(t, { seed: SEED })
  await control.setAppPermissions({ clientId: BACKUP_CLIENT_ID, permissions: ['Mail.Read'] })
  const users = await call('/users', { as: 'backup' })
  assert.equal(users.status, 403)
  assert.equal(users.json.error.code, 'Authorization_RequestDenied')
  const settings = await call(`/users/${ADA}/mailboxSettings`, { as: 'backup' })
  assert.equal(settings.status, 403)
  assert.equal(settings.json.error.code, 'ErrorAccessDenied')
  const written = await call(`/users/${ADA}/messages`, { as: 'backup', json: {} })
  assert.equal(written.status, 403)
})

test('Mail.ReadBasic.All sees messages without body, attachments or properties', async (t) => {
  const { call, control } = await startBench(t, { seed: SEED })
  await control.setAppPermissions({
    clientId: BACKUP_CLIENT_ID,
    permissions: ['Mail.ReadBasic.All'],
  })
  const { status, json } = await call(`/users/${ADA}/messages?$top=1`, { as: 'backup' })
  assert.equal(status, 200)
  const [message] = json.value
  assert.ok(message)
  const names = Object.keys(message)
  assert.ok(names.includes('subject') && !names.includes('body') && !names.includes('bodyPreview'))
  const expanded = `/users/${ADA}/messages?$expand=attachments`
  assert.equal((await call(expanded, { as: 'backup' })).status, 403)
  const mime = `${messagePath(ADA, message.id)}/$value`
  assert.equal((await call(mime, { as: 'backup' })).status, 403)
})
