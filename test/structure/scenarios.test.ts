/** docs/scenarios.md names a scenario for each bad day of Graph, and each scenario stands there. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { isTest, ROOT, sourcesOf } from './sources.ts'

/** The facts on Graph that touch mail, by their numbers. */
const ROWS = [3, 4, 9, 10, 11, 13, 26, 27, 28, 29, 30, 34, 35, 36]

const page = readFileSync(join(ROOT, 'docs/scenarios.md'), 'utf8')
const lines = [...page.matchAll(/^\| (\d+) \|.*\|$/gm)].map(([line, row]) => ({
  row: Number(row),
  named: [...line.matchAll(/"([^"]+ \(row \d+\))"/g)].map((m) => m[1] ?? ''),
}))
/** Only tests that go through the HTTP surface are here. */
const scenarios = sourcesOf('test/scenario')
  .filter((s) => isTest(s.path))
  .flatMap((s) => [...s.text.matchAll(/^ {2}test\('([^']+ \(row \d+\))'/gm)].map((m) => m[1] ?? ''))

test('every fact on Graph that touches mail has a scenario of its own', () => {
  assert.deepEqual(
    lines.map(({ row }) => row),
    ROWS,
  )
  for (const { row, named } of lines) {
    assert.ok(named.length > 0, `row ${row} names a test`)
    for (const name of named) assert.ok(name.endsWith(` (row ${row})`), name)
  }
})

test('docs/scenarios.md names the scenarios that exist, and all of them', () => {
  assert.deepEqual(lines.flatMap(({ named }) => named).sort(), scenarios.toSorted())
})
