import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseOwnerId, parsePackId } from '../model/ids.ts'
import {
  baseIndexName,
  basePartName,
  commitName,
  indexName,
  monthOf,
  ownerOfName,
  ownerOfRecord,
  ownerRecordName,
  packName,
  packOfName,
  partName,
  type StreamId,
  seqOfBaseIndex,
  seqOfCommit,
} from './names.ts'

const owner = parseOwnerId('0f'.repeat(16))
const pack = parsePackId('9a'.repeat(32))
const stream: StreamId = { owner, workload: 'mail' }
const NAMES = {
  record: ownerRecordName(owner, 1),
  record12: ownerRecordName(owner, 12),
  pack: packName(owner, '2026-03', pack),
  index: indexName(owner, '2026-03', pack),
  commit: commitName(stream, 1234567890),
  part: partName(stream, 7, pack),
  basePart: basePartName(stream, 7, pack),
  baseIndex: baseIndexName(stream, 8, pack),
}

test('blobs have the names that docs/format.md gives them', () => {
  const [o, p] = [owner, pack]
  assert.deepEqual(NAMES, {
    record: `owners/${o}/1.json`,
    record12: `owners/${o}/12.json`,
    pack: `packs/${o}/2026-03/${p}.pk`,
    index: `idx/${o}/2026-03/${p}.ix`,
    commit: `c/${o}/mail/1234567890/commit.json`,
    part: `c/${o}/mail/0000000007/${p}.mf`,
    basePart: `c/${o}/mail/0000000007/${p}.bs`,
    baseIndex: `c/${o}/mail/0000000008/${p}.bi`,
  })
  assert.equal(monthOf(Date.parse('2026-03-31T23:59:59.999Z')), '2026-03')
})

/** What each function says of each name that is ours; of all others it says undefined. */
const SAYINGS: readonly [
  (name: string) => unknown,
  Partial<Record<keyof typeof NAMES, unknown>>,
][] = [
  [ownerOfName, Object.fromEntries(Object.keys(NAMES).map((kind) => [kind, owner]))],
  [ownerOfRecord, { record: owner, record12: owner }],
  [packOfName, { pack, index: pack }],
  [seqOfCommit, { commit: 1234567890 }],
  [seqOfBaseIndex, { baseIndex: 8 }],
]

test('a name says whose blob it is, which pack and which commit', () => {
  for (const [say, said] of SAYINGS) {
    for (const [kind, name] of Object.entries(NAMES)) {
      assert.equal(say(name), said[kind as keyof typeof NAMES], `${say.name} of ${name}`)
    }
  }
  assert.equal(ownerOfName('format.json'), undefined)
})

/** One digit or letter more, fewer or other than there may be, in every place. */
function* strangers(name: string): Generator<string> {
  yield* [`x${name}`, `/${name}`, `${name}x`, `${name}/`, name.replace('.', 'x')]
  const parts = name.split(/([/.-])/)
  for (const [at, part] of parts.entries()) {
    for (const other of [`${part}0`, part.slice(1), part.slice(0, -1), `${part.slice(0, -1)}Z`]) {
      if (!isAlike(part, other)) yield parts.with(at, other).join('')
    }
  }
}

/** A record may have any number, and a stream any workload. */
const isAlike = (part: string, other: string) =>
  (/^[1-9]\d?$/.test(part) && /^[1-9]\d*$/.test(other)) ||
  (part === 'mail' && /^[a-z]+$/.test(other))

test('a name that is not quite one of ours is nobody’s', () => {
  for (const name of Object.values(NAMES)) {
    for (const stranger of strangers(name)) {
      for (const [say] of SAYINGS)
        assert.equal(say(stranger), undefined, `${say.name} of ${stranger}`)
    }
  }
  assert.equal(ownerOfName(`owners/${owner}/0.json`), undefined)
  assert.equal(ownerOfName(`owners/${owner}/12345678901.json`), undefined)
})
