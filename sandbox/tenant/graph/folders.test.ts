import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startBench } from '../testing/harness.ts'

const SEED = { seed: 7, users: 2, messages: 20 }
const ADA = 'ada.brandt@sandbox.example'
const BELA = 'bela.kovacs@sandbox.example'
const FOLDERS = `/users/${ADA}/mailFolders`

test('folder lists show a level, hidden ones only when asked for', async (t) => {
  const { walk } = await startBench(t, { seed: SEED })
  const names = (items: { displayName: string }[]) => items.map((f) => f.displayName)
  const shown = names((await walk(`${FOLDERS}?$top=3`)).items)
  assert.ok(shown.includes('Inbox') && !shown.includes('PersonMetadata'))
  const all = names((await walk(`${FOLDERS}?includeHiddenFolders=true&$top=100`)).items)
  assert.ok(all.includes('PersonMetadata') && all.includes('Sync Issues'))
  const children = names((await walk(`${FOLDERS}/inbox/childFolders`)).items)
  assert.deepEqual(children, ['Projects', 'Invoices', 'Invoices'])
})

test('well-known names work in any language, and search folders say what they are', async (t) => {
  const { call, walk } = await startBench(t, { seed: SEED })
  const german = await call(`/users/${BELA}/mailFolders/Inbox`)
  assert.equal(german.json.displayName, 'Posteingang')
  assert.equal((await call(`${FOLDERS}/recoverableitemspurges`)).json.displayName, 'Purges')
  const flat = await walk(`${FOLDERS}/delta`)
  const search = flat.items.filter((f) => f['@odata.type'] === '#microsoft.graph.mailSearchFolder')
  assert.deepEqual(
    search.map((f) => f.displayName),
    ['Flagged mail'],
  )
  const messages = await call(`${FOLDERS}/${encodeURIComponent(search[0]?.id ?? '')}/messages`)
  assert.equal(messages.status, 501)
})

test('the folder delta is flat, and hints at new mail but not at edits in place', async (t) => {
  const { walk, control } = await startBench(t, { seed: SEED })
  const first = await walk(`${FOLDERS}/delta`)
  const names = first.items.map((f) => f.displayName)
  assert.ok(names.includes('Design / Entwürfe') && !names.includes('Deletions'))
  assert.ok(!names.includes('Top of Information Store'))
  const { id } = await control.deliver({ user: ADA, subject: 'new' })
  const second = await walk(first.delta)
  assert.deepEqual(
    second.items.map((f) => f.displayName),
    ['Inbox'],
  )
  await control.edit({ user: ADA, message: id, body: 'other words' })
  const third = await walk(second.delta)
  assert.deepEqual(third.items, [])
  await control.read({ user: ADA, message: id, isRead: true })
  assert.equal((await walk(third.delta)).items.length, 1)
})

test('folders are made, renamed, moved and deleted, and doubled names refused', async (t) => {
  const { call, walk, control } = await startBench(t, { seed: SEED })
  const { delta } = await walk(`${FOLDERS}/delta`)
  const made = await call(FOLDERS, { json: { displayName: 'Restored' } })
  assert.equal(made.status, 201)
  const double = await call(FOLDERS, { json: { displayName: 'restored' } })
  assert.deepEqual([double.status, double.json.error.code], [409, 'ErrorFolderExists'])
  const path = `${FOLDERS}/${encodeURIComponent(made.json.id)}`
  const inner = await call(`${path}/childFolders`, { json: { displayName: 'Inner' } })
  await control.deliver({ user: ADA, folder: inner.json.id, subject: 'inside' })
  const renamed = await call(path, { method: 'PATCH', json: { displayName: 'Later' } })
  assert.deepEqual([renamed.json.displayName, renamed.json.id], ['Later', made.json.id])
  const moved = await call(`${path}/move`, { json: { destinationId: 'archive' } })
  assert.equal(moved.json.id, made.json.id)
  const itself = await call(`${path}/move`, { json: { destinationId: inner.json.id } })
  assert.equal(itself.json.error.code, 'ErrorMoveCopyFailed')
  assert.equal((await call(path, { method: 'DELETE' })).status, 204)
  const changes = (await walk(delta)).items
  const gone = changes.filter((f) => f['@removed']).map((f) => f.id)
  assert.deepEqual(new Set(gone), new Set([made.json.id, inner.json.id]))
  const { messages } = await control.messages({ user: ADA, folder: 'recoverableitemsdeletions' })
  assert.ok(messages.some((message) => message.subject === 'inside'))
})

test('distinguished folders stay, and unknown names are not ids', async (t) => {
  const { call } = await startBench(t, { seed: SEED })
  const inbox = await call(`${FOLDERS}/inbox`, { method: 'DELETE' })
  assert.equal(inbox.json.error.code, 'ErrorDeleteDistinguishedFolder')
  assert.equal((await call(`${FOLDERS}/nosuchfolder`)).json.error.code, 'ErrorInvalidIdMalformed')
  const other = await call(`/users/${BELA}/mailFolders/inbox`)
  const foreign = await call(`${FOLDERS}/${encodeURIComponent(other.json.id)}`)
  assert.equal(foreign.json.error.code, 'ErrorItemNotFound')
})
