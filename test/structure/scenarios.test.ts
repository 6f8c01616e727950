/** docs/scenarios.md names a scenario for each bad day of Graph, and each scenario stands there. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { isTest, ROOT, sourcesOf } from './sources.ts'

/** The facts on Graph that touch them, by their numbers. */
const ROWS = {
  Mail: [3, 4, 9, 10, 11, 13, 26, 27, 28, 29, 30, 34, 35, 36],
  Files: [1, 2, 3, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 35, 39, 40],
}
/** What of rows 1-20, 33, 39 and 40 does not touch files, for the reason that the page gives. */
const NOT_FILES = [4, 33]

const page = readFileSync(join(ROOT, 'docs/scenarios.md'), 'utf8')

function sectionOf(title: string): string {
  return page.split(/^## /m).find((section) => section.startsWith(`${title}\n`)) ?? ''
}

function linesOf(text: string) {
  return [...text.matchAll(/^\| (\d+) \|.*\|$/gm)].map(([line, row]) => ({
    row: Number(row),
    named: [...line.matchAll(/"([^"]+ \(row \d+\))"/g)].map((m) => m[1] ?? ''),
  }))
}

/** Only tests that go through the HTTP surface are here. */
const scenarios = sourcesOf('test/scenario')
  .filter((s) => isTest(s.path))
  .flatMap((s) => [...s.text.matchAll(/^ {2}test\('([^']+ \(row \d+\))'/gm)].map((m) => m[1] ?? ''))

for (const [title, rows] of Object.entries(ROWS)) {
  test(`every fact on Graph that touches ${title.toLowerCase()} has a scenario of its own`, () => {
    const lines = linesOf(sectionOf(title))
    assert.deepEqual(
      lines.map(({ row }) => row),
      rows,
    )
    for (const { row, named } of lines) {
      assert.ok(named.length > 0, `row ${row} names a test`)
      for (const name of named) assert.ok(name.endsWith(` (row ${row})`), name)
    }
  })
}

test('a fact that touches no file is named, with the reason', () => {
  const named = [...sectionOf('Files').matchAll(/^- (\d+): \S/gm)].map((m) => Number(m[1]))
  assert.deepEqual(named, NOT_FILES)
})

test('docs/scenarios.md names the scenarios that exist, and all of them', () => {
  const named = linesOf(page).flatMap((line) => line.named)
  assert.deepEqual(named.sort(), scenarios.toSorted())
})
