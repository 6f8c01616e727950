import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DELTA_PAGE_DEFAULT } from '../limits.ts'
import { type Bench, startBench } from '../testing/harness.ts'

const SEED = { seed: 11, users: 2, messages: 150 }
const ADA = 'ada.brandt@sandbox.example'
const QUIET = { deltaNoise: false }

function deltaPath(folder: string, query = ''): string {
  return `/users/${ADA}/mailFolders/${encodeURIComponent(folder)}/messages/delta${query}`
}

async function folderIds({ control }: Bench, path: string): Promise<Set<string>> {
  const { messages } = await control.messages({ user: ADA, folder: path })
  return new Set(messages.map(({ id }) => id))
}

test('a round brings every message of the folder, with repeats and empty pages', async (t) => {
  const bench = await startBench(t, { seed: SEED })
  let emptyPages = 0
  let items = 0
  const ids = new Set<string>()
  for (const page of [2, 3, 4]) {
    let next: string | undefined = deltaPath('inbox')
    while (next !== undefined) {
      const { json } = await bench.call(next, {
        headers: { prefer: `IdType="ImmutableId", odata.maxpagesize=${page}` },
      })
      if (json.value.length === 0 && json['@odata.nextLink']) emptyPages += 1
      for (const { id } of json.value) ids.add(id)
      items += json.value.length
      next = json['@odata.nextLink']
    }
  }
  const expected = await folderIds(bench, 'inbox')
  assert.deepEqual(ids, expected)
  assert.ok(emptyPages > 0, 'no empty page was seen')
  assert.ok(items > 3 * expected.size, 'no repeated item was seen')
})

test('pages hold ten unless the Prefer header asks for more', async (t) => {
  const { call } = await startBench(t, { seed: SEED, settings: QUIET })
  assert.equal((await call(deltaPath('inbox'))).json.value.length, DELTA_PAGE_DEFAULT)
  const larger = await call(deltaPath('inbox'), { headers: { prefer: 'odata.maxpagesize=25' } })
  assert.equal(larger.json.value.length, 25)
  assert.equal(larger.headers.get('preference-applied'), 'odata.maxpagesize=25')
  const next = await call(larger.json['@odata.nextLink'] ?? '')
  assert.equal(next.json.value.length, DELTA_PAGE_DEFAULT, 'headers are not in the token')
})

test('a move is a removal here and an arrival there, under one immutable id', async (t) => {
  const { walk, control } = await startBench(t, { seed: SEED, settings: QUIET })
  const inbox = await walk(deltaPath('inbox'))
  const archive = await walk(deltaPath('archive'))
  const id = inbox.items[0]?.id ?? ''
  await control.move({ user: ADA, message: id, folder: 'archive' })
  const left = await walk(inbox.delta)
  assert.deepEqual(left.items, [
    { '@odata.type': '#microsoft.graph.message', id, '@removed': { reason: 'deleted' } },
  ])
  const arrived = await walk(archive.delta)
  assert.deepEqual(
    arrived.items.map((message) => message.id),
    [id],
  )
  await control.move({ user: ADA, message: id, folder: 'inbox' })
  const back = await walk(left.delta)
  const [returned, ...others] = back.items
  assert.deepEqual([returned?.id, returned?.['@removed'], others], [id, undefined, []])
})

test('without the header the id changes with each move, and both forms name the item', async (t) => {
  const { walk, call, control } = await startBench(t, { seed: SEED, settings: QUIET })
  const before = await walk(deltaPath('inbox', '?$select=id'), { mutable: true })
  const old = before.items[0]?.id ?? ''
  const { id, mutableId } = await control.move({ user: ADA, message: old, folder: 'archive' })
  assert.notEqual(mutableId, old)
  const removed = (await walk(before.delta, { mutable: true })).items[0]
  assert.equal(removed?.id, old)
  const messages = `/users/${ADA}/messages/`
  assert.equal((await call(messages + encodeURIComponent(old))).status, 404)
  assert.equal((await call(messages + encodeURIComponent(mutableId))).json.id, id)
  assert.equal((await call(messages + encodeURIComponent(id.toLowerCase()))).status, 404)
})

test('ids look like real ones: long, and with characters that must be escaped', async (t) => {
  const { walk } = await startBench(t, { seed: SEED, settings: QUIET })
  const { items } = await walk(deltaPath('inbox', '?$select=id'))
  for (const { id } of items) assert.match(id, /^[A-Za-z0-9+/_=-]{120,155}$/)
  const all = items.map(({ id }) => id).join('')
  for (const character of ['/', '+', '-', '_', '=']) assert.ok(all.includes(character), character)
})

test('reads, flags, categories and edits come again with a new change key', async (t) => {
  const { walk, control } = await startBench(t, { seed: SEED, settings: QUIET })
  let { items, delta } = await walk(deltaPath('inbox'))
  const target = items.find((message) => !message.isRead)
  assert.ok(target)
  const ref = { user: ADA, message: target.id }
  const seen = new Set([target.changeKey])
  for (const act of [
    () => control.read({ ...ref, isRead: true }),
    () => control.flag({ ...ref, flagStatus: 'flagged' }),
    () => control.categorise({ ...ref, categories: ['Blue category'] }),
    () => control.edit({ ...ref, body: 'ENCRYPTED' }),
  ]) {
    await act()
    const round = await walk(delta)
    delta = round.delta
    const [changed, ...others] = round.items
    assert.ok(changed)
    assert.deepEqual(others, [])
    assert.equal(changed.id, target.id)
    assert.ok(!seen.has(changed.changeKey))
    assert.ok(changed['@odata.etag'].includes(changed.changeKey))
    seen.add(changed.changeKey)
    items = round.items
  }
  assert.equal(items[0]?.body.content, 'ENCRYPTED')
  assert.deepEqual((await walk(delta)).items, [])
})

test('$select holds for the whole round and for the rounds after it', async (t) => {
  const { walk, control } = await startBench(t, { seed: SEED, settings: QUIET })
  const first = await walk(deltaPath('inbox', '?$select=subject'))
  const keys = ['@odata.etag', '@odata.type', 'id', 'subject']
  for (const item of first.items) assert.deepEqual(Object.keys(item).toSorted(), keys)
  await control.deliver({ user: ADA, subject: 'later' })
  const [later] = (await walk(first.delta)).items
  assert.deepEqual(Object.keys(later ?? {}).toSorted(), keys)
})

test('a filtered or ordered round has what it asked for, and later changes too', async (t) => {
  const { walk, control, call } = await startBench(t, { seed: SEED, settings: QUIET })
  const all = (await walk(deltaPath('inbox'))).items
  const dates = all.map((message) => message.receivedDateTime).toSorted()
  const middle = dates[Math.floor(dates.length / 2)] ?? ''
  const some = await walk(deltaPath('inbox', `?$filter=receivedDateTime ge ${middle}`))
  assert.equal(some.items.length, dates.filter((date) => date >= middle).length)
  const ordered = await walk(deltaPath('inbox', '?$orderby=receivedDateTime desc&$top=7'))
  const newestFirst = dates.toReversed()
  assert.deepEqual(
    ordered.items.map((message) => message.receivedDateTime),
    newestFirst,
  )
  await control.deliver({ user: ADA, subject: 'later' })
  for (const { delta } of [some, ordered]) {
    assert.deepEqual(
      (await walk(delta)).items.map((message) => message.subject),
      ['later'],
    )
  }
  assert.equal((await call(deltaPath('inbox', '?$search=x'))).status, 400)
  assert.equal((await call(deltaPath('inbox', "?$filter=subject eq 'x'"))).status, 400)
})

test('a changed token, another folder’s token and an expired state are refused', async (t) => {
  const { walk, call, control } = await startBench(t, { seed: SEED, settings: QUIET })
  const { delta } = await walk(deltaPath('inbox'))
  const spoilt = delta.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A'))
  assert.equal((await call(spoilt)).status, 400)
  assert.equal((await call(delta.replace('/inbox/', '/archive/'))).status, 400)
  assert.equal((await call(`${delta}&$select=id`)).status, 400)
  await control.expireDelta({ user: ADA })
  const expired = await call(delta)
  assert.deepEqual([expired.status, expired.json.error.code], [410, 'SyncStateNotFound'])
})

test('what changes while a round runs comes at its end', async (t) => {
  const { call, control } = await startBench(t, { seed: SEED, settings: QUIET })
  const first = (await call(deltaPath('inbox'))).json
  const [early, other] = first.value
  assert.ok(early && other)
  await control.edit({ user: ADA, message: early.id, subject: 'changed meanwhile' })
  await control.delete({ user: ADA, message: other.id, mode: 'hard' })
  const rest: string[] = []
  for (let next = first['@odata.nextLink']; next !== undefined; ) {
    const { json } = await call(next)
    rest.push(...json.value.map((m) => `${m.id}:${m['@removed']?.reason ?? m.subject}`))
    next = json['@odata.nextLink']
  }
  assert.ok(rest.includes(`${early.id}:changed meanwhile`))
  assert.ok(rest.includes(`${other.id}:deleted`))
})
