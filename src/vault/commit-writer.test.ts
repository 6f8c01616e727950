/** Order, crashes, lost answers, keys and memory of the writer. */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { setImmediate as tick } from 'node:timers/promises'
import fc from 'fast-check'
import { AppError, hasCode } from '../model/errors.ts'
import type { CommitRef } from '../model/events.ts'
import {
  createPackOpener,
  openPack,
  parseMetadata,
  recoverIndexSecret,
  type StreamVault,
  segmentNamer,
} from './index.ts'
import { createPackWriter } from './pack-writer.ts'
import {
  collect,
  contentOf,
  memoryVault,
  never,
  putEvent,
  registered,
  stream,
  type TestVault,
  version,
} from './testing/fixture.ts'
import { cut } from './version-writer.ts'

const coded = (code: string) => (error: unknown) => hasCode(error, code)
const HOUR_MS = 3_600_000

async function mailOf(on: TestVault) {
  const owner = await registered(on.vault)
  return { owner, mail: await on.vault.stream(owner, 'mail', never) }
}

async function commitOne(mail: StreamVault) {
  const writer = mail.begin(undefined)
  const event = putEvent('m', await writer.addVersion(version('m', randomBytes(3000)), never))
  return writer.commit(contentOf([event]), { complete: true }, never)
}

test('any set of versions comes back, from commits and from packs alone', async () => {
  const contents = fc.array(fc.uint8Array({ maxLength: 3000 }), { minLength: 0, maxLength: 3 })
  await fc.assert(
    fc.asyncProperty(
      fc.array(contents, { minLength: 1, maxLength: 6 }),
      fc.integer({ min: 1, max: 20_000 }),
      async (versions, packBytes) => {
        const on = memoryVault(packBytes)
        const { owner, mail } = await mailOf(on)
        const writer = mail.begin(undefined)
        const add = async (parts: Uint8Array[], i: number) =>
          putEvent(`m${i}`, await writer.addVersion(version(`m${i}`, ...parts), never))
        const events = await Promise.all(versions.map(add))
        const result = await writer.commit(contentOf(events), { complete: true }, never)
        assert.ok(result.outcome === 'committed')
        const reader = on.vault.reader(owner)
        for (const [i, parts] of versions.entries()) {
          const held = events[i]?.representations.slice(1) ?? []
          const plains = await Promise.all(held.map((r) => reader.readAll(r, 1 << 20, never)))
          assert.deepEqual(
            plains,
            parts.map((p) => new Uint8Array(p)),
          )
        }
        assert.deepEqual(
          await itemsInPacks(on, owner),
          versions.map((_, i) => `m${i}`),
        )
      },
    ),
    { numRuns: 40 },
  )
})

/** Item ids that the metadata segments of an owner's packs name; nothing else is looked at. */
async function itemsInPacks(
  on: TestVault,
  owner: Awaited<ReturnType<typeof mailOf>>['owner'],
): Promise<string[]> {
  const namer = segmentNamer(await on.keys.indexSecret(owner, never))
  const opener = createPackOpener(on.keys, owner)
  const items: string[] = []
  for (const [name, { bytes }] of on.store.blobs) {
    if (!name.startsWith(`packs/${owner}/`)) continue
    const opened = openPack(bytes, owner, (header) => opener.keysOf(header, never), namer)
    for await (const { header, plain } of opened) {
      if (header.kind === 'metadata') items.push(parseMetadata(plain).item)
    }
  }
  return items.sort()
}

test('everything is there before commit.json is, and a small commit is two blobs', async () => {
  const on = memoryVault()
  const { mail } = await mailOf(on)
  on.store.creates.length = 0
  await commitOne(mail)
  assert.deepEqual(
    on.store.creates.map((name) => name.replace(/.*[./]/, '')),
    ['pk', 'json'],
  )
  const writer = mail.begin((await mail.readCommit(1, never)) as CommitRef)
  const event = putEvent('n', await writer.addVersion(version('n', randomBytes(40_000)), never))
  event.display.name = randomBytes(300_000).toString('base64')
  on.store.creates.length = 0
  await writer.commit(contentOf([event]), { complete: true }, never)
  const kinds = on.store.creates.map((name) => name.replace(/.*[./]/, ''))
  assert.deepEqual(kinds, ['pk', 'ix', 'mf', 'json'])
})

test('a create that was applied and whose answer was lost is committed, once', async () => {
  for (const name of [/\.pk$/, /commit\.json$/]) {
    const on = memoryVault()
    const { mail } = await mailOf(on)
    on.store.failNext({ call: 'create', name, when: 'after' })
    const result = await commitOne(mail)
    assert.equal(result.outcome, 'committed')
    assert.deepEqual(on.store.faultsLeft, [])
    assert.deepEqual(await collect(mail.seqs(never)), [1])
  }
})

test('a create that failed before its effect leaves no commit; a new writer succeeds', async () => {
  for (const name of [/\.pk$/, /commit\.json$/]) {
    const on = memoryVault()
    const { mail } = await mailOf(on)
    on.store.failNext({ call: 'create', name, when: 'before' })
    await assert.rejects(commitOne(mail), coded('StorageUnavailable'))
    assert.equal(await mail.readCommit(1, never), undefined)
    assert.equal((await commitOne(mail)).outcome, 'committed')
  }
})

test('a failed upload stops the writer: nothing is added or committed after it', async () => {
  const on = memoryVault(1000)
  const { mail } = await mailOf(on)
  const writer = mail.begin(undefined)
  on.store.failNext({ call: 'create', name: /\.pk$/, when: 'before' })
  await writer.addVersion(version('a', randomBytes(4000)), never).catch(() => undefined)
  await tick()
  await assert.rejects(writer.addVersion(version('b', randomBytes(10)), never))
  await assert.rejects(writer.commit(contentOf([]), { complete: true }, never))
  assert.equal(await mail.readCommit(1, never), undefined)
})

const bug = (error: unknown): boolean => error instanceof AppError && error.kind === 'bug'

test('a writer commits once, and takes nothing after it', async () => {
  const on = memoryVault()
  const { mail } = await mailOf(on)
  const writer = mail.begin(undefined)
  await writer.commit(contentOf([]), { complete: true }, never)
  await assert.rejects(writer.commit(contentOf([]), { complete: true }, never), bug)
  await assert.rejects(writer.addVersion(version('m', randomBytes(10)), never), bug)
})

test('the void commits that it is told of lie between the last commit and its own, without a gap', async () => {
  const { mail } = await mailOf(memoryVault())
  const committed = await commitOne(mail)
  assert.ok(committed.outcome === 'committed')
  const voided = (seq: number) => ({ seq, sha256: 'a'.repeat(64) })
  for (const seqs of [[1], [3], [2, 4], [3, 2], [2, 2]]) {
    assert.throws(() => mail.begin(committed.commit, seqs.map(voided)), bug, `${seqs}`)
  }
  assert.throws(() => mail.begin(undefined, [voided(2)]), bug)
  const after = await mail
    .begin(committed.commit, [2, 3].map(voided))
    .commit(contentOf([]), { complete: true }, never)
  assert.ok(after.outcome === 'committed' && after.commit.seq === 4)
})

test('a source that breaks spoils its own version only', async () => {
  const on = memoryVault()
  const { owner, mail } = await mailOf(on)
  const writer = mail.begin(undefined)
  const broken = async function* () {
    yield randomBytes(1000)
    throw new Error('the download broke off')
  }
  const parts = [{ name: 'mime' as const, bytes: broken() }]
  await assert.rejects(writer.addVersion({ ...version('bad'), parts }, never), /broke off/)
  const good = randomBytes(100)
  const event = putEvent('good', await writer.addVersion(version('good', good), never))
  const result = await writer.commit(contentOf([event]), { complete: true }, never)
  assert.equal(result.outcome, 'committed')
  const mime = event.representations[1]
  assert.ok(mime !== undefined)
  assert.ok(good.equals(await on.vault.reader(owner).readAll(mime, 1000, never)))
})

test('equal segments of a commit are stored once; carried ones are used and named', async () => {
  const on = memoryVault()
  const { mail } = await mailOf(on)
  const writer = mail.begin(undefined)
  const same = randomBytes(9000)
  const first = await writer.addVersion(version('a', same), never)
  const before = writer.addedBytes
  const second = await writer.addVersion(version('b', same), never)
  assert.ok(writer.addedBytes - before < 1000, 'only metadata was added')
  assert.deepEqual(second[1]?.segments, first[1]?.segments)
  const events = [putEvent('a', first), putEvent('b', second)]
  const one = await writer.commit(contentOf(events), { complete: true }, never)
  assert.ok(one.outcome === 'committed')
  const next = mail.begin(one.commit)
  const carried = first.slice(1)
  const event = putEvent('a', await next.addVersion({ ...version('a'), carried }, never))
  const two = await next.commit(contentOf([event]), { complete: true }, never)
  assert.ok(two.outcome === 'committed')
  const name = [...on.store.blobs.keys()].find((n) => n.endsWith('0000000002/commit.json'))
  const file = JSON.parse(Buffer.from(on.store.blobs.get(name ?? '')?.bytes ?? []).toString())
  assert.deepEqual(JSON.parse(file.envelope).used, [one.commit.packs[0]?.id])
})

test('hints are filled in even where the caller handed in copies of its refs', async () => {
  const on = memoryVault()
  const { mail } = await mailOf(on)
  const writer = mail.begin(undefined)
  const copies = structuredClone(await writer.addVersion(version('a', randomBytes(50)), never))
  const content = contentOf([putEvent('a', copies)])
  const result = await writer.commit(content, { complete: true }, never)
  assert.ok(result.outcome === 'committed')
  const [event] = result.commit.events
  assert.ok(event?.op === 'put')
  const packs = event.representations.flatMap((r) => r.segments).map((s) => s.pack)
  assert.deepEqual(new Set(packs), new Set([result.commit.packs[0]?.id]))
})

test('at most two packs are in memory: an add to a full pack waits for the upload', async () => {
  const on = memoryVault(10_000)
  const { mail } = await mailOf(on)
  const writer = mail.begin(undefined)
  const gate = Promise.withResolvers<void>()
  on.store.beforeCreate = (name) => (name.endsWith('.pk') ? gate.promise : Promise.resolve())
  let done = 0
  const adds = Array.from({ length: 12 }, async (_, i) => {
    const added = await writer.addVersion(version(`m${i}`, randomBytes(9500)), never)
    done += 1
    return putEvent(`m${i}`, added)
  })
  for (let i = 0; i < 200; i += 1) await tick()
  assert.ok(done < 4, `${done} versions were taken while the first upload hung`)
  gate.resolve()
  const events = await Promise.all(adds)
  const result = await writer.commit(contentOf(events), { complete: true }, never)
  assert.ok(result.outcome === 'committed')
  assert.ok(result.commit.packs.length >= 10)
})

test('two adds that open the first pack at different moments share it', async () => {
  const on = memoryVault()
  const { owner, mail } = await mailOf(on)
  const recipients = await on.keys.recipients(owner, never)
  const key = new Uint8Array(randomBytes(32))
  const wrapped = recipients.map((r) => ({ ...r, wrapped: randomBytes(384) }))
  const dataKey = { id: '00'.repeat(16), key, recipients: wrapped, secret: [] }
  let calls = 0
  const current = async () => {
    calls += 1
    for (let i = 0; i < 20 * calls; i += 1) await tick()
    return dataKey
  }
  const packs = createPackWriter({
    owner,
    store: on.store,
    dataKeys: { current },
    clock: on.clock,
    random: { bytes: (count) => randomBytes(count) },
    namer: segmentNamer(mail.secret),
    packBytes: 1 << 20,
  })
  const added = [1, 2].map((n) => packs.add('content', randomBytes(100 * n), never))
  const refs = await Promise.all(added)
  const [pack, ...others] = await packs.close(never)
  assert.deepEqual(others, [])
  assert.deepEqual(
    refs.map((ref) => ref.pack),
    [pack?.id, pack?.id],
  )
})

test('a data key serves packs of a day, and then the owner keys are looked at anew', async () => {
  const on = memoryVault()
  const { mail } = await mailOf(on)
  const first = await commitOne(mail)
  assert.ok(first.outcome === 'committed')
  const { owner } = mail
  on.keys.swap(owner)
  on.clock.advance(23 * HOUR_MS)
  const again = mail.begin(first.commit)
  assert.equal((await again.commit(contentOf([]), { complete: true }, never)).outcome, 'committed')
  on.clock.advance(HOUR_MS)
  const later = mail.begin((await mail.readCommit(2, never)) as CommitRef)
  await assert.rejects(
    later.addVersion(version('x', randomBytes(10)), never),
    coded('OwnerKeyMismatch'),
  )
})

test('an owner whose key is gone is stopped before anything is written', async () => {
  const on = memoryVault()
  const { owner, mail } = await mailOf(on)
  on.keys.recipients = async () => {
    throw new AppError({ code: 'KeyDisabled', kind: 'denied', message: 'planned' })
  }
  on.store.creates.length = 0
  await assert.rejects(commitOne(mail), (error) => {
    assert.ok(hasCode(error, 'OwnerKeyMismatch'))
    assert.deepEqual(error.context, { owner, reason: 'KeyDisabled' })
    return true
  })
  assert.deepEqual(on.store.creates, [])
})

test('the index secret comes back from any commit with the key of the owner alone', async () => {
  const on = memoryVault()
  const { owner, mail } = await mailOf(on)
  await commitOne(mail)
  const secret = await on.keys.indexSecret(owner, never)
  on.keys.loseSecret(owner)
  await assert.rejects(on.vault.stream(owner, 'mail', never), coded('KeyMissing'))
  const deps = { vault: on.store, keys: on.keys }
  assert.deepEqual(Buffer.from(await recoverIndexSecret(deps, owner, never)), secret)
})

test('no blob and no name holds a subject, a name, a link or a Graph id in the clear', async () => {
  const on = memoryVault()
  const { mail } = await mailOf(on)
  const writer = mail.begin(undefined)
  const body = Buffer.from('confidential words')
  const event = putEvent(
    'graph-item-id',
    await writer.addVersion(version('graph-item-id', body), never),
  )
  await writer.commit(contentOf([event]), { complete: true }, never)
  const clear = [...on.store.blobs].map(([name, { bytes }]) => {
    const text = Buffer.from(bytes).toString('latin1')
    const inside = text.match(/[A-Za-z0-9+/=]{40,}/g) ?? []
    return [name, text, ...inside.map((b) => Buffer.from(b, 'base64').toString('latin1'))].join(' ')
  })
  for (const word of ['graph-item-id', 'inbox', 'secret-link', 'confidential', 'Ada', 'user-1']) {
    assert.ok(!clear.join(' ').includes(word), word)
  }
})

test('a commit takes one event for one item, and a version each representation once', async () => {
  const on = memoryVault()
  const { mail } = await mailOf(on)
  const writer = mail.begin(undefined)
  const added = await writer.addVersion(version('a', randomBytes(5)), never)
  const twice = { ...version('a'), parts: [], carried: [...added.slice(1), ...added.slice(1)] }
  await assert.rejects(writer.addVersion(twice, never), coded('InvariantBroken'))
  const events = [putEvent('a', added), putEvent('a', added)]
  await assert.rejects(
    writer.commit(contentOf(events), { complete: true }, never),
    coded('InvariantBroken'),
  )
})

test('pieces of any size become segments of exactly the limit', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.uint8Array({ maxLength: 50 }), { maxLength: 20 }),
      fc.integer({ min: 1, max: 40 }),
      async (chunks, size) => {
        const pieces = await collect(cut(stream(...chunks), size))
        assert.deepEqual(Buffer.concat(pieces), Buffer.concat(chunks))
        assert.ok(pieces.slice(0, -1).every((p) => p.length === size))
        assert.ok(pieces.every((p) => p.length > 0))
      },
    ),
    { numRuns: 100 },
  )
})
