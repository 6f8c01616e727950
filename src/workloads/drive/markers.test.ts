import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import type { JsonObject } from '../../graph/index.ts'
import { compareMarkers, driveMarker, fileMarker, folderMarker } from './markers.ts'
import { file, folder } from './testing/scripted-drive.ts'

const words = fc.string({ maxLength: 8 })
const times = fc.date({ noInvalidDate: true }).map((at) => at.toISOString())

/** What may happen to a file without a new byte in it. */
const outside = fc.record<JsonObject>(
  {
    name: words,
    eTag: words,
    cTag: words,
    description: words,
    webUrl: words,
    parentReference: fc.record({ driveId: words, id: words, path: words, name: words }),
    fileSystemInfo: fc.record({ createdDateTime: times, lastModifiedDateTime: times }),
    shared: fc.record({ scope: words }),
    malware: fc.record({ description: words }),
    lastModifiedDateTime: times,
    '@microsoft.graph.sharedChanged': fc.constantFrom('True', 'False'),
    '@microsoft.graph.downloadUrl': words,
  },
  { requiredKeys: [] },
)

const content = fc.record({ quickXorHash: fc.base64String({ minLength: 4 }), size: fc.nat() })

function fileWith({ quickXorHash, size }: { quickXorHash: string; size: number }, more: object) {
  return file('a', 'p', { ...more, size, file: { hashes: { quickXorHash } } })
}

test('equal hash and size are the same content, whatever else is new, the ETag included', () =>
  fc.assert(
    fc.property(content, outside, outside, (same, before, now) => {
      const said = compareMarkers(
        fileMarker(fileWith(same, before), 'p1'),
        fileMarker(fileWith(same, now), 'p2'),
      )
      assert.notEqual(said, 'content')
    }),
  ))

test('another hash or another size is other content, whatever else is the same', () =>
  fc.assert(
    fc.property(content, content, outside, (one, other, more) => {
      fc.pre(one.quickXorHash !== other.quickXorHash || one.size !== other.size)
      const [a, b] = [fileMarker(fileWith(one, more)), fileMarker(fileWith(other, more))]
      assert.equal(compareMarkers(a, b), 'content')
    }),
  ))

test('the same item read twice is the same, nulls, order and derived fields aside', () =>
  fc.assert(
    fc.property(content, outside, (one, more) => {
      const item = fileWith(one, more)
      const again = Object.fromEntries(Object.entries(item).reverse())
      const twin = { ...again, description: again['description'] ?? null, webUrl: 'moved' }
      assert.equal(compareMarkers(fileMarker(item, 'p'), fileMarker(twin, 'p')), 'same')
    }),
  ))

test('a new name, place, date, sharing, or an ETag that nothing explains, is decoration', () => {
  const before = fileMarker(file('a'))
  for (const change of [
    { name: 'b.bin' },
    { parentReference: { id: 'q' } },
    { fileSystemInfo: { createdDateTime: '2026-01-01T00:00:00Z' } },
    { shared: { scope: 'anonymous' } },
    { malware: {} },
    { eTag: '"{a},2"' },
  ]) {
    const now = fileMarker(file('a', undefined, change))
    assert.equal(compareMarkers(before, now), 'decoration', JSON.stringify(change))
  }
})

test('a parent’s path is derived and no news of what is in it', () => {
  const at = (path: string) => fileMarker(file('a', 'p', { parentReference: { id: 'p', path } }))
  assert.equal(compareMarkers(at('/drives/d/root:/A'), at('/drives/d/root:/B')), 'same')
})

test('without a hash each new ETag is other content, and only then', () => {
  const bare = (more: object) => fileMarker(file('a', 'p', { file: {}, ...more }))
  assert.equal(compareMarkers(bare({}), bare({ name: 'b' })), 'decoration')
  assert.equal(compareMarkers(bare({}), bare({ eTag: '"2"' })), 'content')
  const empty = file('a', 'p', { file: { hashes: { quickXorHash: '' } } })
  assert.equal(compareMarkers(bare({}), fileMarker(empty)), 'same', 'an empty hash is none')
})

test('what has permissions of its own says so, and each page that tells of a change anew', () => {
  const shared = { shared: { scope: 'users' } }
  const changed = { ...shared, '@microsoft.graph.sharedChanged': 'True' }
  const marker = (more: object, page: string) => fileMarker(file('a', 'p', more), page)
  assert.equal(marker({}, 'p1').sharing, undefined)
  assert.equal(marker({ shared: null }, 'p1').sharing, undefined)
  assert.equal(marker(shared, 'p1').sharing, marker(shared, 'p2').sharing)
  assert.notEqual(
    marker(shared, '').sharing,
    marker({ shared: { scope: 'anonymous' } }, '').sharing,
  )
  assert.equal(compareMarkers(marker(changed, 'p1'), marker(changed, 'p1')), 'same')
  assert.equal(compareMarkers(marker(changed, 'p1'), marker(changed, 'p2')), 'decoration')
  assert.equal(compareMarkers(marker(shared, 'p1'), marker(changed, 'p2')), 'decoration')
  const library = driveMarker({ id: 'b!1', name: 'A' })
  assert.ok(library.sharing)
  assert.equal(driveMarker({ id: 'b!1', name: 'A', system: {} }).sharing, undefined)
})

test('what happens in a folder is no news of the folder; its name and place are', () => {
  const before = folderMarker(folder('f'))
  const busy = {
    size: 99,
    folder: { childCount: 7 },
    eTag: 'x',
    lastModifiedDateTime: '2026-05-05T00:00:00Z',
    fileSystemInfo: { lastModifiedDateTime: '2026-05-05T00:00:00Z' },
  }
  assert.equal(compareMarkers(before, folderMarker(folder('f', undefined, busy))), 'same')
  for (const change of [{ name: 'b' }, { parentReference: { id: 'q' } }, { package: {} }]) {
    const now = folderMarker(folder('f', undefined, change))
    assert.equal(compareMarkers(before, now), 'content', JSON.stringify(change))
  }
  const shared = folderMarker(folder('f', undefined, { shared: { scope: 'users' } }))
  assert.equal(compareMarkers(before, shared), 'decoration')
})

test('a shared folder may have other permissions in each page that tells of it', () => {
  const shared = { shared: { scope: 'users' } }
  const at = (page: string, more: object = shared) =>
    folderMarker(folder('f', undefined, more), page)
  assert.equal(compareMarkers(at('p1'), at('p1')), 'same')
  assert.equal(compareMarkers(at('p1'), at('p2')), 'decoration')
  assert.notEqual(at('p1').sharing, at('p2').sharing)
  assert.equal(compareMarkers(at('p1', {}), at('p2', {})), 'same')
})
