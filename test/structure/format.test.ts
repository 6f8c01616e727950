/** docs/format.md names every value that stands in a vault: other readers know only that page. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { EXCLUSION_REASONS, LEDGER_REASONS, REPRESENTATIONS } from '../../src/model/events.ts'

const FORMAT = readFileSync(new URL('../../docs/format.md', import.meta.url), 'utf8')

test('docs/format.md names every reason and representation that events may have', () => {
  const values = [...LEDGER_REASONS, ...EXCLUSION_REASONS, ...REPRESENTATIONS]
  assert.deepEqual(
    values.filter((value) => !FORMAT.includes(`\`${value}\``)),
    [],
  )
})
