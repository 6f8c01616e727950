/** Golden vaults in which one thing is spoiled: the independent reader says which. */
import assert from 'node:assert/strict'
import {
  createCipheriv,
  createDecipheriv,
  hkdfSync,
  type KeyObject,
  randomBytes,
} from 'node:crypto'
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { invariant } from '../../src/model/errors.ts'
import { readGolden } from './golden-folder.ts'
import { openIndependent } from './independent.ts'
import type { Commit } from './independent-reader.ts'

const golden = readGolden('v1-mailbox')
const { expected, folder: sound } = golden
const head = expected.points.at(-1)?.seq ?? 0
const root = `c/${expected.owner.id}/${expected.workload}`
const commitOf = (seq: number) => `${root}/${String(seq).padStart(10, '0')}/commit.json`

/** The first key of the golden vault. */
function firstKey(): KeyObject {
  const [key] = golden.privateKeys
  invariant(key, 'a golden vault has a key')
  return key
}

const open = (folder: string) => openIndependent({ folder, expected, key: firstKey() })

function find(folder: string, end: RegExp): string {
  const names = readdirSync(folder, { encoding: 'utf8', recursive: true }).sort()
  const name = names.find((one) => end.test(one))
  invariant(name, 'there is such a blob')
  return name
}

function change(file: string, to: (bytes: Buffer) => Uint8Array): void {
  writeFileSync(file, to(readFileSync(file)))
}

function flip(file: string, at: number): void {
  change(file, (bytes) => {
    bytes.writeUInt8(bytes.readUInt8(at) ^ 1, at)
    return bytes
  })
}

/** As somebody with the index secret would: the body is sealed anew under another envelope. */
function reseal(file: string, { secret }: Commit, other: Record<string, unknown>): void {
  const keyFor = (salt: Uint8Array) =>
    Buffer.from(hkdfSync('sha256', secret, salt, 'holdfast/1/index/commit-body', 32))
  const nonce = Buffer.alloc(12)
  change(file, (bytes) => {
    const json = JSON.parse(String(bytes))
    const body = Buffer.from(json.body, 'base64')
    const opening = createDecipheriv('aes-256-gcm', keyFor(body.subarray(0, 32)), nonce)
    opening.setAAD(Buffer.from(json.envelope)).setAuthTag(body.subarray(-16))
    const plain = Buffer.concat([opening.update(body.subarray(32, -16)), opening.final()])
    const envelope = JSON.stringify({ ...JSON.parse(json.envelope), ...other })
    const salt = randomBytes(32)
    const sealing = createCipheriv('aes-256-gcm', keyFor(salt), nonce).setAAD(Buffer.from(envelope))
    const sealed = Buffer.concat([salt, sealing.update(plain), sealing.final()])
    const text = Buffer.concat([sealed, sealing.getAuthTag()]).toString('base64')
    return Buffer.from(JSON.stringify({ ...json, envelope, body: text }))
  })
}

describe('P1: the independent reader refuses', () => {
  let folder = ''
  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'golden-'))
  })
  after(() => rmSync(folder, { recursive: true }))

  /** A copy of the golden vault in which something is spoiled. */
  function spoilt(name: string, spoil: (file: (name: string) => string) => void): string {
    const copy = join(folder, name)
    cpSync(sound, copy, { recursive: true })
    spoil((blob) => join(copy, blob))
    return copy
  }

  test('a pack with a flipped byte, and the content in it', () => {
    const { first, reader, stream } = open(sound)
    const message = reader.state(stream, head, 'commits').items.get('m3')
    const mime = message?.representations?.find((one) => one.name === 'mime')
    const ref = mime?.segments[0]
    invariant(mime && ref, 'the message has content')
    const pack = find(sound, new RegExp(`${ref.pack}\\.pk$`))
    const copy = spoilt('pack', (file) => flip(file(pack), ref.offset + 60))
    const other = open(copy)
    const damaged = new RegExp(`SegmentDamaged: segment ${ref.id}`)
    assert.throws(() => other.reader.content(first, mime), damaged)
    const forged = new RegExp(`PackDamaged: ${ref.pack}: BlobForged: other bytes than its hash`)
    assert.throws(() => other.reader.checkPacks(other.stream), forged)
  })

  test('a commit of which a part is missing, or changed', () => {
    const part = find(sound, /\.mf$/)
    const missing = spoilt('missing part', (file) => rmSync(file(part)))
    assert.throws(
      () => open(missing).shown(head, 'commits'),
      /CommitDamaged: .*: BlobMissing: .*mf/,
    )
    const changed = spoilt('changed part', (file) => flip(file(part), 100))
    assert.throws(() => open(changed).shown(head, 'commits'), /CommitDamaged: .*: BlobForged: .*mf/)
  })

  test('a commit that names another one as the one before it, however well it is sealed', () => {
    const { first } = open(sound)
    const copy = spoilt('previous', (file) =>
      reseal(file(commitOf(head)), first, { previous: 'f'.repeat(64) }),
    )
    const { stream, shown } = open(copy)
    assert.deepEqual(
      stream.voids.map(({ seq }) => seq),
      [...expected.voids, head],
    )
    assert.throws(() => shown(head, 'commits'), /CommitVoid: .*: its previous is f{64}, but/)
    assert.ok(shown(head - 1, 'commits'), 'what was before it stands')
  })

  test('and takes a commit that is sealed anew as it was for another one, but for the same', () => {
    const { first } = open(sound)
    const copy = spoilt('sealed anew', (file) => reseal(file(commitOf(head)), first, {}))
    assert.deepEqual(open(copy).shown(head, 'commits'), open(sound).shown(head, 'commits'))
  })

  test('a commit with a flipped byte', () => {
    const copy = spoilt('commit', (file) => flip(file(commitOf(head)), 500))
    assert.throws(() => open(copy).shown(head, 'commits'), /CommitVoid: commit/)
  })

  test('a chain in which a commit is missing', () => {
    const copy = spoilt('gap', (file) => rmSync(file(commitOf(3))))
    assert.throws(() => open(copy), /ChainGap: there is no commit 3/)
  })

  test('a base of which a blob is missing, while the commits still give the state', () => {
    const part = find(sound, /15\/.*\.bs$/)
    const copy = spoilt('base', (file) => rmSync(file(part)))
    assert.throws(() => open(copy).shown(head, 'base'), /BaseDamaged: .*: BlobMissing: .*bs/)
    assert.deepEqual(open(copy).shown(head, 'commits'), open(sound).shown(head, 'commits'))
  })

  test('a vault, and a commit, of a later format', () => {
    const later = (bytes: Buffer) =>
      Buffer.from(String(bytes).replace(/"holdfast": ?1/, '"holdfast":2'))
    for (const name of ['format.json', commitOf(2)]) {
      const copy = spoilt(`later ${name.length}`, (file) => change(file(name), later))
      assert.throws(() => open(copy), /FormatUnknown: holdfast is 2/)
    }
  })
})
