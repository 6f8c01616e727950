import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { AppError, hasCode } from '../model/errors.ts'
import type { OwnerId } from '../model/ids.ts'
import { seal } from '../sealing/seal.ts'
import { createOwnerRecords, openRecord, parseRecord } from './owner-record.ts'
import { encodeSealedFile } from './sealed-file.ts'
import { collect, fakeClock, graphId, never, newOwner, random } from './testing/fixture.ts'
import { createMemoryBlobStore } from './testing/memory-blob-store.ts'
import { createMemoryKeys } from './testing/memory-keys.ts'

const owner = newOwner()
const secret = new Uint8Array(randomBytes(32))
const ada = { owner, graphId: graphId('user-1'), kind: 'user', name: 'Ada' }
const coded = (code: string) => (error: unknown) => hasCode(error, code)

function world() {
  const clock = fakeClock()
  const vault = createMemoryBlobStore(clock.now)
  const keys = createMemoryKeys()
  return { vault, keys, records: createOwnerRecords({ vault, keys, clock, random }) }
}

test('what was registered is read again, with the keys that count since then', async () => {
  const { records, keys } = world()
  await records.register(ada, never)
  const [recipient] = await keys.recipients(owner, never)
  assert.deepEqual(await records.read(owner, never), {
    ...ada,
    n: 1,
    createdAt: '2026-03-01T10:00:00.500Z',
    recipients: [{ keyId: recipient?.keyId, fingerprint: recipient?.fingerprint }],
  })
})

test('an owner id stands for one resource: another id or kind is refused, another name is not', async () => {
  const { records, vault } = world()
  await records.register(ada, never)
  const written = vault.blobs.get(`owners/${owner}/1.json`)
  await records.register({ ...ada, name: 'Ada King' }, never)
  for (const other of [{ graphId: graphId('user-2') }, { kind: 'site' }]) {
    await assert.rejects(records.register({ ...ada, ...other }, never), (error) => {
      assert.ok(hasCode(error, 'OwnerExists'))
      assert.deepEqual(error.context, { owner })
      return true
    })
  }
  assert.equal(vault.blobs.get(`owners/${owner}/1.json`), written)
})

test('of two who register at once the record of one stays, and the other finds out whose it is', async () => {
  for (const [theirs, isSame] of [
    [ada, true],
    [{ ...ada, graphId: graphId('user-2') }, false],
  ] as const) {
    const { records, vault } = world()
    vault.beforeCreate = async () => {
      vault.beforeCreate = undefined
      await records.register(theirs, never)
    }
    const second = records.register(ada, never)
    if (isSame) await second
    else await assert.rejects(second, coded('OwnerExists'))
    assert.equal((await records.read(owner, never))?.graphId, theirs.graphId)
  }
})

test('each owner is listed once and in order, whatever else lies there and however often', async () => {
  const { records, vault } = world()
  const owners = [newOwner(), newOwner(), newOwner()].sort()
  for (const one of owners) await records.register({ ...ada, owner: one }, never)
  for (const name of ['2.json', '1.json.bak', 'x', '01.json']) {
    await vault.create(`owners/${owners[1]}/${name}`, Buffer.from('x'), never)
  }
  await vault.create('owners/nobody/1.json', Buffer.from('x'), never)
  const { list } = vault
  vault.list = async function* (prefix, signal) {
    assert.equal(prefix, 'owners/')
    // A page is repeated after a lost connection.
    yield* list(prefix, signal)
    yield* list(prefix, signal)
  }
  assert.deepEqual(await collect(records.owners(never)), owners)
})

interface Forgery {
  envelope?: Record<string, unknown>
  body?: unknown
}

/** As somebody with the index secret would write it. */
function forged({ envelope = {}, body = {} }: Forgery = {}): Uint8Array {
  const text = JSON.stringify({
    ...{ owner, n: 1, previous: null, createdAt: '2026-03-01T10:00:00.000Z' },
    recipients: [{ keyId: 'k', fingerprint: 'ab'.repeat(32) }],
    ...envelope,
  })
  const plain = JSON.stringify({ graphId: 'user-1', kind: 'user', name: 'Ada', ...Object(body) })
  const bytes = Buffer.from(body === 'no JSON' ? body : plain)
  const sealed = seal(secret, 'owner-record', bytes, randomBytes(32), Buffer.from(text))
  return encodeSealedFile({ envelope: text, body: sealed, inline: new Map() })
}

test('a record has its fields, and lies where it says that it belongs', () => {
  const place = { owner, n: 1 }
  const isDamage = (error: unknown) => {
    assert.ok(hasCode(error, 'OwnerRecordDamaged'), String(error))
    assert.deepEqual([error.context['owner'], error.context['n']], [owner, 1])
    return true
  }
  assert.equal(openRecord(forged(), place, secret).name, 'Ada')
  const print = 'ab'.repeat(32)
  const recipients = Array.from({ length: 5 }, () => ({ keyId: 'k', fingerprint: print }))
  for (const envelope of [
    { owner: newOwner() },
    { n: 2 },
    { n: '1' },
    { previous: 7 },
    { createdAt: undefined },
    { recipients: [] },
    { recipients },
    { recipients: [{ keyId: 'k', fingerprint: `${print}0` }] },
    { recipients: [{ keyId: 'k', fingerprint: `0${print}` }] },
    { recipients: [{ keyId: 'k', fingerprint: print.toUpperCase() }] },
    { recipients: [{ fingerprint: print }] },
  ]) {
    assert.throws(() => parseRecord(forged({ envelope }), place), isDamage)
  }
  const most = { recipients: recipients.slice(1) }
  assert.equal(parseRecord(forged({ envelope: most }), place).envelope.recipients.length, 4)
  for (const body of ['no JSON', { graphId: 1 }, { kind: null }, { name: undefined }]) {
    assert.throws(() => openRecord(forged({ body }), place, secret), isDamage)
  }
  assert.throws(() => openRecord(forged(), place, randomBytes(32)), isDamage)
  assert.throws(() => parseRecord(Buffer.from('{"holdfast":1}'), place), isDamage)
})

test('a record is read whole up to its limit, and what is longer is damaged', async () => {
  const { records, vault } = world()
  await records.register(ada, never)
  const name = `owners/${owner}/1.json`
  const written = vault.blobs.get(name)
  assert.ok(written)
  const { read } = vault
  const ranges: unknown[] = []
  vault.read = (blob, signal, range) => {
    ranges.push(range)
    return read(blob, signal, range)
  }
  vault.blobs.set(name, { ...written, bytes: Buffer.concat([written.bytes, Buffer.alloc(70_000)]) })
  await assert.rejects(records.read(owner, never), coded('OwnerRecordDamaged'))
  assert.deepEqual(ranges, [{ offset: 0, bytes: 64 * 1024 + 1 }])
})

test('an owner without a record has none, and nothing is asked of the keys', async () => {
  const { records, keys } = world()
  keys.indexSecret = (_: OwnerId) => assert.fail('nobody asks')
  assert.equal(await records.read(owner, never), undefined)
})

test('a key store that is away is no damage of a record', async () => {
  const { records, keys } = world()
  await records.register(ada, never)
  const away = new AppError({ code: 'KeyStoreUnavailable', kind: 'transient', message: 'planned' })
  keys.indexSecret = () => Promise.reject(away)
  await assert.rejects(records.read(owner, never), coded('KeyStoreUnavailable'))
})
