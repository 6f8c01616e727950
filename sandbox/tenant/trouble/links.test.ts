import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { TenantOptions } from '../index.ts'
import { startBench } from '../testing/harness.ts'

const ADA = 'ada.brandt@sandbox.example'
const SEED = { seed: 11, users: 2, messages: 40 }
const INBOX = `/users/${ADA}/mailFolders/inbox/messages/delta`

async function startStill(t: TestContext, settings: TenantOptions['settings'] = {}) {
  const clock = { ms: Date.parse('2026-11-20T10:00:00Z') }
  const bench = await startBench(t, {
    seed: SEED,
    clock: () => clock.ms,
    settings: { deltaNoise: false, ...settings },
  })
  const paged = (link: string) =>
    bench.call(link, { headers: { prefer: 'IdType="ImmutableId", odata.maxpagesize=3' } })
  return { ...bench, clock, paged }
}

test('a position link expires while the link that its round began with still works', async (t) => {
  const { walk, call, control, paged } = await startStill(t)
  const { delta } = await walk(INBOX)
  for (let n = 0; n < 7; n += 1) await control.deliver({ user: ADA, subject: `mail ${n}` })
  const next = (await paged(delta)).json['@odata.nextLink'] ?? ''
  await control.expireLinks({ user: ADA, kind: 'position' })
  const refused = await call(next)
  assert.deepEqual([refused.status, refused.json.error.code], [410, 'SyncStateNotFound'])
  assert.equal(refused.headers.get('location'), null)
  const { items } = await walk(delta)
  assert.equal(items.length, 7)
})

test('links of one folder expire, and of no other', async (t) => {
  const { walk, call, control } = await startStill(t)
  const [inbox, archive] = [await walk(INBOX), await walk(INBOX.replace('inbox', 'archive'))]
  const { folders } = await control.folders({ user: ADA })
  const id = folders.find(({ wellKnown }) => wellKnown === 'inbox')?.id ?? ''
  const byId = await walk(INBOX.replace('inbox', encodeURIComponent(id)))
  await control.expireLinks({ user: ADA, folder: 'Inbox', kind: 'delta' })
  assert.equal((await call(inbox.delta)).status, 410)
  assert.equal((await call(byId.delta)).status, 410, 'by name and by id')
  assert.equal((await call(archive.delta)).status, 200)
  assert.equal((await call((await walk(INBOX)).delta)).status, 200, 'new links are good')
})

test('a refusal says where to begin again, or lies about that', async (t) => {
  const { walk, call, control } = await startStill(t)
  const { delta } = await walk(`${INBOX}?$select=subject`)
  await control.expireLinks({ user: ADA, form: 'gone-location' })
  const refused = await call(delta)
  assert.equal(refused.status, 410)
  const again = await walk(refused.headers.get('location') ?? '')
  const { messages } = await control.messages({ user: ADA, folder: 'inbox' })
  assert.equal(again.items.length, messages.length)
  assert.ok(
    again.items.every((item) => item.body === undefined),
    '$select is kept',
  )
  await control.expireLinks({ user: ADA, form: 'gone-bad-location' })
  const location = (await call(again.delta)).headers.get('location') ?? ''
  assert.equal((await call(location)).status, 500)
  assert.equal((await call(location)).status, 500, 'for good')
})

test('other forms of refusal have their status and code', async (t) => {
  const { walk, call, control } = await startStill(t)
  const forms = [
    ['not-found', 404, 'ErrorItemNotFound'],
    ['sync-folder-not-found', 404, 'ErrorSyncFolderNotFound'],
    ['sync-state-not-found', 400, 'SyncStateNotFound'],
    ['sync-state-invalid', 400, 'SyncStateInvalid'],
  ] as const
  for (const [form, status, code] of forms) {
    const { delta } = await walk(INBOX)
    await control.expireLinks({ user: ADA, form })
    const { status: given, json } = await call(delta)
    assert.deepEqual([given, json.error.code], [status, code])
  }
  const { delta } = await walk('/users/delta')
  await control.expireLinks({ user: null })
  assert.equal((await call(delta)).json.error.code, 'Directory_ExpiredPageToken')
})

test('links die of age, each kind at its own', async (t) => {
  const { call, walk, paged, clock, control } = await startStill(t, {
    positionLinkMs: 5_000,
    deltaLinkMs: 60_000,
    expiredLink: 'sync-state-not-found',
  })
  const { delta } = await walk(INBOX)
  for (let n = 0; n < 4; n += 1) await control.deliver({ user: ADA })
  const next = (await paged(delta)).json['@odata.nextLink'] ?? ''
  clock.ms += 5_000
  assert.equal((await call(next)).status, 200)
  clock.ms += 1
  assert.equal((await call(next)).json.error.code, 'SyncStateNotFound')
  assert.equal((await call(delta)).status, 200)
  clock.ms += 55_000
  assert.equal((await call(delta)).status, 400)
})

test('a mailbox keeps its newest links and forgets the others', async (t) => {
  const { call, walk } = await startStill(t, { linksKept: 2 })
  const links: string[] = []
  for (const folder of ['inbox', 'archive', 'drafts']) {
    links.push((await walk(INBOX.replace('inbox', folder))).delta)
  }
  const statuses: number[] = []
  for (const link of links.toReversed()) statuses.push((await call(link)).status)
  assert.deepEqual(statuses, [200, 410, 410], 'the first answer brought a newer link')
  const { json } = await call('/users')
  const other = json.value.find((user) => user.userPrincipalName !== ADA)
  assert.equal((await walk(INBOX.replace(ADA, other?.id ?? ''))).pages > 0, true)
})

test('a page names itself as the next one for as long as it was told', async (t) => {
  const { call, control } = await startStill(t)
  await control.loopLinks({ user: ADA, folder: 'inbox', kind: 'repeat', pages: 3 })
  const first = (await call(INBOX)).json['@odata.nextLink'] ?? ''
  const second = await call(first)
  assert.deepEqual([second.json['@odata.nextLink'], second.json.value], [first, []])
  assert.equal((await call(first)).json['@odata.nextLink'], first)
  assert.ok((await call(first)).json.value.length > 0, 'then it goes on')
})

test('a round that never ends has ever new links, until it is stopped', async (t) => {
  const { call, walk, control } = await startStill(t)
  const { delta } = await walk(INBOX)
  await control.deliver({ user: ADA })
  await control.loopLinks({ user: ADA, folder: 'inbox', kind: 'endless' })
  const seen = new Set<string>()
  let link = delta
  for (let page = 0; page < 40; page += 1) {
    link = (await call(link)).json['@odata.nextLink'] ?? ''
    seen.add(link)
  }
  assert.equal(seen.size, 40)
  await control.stopLoop({ user: ADA, folder: 'inbox' })
  assert.equal((await walk(link)).items.length, 1, 'nothing was lost')
})
