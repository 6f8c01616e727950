import assert from 'node:assert/strict'
import { test } from 'node:test'
import { graphError, json, type Step } from '../../graph/testing/scripted.ts'
import { hasCode } from '../../model/errors.ts'
import { CONTAINERS } from '../../model/events.ts'
import type { GraphId } from '../../model/ids.ts'
import type { EarlierVersions, LongPosition, Present } from '../workload.ts'
import { DRIVE, driveOn, file, ROOT, SITE } from './testing/scripted-drive.ts'

const signal = new AbortController().signal
const ITEM = `drives/${DRIVE}/items/a`
const FILE = `${DRIVE}/a` as GraphId

const versions = [4, 3, 2, 1].map((n) => ({
  ...{ id: `${n}.0`, size: n * 10, lastModifiedDateTime: `2026-01-0${n}T00:00:00Z` },
  lastModifiedBy: { user: { displayName: 'Ada' } },
}))

async function versionsOn(
  earlierVersions: EarlierVersions,
  answers: Record<string, Step | Step[]> = {},
  name = 'a.bin',
) {
  const world = driveOn({
    [ITEM]: () => json(file('a', ROOT, { name })),
    [`drives/${DRIVE}/root`]: () => json({ id: ROOT }),
    [`${ITEM}/versions`]: () => json({ value: versions }),
    ...answers,
  })
  const reader = world.workload.reader({ graphId: SITE, earlierVersions })
  const item = await reader.item(FILE, signal)
  assert.ok(item && reader.earlier)
  const before = reader.units?.().all ?? 0
  const ask = async (held?: Present['marker']) => await reader.earlier?.(item, held, signal)
  const earlier = async (held?: Present['marker']) => {
    const versions = await ask(held)
    assert.ok(Array.isArray(versions))
    return versions
  }
  return { ...world, reader, item, ask, earlier, units: () => (reader.units?.().all ?? 0) - before }
}

const numbers = (found: Present[]) => found.map(({ id }) => id.split('@')[1])

test('earlier versions come newest first, as many as the policy says, and never the present one', async () => {
  for (const [policy, expected, cost] of [
    ['all', ['3.0', '2.0', '1.0'], 2],
    [2, ['3.0', '2.0'], 2],
    [9, ['3.0', '2.0', '1.0'], 2],
    ['none', [], 0],
  ] as const) {
    const { earlier, units } = await versionsOn(policy)
    assert.deepEqual(numbers(await earlier()), expected)
    assert.equal(units(), cost)
  }
})

test('each is an item of its own in a container of which no list tells, and never changes', async () => {
  const { earlier, workload } = await versionsOn('all')
  const [newest] = await earlier()
  assert.ok(newest)
  assert.equal(newest.id, `${FILE}@3.0`)
  assert.equal(newest.place.container, `${FILE}@`)
  assert.equal(workload.cursorOf?.(newest.place.container), newest.place.container)
  assert.equal(workload.cursorOf?.(FILE), DRIVE)
  assert.equal(workload.cursorOf?.(CONTAINERS), CONTAINERS)
  assert.deepEqual(newest.display, {
    ...{ name: 'a.bin', size: 30, by: 'Ada', date: '2026-01-03T00:00:00Z' },
  })
  const [again] = await earlier()
  assert.ok(again)
  assert.equal(workload.compare(newest.marker, again.marker), 'same')
  assert.deepEqual(await (await versionsOn('all')).reader.earlier?.(newest, undefined, signal), [])
})

test('what is held as the file’s own is not fetched again as a version', async () => {
  const { earlier } = await versionsOn('all')
  const held = { content: 'hash:20', decoration: '', change: '', at: '2026-01-02T00:00:00Z' }
  assert.deepEqual(numbers(await earlier(held)), ['3.0', '1.0'])
  assert.deepEqual(numbers(await earlier({ ...held, content: 'hash:21' })), ['3.0', '2.0', '1.0'])
})

test('a file that is gone has none, of one in trouble nobody knows, the tenant’s trouble is thrown', async () => {
  const list = `${ITEM}/versions`
  for (const [status, code, told] of [
    [404, 'itemNotFound', []],
    [423, 'resourceLocked', 'unread'],
  ] as const) {
    const { ask } = await versionsOn('all', { [list]: () => graphError(status, code) })
    assert.deepEqual(await ask(), told)
  }
  const throttled = () => graphError(429, 'activityLimitReached', { 'Retry-After': '300' })
  const { earlier } = await versionsOn('all', { [list]: throttled })
  await assert.rejects(earlier(), (error) => hasCode(error, 'Throttled'))
})

test('the bytes of a version come from the address that it redirects to, held to its size', async () => {
  const redirect = (address: string) => () =>
    new Response(null, { status: 302, headers: { Location: address } })
  const read = async (name: string, bytes: number) => {
    const { reader, earlier, units, seen } = await versionsOn(
      'all',
      {
        [`${ITEM}/versions/3.0/content`]: [redirect('https://v/1'), redirect('https://v/2')],
        'https://v/1': () => new Response(null, { status: 401 }),
        'https://v/2': () => new Response(new Uint8Array(bytes)),
      },
      name,
    )
    const [newest] = await earlier()
    assert.ok(newest)
    const listed = units()
    const outcome = await reader.content(newest, signal)
    const [part] = outcome.outcome === 'content' ? outcome.parts : []
    let length = 0
    for await (const piece of part?.bytes ?? []) length += piece.byteLength
    assert.equal(seen.at(-1)?.headers.get('authorization'), null)
    return { length, units: units() - listed }
  }
  assert.deepEqual(await read('a.bin', 30), { length: 30, units: 4 })
  await assert.rejects(read('a.bin', 29), (error) => hasCode(error, 'ContentDiffers'))
  assert.equal((await read('a.docx', 29)).length, 29)
})

test('a version is read by its id, for the ledger, as long as it and its file are there', async () => {
  const { reader } = await versionsOn('all', {
    [`${ITEM}/versions/2.0`]: () => json(versions[2]),
  })
  const read = (id: string) => reader.item(id as GraphId, signal)
  const found = await read(`${FILE}@2.0`)
  assert.equal(found?.place.container, `${FILE}@`)
  assert.equal(found?.display.name, 'a.bin')
  assert.equal(await read(`${FILE}@9.0`), undefined)
  assert.equal(await read(`${DRIVE}/gone@1.0`), undefined)
})

test('a long version goes on over slices like any file', async () => {
  const content = Buffer.alloc(30, 7)
  const { reader, earlier } = await versionsOn('all', {
    [`${ITEM}/versions/3.0/content`]: () =>
      new Response(null, { status: 302, headers: { Location: 'https://v/1' } }),
    'https://v/1': (request) => {
      const from = Number(/=(\d+)-/.exec(request.headers.get('range') ?? '')?.[1] ?? 0)
      if (from === 0) return new Response(content, { headers: { 'Content-Length': '30' } })
      const headers = { 'Content-Range': `bytes ${from}-29/30` }
      return new Response(content.subarray(from), { status: 206, headers })
    },
  })
  const [newest] = await earlier()
  assert.ok(newest && reader.long)
  const lengths: number[] = []
  let at: LongPosition | undefined
  for (let slice = 0; slice < 2; slice += 1) {
    for await (const { bytes, next } of reader.long.read(newest, at, 16, signal)) {
      lengths.push(bytes.byteLength)
      at = next
      break
    }
  }
  assert.deepEqual(lengths, [16, 14])
  for await (const _ of reader.long.read(newest, at, 16, signal)) assert.fail('it is whole')
})
