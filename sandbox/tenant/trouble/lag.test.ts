import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import type { TenantOptions } from '../index.ts'
import { startBench } from '../testing/harness.ts'

const ADA = 'ada.brandt@sandbox.example'
const SEED = { seed: 11, users: 1, messages: 30 }

/** A quiet tenant whose clock only the test moves. */
async function startStill(t: TestContext, settings: TenantOptions['settings'] = {}) {
  const clock = { ms: Date.parse('2026-11-20T10:00:00Z') }
  const bench = await startBench(t, {
    seed: SEED,
    clock: () => clock.ms,
    settings: { deltaNoise: false, ...settings },
  })
  const ids = async (link: string) => {
    const { items, delta } = await bench.walk(link)
    const name = (item: (typeof items)[number]) => `${item['@removed'] ? '-' : '+'}${item.id}`
    return { ids: items.map(name), items, delta }
  }
  return { ...bench, clock, ids }
}

const delta = (folder: string, query = '') =>
  `/users/${ADA}/mailFolders/${folder}/messages/delta${query}`

test('a lagging delta tells of new mail only after its time', async (t) => {
  const { control, clock, ids } = await startStill(t, { deltaLagMs: 60_000 })
  const first = await ids(delta('inbox'))
  const { messages } = await control.messages({ user: ADA, folder: 'inbox' })
  assert.equal(first.ids.length, messages.length, 'what was there before is seen')
  const { id } = await control.deliver({ user: ADA, subject: 'late' })
  const early = await ids(first.delta)
  assert.deepEqual(early.ids, [])
  clock.ms += 59_000
  assert.deepEqual((await ids(early.delta)).ids, [])
  clock.ms += 1_000
  assert.deepEqual((await ids(early.delta)).ids, [`+${id}`])
})

test('folders that lag differently show a moved item twice, or nowhere', async (t) => {
  const { control, clock, ids } = await startStill(t)
  const { id } = await control.deliver({ user: ADA, subject: 'mover' })
  const inbox = await ids(delta('inbox'))
  const archive = await ids(delta('archive'))
  await control.setFolderLag({ user: ADA, folder: 'archive', lagMs: 60_000 })
  await control.move({ user: ADA, message: id, folder: 'archive' })
  const left = await ids(inbox.delta)
  assert.deepEqual(left.ids, [`-${id}`])
  assert.deepEqual((await ids(archive.delta)).ids, [], 'nowhere for a minute')
  clock.ms += 60_000
  const arrived = await ids(archive.delta)
  assert.deepEqual(arrived.ids, [`+${id}`])
  await control.move({ user: ADA, message: id, folder: 'inbox' })
  assert.deepEqual((await ids(left.delta)).ids, [`+${id}`])
  assert.ok((await ids(delta('archive'))).ids.includes(`+${id}`), 'a new round shows it still')
  assert.deepEqual((await ids(arrived.delta)).ids, [])
  clock.ms += 60_000
  assert.deepEqual((await ids(arrived.delta)).ids, [`-${id}`])
})

test('an item that vanished within the lag is listed as it was, and then removed', async (t) => {
  const { control, call, clock, ids } = await startStill(t, { deltaLagMs: 60_000 })
  const { id } = await control.deliver({ user: ADA, subject: 'short life' })
  await control.edit({ user: ADA, message: id, subject: 'edited' })
  clock.ms += 60_000
  await control.edit({ user: ADA, message: id, subject: 'edited again' })
  await control.delete({ user: ADA, message: id, mode: 'hard' })
  const round = await ids(delta('inbox'))
  assert.equal(round.items.find((item) => item.id === id)?.subject, 'edited')
  assert.equal((await call(`/users/${ADA}/messages/${encodeURIComponent(id)}`)).status, 404)
  clock.ms += 60_000
  assert.deepEqual((await ids(round.delta)).ids, [`-${id}`])
})

test('a departure that becomes visible during the first round is told in it', async (t) => {
  const { control, call, clock } = await startStill(t, { deltaLagMs: 60_000 })
  const { messages } = await control.messages({ user: ADA, folder: 'inbox' })
  const page = { headers: { prefer: 'IdType="ImmutableId", odata.maxpagesize=2' } }
  const oldest = (await call(delta('inbox'), page)).json.value[0]?.id ?? ''
  await control.delete({ user: ADA, message: oldest, mode: 'hard' })
  const first = (await call(delta('inbox'), page)).json
  assert.equal(first.value[0]?.id, oldest, 'it is shown as if it were there')
  clock.ms += 60_000
  const removed: string[] = []
  let next = first['@odata.nextLink']
  for (let n = 0; next !== undefined && n <= messages.length; n += 1) {
    const { json } = await call(next, page)
    removed.push(...json.value.filter((item) => item['@removed']).map(({ id }) => id))
    next = json['@odata.nextLink']
  }
  assert.deepEqual(removed, [oldest])
})

test('no filter finds an item before the index does', async (t) => {
  const { call, clock } = await startStill(t, { filterLagMs: 30_000 })
  const name = 'String {00020329-0000-0000-C000-000000000046} Name mark'
  const created = await call(`/users/${ADA}/mailFolders/inbox/messages`, {
    json: { subject: 'marked', singleValueExtendedProperties: [{ id: name, value: 'm-1' }] },
  })
  assert.equal(created.status, 201)
  const any = `singleValueExtendedProperties/any(p:p/id eq '${name}' and p/value eq 'm-1')`
  const list = `/users/${ADA}/messages?$count=true`
  const found = async (filter: string) =>
    (await call(`${list}&$filter=${encodeURIComponent(filter)}`)).json.value.map(({ id }) => id)
  assert.deepEqual(await found(any), [])
  assert.deepEqual(await found("subject eq 'marked'"), [])
  const direct = `/users/${ADA}/messages/${encodeURIComponent(created.json.id)}`
  assert.equal((await call(direct)).status, 200)
  assert.ok((await call(`${list}&$top=100`)).json.value.some(({ id }) => id === created.json.id))
  clock.ms += 30_000
  assert.deepEqual(await found(any), [created.json.id])
})

test('silent changes are not told, and do not hide what comes after them', async (t) => {
  const { control, ids } = await startStill(t, { silentChanges: 1 })
  const { id } = await control.deliver({ user: ADA, subject: 'quiet', isRead: false })
  const first = await ids(delta('inbox'))
  await control.read({ user: ADA, message: id, isRead: true })
  await control.flag({ user: ADA, message: id, flagStatus: 'flagged' })
  const second = await ids(first.delta)
  assert.deepEqual(second.ids, [])
  const whole = await ids(delta('inbox'))
  const item = whole.items.find((each) => each.id === id)
  assert.deepEqual([item?.isRead, item?.flag.flagStatus], [true, 'flagged'])
  await control.edit({ user: ADA, message: id, body: 'other' })
  assert.deepEqual((await ids(second.delta)).ids, [`+${id}`])
})

test('whoever reads a folder anew sees a silent change, on whatever page it stands', async (t) => {
  const { control, walk } = await startStill(t, { silentChanges: 1 })
  const { id } = await control.deliver({ user: ADA, folder: 'archive', subject: 'quiet' })
  await control.deliver({ user: ADA, folder: 'archive', subject: 'after it' })
  await control.read({ user: ADA, message: id, isRead: true })
  const prefer = 'IdType="ImmutableId", odata.maxpagesize=1'
  const { items } = await walk(delta('archive'), { headers: { prefer } })
  assert.equal(items.find((item) => item.id === id)?.isRead, true)
})

test('the share of silent changes follows the seed', async (t) => {
  const { control, ids } = await startStill(t, { silentChanges: 0.5 })
  const { messages } = await control.messages({ user: ADA, folder: 'inbox' })
  const told = async (flagStatus: 'flagged' | 'complete') => {
    const before = await ids(delta('inbox'))
    for (const { id } of messages) await control.flag({ user: ADA, message: id, flagStatus })
    return (await ids(before.delta)).ids.length
  }
  const count = await told('flagged')
  assert.ok(count > 0 && count < messages.length, `${count} of ${messages.length}`)
  await control.settings({ silentChanges: 0 })
  assert.equal(await told('complete'), messages.length)
})

test('replays bring older states first and the present one last', async (t) => {
  const { control, ids } = await startStill(t, { replays: 1 })
  const { id } = await control.deliver({ user: ADA, subject: 'old' })
  const first = await ids(delta('inbox'))
  await control.edit({ user: ADA, message: id, subject: 'new' })
  const second = await ids(first.delta)
  const subjects = second.items.filter((item) => item.id === id).map(({ subject }) => subject)
  assert.deepEqual(subjects, ['old', 'new'])
  assert.ok(second.ids.length > 2, 'unchanged items come again too')
  const quiet = await ids(second.delta)
  assert.ok(quiet.ids.length > 0)
  assert.equal(quiet.items.find((item) => item.id === id)?.subject, 'new')
})

test('a replay never brings what was destroyed as a state of what came after it', async (t) => {
  const { control, ids } = await startStill(t, { replays: 1 })
  const { id } = await control.deliver({ user: ADA, subject: 'first' })
  const first = await ids(delta('inbox'))
  await control.edit({ user: ADA, message: id, subject: 'edited' })
  await control.delete({ user: ADA, message: id, mode: 'hard' })
  await control.deliver({ user: ADA, subject: 'second' })
  assert.ok(!(await ids(first.delta)).ids.includes(`+${id}`))
})

test('a lagging folder never shows the mail of a folder that was deleted before it was made', async (t) => {
  const { control, clock, ids } = await startStill(t, { deltaLagMs: 60_000 })
  const make = (name: string) => control.createFolder({ user: ADA, folder: 'inbox', name })
  const old = await make('old')
  await control.deliver({ user: ADA, folder: old.id, subject: 'in the old one' })
  clock.ms += 60_000
  await control.deleteFolder({ user: ADA, folder: old.id })
  const young = await make('young')
  assert.deepEqual((await ids(delta(encodeURIComponent(young.id)))).ids, [])
})

test('listed items vanish before they are fetched, each once', async (t) => {
  const { call, control, ids } = await startStill(t, { seed: 2, vanishing: 0.6 })
  const round = await ids(delta('inbox'))
  const snapshot = await control.snapshot({ user: ADA })
  const places = new Map(snapshot.messages.map((m) => [m.immutableId, m.folderPath]))
  const listed = [...new Set(round.items.map(({ id }) => id))]
  const gone = listed.filter((id) => places.get(id) !== 'Inbox')
  assert.ok(gone.length > 0 && gone.length < listed.length)
  for (const id of gone) {
    const { status } = await call(`/users/${ADA}/messages/${encodeURIComponent(id)}`)
    assert.equal(status, places.has(id) ? 200 : 404)
  }
  const told = [...round.ids, ...(await ids(round.delta)).ids].filter((id) => id.startsWith('-'))
  assert.deepEqual(told.toSorted(), gone.map((id) => `-${id}`).toSorted(), 'late or in the round')
  await control.settings({ vanishing: 1 })
  const moved = (await ids(delta('archive'))).items.filter(({ id }) => gone.includes(id))
  assert.ok(moved.length > 0)
  const archived = await control.messages({ user: ADA, folder: 'archive' })
  const stayed = new Set(archived.messages.map(({ id }) => id))
  assert.ok(
    moved.every(({ id }) => stayed.has(id)),
    'once is enough',
  )
})
