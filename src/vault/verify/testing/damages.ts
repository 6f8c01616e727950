/** Ways to spoil a vault, and what must be found then. */
import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { seal } from '../../../sealing/seal.ts'
import { encodeIndex, parseIndex } from '../../pack-format.ts'
import { readLayout } from '../../pack-reader.ts'
import { encodeSealedFile, parseSealedFile } from '../../sealed-file.ts'
import { contentOf, never, type TestVault } from '../../testing/fixture.ts'
import { change, flipped, namesOf, type OwnedVault } from './vaults.ts'

/** Spoils the vault in one way, and says what must be found where. */
export interface Damage {
  spoil(vault: OwnedVault): Promise<void> | void
  codes: readonly string[]
  /** Codes that are found without opening anything. */
  hashes: readonly string[]
  at?: { seq?: number; blob?: RegExp; check?: RegExp }
}

const largestPack = ({ on, owner }: OwnedVault) => packsOf({ on, owner } as OwnedVault)[0] ?? ''
const packsOf = ({ on, owner }: OwnedVault) =>
  namesOf(on, new RegExp(`^packs/${owner}/`)).sort((a, b) => lengthOf(on, b) - lengthOf(on, a))
const lengthOf = (on: TestVault, name: string) => on.store.blobs.get(name)?.bytes.length ?? 0
export const one = ({ on, owner }: OwnedVault, ending: string) =>
  namesOf(on, new RegExp(`${owner}/.*${ending}`))[0] ?? ''
export const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

export const DAMAGES: Record<string, Damage> = {
  'a flipped bit in the content of a pack': {
    spoil: (v) => change(v.on, largestPack(v), flipped(1500)),
    codes: ['PackDamaged', 'SegmentDamaged'],
    hashes: ['PackDamaged'],
    at: { blob: /\.pk$/, check: /hash that is its name/ },
  },
  'a flipped bit in the header of a pack': {
    spoil: (v) => change(v.on, largestPack(v), flipped(50)),
    codes: ['PackDamaged', 'SegmentDamaged'],
    hashes: ['PackDamaged'],
  },
  'a flipped bit in the footer of a pack': {
    spoil: (v) => change(v.on, largestPack(v), flipped(-100)),
    codes: ['PackDamaged'],
    hashes: ['PackDamaged'],
  },
  'a pack that was cut': {
    spoil: (v) => change(v.on, largestPack(v), (bytes) => bytes.subarray(0, 2000)),
    codes: ['PackDamaged'],
    hashes: ['PackDamaged'],
  },
  'a pack that is missing': {
    spoil: (v) => {
      v.on.store.blobs.delete(largestPack(v))
    },
    codes: ['PackDamaged', 'PackMissing'],
    hashes: ['PackMissing'],
  },
  'a part that is missing': {
    spoil: (v) => {
      v.on.store.blobs.delete(one(v, '0000000002/.*\\.mf'))
    },
    codes: ['CommitDamaged'],
    hashes: ['CommitDamaged'],
    at: { seq: 2, blob: /0000000002\/[0-9a-f]{64}\.mf$/, check: /a part is there/ },
  },
  'a part that was changed': {
    spoil: (v) => change(v.on, one(v, '0000000003/.*\\.mf'), flipped(5000)),
    codes: ['CommitDamaged'],
    hashes: ['CommitDamaged'],
    at: { seq: 3, check: /has the hash/ },
  },
  'a changed commit: it and all after it are void': {
    spoil: (v) => change(v.on, one(v, '0000000003/commit'), flipped(400)),
    codes: ['CommitVoid'],
    hashes: ['CommitVoid'],
    at: { seq: 3 },
  },
  'a commit that names another past': {
    async spoil({ on, owner }) {
      const stream = await on.vault.stream(owner, 'mail', never)
      const end = await stream.readCommit(5, never)
      assert.ok(end)
      const forged = { ...end, hash: 'ab'.repeat(32) }
      await stream.begin(forged).commit(contentOf([]), { complete: true }, never)
    },
    codes: ['CommitVoid'],
    hashes: ['CommitVoid'],
    at: { seq: 6 },
  },
  'a commit that is missing': {
    spoil: (v) => {
      v.on.store.blobs.delete(one(v, '0000000003/commit'))
    },
    codes: ['ChainGap'],
    hashes: ['ChainGap'],
    at: { seq: 3 },
  },
  'an index that lies': {
    spoil(v) {
      const blob = one(v, '\\.ix')
      change(v.on, blob, (bytes) => {
        const index = parseIndex(bytes)
        return Buffer.from(encodeIndex({ ...index, footer: randomBytes(index.footer.length) }))
      })
    },
    codes: ['IndexDamaged'],
    hashes: ['IndexDamaged'],
    at: { blob: /\.ix$/, check: /copy of its pack/ },
  },
  'an index that is missing': {
    spoil: (v) => {
      v.on.store.blobs.delete(one(v, '\\.ix'))
    },
    codes: ['IndexMissing'],
    hashes: ['IndexMissing'],
  },
  "another owner's segment in a pack": {
    spoil(v) {
      const theirs = namesOf(v.on, new RegExp(`^packs/${v.other}/`))[0] ?? ''
      const stolen = readLayout(v.on.store.blobs.get(theirs)?.bytes ?? randomBytes(0), v.other)
      const [segment] = stolen.segments
      assert.ok(segment)
      change(v.on, largestPack(v), (bytes) => {
        bytes.set(
          [...segment.clear, ...segment.body],
          readLayout(bytes, v.owner).segments[0]?.offset,
        )
        return bytes
      })
    },
    codes: ['PackDamaged', 'SegmentDamaged'],
    hashes: ['PackDamaged'],
  },
  "another owner's pack in place of one": {
    spoil(v) {
      const theirs = namesOf(v.on, new RegExp(`^packs/${v.other}/`))[0] ?? ''
      const { bytes } = v.on.store.blobs.get(theirs) ?? { bytes: randomBytes(0) }
      change(v.on, largestPack(v), () => bytes)
    },
    codes: ['PackDamaged'],
    hashes: ['PackDamaged'],
    at: { check: /belongs to the owner|committed with/ },
  },
  'a replaced key': {
    spoil: ({ on, owner }) => on.keys.swap(owner),
    codes: ['KeyCannotOpen', 'KeyReplaced'],
    hashes: ['KeyCannotOpen', 'KeyReplaced'],
  },
  'a key that is gone': {
    spoil: ({ on, owner }) => {
      on.keys.erase(owner)
    },
    codes: ['IndexSecretMissing', 'KeyMissing'],
    hashes: ['IndexSecretMissing', 'KeyMissing'],
  },
  'an owner record that was changed': {
    spoil: ({ on, owner }) => change(on, `owners/${owner}/1.json`, flipped(300)),
    codes: ['OwnerRecordDamaged'],
    hashes: ['OwnerRecordDamaged'],
  },
  'an owner record that is gone': {
    spoil: ({ on, owner }) => {
      on.store.blobs.delete(`owners/${owner}/1.json`)
    },
    codes: ['OwnerRecordMissing'],
    hashes: ['OwnerRecordMissing'],
  },
  'a second owner record that does not chain': {
    spoil: (v) => addRecord(v, 'cd'.repeat(32)),
    codes: ['OwnerRecordUnlinked'],
    hashes: ['OwnerRecordUnlinked'],
    at: { blob: /2\.json$/ },
  },
  'a second owner record that chains and nobody approved': {
    spoil: (v) => {
      const first = v.on.store.blobs.get(`owners/${v.owner}/1.json`)?.bytes ?? randomBytes(0)
      return addRecord(v, sha256(first))
    },
    codes: ['OwnerRecordUnapproved'],
    hashes: ['OwnerRecordUnapproved'],
  },
  'a part of a base that was changed': {
    spoil: (v) => change(v.on, one(v, '\\.bs'), flipped(100)),
    codes: ['BaseDamaged'],
    hashes: ['BaseDamaged'],
    at: { seq: 5, blob: /\.bi$/ },
  },
  'a base that restates something else': {
    spoil: forgeBase,
    codes: ['BaseDiffers'],
    hashes: ['BaseDiffers'],
    at: { seq: 7, check: /has the items/ },
  },
  'a commit of a later format': {
    spoil: (v) =>
      change(v.on, one(v, '0000000003/commit'), (bytes) =>
        Buffer.from(bytes.toString().replace('{"holdfast":1', '{"holdfast":2')),
      ),
    codes: ['FormatUnknown'],
    hashes: ['FormatUnknown'],
    at: { seq: 3 },
  },
}

async function addRecord({ on, owner }: OwnedVault, previous: string): Promise<void> {
  const first = parseSealedFile(
    on.store.blobs.get(`owners/${owner}/1.json`)?.bytes ?? randomBytes(0),
  )
  assert.ok(first)
  const envelope = JSON.stringify({ ...JSON.parse(first.envelope), n: 2, previous })
  const secret = await on.keys.indexSecret(owner, never)
  const plain = Buffer.from(JSON.stringify({ graphId: 'g', kind: 'user', name: 'n' }))
  const body = seal(secret, 'owner-record', plain, randomBytes(32), Buffer.from(envelope))
  const bytes = encodeSealedFile({ envelope, body, inline: new Map() })
  await on.store.create(`owners/${owner}/2.json`, bytes, never)
}

/** A base in all its form, by somebody who has the index secret: an item of it was left out. */
async function forgeBase({ on, owner }: OwnedVault): Promise<void> {
  const stream = await on.vault.stream(owner, 'mail', never)
  const [end, carrier] = [await stream.readCommit(5, never), await stream.readCommit(5, never)]
  assert.ok(end && carrier)
  const base = await stream.base(carrier, never)
  assert.ok(base)
  const result = await stream.begin(end).commit(contentOf([]), { complete: false }, never)
  assert.ok(result.outcome === 'committed')
  const asOf = { seq: end.seq, hash: end.hash, time: end.time }
  const parts = []
  for (const part of base.parts) {
    const lines = await stream.readBasePart(base, part, never)
    parts.push(await stream.writeBasePart(asOf, lines.slice(part.lines > 1 ? 1 : 0), never))
  }
  const forged = { asOf, round: base.round, parts }
  await stream.begin(result.commit).commit(contentOf([]), { complete: true, base: forged }, never)
}
