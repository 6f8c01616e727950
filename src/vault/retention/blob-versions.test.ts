/** Versions, name by name, as a container that repeats itself tells them. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseOwnerId } from '../../model/ids.ts'
import type { BlobVersion, BlobVersions } from '../../ports.ts'
import { collect, never } from '../testing/fixture.ts'
import { isFree, namesOfOwner, ownersByVersions, versionedNames } from './blob-versions.ts'
import { ADA, BOB } from './testing/records.ts'

const FIRST = parseOwnerId('0'.repeat(32))
const NOW = Date.parse('2026-03-01T10:00:00Z')

const versionOf = (
  name: string,
  version: string,
  more: Partial<BlobVersion> = {},
): BlobVersion => ({
  ...{ name, version, bytes: 1, current: true, held: false, ...more },
})

/** Tells what begins with the prefix, in the order that is given. */
const telling = (...told: [name: string, version: string][]): BlobVersions => ({
  async *versions(prefix) {
    for (const [name, version] of told) if (name.startsWith(prefix)) yield versionOf(name, version)
  },
  readVersion: async () => undefined,
})

const short = (names: { name: string; versions: BlobVersion[] }[]) =>
  names.map(({ name, versions }) => `${name}:${versions.map(({ version }) => version).join('')}`)

test('versions of one name are together, the oldest first', async () => {
  const store = telling(['a', '1'], ['a', '2'], ['b', '1'])
  assert.deepEqual(short(await collect(versionedNames(store, '', never))), ['a:12', 'b:1'])
  assert.deepEqual(short(await collect(versionedNames(store, 'b', never))), ['b:1'])
  assert.deepEqual(await collect(versionedNames(telling(), '', never)), [])
})

test('what a page repeats is told once', async () => {
  const page = ['a 1', 'b 2', 'b 3']
  const told = [...page, ...page, 'b 4', 'c 5'].map((one): [string, string] => {
    const [name = '', version = ''] = one.split(' ')
    return [name, version]
  })
  const names = await collect(versionedNames(telling(...told), '', never))
  assert.deepEqual(short(names), ['a:1', 'b:234', 'c:5'])
})

test('an owner has records, commits, indexes and packs', async () => {
  const mine = [`owners/${ADA}/1.json`, `c/${ADA}/mail/x`, `idx/${ADA}/x`, `packs/${ADA}/x`]
  const others = ['format.json', `owners/${BOB}/1.json`, `c/${BOB}/mail/x`, `packs/${BOB}/x`]
  const store = telling(...[...mine, ...others].map((name): [string, string] => [name, '1']))
  const found = await collect(namesOfOwner(store, ADA, never))
  assert.deepEqual(
    found.map(({ name }) => name),
    mine,
  )
})

test('owners are those with a record, once and in order', async () => {
  const names = [
    ...[
      `owners/${FIRST}/1.json`,
      `owners/${ADA}/1.json`,
      `owners/${ADA}/2.json`,
      `owners/${BOB}/1.json`,
    ],
    ...[`owners/${BOB}/more.json`, 'owners/nobody/1.json', `packs/${'c'.repeat(32)}/x`],
  ]
  const store = telling(...names.map((name): [string, string] => [name, '1']))
  assert.deepEqual(await collect(ownersByVersions(store, never)), [FIRST, ADA, BOB])
})

test('P1: free is what has no hold and whose lock has come to its end', () => {
  const until = (ms: number) => ({ lock: { until: new Date(ms), locked: true } })
  const free = (more: Partial<BlobVersion>) => isFree(versionOf('a', '1', more), NOW)
  assert.equal(free({}), true)
  assert.equal(free({ held: true }), false)
  assert.equal(free(until(NOW + 1)), false)
  assert.equal(free(until(NOW)), true)
  assert.equal(free({ ...until(NOW), held: true }), false)
})
