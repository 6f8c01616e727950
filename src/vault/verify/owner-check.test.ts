/** Records and keys of one owner, in a vault that holds nothing else. */
import assert from 'node:assert/strict'
import { createHash, generateKeyPairSync, randomBytes } from 'node:crypto'
import { before, describe, test } from 'node:test'
import { AppError } from '../../model/errors.ts'
import type { OwnerId } from '../../model/ids.ts'
import type { Recipient } from '../../ports.ts'
import { seal } from '../../sealing/seal.ts'
import { COMMIT_VOIDS_MAX, SMALL_FILE_BYTES_MAX } from '../limits.ts'
import { encodeSealedFile, parseSealedFile } from '../sealed-file.ts'
import {
  forkOf,
  memoryVault,
  never,
  registered,
  type TestVault,
  vaultOn,
} from '../testing/fixture.ts'
import { addCommit, change, HASHES, verify, workOn } from './testing/vaults.ts'

interface Registered {
  on: TestVault
  owner: OwnerId
}

let made: Registered
let committed: Registered
before(async () => {
  const on = memoryVault()
  await on.vault.prepare(never)
  made = { on, owner: await registered(on.vault) }
  committed = { ...made, on: forkOf(on) }
  await addCommit(committed.on, made.owner, undefined, 1)
})

const aVault = ({ on, owner } = made): Registered => ({ on: forkOf(on), owner })
const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')
const nameOf = (owner: OwnerId, n: number) => `owners/${owner}/${n}.json`
const recordOf = ({ on, owner }: Registered, n = 1) =>
  on.store.blobs.get(nameOf(owner, n))?.bytes ?? assert.fail('there is a record')

/** What was found: codes, with the number of the record. */
async function found({ on, owner }: Registered, keys = on.keys): Promise<string[]> {
  const { findings } = await verify({ store: on.store, keys }, { ...HASHES, owner })
  assert.ok(findings.every((finding) => finding.owner === owner))
  return findings.map(({ code, blob }) => [code, blob?.split('/')[2]].filter(Boolean).join(' '))
}

/** As the first one, with these fields of the envelope. */
async function add({ on, owner }: Registered, n: number, fields: object): Promise<void> {
  const first = parseSealedFile(recordOf(made)) ?? assert.fail('it is sealed')
  const envelope = JSON.stringify({ ...JSON.parse(first.envelope), n, ...fields })
  const plain = Buffer.from(JSON.stringify({ graphId: 'g', kind: 'user', name: 'n' }))
  const secret = await on.keys.indexSecret(owner, never)
  const body = seal(secret, 'owner-record', plain, randomBytes(32), Buffer.from(envelope))
  const bytes = encodeSealedFile({ envelope, body, inline: new Map() })
  await on.store.create(nameOf(owner, n), bytes, never)
}

/** What is sealed does not open; all around it is as it was. */
function spoiltBody(bytes: Uint8Array): Uint8Array {
  const file = parseSealedFile(bytes) ?? assert.fail('it is sealed')
  const body = Buffer.from(file.body)
  body[40] = (body[40] ?? 0) ^ 1
  return encodeSealedFile({ ...file, body })
}

describe('the records of an owner', () => {
  test('are in order where the first is whole and alone', async () => {
    assert.deepEqual(await found(aVault()), [])
    const keyless = await verify({ store: made.on.store }, HASHES)
    assert.deepEqual(keyless.findings, [])
    assert.equal(keyless.counts.owners, 1)
  })

  test('are missing where there is none of an owner who is asked for', async () => {
    const vault = aVault()
    vault.on.store.blobs.delete(nameOf(vault.owner, 1))
    assert.deepEqual(await found(vault), ['OwnerRecordMissing 1.json'])
  })

  test('are missing where the first is gone, and a later one links to nothing', async () => {
    const vault = aVault()
    await add(vault, 2, { previous: sha256(recordOf(vault)) })
    vault.on.store.blobs.delete(nameOf(vault.owner, 1))
    assert.deepEqual(await found(vault), [
      'OwnerRecordMissing 1.json',
      'OwnerRecordUnlinked 2.json',
    ])
  })

  test('after the first need an approval, each that names the one before it', async () => {
    const vault = aVault()
    await add(vault, 2, { previous: sha256(recordOf(vault)) })
    await add(vault, 3, { previous: sha256(recordOf(vault, 2)) })
    assert.deepEqual(await found(vault), [
      'OwnerRecordUnapproved 2.json',
      'OwnerRecordUnapproved 3.json',
    ])
  })

  test('do not count where they name another one, or none, or pass a number', async () => {
    const vault = aVault()
    await add(vault, 2, { previous: null })
    await add(vault, 3, { previous: sha256(recordOf(vault)) })
    await add(vault, 10, { previous: sha256(recordOf(vault, 3)) })
    assert.deepEqual(await found(vault), [
      'OwnerRecordUnlinked 2.json',
      'OwnerRecordUnlinked 3.json',
      'OwnerRecordUnlinked 10.json',
    ])
  })

  test('are unlinked where the first names one before it', async () => {
    const vault = aVault()
    vault.on.store.blobs.delete(nameOf(vault.owner, 1))
    await add(vault, 1, { previous: 'ab'.repeat(32) })
    assert.deepEqual(await found(vault), ['OwnerRecordUnlinked 1.json'])
  })

  test('are damaged where they lie under another number, of another owner, or do not open', async () => {
    const vault = aVault()
    change(vault.on, nameOf(vault.owner, 1), spoiltBody)
    assert.deepEqual(await found(vault), ['OwnerRecordDamaged 1.json'])
    const keyless = await verify({ store: vault.on.store }, HASHES)
    assert.deepEqual(keyless.findings, [], 'what is sealed is not looked into without a key')
    const other = aVault()
    await add(other, 2, { owner: 'ab'.repeat(16) })
    assert.deepEqual(await found(other), ['OwnerRecordDamaged 2.json'])
    const moved = aVault()
    await moved.on.store.create(nameOf(moved.owner, 2), recordOf(moved), never)
    assert.deepEqual(await found(moved), ['OwnerRecordDamaged 2.json'])
  })

  test('say which check failed', async () => {
    const vault = aVault()
    change(vault.on, nameOf(vault.owner, 1), () => Buffer.from('{}'))
    const { findings } = await verify({ store: vault.on.store }, HASHES)
    assert.deepEqual(
      findings.map(({ code, check }) => [code, check]),
      [['OwnerRecordDamaged', 'a record has its outer shape']],
    )
  })

  test('of a later format are not judged', async () => {
    const vault = aVault()
    change(vault.on, nameOf(vault.owner, 1), (bytes) =>
      Buffer.from(bytes.toString('latin1').replace('{"holdfast":1', '{"holdfast":2'), 'latin1'),
    )
    assert.deepEqual(await found(vault), ['FormatUnknown 1.json'])
  })

  test('are not read beyond what a record may take', async () => {
    const vault = aVault()
    const first = recordOf(vault)
    const bytes = Buffer.concat([first, Buffer.alloc(SMALL_FILE_BYTES_MAX, ' ')])
    change(vault.on, nameOf(vault.owner, 1), () => bytes)
    assert.deepEqual(await found(vault), ['OwnerRecordDamaged 1.json'])
  })

  test('are looked at up to a thousand', async () => {
    const vault = aVault()
    for (let n = 2; n < 1010; n += 1) {
      await vault.on.store.create(nameOf(vault.owner, n), randomBytes(3), never)
    }
    const report = await verify(vault.on, { ...HASHES, owner: vault.owner })
    assert.deepEqual(report.found, { OwnerRecordDamaged: 1000 - 1 })
  })

  test('are those with a number: other names are of strangers', async () => {
    const vault = aVault()
    for (const name of ['0.json', '01.json', '12345678901.json', '1.json.bak', 'x.json']) {
      await vault.on.store.create(`owners/${vault.owner}/${name}`, randomBytes(3), never)
    }
    assert.deepEqual(await found(vault), [])
    const all = await verify({ store: vault.on.store }, HASHES)
    assert.deepEqual(
      all.findings.map(({ code, count }) => [code, count]),
      [['ForeignBlobs', 5]],
    )
  })
})

describe('the keys of an owner', () => {
  const publicKey = () =>
    generateKeyPairSync('ed25519').publicKey.export({ type: 'spki', format: 'der' })
  const keysWith = (vault: Registered, recipients: () => Promise<Recipient[]>) => ({
    ...vault.on.keys,
    recipients,
  })
  const failing = (code: string, kind: 'denied' | 'corrupt' | 'transient') => async () => {
    throw new AppError({ code, kind, message: 'planned' })
  }

  test('are replaced where another one, one more, or one less is there', async () => {
    const vault = aVault()
    const right = await vault.on.keys.recipients(vault.owner, never)
    const [one] = right
    assert.ok(one)
    const ways: Recipient[][] = [
      [{ ...one, publicKey: publicKey() }],
      [{ ...one, keyId: 'another' }],
      [...right, { ...one, keyId: 'another' }],
      [],
    ]
    for (const way of ways) {
      const keys = keysWith(vault, async () => way)
      assert.deepEqual(await found(vault, keys), ['KeyReplaced 1.json'])
    }
    // What a key store says of its own key is not believed.
    const lying = keysWith(vault, async () => [{ ...one, fingerprint: 'ab'.repeat(32) }])
    assert.deepEqual(await found(vault, lying), [])
  })

  test('may be several, each in its place', async () => {
    const on = memoryVault()
    const second = { keyId: 'second', publicKey: publicKey() }
    const two = (own: Recipient) => [own, { ...second, fingerprint: sha256(second.publicKey) }]
    const recipients = async (owner: OwnerId, signal: AbortSignal) =>
      two((await on.keys.recipients(owner, signal))[0] ?? assert.fail('there is one'))
    const keys = { ...on.keys, recipients }
    const { store, clock } = on
    const of = vaultOn({ store, keys, clock, packBytes: 1000 })
    await of.prepare(never)
    const vault = { on, owner: await registered(of) }
    assert.deepEqual(await found(vault, keys), [])
    const [own] = await on.keys.recipients(vault.owner, never)
    assert.ok(own)
    for (const other of [
      { ...second, publicKey: publicKey() },
      { keyId: 'second', publicKey: own.publicKey },
    ]) {
      const wrong = { ...keys, recipients: async () => [own, { ...other, fingerprint: 'ab' }] }
      assert.deepEqual(await found(vault, wrong), ['KeyReplaced 1.json'])
    }
  })

  test('are told of beside another trouble', async () => {
    const vault = aVault(committed)
    vault.on.keys.loseSecret(vault.owner)
    const keys = keysWith(vault, failing('KeyDisabled', 'denied'))
    assert.deepEqual(await found(vault, keys), ['IndexSecretMissing', 'KeyDisabled'])
  })

  test('are tried on the newest commit first, and on no more than may be void', async () => {
    const vault = aVault(committed)
    const { store, keys } = vault.on
    const name = (seq: number) => `c/${vault.owner}/mail/${`${seq}`.padStart(10, '0')}/commit.json`
    const reads: string[] = []
    const read = async (...[of, ...rest]: Parameters<typeof store.read>) => {
      reads.push(of)
      return store.read(of, ...rest)
    }
    const accessed = async () => {
      reads.length = 0
      await workOn({ store: { ...store, read }, keys }, vault.owner)
      return reads
    }
    assert.deepEqual(await accessed(), [name(1)])
    for (let seq = 2; seq < 30; seq += 1) await store.create(name(seq), randomBytes(9), never)
    await store.create(`c/${vault.owner}/mail/0000000031/notes.txt`, randomBytes(9), never)
    const newest = Array.from({ length: COMMIT_VOIDS_MAX }, (_, n) => name(29 - n))
    assert.deepEqual(await accessed(), newest)
    const broken = async () => {
      throw new TypeError('a defect')
    }
    await assert.rejects(
      workOn({ store: { ...store, read: broken }, keys }, vault.owner),
      TypeError,
    )
  })

  test('may not be told to who only verifies, which is no finding', async () => {
    const vault = aVault()
    assert.deepEqual(await found(vault, keysWith(vault, failing('KeyDenied', 'denied'))), [])
  })

  test('that cannot be used are told of, each trouble once', async () => {
    const vault = aVault(committed)
    for (const [code, kind] of [
      ['KeyMissing', 'denied'],
      ['KeyDisabled', 'denied'],
    ] as const) {
      const recipients = failing(code, kind)
      assert.deepEqual(await found(vault, keysWith(vault, recipients)), [code])
      const unwrap = { ...keysWith(vault, recipients), unwrap: failing(code, kind) }
      assert.deepEqual(await found(vault, unwrap), [code])
    }
    const torn = keysWith(vault, failing('Torn', 'corrupt'))
    assert.deepEqual(await found(vault, torn), ['KeyCannotOpen'])
  })

  test('that nobody can be asked for end the verification', async () => {
    const vault = aVault(committed)
    const away = failing('KeyStoreUnavailable', 'transient')
    for (const keys of [
      keysWith(vault, away),
      { ...vault.on.keys, unwrap: away },
      { ...vault.on.keys, indexSecret: away },
    ]) {
      await assert.rejects(found(vault, keys), { code: 'KeyStoreUnavailable' })
    }
    const broken = keysWith(vault, async () => {
      throw new TypeError('a defect')
    })
    await assert.rejects(found(vault, broken), TypeError)
  })

  test('that may not be used matter to who wants to open something', async () => {
    const vault = aVault(committed)
    const keys = { ...vault.on.keys, unwrap: failing('KeyDenied', 'denied') }
    assert.deepEqual(await found(vault, keys), [])
    const opening = { openPercent: 1, seed: 's', owner: vault.owner }
    const report = await verify({ store: vault.on.store, keys }, opening)
    assert.deepEqual(
      report.findings.map(({ code }) => code),
      ['KeyDenied'],
    )
  })

  test('open the secret of the newest commit that is one', async () => {
    const vault = aVault(committed)
    const { store, keys } = vault.on
    const name = (seq: number) => `c/${vault.owner}/mail/${`${seq}`.padStart(10, '0')}/commit.json`
    for (const [seq, text] of [
      [2, 'garbage'],
      [3, '{"holdfast":2}'],
    ] as const) {
      await store.create(name(seq), Buffer.from(text), never)
    }
    const other = { ...keys, indexSecret: async () => randomBytes(32) }
    const { findings } = await verify({ store, keys: other }, { ...HASHES, owner: vault.owner })
    assert.ok(findings.some(({ code }) => code === 'IndexSecretDiffers'))
    const before = keys.unwraps
    await verify({ store, keys }, { ...HASHES, owner: vault.owner })
    assert.equal(keys.unwraps, before + 1)
  })
})
