/**
 * What a vault does on any BlobStore: run by the in-memory double and by Azurite.
 */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { hasCode } from '../../model/errors.ts'
import type { CommitRef } from '../../model/events.ts'
import type { BlobStore } from '../../ports.ts'
import {
  collect,
  contentOf,
  fakeClock,
  graphId,
  never,
  newOwner,
  putEvent,
  registered,
  stream,
  vaultOn,
  version,
} from './fixture.ts'
import { createMemoryKeys } from './memory-keys.ts'

const MIB = 1024 * 1024

export function vaultSuite(name: string, storeOf: () => Promise<BlobStore>): void {
  const setUp = async (packBytes = 64 * 1024) => {
    const store = await storeOf()
    const keys = createMemoryKeys()
    const clock = fakeClock(Date.now())
    const vault = vaultOn({ store, keys, clock, packBytes })
    await vault.prepare(never)
    const owner = await registered(vault)
    return { store, keys, vault, owner, mail: await vault.stream(owner, 'mail', never) }
  }

  test(`${name}: versions come back byte for byte, with their metadata`, async () => {
    const { vault, owner, mail } = await setUp()
    const writer = mail.begin(undefined)
    const mimes = Array.from({ length: 6 }, (_, i) => randomBytes(20_000 * (i + 1)))
    const events = await Promise.all(
      mimes.map(async (mime, i) =>
        putEvent(`m${i}`, await writer.addVersion(version(`m${i}`, mime), never)),
      ),
    )
    const result = await writer.commit(contentOf(events), { complete: true }, never)
    assert.ok(result.outcome === 'committed')
    assert.ok(result.commit.packs.length > 1, 'several packs')
    assert.deepEqual(await mail.readCommit(1, never), result.commit)
    const reader = vault.reader(owner)
    const read = await mail.readCommit(1, never)
    for (const [i, event] of (read?.events ?? []).entries()) {
      assert.ok(event.op === 'put')
      const [json, mime] = event.representations
      assert.ok(json !== undefined && mime !== undefined)
      assert.deepEqual(Buffer.from(await reader.readAll(mime, MIB, never)), mimes[i])
      const metadata = await reader.metadata(json, never)
      assert.equal(metadata.item, `m${i}`)
      assert.deepEqual(
        metadata.contents[0]?.segments,
        mime.segments.map((s) => s.id),
      )
    }
  })

  test(`${name}: content of 20 MiB becomes several segments and streams back`, async () => {
    const { vault, owner, mail } = await setUp(32 * MIB)
    const writer = mail.begin(undefined)
    const big = randomBytes(20 * MIB)
    const input = { ...version('big'), parts: [{ name: 'mime' as const, bytes: stream(big) }] }
    const event = putEvent('big', await writer.addVersion(input, never))
    await writer.commit(contentOf([event]), { complete: false }, never)
    const mime = event.representations[1]
    assert.ok(mime !== undefined)
    assert.equal(mime.segments.length, 3)
    const pieces = await collect(vault.reader(owner).read(mime, never))
    assert.ok(Buffer.concat(pieces).equals(big))
    await assert.rejects(vault.reader(owner).readAll(mime, MIB, never), (error) =>
      hasCode(error, 'ContentTooLarge'),
    )
  })

  test(`${name}: commits are listed in order and each links to the one before`, async () => {
    const { mail } = await setUp()
    let previous: CommitRef | undefined
    for (let i = 1; i <= 4; i += 1) {
      const writer = mail.begin(previous)
      const result = await writer.commit(contentOf([]), { complete: i === 4 }, never)
      assert.ok(result.outcome === 'committed')
      const read = await mail.readCommit(i, never, previous)
      assert.deepEqual(read, result.commit)
      assert.equal(read?.previous, previous?.hash ?? null)
      if (previous !== undefined) assert.ok((read?.time ?? '') > previous.time)
      previous = result.commit
    }
    assert.deepEqual(await collect(mail.seqs(never)), [1, 2, 3, 4])
    assert.equal(await mail.readCommit(5, never), undefined)
  })

  test(`${name}: of two writers of one seq one commits and one has lost`, async () => {
    const { mail } = await setUp()
    const race = [mail.begin(undefined), mail.begin(undefined)].map(async (writer, i) => {
      const event = putEvent(`m${i}`, await writer.addVersion(version(`m${i}`), never))
      return writer.commit(contentOf([event]), { complete: false }, never)
    })
    const outcomes = await Promise.all(race)
    assert.deepEqual(outcomes.map((o) => o.outcome).sort(), ['committed', 'lost'])
    const winner = outcomes.find((o) => o.outcome === 'committed')
    assert.deepEqual(await mail.readCommit(1, never), winner?.commit)
  })

  test(`${name}: a writer reads events without any right to open content`, async () => {
    const { vault, owner, mail, keys } = await setUp()
    const writer = mail.begin(undefined)
    const event = putEvent('m', await writer.addVersion(version('m', randomBytes(10)), never))
    await writer.commit(contentOf([event]), { complete: true }, never)
    keys.mayUnwrap = false
    assert.deepEqual((await mail.readCommit(1, never))?.events, [event])
    assert.equal(keys.unwraps, 0)
    const [json] = event.representations
    assert.ok(json !== undefined)
    await assert.rejects(vault.reader(owner).metadata(json, never), (error) =>
      hasCode(error, 'KeyDenied'),
    )
  })

  test(`${name}: owners are listed and their records open; registering twice is once`, async () => {
    const { vault, owner } = await setUp()
    const other = await registered(vault)
    const introduction = { owner, graphId: graphId('user-1'), kind: 'user', name: 'Ada Lovelace' }
    await vault.registerOwner(introduction, never)
    await assert.rejects(
      vault.registerOwner({ ...introduction, graphId: graphId('user-2') }, never),
      (error) => hasCode(error, 'OwnerExists'),
    )
    assert.deepEqual(await collect(vault.owners(never)), [owner, other].sort())
    const record = await vault.ownerRecord(owner, never)
    assert.equal(record?.name, 'Ada Lovelace')
    assert.equal(record?.graphId, 'user-1')
    assert.equal(await vault.ownerRecord(newOwner(), never), undefined)
  })

  test(`${name}: the format is written once and a foreign one is refused`, async () => {
    const { vault } = await setUp()
    await vault.prepare(never)
    const foreign = await storeOf()
    await foreign.create('format.json', Buffer.from('{"holdfast":2,"vault":"x"}'), never)
    const keys = createMemoryKeys()
    const there = vaultOn({ store: foreign, keys, clock: fakeClock(), packBytes: MIB })
    await assert.rejects(there.prepare(never), (error) => hasCode(error, 'FormatUnknown'))
  })
}
