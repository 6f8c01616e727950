/**
 * The vault can be read by others, for ever: a reader that knows only docs/format.md, and the
 * product of today, read the golden vaults and find what the scripts that wrote them put there.
 */
import assert from 'node:assert/strict'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import { importsOf } from '../structure/sources.ts'
import type { ExpectedPoint, Shown } from './expected.ts'
import { digestOf, goldenNames, readGolden } from './golden-folder.ts'
import { openIndependent } from './independent.ts'
import { openProduct, rebuiltTables, shownByBlobs, shownByTables } from './product-reader.ts'

const READER = new URL('independent-reader.ts', import.meta.url)
const READER_LINES_MAX = 320
/** Never changed: a vault that differs is another vault, under another name. */
const DIGESTS: Readonly<Record<string, string>> = {
  'v1-drive': 'c0dd749cc3c6dcf9c57fb99136341a0e7493cab98a38b12644c9be9acf9c18eb',
  'v1-mailbox': '8ac3fe5b4cbf18c400448e7954f9c04a20af1e4c66f7d3cec5811d0dc4cc41d2',
}

const shownOf = ({ items, left, ledger }: ExpectedPoint): Shown => ({ items, left, ledger })

test('the golden vaults are those that were written once, to the byte', () => {
  const found = goldenNames().map((name) => [name, digestOf(name)])
  assert.deepEqual(Object.fromEntries(found), DIGESTS)
})

describe('the independent reader', () => {
  const text = readFileSync(READER, 'utf8')

  test('imports nothing of Holdfast, and no package', () => {
    const imported = importsOf({ path: READER.pathname, text }).map((one) => one.specifier)
    assert.ok(imported.length > 0)
    assert.deepEqual(
      imported.filter((specifier) => !specifier.startsWith('node:')),
      [],
    )
    assert.doesNotMatch(text, /\bimport\(|\brequire\b|createRequire/)
  })

  test('is short enough to be written again from the page', () => {
    const lines = text.trimEnd().split('\n').length
    assert.ok(lines <= READER_LINES_MAX, `${lines} lines`)
  })
})

for (const name of goldenNames()) {
  const golden = readGolden(name)
  const { expected, privateKeys } = golden
  const { owner, points, voids } = expected
  const { id, ...record } = owner
  const [key] = privateKeys
  const head = points.at(-1)
  assert.ok(key && head, 'a golden vault has a key and something to read')

  describe(`P1: golden vault ${name}, read from the page alone`, () => {
    for (const [n, privateKey] of privateKeys.entries()) {
      test(`key ${n + 1} opens all of it: the owner, the chain, every pack`, () => {
        const { reader, stream, first } = openIndependent({ ...golden, key: privateKey })
        assert.deepEqual(reader.streams(), [`${id}/${expected.workload}`])
        assert.deepEqual(reader.ownerRecord(first), record)
        const found = stream.voids.map(({ seq }) => seq)
        assert.deepEqual([found, stream.commits.at(-1)?.seq], [voids, head.seq])
        reader.checkPacks(stream)
      })
    }

    test('gives at every point what was there, from commits and from bases', () => {
      const { shown } = openIndependent({ ...golden, key })
      for (const point of points) {
        assert.deepEqual(shown(point.seq, 'commits'), shownOf(point), point.after)
        assert.deepEqual(shown(point.seq, 'base'), shownOf(point), `base: ${point.after}`)
      }
    })

    test('gives of every commit the same state from its base', () => {
      const { stream, shown } = openIndependent({ ...golden, key })
      const asOf = stream.commits.flatMap(({ base }) => (base ? [base.asOf] : []))
      assert.equal(asOf.length, 2, 'two bases')
      for (const { seq } of stream.commits.filter(({ seq }) => seq >= Math.min(...asOf))) {
        assert.deepEqual(shown(seq, 'base'), shown(seq, 'commits'), `commit ${seq}`)
      }
    })

    test('gives the newest state where all before the newest base has expired', (context) => {
      const { stream } = openIndependent({ ...golden, key })
      const asOf = stream.commits.findLast(({ base }) => base)?.base
      assert.ok(asOf)
      const folder = mkdtempSync(join(tmpdir(), 'golden-'))
      context.after(() => rmSync(folder, { recursive: true }))
      cpSync(golden.folder, folder, { recursive: true })
      const root = join(folder, 'c', id, expected.workload)
      for (const seq of readdirSync(root)) {
        if (Number(seq) < asOf.asOf) rmSync(join(root, seq), { recursive: true })
      }
      const trusted = { seq: asOf.asOf, sha256: asOf.hash }
      const { shown } = openIndependent({ folder, expected, key }, trusted)
      assert.deepEqual(shown(head.seq, 'base'), shownOf(head))
    })

    test('what is deleted is gone, and was there', () => {
      const gone = points.flatMap(({ deleted }) => deleted)
      assert.ok(gone.length > 0)
      const known = new Set(points.flatMap(({ items }) => Object.keys(items)))
      for (const point of points) {
        for (const item of point.deleted) assert.ok(known.has(item) && !(item in point.items))
      }
    })
  })

  describe(`P1, P6: golden vault ${name}, read by the product of today`, () => {
    test('the secret store may be lost: chain and owner are found', async () => {
      const { commits, voids: found, record: its } = await openProduct(golden)
      assert.deepEqual([found, Math.max(...commits.keys())], [voids, head.seq])
      assert.ok(its)
      const { graphId, kind, name: called } = its
      assert.deepEqual({ graphId, kind, name: called }, record)
    })

    test('blobs give at every point what was there, from commits and from bases', async () => {
      const product = await openProduct(golden)
      for (const point of points) {
        for (const from of ['commits', 'base'] as const) {
          const shown = await shownByBlobs(product, point.seq, from)
          assert.deepEqual(shown, shownOf(point), `${from}: ${point.after}`)
        }
      }
    })

    test('tables that are rebuilt from it show the same', async () => {
      const product = await openProduct(golden)
      const tables = await rebuiltTables(product)
      const all = points.flatMap(({ items }) => Object.values(items))
      const containers = all.map(({ container }) => container)
      for (const point of points) {
        const { ledger: _, ...shown } = shownOf(point)
        const at = { seq: point.seq, containers }
        assert.deepEqual(await shownByTables(product, tables, at), shown, point.after)
      }
    })
  })
}
