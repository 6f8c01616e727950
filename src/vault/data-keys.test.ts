import assert from 'node:assert/strict'
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { AppError, hasCode } from '../model/errors.ts'
import type { OwnerId } from '../model/ids.ts'
import type { OwnerKeys, Recipient } from '../ports.ts'
import { createDataKeys, DATA_KEY_AGE_MS_MAX, fingerprintOf } from './data-keys.ts'
import { fakeClock, graphId, never, newOwner, random } from './testing/fixture.ts'
import { createMemoryKeys } from './testing/memory-keys.ts'

const owner = newOwner()
const coded = (code: string) => (error: unknown) => hasCode(error, code)

function recipientOf(publicKey: Uint8Array, keyId: string): Recipient {
  return { keyId, fingerprint: fingerprintOf(publicKey), publicKey }
}

function publicKeyOf(modulusLength: number): Uint8Array {
  const { publicKey } = generateKeyPairSync('rsa', { modulusLength })
  return publicKey.export({ type: 'spki', format: 'der' })
}

const [mine, spare] = [publicKeyOf(3072), publicKeyOf(3072)]
const one = recipientOf(mine, 'k/1')
const two = recipientOf(spare, 'k/2')

/** An owner with these keys in the record, and others in the key store. */
function worldOf({
  recorded = [one],
  now = recorded,
}: Partial<Record<'recorded' | 'now', Recipient[]>>) {
  const clock = fakeClock()
  const asked: OwnerId[] = []
  const secret = new Uint8Array(randomBytes(32))
  const keys: OwnerKeys = {
    ...createMemoryKeys(),
    recipients: async (of) => {
      asked.push(of)
      return now
    },
    indexSecret: async () => secret,
  }
  const record = {
    ...{ owner, n: 1, createdAt: '', graphId: graphId('g'), kind: 'user', name: '' },
    recipients: recorded.map(({ keyId, fingerprint }) => ({ keyId, fingerprint })),
  }
  const dataKeys = createDataKeys({
    ...{ keys, clock, random, keptMax: 3 },
    ownerRecord: async () => record,
    isErased: async () => false,
  })
  return { clock, keys, asked, record, current: (of = owner) => dataKeys.current(of, never) }
}

const isMismatch = (reason: string) => (error: unknown) => {
  assert.ok(hasCode(error, 'OwnerKeyMismatch') && error.kind === 'denied', String(error))
  assert.deepEqual(error.context, { owner, reason })
  return true
}

test('a data key is wrapped, with the index secret, for every recipient', async () => {
  const key = await worldOf({ recorded: [one, two] }).current()
  assert.equal(key.key.length, 32)
  assert.match(key.id, /^[0-9a-f]{32}$/)
  for (const wrapped of [key.recipients, key.secret]) {
    assert.deepEqual(
      wrapped.map(({ keyId, fingerprint }) => ({ keyId, fingerprint })),
      [one, two].map(({ keyId, fingerprint }) => ({ keyId, fingerprint })),
    )
    assert.ok(wrapped.every((w) => w.wrapped.length === 384))
  }
})

test('it serves a day to the millisecond, and the keys of the owner are asked for once', async () => {
  const { current, clock, asked } = worldOf({})
  const [first, beside] = await Promise.all([current(), current()])
  clock.advance(DATA_KEY_AGE_MS_MAX - 1)
  assert.equal(first, beside)
  assert.equal(await current(), first)
  assert.equal(asked.length, 1)
  clock.advance(1)
  assert.notDeepEqual((await current()).key, first.key)
  assert.equal(asked.length, 2)
})

test('of more owners than are kept the oldest is made anew, and no other', async () => {
  const { current, asked } = worldOf({})
  const [ann, bob, eve, joe] = Array.from({ length: 4 }, newOwner)
  for (const one of [ann, bob, eve, ann, bob, eve, joe, bob, eve, joe, ann]) await current(one)
  assert.deepEqual(asked, [ann, bob, eve, joe, ann])
})

test('a key that is added, missing, renamed or another stops the owner', async () => {
  const renamed = { ...one, keyId: 'k/9' }
  const swapped = recipientOf(spare, one.keyId)
  const claims = { ...swapped, fingerprint: one.fingerprint }
  const denies = { ...one, fingerprint: swapped.fingerprint }
  for (const [now, reason] of [
    [[one, two], 'count'],
    [[renamed], 'fingerprint'],
    [[swapped], 'fingerprint'],
    [[claims], 'fingerprint'],
    [[denies], 'fingerprint'],
  ] as const) {
    await assert.rejects(worldOf({ now: [...now] }).current(), isMismatch(reason))
  }
  const fewer = worldOf({ recorded: [one, two], now: [one] })
  await assert.rejects(fewer.current(), isMismatch('count'))
  const second = worldOf({ recorded: [one, two], now: [one, recipientOf(mine, 'k/2')] })
  await assert.rejects(second.current(), isMismatch('fingerprint'))
})

test('an attempt that fails late does not take the place of one that succeeded since', async () => {
  const { current, keys, asked, clock } = worldOf({})
  const { recipients } = keys
  const late = Promise.withResolvers<never>()
  keys.recipients = () => {
    keys.recipients = recipients
    return late.promise
  }
  const first = current()
  clock.advance(DATA_KEY_AGE_MS_MAX)
  const second = await current()
  late.reject(new TypeError('too late'))
  await assert.rejects(first, /too late/)
  assert.equal(await current(), second)
  assert.equal(asked.length, 1)
})

test('a key store that is away is no mismatch, and is asked again the next time', async () => {
  const { current, keys } = worldOf({})
  const { recipients } = keys
  for (const [code, said] of [
    ['KeyStoreUnavailable', 'KeyStoreUnavailable'],
    ['KeyMissing', 'OwnerKeyMismatch'],
    ['KeyDisabled', 'OwnerKeyMismatch'],
  ] as const) {
    const error = new AppError({ code, kind: 'denied', message: 'planned' })
    keys.recipients = () => Promise.reject(error)
    await assert.rejects(current(), (thrown) => {
      assert.ok(hasCode(thrown, said))
      assert.equal(thrown === error || thrown.cause === error, true)
      return true
    })
  }
  keys.recipients = () => Promise.reject(new TypeError('a defect'))
  await assert.rejects(current(), TypeError)
  keys.recipients = recipients
  assert.ok(await current())
})

test('an owner without a record has no data key', async () => {
  const { keys, clock } = worldOf({})
  const dataKeys = createDataKeys({
    ...{ keys, clock, random, ownerRecord: async () => undefined },
    isErased: async () => false,
  })
  await assert.rejects(dataKeys.current(owner, never), (error) => {
    assert.ok(hasCode(error, 'OwnerUnknown') && error.kind === 'permanent')
    assert.deepEqual(error.context, { owner })
    return true
  })
})

test('nothing is wrapped for no key, for five, or for one that is not RSA of 3072 bits', async () => {
  const spki = { type: 'spki', format: 'der' } as const
  const ec = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey.export(spki)
  const pss = generateKeyPairSync('rsa-pss', { modulusLength: 3072 }).publicKey.export(spki)
  const weak = recipientOf(publicKeyOf(2048), 'k/1')
  const five = Array.from({ length: 5 }, (_, n) => recipientOf(mine, `k/${n}`))
  for (const recorded of [[], five, [weak], [recipientOf(ec, 'k/1')], [recipientOf(pss, 'k/1')]]) {
    await assert.rejects(worldOf({ recorded }).current(), coded('InvariantBroken'))
  }
  assert.equal((await worldOf({ recorded: five.slice(1) }).current()).recipients.length, 4)
})

test('an owner whose erasure has begun has no data key any more', async () => {
  const { keys, clock } = worldOf({})
  const dataKeys = createDataKeys({
    ...{ keys, clock, random, ownerRecord: async () => undefined },
    isErased: async () => true,
  })
  await assert.rejects(dataKeys.current(owner, never), coded('OwnerErased'))
})
