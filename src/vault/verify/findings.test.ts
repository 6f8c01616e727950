/** What a verification finds is told to people on a page of its own. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { FINDINGS } from './findings.ts'

const PAGE = new URL('../../../docs/vault-command.md', import.meta.url)

test('docs/vault-command.md has every finding, with what to do', () => {
  const [, section = ''] = readFileSync(PAGE, 'utf8').split('\n## Findings of a verification\n')
  const rows = section.split('\n').filter((line) => line.startsWith('| `'))
  const expected = Object.entries(FINDINGS).map(
    ([code, { severity, what, todo }]) => `| \`${code}\` | ${severity} | ${what} | ${todo} |`,
  )
  assert.deepEqual(rows, expected)
})
