/** Sizes and habits of the house, held by a test (STYLE 2). */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isTest, sourcesOf } from './sources.ts'

const FILE_LINES_MAX = 600

/** Calls that make code depend on the machine's clock or chance, and where they are at home. */
const BANNED: readonly [RegExp, RegExp, string][] = [
  [/\bDate\.now\(\)|\bnew Date\(\)/, /^src\/(adapters|app)/, 'the Clock port'],
  [/\bMath\.random\(\)|\brandom(UUID|Bytes|Int)\b/, /^src\/adapters/, 'the Randomness port'],
  [/\bprocess\.env\b/, /^src\/app/, 'readSettings in app.ts'],
  [/\bconsole\./, /^src\/app/, 'the log that app.ts gives'],
  [/\bsetTimeout\(/, /^src\/(adapters|functions\/durable-client|graph)/, 'Clock.sleep'],
]

function code(text: string): string {
  return text.replace(/\/\*[\s\S]*?\*\//g, '').replace(/\/\/.*$/gm, '')
}

test('no file grows beyond what one can read at a sitting', () => {
  const long = sourcesOf('src', 'cli', 'sandbox', 'test')
    .map((s) => ({ path: s.path, lines: s.text.split('\n').length }))
    .filter((s) => s.lines > FILE_LINES_MAX)
  assert.deepEqual(long, [])
})

test('clock, chance and environment enter src/ only through their ports', () => {
  const wrong = sourcesOf('src')
    .filter((s) => !isTest(s.path))
    .flatMap(({ path, text }) =>
      BANNED.filter(([call, home]) => call.test(code(text)) && !home.test(path)).map(
        ([call, , instead]) => `${path}: ${call.source}; use ${instead}`,
      ),
    )
  assert.deepEqual(wrong, [])
})

test('nothing is left for later in the sources, and no test is skipped or focused for good', () => {
  const later = /\b(TODO|FIXME|XXX)\b/
  const focused = /\b(test|it|describe)\.only\(/
  const wrong = sourcesOf('src', 'cli', 'sandbox', 'test')
    .filter(({ path }) => path !== 'test/structure/tidy.test.ts')
    .filter(({ text }) => later.test(text) || focused.test(text))
    .map((s) => s.path)
  assert.deepEqual(wrong, [])
})
