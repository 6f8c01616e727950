import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { before, describe, test } from 'node:test'
import { newOwner } from '../testing/fixture.ts'
import { flipped, type OwnedVault, ownedVault } from './testing/vaults.ts'
import { isWhole, placeOf } from './whole-blob.ts'

let made: OwnedVault
let secret: Uint8Array
before(async () => {
  made = await ownedVault()
  secret = await made.on.keys.indexSecret(made.owner, new AbortController().signal)
})

const KINDS = {
  'a pack': /^packs\/.*\.pk$/,
  'an index of a pack': /^idx\/.*\.ix$/,
  'a commit': /0000000001\/commit\.json$/,
  'a part': /\.mf$/,
  'an index of a base': /\.bi$/,
  'a part of a base': /\.bs$/,
  'an owner record': /^owners\//,
}

function blobOf(pattern: RegExp): { name: string; bytes: Buffer } {
  const blobs = [...made.on.store.blobs]
  const [name, blob] = blobs.find(([n]) => n.includes(made.owner) && pattern.test(n)) ?? []
  assert.ok(name !== undefined && blob)
  return { name, bytes: Buffer.from(blob.bytes) }
}

describe('whether a blob is what a writer puts under its name', () => {
  for (const [kind, pattern] of Object.entries(KINDS)) {
    test(`is said of ${kind} with a secret and without`, () => {
      const { name, bytes } = blobOf(pattern)
      assert.ok(isWhole(name, bytes, secret) && isWhole(name, bytes, undefined))
      assert.ok(!isWhole(name, bytes.subarray(0, bytes.length / 2), undefined))
      assert.ok(!isWhole(name, randomBytes(bytes.length), undefined))
      assert.ok(!isWhole(name, randomBytes(0), secret))
    })

    test(`knows ${kind} from that of somebody else`, () => {
      const { name, bytes } = blobOf(pattern)
      // What a hash names may lie anywhere; who reads it knows for whom it was sealed.
      const isHashed = /\.(pk|ix|mf|bi|bs)$/.test(name)
      assert.equal(isWhole(name.replace(made.owner, newOwner()), bytes, undefined), isHashed)
    })
  }

  test('is said of a commit by its seq and workload', () => {
    const { name, bytes } = blobOf(KINDS['a commit'])
    assert.ok(!isWhole(name.replace('0000000001', '0000000002'), bytes, undefined))
    assert.ok(!isWhole(name.replace('/mail/', '/calendar/'), bytes, undefined))
    const later = Buffer.from(bytes.toString().replace('{"holdfast":1', '{"holdfast":2'))
    assert.ok(!isWhole(name, later, secret))
  })

  test('is said of an owner record by its number, and by its seal where the secret is there', () => {
    const { name, bytes } = blobOf(KINDS['an owner record'])
    assert.ok(!isWhole(name.replace('/1.json', '/11.json'), bytes, undefined))
    assert.ok(isWhole(name, bytes, undefined))
    assert.ok(!isWhole(name, bytes, randomBytes(32)))
    const spoilt = flipped(-30)(Buffer.from(bytes))
    assert.ok(!isWhole(name, spoilt, secret))
  })

  test('is said of an index by the pack that it names', () => {
    const { name, bytes } = blobOf(KINDS['an index of a pack'])
    const other = name.replace(/[0-9a-f]{64}/, 'ab'.repeat(32))
    assert.ok(!isWhole(other, bytes, secret))
  })

  test('is said of format.json, which is nobody’s', () => {
    const bytes = made.on.store.blobs.get('format.json')?.bytes ?? assert.fail('it is there')
    assert.ok(isWhole('format.json', bytes, undefined))
    assert.ok(!isWhole('format.json', Buffer.from('{"holdfast":2}'), undefined))
    assert.ok(!isWhole('format.json', randomBytes(20), undefined))
  })

  test('is no question of bytes that are none: that is a defect', () => {
    const { name } = blobOf(KINDS['a commit'])
    assert.throws(() => isWhole(name, undefined as never, undefined), TypeError)
  })

  test('is denied of names that Holdfast does not give', () => {
    const { name, bytes } = blobOf(KINDS['a pack'])
    for (const other of ['letter.docx', `${name}.bak`, `x${name}`, 'packs/x.pk']) {
      assert.ok(!isWhole(other, bytes, secret), other)
    }
  })
})

test('a name says whose it is, and of commits in which stream', () => {
  const owner = newOwner()
  const hash = 'cd'.repeat(32)
  assert.deepEqual(placeOf(`owners/${owner}/1.json`), { owner })
  assert.deepEqual(placeOf(`packs/${owner}/2026-03/${hash}.pk`), { owner })
  const commit = { owner, workload: 'mail', seq: 12 }
  assert.deepEqual(placeOf(`c/${owner}/mail/0000000012/commit.json`), commit)
  assert.deepEqual(placeOf(`c/${owner}/mail/0000000012/${hash}.mf`), commit)
  assert.deepEqual(placeOf(`c/${owner}/some-workload/0000000012/commit.json`), { owner })
  assert.deepEqual(placeOf('format.json'), {})
  assert.deepEqual(placeOf('c/x/mail/0000000012/commit.json'), {})
})
