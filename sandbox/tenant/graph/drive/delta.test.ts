import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { BACKUP_CLIENT_ID } from '../../identities.ts'
import type { TenantOptions } from '../../index.ts'
import { type GraphJson, startBench } from '../../testing/harness.ts'

const SHARING =
  'hierarchicalsharing, deltashowremovedasdeleted, deltatraversepermissiongaps, deltashowsharingchanges'
const QUIET = { deltaNoise: false }

/** A site with one library, and short ways to its delta. */
async function startDrive(t: TestContext, options: TenantOptions = {}) {
  const bench = await startBench(t, { ...options, settings: { ...QUIET, ...options.settings } })
  const { control } = bench
  const { id: site, drive } = await control.createSite({ path: '/sites/finance' })
  const delta = `/drives/${drive}/root/delta`
  const put = (path: string, text = path) => control.putFile({ drive, path, text })
  const names = (items: readonly GraphJson[]) => items.map(({ name }) => name)
  return { ...bench, site, drive, delta, put, names }
}

test('a first round brings the root and everything below it, with hashes and without paths', async (t) => {
  const { put, walk, delta, names } = await startDrive(t)
  await put('a/b/one.txt', 'J')
  await put('two.txt', '')
  const { items } = await walk(delta)
  assert.deepEqual(names(items), ['root', 'a', 'b', 'one.txt', 'two.txt'])
  const [root, a, b, one, two] = items
  assert.ok(root?.root && a?.folder && !a.root)
  assert.equal(one?.parentReference.id, b?.id)
  assert.equal(one?.file?.hashes?.quickXorHash, 'SgAAAAAAAAAAAAAAAQAAAAAAAAA=')
  assert.equal(two?.file?.hashes, undefined)
  for (const item of items) {
    assert.equal(item.parentReference.path, undefined)
    assert.equal(item.parentReference.name, undefined)
    assert.equal(item.cTag, undefined)
  }
})

test('a deletion says so in its facet alone, which is lost unless it was selected (7, no. 1)', async (t) => {
  const { put, walk, control, drive, delta } = await startDrive(t)
  const { id } = await put('doomed.txt')
  const blind = await walk(`${delta}?$select=id,name,file,parentReference,size`)
  const seeing = await walk(`${delta}?$select=id,name,file,parentReference,size,deleted`)
  const all = await walk(delta)
  await control.deleteItem({ drive, item: id })
  const told = async (link: string) => (await walk(link)).items.find((item) => item.id === id)
  const [hidden, seen, whole] = [
    await told(blind.delta),
    await told(seeing.delta),
    await told(all.delta),
  ]
  for (const item of [hidden, seen, whole]) {
    assert.ok(item?.file)
    assert.equal(item.name, undefined)
    assert.equal(item.cTag, undefined)
  }
  assert.equal(hidden?.deleted, undefined)
  assert.equal(seen?.deleted?.state, 'deleted')
  assert.equal(whole?.deleted?.state, 'deleted')
})

test('what was deleted before a first round is no news to it', async (t) => {
  const { put, walk, control, drive, delta, names } = await startDrive(t)
  await put('kept.txt')
  const { id } = await put('gone.txt')
  await control.deleteItem({ drive, item: id })
  assert.deepEqual(names((await walk(delta)).items), ['root', 'kept.txt'])
})

test('the options of the first call are in the token, and none can be added', async (t) => {
  const { put, call, delta } = await startDrive(t)
  await put('one.txt')
  const first = await call(`${delta}?$select=id,deleted&$top=1`)
  const next = first.json['@odata.nextLink'] ?? ''
  const second = await call(next)
  assert.deepEqual(Object.keys(second.json.value[0] ?? {}), ['id'])
  assert.equal(second.json.value.length, 1)
  const extended = await call(`${next}&$select=id,name`)
  assert.deepEqual([extended.status, extended.json.error.code], [400, 'invalidRequest'])
})

test('a token of another drive and an invented one are refused', async (t) => {
  const { walk, call, control, delta, drive } = await startDrive(t)
  const other = await control.createSite({ path: '/sites/other' })
  const link = new URL((await walk(delta)).delta)
  const foreign = await call(`/drives/${other.drive}/root/delta${link.search}`)
  assert.equal(foreign.status, 400)
  assert.equal((await call(`/drives/${drive}/root/delta?token=abc`)).status, 400)
})

test('below a renamed or moved folder nothing is told (7, no. 6)', async (t) => {
  const { put, walk, control, drive, delta, names } = await startDrive(t)
  await put('a/deep/one.txt')
  await put('b/two.txt')
  const first = await walk(delta)
  await control.renameItem({ drive, item: 'a', name: 'renamed' })
  const second = await walk(first.delta, { headers: { deltaexcludeparent: 'true' } })
  assert.deepEqual(names(second.items), ['renamed'])
  await control.moveItem({ drive, item: 'renamed/deep', target: 'b' })
  const third = await walk(second.delta, { headers: { deltaexcludeparent: 'true' } })
  assert.deepEqual(names(third.items), ['deep'])
})

test('the folders above a change come with it, unless they are excluded', async (t) => {
  const { put, walk, delta, names } = await startDrive(t)
  await put('a/b/one.txt')
  const first = await walk(delta)
  await put('a/b/one.txt', 'new')
  const whole = await walk(first.delta)
  assert.deepEqual(names(whole.items), ['one.txt', 'b', 'a', 'root'])
  const bare = await walk(first.delta, { headers: { deltaexcludeparent: 'true' } })
  assert.deepEqual(names(bare.items), ['one.txt'])
})

test('a deleted folder is told of alone, or with all below it, as the setting has it', async (t) => {
  const { put, walk, control, drive, delta } = await startDrive(t)
  for (const folder of ['a', 'b']) await put(`${folder}/in/one.txt`)
  const first = await walk(delta)
  await control.deleteItem({ drive, item: 'a' })
  const alone = await walk(first.delta)
  assert.equal(alone.items.filter(({ deleted }) => deleted).length, 1)
  await control.settings({ deletedDescendants: true })
  await control.deleteItem({ drive, item: 'b' })
  const all = await walk(alone.delta)
  assert.equal(all.items.filter(({ deleted }) => deleted).length, 3)
})

test('what was made and deleted between two rounds comes as a deletion alone (7, no. 7)', async (t) => {
  const { put, walk, control, drive, delta } = await startDrive(t)
  const first = await walk(delta)
  const { id } = await put('brief.txt')
  await control.deleteItem({ drive, item: id })
  const { items } = await walk(first.delta)
  assert.deepEqual(
    items.map((item) => [item.id, item.deleted?.state]),
    [[id, 'deleted']],
  )
})

test('a folder deleted and made again at its path is another item (7, no. 7)', async (t) => {
  const { put, walk, control, drive, delta } = await startDrive(t)
  await put('a/one.txt')
  const first = await walk(delta)
  const old = first.items.find(({ name }) => name === 'a')?.id
  await control.deleteItem({ drive, item: 'a' })
  await put('a/one.txt')
  const { items } = await walk(first.delta)
  assert.equal(items.find(({ id }) => id === old)?.deleted?.state, 'deleted')
  assert.notEqual(items.find(({ name }) => name === 'a')?.id, old)
})

test('children come before their folder where it changed later (7, no. 7)', async (t) => {
  const { put, walk, control, drive, delta, names } = await startDrive(t)
  await put('a/one.txt')
  await control.renameItem({ drive, item: 'a', name: 'z' })
  assert.deepEqual(names((await walk(`${delta}?$top=1`)).items), ['root', 'one.txt', 'z'])
})

test('what changes during a round comes again at its end', async (t) => {
  const { put, call, walk, delta, names } = await startDrive(t)
  await put('one.txt')
  await put('two.txt')
  const first = await call(`${delta}?$top=2`)
  await put('one.txt', 'changed')
  const rest = await walk(first.json['@odata.nextLink'] ?? '')
  assert.deepEqual(names(first.json.value), ['root', 'one.txt'])
  assert.deepEqual(names(rest.items), ['two.txt', 'one.txt'])
})

test('a round has empty pages and repeats items, at the same places each time', async (t) => {
  const { put, walk, delta } = await startDrive(t, { settings: { deltaNoise: true } })
  for (let n = 0; n < 60; n += 1) await put(`file ${n}.txt`)
  const first = await walk(`${delta}?$top=1`)
  const ids = new Set(first.items.map(({ id }) => id))
  assert.equal(ids.size, 61)
  assert.ok(first.items.length > ids.size, 'something is repeated')
  assert.ok(first.pages > ids.size, 'some pages are empty')
  const again = await walk(`${delta}?$top=1`)
  assert.deepEqual([again.pages, again.items.length], [first.pages, first.items.length])
})

test('replays: older states come before the present one, and unchanged items come too', async (t) => {
  const { put, walk, control, delta, drive } = await startDrive(t, { settings: { replays: 1 } })
  const { id } = await put('one.txt')
  const first = await walk(delta)
  await control.renameItem({ drive, item: id, name: 'renamed.txt' })
  const { items } = await walk(first.delta)
  const told = items.filter((item) => item.id === id).map(({ name }) => name)
  assert.equal(told.at(0), 'one.txt')
  assert.equal(told.at(-1), 'renamed.txt')
})

test('latest knows everything already, a point in time what was before it', async (t) => {
  let now = Date.parse('2026-03-01T10:00:00Z')
  const { put, walk, control, drive, delta, names } = await startDrive(t, { clock: () => now })
  await put('before.txt')
  const gone = await put('gone.txt')
  const latest = await walk(`${delta}?token=latest&$select=id,name,deleted`)
  assert.deepEqual(latest.items, [])
  now += 60_000
  const since = encodeURIComponent('2026-03-01T10:00:30Z')
  await put('after.txt')
  await control.deleteItem({ drive, item: gone.id })
  const wanted = { headers: { deltaexcludeparent: 'true' } }
  const sinceThen = await walk(`${delta}?token=${since}&$select=name,deleted`, wanted)
  assert.deepEqual(names(sinceThen.items), ['after.txt', undefined])
  const sinceLatest = await walk(latest.delta, wanted)
  assert.deepEqual(
    sinceLatest.items.map((item) => Object.keys(item)),
    [
      ['id', 'name'],
      ['id', 'deleted'],
    ],
  )
})

for (const [form, inner] of [
  ['gone', 'resyncChangesApplyDifferences'],
  ['gone-upload', 'resyncChangesUploadDifferences'],
] as const) {
  test(`an expired token answers 410 ${inner} and where to begin again (2.4)`, async (t) => {
    const { put, walk, call, control, drive, delta, names } = await startDrive(t)
    await put('one.txt')
    const first = await walk(`${delta}?$select=name`)
    await control.expireTokens({ drive, form })
    const { status, json, headers } = await call(first.delta)
    assert.deepEqual([status, json.error.code], [410, 'resyncRequired'])
    assert.equal(json.error.innerError.code, inner)
    const again = await walk(headers.get('location') ?? '')
    assert.deepEqual(names(again.items), ['root', 'one.txt'])
    assert.deepEqual(Object.keys(again.items[0] ?? {}), ['name'])
  })
}

test('the Location of a 410 may answer 500, and a 410 may be a 404 (7, nos. 10, 11)', async (t) => {
  const { walk, call, control, drive, delta } = await startDrive(t)
  const first = await walk(delta)
  await control.expireTokens({ drive, form: 'gone-bad-location' })
  const gone = await call(first.delta)
  const broken = await call(gone.headers.get('location') ?? '')
  assert.deepEqual([gone.status, broken.status], [410, 500])
  assert.equal(broken.json.error.code, 'generalException')
  const second = await walk(delta)
  await control.expireTokens({ drive, form: 'not-found' })
  const missing = await call(second.delta)
  assert.deepEqual([missing.status, missing.json.error.code], [404, 'itemNotFound'])
})

test('a token may expire in the middle of a round, and for good (7, no. 8)', async (t) => {
  const { put, call, control, drive, delta } = await startDrive(t)
  await put('one.txt')
  const first = await call(`${delta}?$top=1`)
  await control.expireTokens({ drive, kind: 'position' })
  assert.equal((await call(first.json['@odata.nextLink'] ?? '')).status, 410)
  const second = await call(`${delta}?$top=1`)
  await control.expireDriveDelta({ drive })
  assert.equal((await call(second.json['@odata.nextLink'] ?? '')).status, 410)
})

test('next links may name themselves, or never end (7, no. 9)', async (t) => {
  const { put, call, walk, control, drive, delta } = await startDrive(t)
  const first = await walk(delta)
  await put('one.txt')
  await control.loopDelta({ drive, kind: 'repeat', pages: 2 })
  const same = await call(first.delta)
  assert.equal(same.json['@odata.nextLink'], first.delta)
  await control.loopDelta({ drive, kind: 'endless' })
  const links = new Set<string>()
  for (let link = first.delta, n = 0; n < 5; n += 1) {
    const { json } = await call(link)
    link = json['@odata.nextLink'] ?? ''
    assert.deepEqual(json.value, [])
    links.add(link)
  }
  assert.equal(links.size, 5)
  await control.stopDeltaLoop({ drive })
  assert.ok((await walk([...links].at(-1) ?? '')).items.some(({ name }) => name === 'one.txt'))
})

test('the delta of one library may fail whatever is done (7, no. 12)', async (t) => {
  const { call, control, drive, delta } = await startDrive(t)
  await control.failDelta({ drive })
  for (let n = 0; n < 3; n += 1) {
    const { status, json } = await call(delta)
    assert.deepEqual([status, json.error.code], [500, 'generalException'])
  }
  await control.failDelta({ drive, failing: false })
  assert.equal((await call(delta)).status, 200)
})

test('a GET of a drive may be refused as invalid once, for nothing (7, no. 27)', async (t) => {
  const { call, control, delta } = await startDrive(t)
  await control.addFault({ path: '/root/delta$', action: 'invalid-request' })
  const { status, json } = await call(delta)
  assert.deepEqual([status, json.error.code], [400, 'invalidRequest'])
  assert.equal((await call(delta)).status, 200)
})

test('download URLs come without $select, or selected, and sometimes not', async (t) => {
  const { put, walk, control, delta } = await startDrive(t)
  await put('one.txt')
  const urlOf = async (query: string) => {
    const { items } = await walk(`${delta}${query}`)
    return items.find(({ file }) => file)?.['@microsoft.graph.downloadUrl']
  }
  assert.ok(await urlOf(''))
  assert.equal(await urlOf('?$select=id,file'), undefined)
  assert.ok(await urlOf('?$select=id,file,@microsoft.graph.downloadUrl'))
  await control.settings({ missingUrls: 1 })
  assert.equal(await urlOf(''), undefined)
})

const FULL_CONTROL = ['Files.Read.All', 'Sites.Read.All', 'Sites.FullControl.All']
const ANYONE = { type: 'view', scope: 'anonymous' } as const

test('changes of permissions are told of files alone, to who asks in full and may see all (7, no. 39)', async (t) => {
  const { put, walk, control, drive, delta } = await startDrive(t)
  await control.setAppPermissions({ clientId: BACKUP_CLIENT_ID, permissions: FULL_CONTROL })
  const { id: file } = await put('a/one.txt')
  const asked = { as: 'backup', headers: { prefer: SHARING } } as const
  const first = await walk(delta, asked)
  await control.shareItem({ drive, item: file, link: ANYONE })
  await control.shareItem({ drive, item: 'a', link: ANYONE })
  const told = await walk(first.delta, asked)
  const marks = told.items.map((item) => [item.name, item['@microsoft.graph.sharedChanged']])
  assert.deepEqual(marks, [
    ['one.txt', 'True'],
    ['a', undefined],
    ['root', undefined],
  ])
  const incomplete = { as: 'backup', headers: { prefer: 'deltashowsharingchanges' } } as const
  assert.deepEqual((await walk(first.delta, incomplete)).items, [])
  assert.deepEqual((await walk(first.delta, { headers: { prefer: SHARING } })).items, [])
})

test('with hierarchicalsharing only what is shared itself says so, and the root', async (t) => {
  const { put, walk, control, drive, delta } = await startDrive(t)
  await put('a/one.txt')
  await control.shareItem({ drive, item: 'a', link: ANYONE })
  const sharedOf = async (headers: Record<string, string>) => {
    const { items } = await walk(delta, { headers })
    return items.filter(({ shared }) => shared).map(({ name, shared }) => [name, shared?.scope])
  }
  assert.deepEqual(await sharedOf({ prefer: 'hierarchicalsharing' }), [
    ['root', 'users'],
    ['a', 'anonymous'],
  ])
  assert.deepEqual(await sharedOf({ prefer: '' }), [
    ['a', 'anonymous'],
    ['one.txt', 'anonymous'],
  ])
})

test('a file may go right after it was listed', async (t) => {
  const { put, walk, call, drive, delta } = await startDrive(t, { settings: { vanishing: 1 } })
  const { id } = await put('one.txt')
  const { items } = await walk(`${delta}?$top=10`)
  const url = items.find((item) => item.id === id)?.['@microsoft.graph.downloadUrl'] ?? ''
  assert.equal((await call(`/drives/${drive}/items/${id}`)).status, 404)
  assert.equal((await fetch(url)).status, 404)
})

test('lists of folders are not at hand as deltas: only the root has one', async (t) => {
  const { put, call, drive } = await startDrive(t)
  await put('a/one.txt')
  const { json } = await call(`/drives/${drive}/root:/a`)
  assert.equal((await call(`/drives/${drive}/items/${json.id}/delta`)).status, 501)
})

test('under a lag the drive is shown as it was, and told later what happened', async (t) => {
  const clock = { ms: Date.parse('2026-11-20T10:00:00Z') }
  const { put, walk, control, drive, delta, names } = await startDrive(t, {
    clock: () => clock.ms,
  })
  const { id } = await put('a/old.txt')
  const doomed = await put('a/b/doomed.txt')
  const before = await walk(delta)
  await control.settings({ deltaLagMs: 60_000 })
  await control.renameItem({ drive, item: id, name: 'new.txt' })
  await control.deleteItem({ drive, item: 'a/b' })
  await put('late.txt')
  assert.deepEqual((await walk(before.delta)).items, [], 'nothing is told yet')
  const early = await walk(delta)
  const shown = ['root', 'a', 'old.txt', 'b', 'doomed.txt']
  assert.deepEqual(names(early.items), shown, 'a new round has what it was, all of it')
  clock.ms += 60_000
  const told = (await walk(early.delta)).items
  assert.deepEqual(
    told.filter((item) => item.deleted === undefined).map(({ name }) => name),
    ['new.txt', 'late.txt', 'a', 'root'],
  )
  assert.equal(told.filter((item) => item.deleted !== undefined).length, 1)
  assert.ok(!told.some((item) => item.id === doomed.id), 'of a deleted folder the folder alone')
})
