/** What the vault does when its blobs are not what was written, or are somebody else's. */
import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { AppError, hasCode } from '../model/errors.ts'
import type { PutEvent } from '../model/events.ts'
import type { PackId } from '../model/ids.ts'
import { openPart, sealPart } from './commit-format.ts'
import { damage, mayBeSpoilt, voidCommitOf } from './damage.ts'
import { recoverIndexSecret } from './recover-secret.ts'
import { parseSealedFile } from './sealed-file.ts'
import {
  contentOf,
  memoryVault,
  never,
  putEvent,
  registered,
  type TestVault,
  version,
} from './testing/fixture.ts'

const damaged = (error: unknown) => error instanceof AppError && error.kind === 'corrupt'
const coded = (code: string) => (error: unknown) => hasCode(error, code)

/** One commit with one version. `beside`: large enough for parts and index beside commit.json. */
async function oneCommit(on: TestVault, options: { beside?: boolean } = {}) {
  const owner = await registered(on.vault)
  const mail = await on.vault.stream(owner, 'mail', never)
  const writer = mail.begin(undefined)
  const mime = randomBytes(5000)
  const event = putEvent('m', await writer.addVersion(version('m', mime), never))
  // Noise does not compress, so that the event part alone is over the limit of the small form.
  if (options.beside) event.display.name = randomBytes(300_000).toString('base64')
  const result = await writer.commit(contentOf([event]), { complete: true }, never)
  assert.ok(result.outcome === 'committed')
  const names = [...on.store.blobs.keys()].filter((name) => name.includes(owner))
  const named = (suffix: string) => {
    const name = names.find((n) => n.endsWith(suffix))
    assert.ok(name !== undefined, `a blob ${suffix}`)
    return name
  }
  return { owner, mail, event, mime, commit: result.commit, named }
}

function spoil(on: TestVault, name: string, change: (bytes: Uint8Array) => Uint8Array): () => void {
  const blob = on.store.blobs.get(name)
  assert.ok(blob !== undefined)
  on.store.blobs.set(name, { ...blob, bytes: change(Uint8Array.from(blob.bytes)) })
  return () => on.store.blobs.set(name, blob)
}

const flip = (bit: number) => (bytes: Uint8Array) => {
  const at = bit % (bytes.length * 8)
  bytes[at >> 3] = (bytes[at >> 3] ?? 0) ^ (1 << (at & 7))
  return bytes
}

/** The recipient of the pack header in these bytes is another one, with a key that nobody has. */
function foreignKey(bytes: Uint8Array): Buffer {
  const spoilt = Buffer.from(bytes)
  const at = spoilt.indexOf('memory/')
  spoilt.write('xxxxxx', at)
  spoilt.fill(7, at + 50, at + 60)
  return spoilt
}

function mimeOf(event: PutEvent) {
  const mime = event.representations[1]
  assert.ok(mime !== undefined)
  return mime
}

test('any flipped bit or cut of commit.json makes it void, never another commit', async () => {
  const on = memoryVault()
  const { mail, named } = await oneCommit(on)
  const reported = (error: unknown) =>
    hasCode(error, 'CommitVoid') || hasCode(error, 'FormatUnknown')
  await fc.assert(
    fc.asyncProperty(fc.nat(), fc.boolean(), async (at, cut) => {
      const change = cut ? (b: Uint8Array) => b.subarray(0, at % b.length) : flip(at)
      const mend = spoil(on, named('commit.json'), change)
      await assert.rejects(mail.readCommit(1, never), reported)
      mend()
    }),
    { numRuns: 500 },
  )
  assert.ok(await mail.readCommit(1, never))
})

test('a part that is missing, changed or cut makes its commit damaged, not void', async () => {
  const on = memoryVault()
  const { mail, named, commit } = await oneCommit(on, { beside: true })
  assert.deepEqual(await mail.readCommit(1, never), commit)
  const changes = [
    flip(4000),
    (b: Uint8Array) => b.subarray(1),
    (b: Uint8Array) => b.subarray(0, 9),
  ]
  for (const change of changes) {
    const mend = spoil(on, named('.mf'), change)
    await assert.rejects(mail.readCommit(1, never), coded('CommitDamaged'))
    mend()
  }
  on.store.blobs.delete(named('.mf'))
  await assert.rejects(mail.readCommit(1, never), coded('CommitDamaged'))
})

test('a part that opens and is not the one that was committed is refused', async () => {
  const on = memoryVault()
  const { mail, named, event } = await oneCommit(on, { beside: true })
  const other = { ...event, why: 'moved' as const }
  const at = { stream: { owner: mail.owner, workload: mail.workload }, seq: 1, index: 0 }
  const text = `${JSON.stringify(other)}\n`
  const forged = await sealPart(text, at, mail.secret, randomBytes(32))
  spoil(on, named('.mf'), () => forged)
  await assert.rejects(mail.readCommit(1, never), coded('CommitDamaged'))
})

test('any flipped bit in a pack gives the right plaintext or an error, never another', async () => {
  const on = memoryVault()
  const { owner, event, mime, named } = await oneCommit(on)
  await fc.assert(
    fc.asyncProperty(fc.nat(), async (bit) => {
      const mend = spoil(on, named('.pk'), flip(bit))
      try {
        const plain = await on.vault.reader(owner).readAll(mimeOf(event), 1 << 20, never)
        assert.ok(mime.equals(plain))
      } catch (error) {
        // A changed key id is no damage that can be told from a key that is not at hand.
        assert.ok(damaged(error) || hasCode(error, 'KeyMissing'), String(error))
      } finally {
        mend()
      }
    }),
    { numRuns: 300 },
  )
})

test('wrong hints are no damage: the index leads to the segment, beside or inside', async () => {
  for (const beside of [true, false]) {
    const on = memoryVault()
    const { owner, event, mime } = await oneCommit(on, { beside })
    const lost = structuredClone(mimeOf(event))
    for (const ref of lost.segments) {
      ref.pack = randomBytes(32).toString('hex') as PackId
      ref.offset = 12
    }
    assert.ok(mime.equals(await on.vault.reader(owner).readAll(lost, 1 << 20, never)))
    const shifted = structuredClone(mimeOf(event))
    for (const ref of shifted.segments) ref.offset += 1
    assert.ok(mime.equals(await on.vault.reader(owner).readAll(shifted, 1 << 20, never)))
  }
})

test('a segment that nothing names is missing, and a damaged index is counted', async () => {
  const on = memoryVault()
  const { owner, event, named } = await oneCommit(on, { beside: true })
  spoil(on, named('.ix'), flip(3000))
  const lost = structuredClone(mimeOf(event))
  for (const ref of lost.segments) ref.offset += 1
  await assert.rejects(on.vault.reader(owner).readAll(lost, 1 << 20, never), (error) => {
    assert.ok(hasCode(error, 'SegmentMissing'))
    assert.equal(error.context['damagedIndexes'], 1)
    return true
  })
})

test("packs, parts and commits under another owner's name are refused", async () => {
  const on = memoryVault()
  const mine = await oneCommit(on, { beside: true })
  const theirs = await oneCommit(on, { beside: true })
  for (const [name, blob] of [...on.store.blobs]) {
    if (!name.includes(theirs.owner) || name.startsWith('owners/')) continue
    on.store.blobs.set(name.replace(theirs.owner, mine.owner), blob)
  }
  await assert.rejects(mine.mail.readCommit(1, never), coded('CommitVoid'))
  const reader = on.vault.reader(mine.owner)
  await assert.rejects(reader.readAll(mimeOf(theirs.event), 1 << 20, never), damaged)
  assert.ok(mine.mime.equals(await reader.readAll(mimeOf(mine.event), 1 << 20, never)))
})

test('a void commit is passed: the next one links to the last valid one', async () => {
  const on = memoryVault()
  const { mail, commit, owner } = await oneCommit(on)
  const garbage = `c/${owner}/mail/0000000002/commit.json`
  await on.store.create(garbage, Buffer.from('{"holdfast":1}'), never)
  const voids = []
  try {
    await mail.readCommit(2, never, commit)
    assert.fail('a void commit was read')
  } catch (error) {
    const named = voidCommitOf(error)
    assert.ok(named !== undefined)
    voids.push(named)
  }
  const result = await mail.begin(commit, voids).commit(contentOf([]), { complete: true }, never)
  assert.ok(result.outcome === 'committed')
  assert.equal(result.commit.seq, 3)
  assert.equal(result.commit.previous, commit.hash)
  assert.deepEqual(await mail.readCommit(3, never, commit), result.commit)
})

test('a commit that links to another past is void for who knows the past', async () => {
  const on = memoryVault()
  const { mail, commit } = await oneCommit(on)
  const forged = { ...commit, hash: 'ab'.repeat(32) }
  const result = await mail.begin(forged).commit(contentOf([]), { complete: true }, never)
  assert.ok(result.outcome === 'committed')
  await assert.rejects(mail.readCommit(2, never, commit), coded('CommitVoid'))
  assert.ok(await mail.readCommit(2, never, forged))
})

test('where the stated time is off by over five minutes, the creation time counts', async () => {
  const on = memoryVault()
  const { mail, named } = await oneCommit(on)
  const blob = on.store.blobs.get(named('commit.json'))
  assert.ok(blob !== undefined)
  const later = new Date(blob.createdAt.getTime() + 6 * 60_000)
  on.store.blobs.set(named('commit.json'), { ...blob, createdAt: later })
  assert.equal((await mail.readCommit(1, never))?.time, later.toISOString())
})

test('an owner record that is changed anywhere is reported', async () => {
  const on = memoryVault()
  const owner = await registered(on.vault)
  const reported = (e: unknown) => hasCode(e, 'OwnerRecordDamaged') || hasCode(e, 'FormatUnknown')
  await fc.assert(
    fc.asyncProperty(fc.nat(), async (bit) => {
      const mend = spoil(on, `owners/${owner}/1.json`, flip(bit))
      await assert.rejects(on.vault.ownerRecord(owner, never), reported)
      mend()
    }),
    { numRuns: 200 },
  )
})

test('a pack whose clear header is spoilt is read with the header of its index', async () => {
  for (const beside of [true, false]) {
    const on = memoryVault()
    const { owner, event, mime, named } = await oneCommit(on, { beside })
    spoil(on, named('.pk'), flip(8 * 50))
    assert.ok(mime.equals(await on.vault.reader(owner).readAll(mimeOf(event), 1 << 20, never)))
  }
})

test('a pack whose clear header names a foreign key is read with the header of its index', async () => {
  for (const beside of [true, false]) {
    const on = memoryVault()
    const { owner, event, mime, named } = await oneCommit(on, { beside })
    spoil(on, named('.pk'), foreignKey)
    assert.ok(mime.equals(await on.vault.reader(owner).readAll(mimeOf(event), 1 << 20, never)))
  }
})

test('an index that names a foreign key does not stand in the way of the others', async () => {
  const on = memoryVault()
  const { owner, event, mime, named } = await oneCommit(on, { beside: true })
  const index = on.store.blobs.get(named('.ix'))
  assert.ok(index !== undefined)
  const forged = foreignKey(Uint8Array.from(index.bytes))
  createHash('sha256')
    .update(forged.subarray(0, -32))
    .digest()
    .copy(forged, forged.length - 32)
  on.store.blobs.set(`idx/${owner}/2026-01/${'0'.repeat(64)}.ix`, { ...index, bytes: forged })
  const lost = structuredClone(mimeOf(event))
  for (const ref of lost.segments) ref.offset += 1
  assert.ok(mime.equals(await on.vault.reader(owner).readAll(lost, 1 << 20, never)))
})

test('an owner whose keys were erased is said to have none, and nothing is looked for', async () => {
  const on = memoryVault()
  const { owner, event } = await oneCommit(on)
  on.keys.erase(owner)
  await assert.rejects(
    on.vault.reader(owner).readAll(mimeOf(event), 1 << 20, never),
    coded('KeyMissing'),
  )
})

test('the index secret comes from another commit where one names a foreign key', async () => {
  const on = memoryVault()
  const { owner, mail, commit, named } = await oneCommit(on)
  const writer = mail.begin(commit)
  await writer.commit(contentOf([]), { complete: true }, never)
  const deps = { vault: on.store, keys: on.keys }
  const secret = Buffer.from(await recoverIndexSecret(deps, owner, never))
  const first = named('0000000001/commit.json')
  const foreign = (bytes: Uint8Array) => {
    const text = Buffer.from(bytes).toString()
    return Buffer.from(text.replace(/memory\/\w+\/1/, 'memory/elsewhere/1'))
  }
  spoil(on, first, foreign)
  assert.deepEqual(Buffer.from(await recoverIndexSecret(deps, owner, never)), secret)
  spoil(on, first.replace('0000000001', '0000000002'), foreign)
  await assert.rejects(recoverIndexSecret(deps, owner, never), coded('KeyMissing'))
})

test('a ref with the right place and a wrong length is read with the lengths of the index', async () => {
  const on = memoryVault()
  const { owner, event, mime } = await oneCommit(on)
  const [ref] = mimeOf(event).segments
  assert.ok(ref !== undefined)
  ref.sealedBytes -= 1
  assert.ok(mime.equals(await on.vault.reader(owner).readAll(mimeOf(event), 1 << 20, never)))
})

test('of two copies of a segment the sound one is found, whichever index comes first', async () => {
  const on = memoryVault()
  const owner = await registered(on.vault)
  const mail = await on.vault.stream(owner, 'mail', never)
  const mime = randomBytes(5000)
  const events: PutEvent[] = []
  let previous: Parameters<typeof mail.begin>[0]
  for (const item of ['m1', 'm2']) {
    const writer = mail.begin(previous)
    events.push(putEvent(item, await writer.addVersion(version(item, mime), never)))
    const result = await writer.commit(contentOf(events.slice(-1)), { complete: true }, never)
    assert.ok(result.outcome === 'committed')
    previous = result.commit
  }
  for (const event of events) {
    const pack = mimeOf(event).segments[0]?.pack ?? ''
    const name = [...on.store.blobs.keys()].find((n) => n.endsWith(`${pack}.pk`)) ?? ''
    const mend = spoil(on, name, (bytes) => bytes.fill(0))
    assert.ok(mime.equals(await on.vault.reader(owner).readAll(mimeOf(event), 1 << 20, never)))
    mend()
  }
})

test('segments whose hints are wrong cost one walk over the indexes, not one for each', async () => {
  const on = memoryVault(4000)
  const owner = await registered(on.vault)
  const writer = (await on.vault.stream(owner, 'mail', never)).begin(undefined)
  const events: PutEvent[] = []
  for (const item of ['m1', 'm2', 'm3', 'm4']) {
    events.push(putEvent(item, await writer.addVersion(version(item, randomBytes(3000)), never)))
  }
  const result = await writer.commit(contentOf(events), { complete: true }, never)
  assert.ok(result.outcome === 'committed')
  let commitsRead = 0
  const { read } = on.store
  on.store.read = (name, signal, range) => {
    if (name.endsWith('commit.json')) commitsRead += 1
    return read(name, signal, range)
  }
  const reader = on.vault.reader(owner)
  for (const event of events) {
    const lost = structuredClone(mimeOf(event))
    for (const ref of lost.segments) ref.offset += 1
    await reader.readAll(lost, 1 << 20, never)
  }
  assert.equal(commitsRead, 1)
})

test('packs that are gone cost one listing each, not one for each of their segments', async () => {
  const on = memoryVault()
  const { owner, event, named } = await oneCommit(on)
  on.store.blobs.delete(named('.pk'))
  let listings = 0
  const { list } = on.store
  on.store.list = (prefix, signal) => {
    if (prefix.startsWith('packs/')) listings += 1
    return list(prefix, signal)
  }
  const reader = on.vault.reader(owner)
  for (let n = 0; n < 5; n += 1) {
    await assert.rejects(reader.readAll(mimeOf(event), 1 << 20, never), damaged)
  }
  assert.equal(listings, 1)
})

test('events that nest deeper than any that is written are damage, not a crash of who reads on', async () => {
  const on = memoryVault()
  const { mail, event } = await oneCommit(on)
  const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`
  const text = `${JSON.stringify({ ...event, display: { name: 'x', more: 0 } })}\n`
  const at = { stream: { owner: mail.owner, workload: mail.workload }, seq: 1, index: 0 }
  const sealed = async (line: string) => sealPart(line, at, mail.secret, randomBytes(32))
  assert.equal((await openPart(await sealed(text), at, mail.secret)).events.length, 1)
  const forged = await sealed(text.replace('"more":0', `"more":${deep}`))
  await assert.rejects(openPart(forged, at, mail.secret), coded('CommitDamaged'))
})

test('an event with a million refs that are none is damage, and so is a commit with as many blobs', async () => {
  const on = memoryVault()
  const { owner, mail, event } = await oneCommit(on)
  const at = { stream: { owner, workload: mail.workload }, seq: 1, index: 0 }
  const zeros = JSON.stringify(Array.from({ length: 1_000_000 }, () => 0))
  const text = `${JSON.stringify({ ...event, representations: [{ segments: 7 }] })}\n`
  const line = text.replace('"segments":7', `"segments":${zeros}`)
  const forged = await sealPart(line, at, mail.secret, randomBytes(32))
  await assert.rejects(openPart(forged, at, mail.secret), coded('CommitDamaged'))
  const names = Array.from({ length: 300_000 }, (_, n) => `"${n}":0`)
  const file = `{"holdfast":1,"envelope":"","body":"","inline":{${names}}}`
  const before = process.memoryUsage().heapUsed
  assert.equal(parseSealedFile(Buffer.from(file)), undefined)
  assert.ok(process.memoryUsage().heapUsed - before < 128 * 1024 * 1024)
})

test('only damage and a key that is missing may mean that another copy serves', () => {
  const other = (code: string) => new AppError({ code, kind: 'denied', message: 'planned' })
  for (const error of [damage('SegmentDamaged', 'a check'), other('KeyMissing')]) {
    assert.ok(mayBeSpoilt(error))
  }
  for (const error of [other('KeyDenied'), new TypeError('a defect'), undefined]) {
    assert.equal(mayBeSpoilt(error), false)
  }
})

test('a void commit is named by its seq and hash, where its error says both', () => {
  const named = { seq: 3, sha256: 'ab'.repeat(32) }
  assert.deepEqual(voidCommitOf(damage('CommitVoid', 'a check', { ...named, owner: 'o' })), named)
  for (const error of [
    damage('CommitDamaged', 'a check', named),
    damage('CommitVoid', 'a check', { seq: 3 }),
    damage('CommitVoid', 'a check', { sha256: named.sha256 }),
    damage('CommitVoid', 'a check', { ...named, seq: '3' }),
    damage('CommitVoid', 'a check', { ...named, sha256: 7 }),
    undefined,
  ]) {
    assert.equal(voidCommitOf(error), undefined)
  }
})
