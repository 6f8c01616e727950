/** docs/format.md names every value that stands in a vault: other readers know only that page. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { EXCLUSION_REASONS, LEDGER_REASONS, REPRESENTATIONS } from '../../src/model/events.ts'
import { SEQ_MAX } from '../../src/model/ids.ts'
import * as limits from '../../src/vault/limits.ts'

const FORMAT = readFileSync(new URL('../../docs/format.md', import.meta.url), 'utf8')

test('docs/format.md names every reason and representation that events may have', () => {
  const values = [...LEDGER_REASONS, ...EXCLUSION_REASONS, ...REPRESENTATIONS]
  assert.deepEqual(
    values.filter((value) => !FORMAT.includes(`\`${value}\``)),
    [],
  )
})

/** The rows of section 3, with their numbers in bytes or as they are. */
function limitsOnThePage(): Record<string, number[]> {
  const [, section = ''] = /## 3\. Limits\n(.*?)\n## /s.exec(FORMAT) ?? []
  const rows = [...section.matchAll(/^\| (.+?) \| (\S*\d.*) \|$/gm)]
  const units: Record<string, number> = { KiB: 1024, MiB: 1024 * 1024 }
  const numbers = (text: string) =>
    [...text.matchAll(/([\d,]+)(?: (\wiB))?/g)].map(
      ([, digits = '', unit = '']) => Number(digits.replaceAll(',', '')) * (units[unit] ?? 1),
    )
  return Object.fromEntries(rows.map(([, what = '', limit = '']) => [what, numbers(limit)]))
}

test('docs/format.md names every limit that a reader must bear', () => {
  assert.deepEqual(limitsOnThePage(), {
    'plain bytes of a content segment': [limits.CONTENT_SEGMENT_BYTES_MAX],
    'plain bytes of a metadata segment': [limits.METADATA_SEGMENT_BYTES_MAX],
    'segments in a pack': [limits.PACK_SEGMENTS_MAX],
    pack: [limits.PACK_BYTES_MAX, limits.PACK_BYTES_DEFAULT],
    recipients: [1, limits.RECIPIENTS_MAX],
    'key id': [limits.KEY_ID_BYTES_MAX],
    'wrapped key': [limits.WRAPPED_KEY_BYTES_MAX],
    'clear pack header': [limits.PACK_HEADER_BYTES_MAX],
    'plain bytes of an event line': [limits.EVENT_BYTES_MAX],
    'plain bytes of a part': [limits.PART_PLAIN_BYTES_MAX, limits.PART_PLAIN_BYTES_TARGET],
    'parts of a commit': [limits.COMMIT_PARTS_MAX],
    'packs of a commit, added and used': [limits.COMMIT_PACKS_MAX],
    'void commits that one commit passes': [limits.COMMIT_VOIDS_MAX],
    '`commit.json`': [limits.COMMIT_BYTES_MAX, limits.BODY_PLAIN_BYTES_MAX],
    'owner record, `format.json`': [limits.SMALL_FILE_BYTES_MAX],
    'segments of one version, without those in lists': [limits.VERSION_SEGMENTS_MAX],
    'refs in a list of segments': [limits.LIST_SEGMENTS],
    'plain bytes of a part of a base': [
      limits.PART_PLAIN_BYTES_MAX,
      limits.PART_PLAIN_BYTES_TARGET,
    ],
    'parts of a base': [limits.BASE_PARTS_MAX],
    'index of a base, plain and sealed': [limits.BASE_INDEX_BYTES_MAX],
    'levels of JSON inside each other': [limits.JSON_DEPTH_MAX],
    'values of one JSON text: opening brackets and commas outside of strings': [
      limits.JSON_VALUES_MAX,
    ],
    'the same, of one line of a part or of a part of a base, and of a list of segments': [
      limits.LINE_VALUES_MAX,
    ],
    seq: [SEQ_MAX],
  })
})
