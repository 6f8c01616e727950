/** docs/promises.md names tests: each of them must exist, and each promise must be there. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { isTest, ROOT, sourcesOf } from './sources.ts'

const page = readFileSync(join(ROOT, 'docs/promises.md'), 'utf8')
/** Suites that several files run are no test files themselves. */
const tests = sourcesOf('src', 'cli', 'sandbox', 'test').filter(
  (s) => isTest(s.path) || s.path.startsWith('test/contract/'),
)

test('every promise from P1 to P10 stands in docs/promises.md with a test', () => {
  const sections = page.split(/^## /m).slice(1)
  const names = sections.map((s) => s.split(' ')[0])
  assert.deepEqual(
    names,
    Array.from({ length: 10 }, (_, n) => `P${n + 1}`),
  )
  for (const section of sections) assert.match(section, /^- "/m, section.split('\n')[0])
})

test('every test that docs/promises.md names exists', () => {
  const named = [...page.matchAll(/^- "([^"]+)"/gm)].map((m) => m[1] ?? '')
  const missing = named.filter((name) => !tests.some((source) => source.text.includes(name)))
  assert.deepEqual(missing, [])
})
