import assert from 'node:assert/strict'
import { createHash, randomBytes } from 'node:crypto'
import { test } from 'node:test'
import fc from 'fast-check'
import { hasCode } from '../model/errors.ts'
import type { OwnerId } from '../model/ids.ts'
import { createPackBuilder, type FinishedPack } from './pack-builder.ts'
import { packKeys, segmentNamer } from './pack-crypto.ts'
import { parseIndex, parsePackHeader, TRAILER_BYTES } from './pack-format.ts'
import { openPack, salvage } from './pack-reader.ts'
import { encode } from './segment-codec.ts'
import { collect, newOwner } from './testing/fixture.ts'

const namer = segmentNamer(randomBytes(32))
const dataKey = {
  id: randomBytes(16).toString('hex'),
  key: new Uint8Array(randomBytes(32)),
  recipients: [{ keyId: 'k/1', fingerprint: 'ab'.repeat(32), wrapped: randomBytes(384) }],
  secret: [],
}
const owner = newOwner()

async function build(plains: readonly Uint8Array[], of: OwnerId = owner): Promise<FinishedPack> {
  const salt = randomBytes(32)
  const builder = createPackBuilder({ owner: of, dataKey, salt, packBytes: 1 << 20 })
  for (const plain of plains) {
    const { codec, bytes } = await encode(plain)
    builder.append({
      codec,
      kind: 'content',
      id: namer.idOf(plain),
      plainBytes: plain.length,
      encoded: bytes,
    })
  }
  return builder.finish()
}

const open = async (pack: Uint8Array, of: OwnerId = owner) => {
  const keysOf = async (header: Parameters<typeof packKeys>[1]) => packKeys(dataKey.key, header)
  return (await collect(openPack(pack, of, keysOf, namer))).map((s) => Buffer.from(s.plain))
}

const damaged = (error: unknown) =>
  hasCode(error, 'PackDamaged') || hasCode(error, 'SegmentDamaged')

/** As somebody would who has no key but can compute a hash. */
function withGoodHash(pack: Uint8Array): Uint8Array {
  const fixed = Buffer.from(pack)
  const body = fixed.subarray(0, fixed.length - TRAILER_BYTES + 16)
  createHash('sha256').update(body).digest().copy(fixed, body.length)
  return fixed
}

function flipped(bytes: Uint8Array, bit: number): Uint8Array {
  const changed = Uint8Array.from(bytes)
  const at = bit % (bytes.length * 8)
  changed[at >> 3] = (changed[at >> 3] ?? 0) ^ (1 << (at & 7))
  return changed
}

const plainOf = fc.oneof(
  fc.uint8Array({ maxLength: 400 }),
  fc.string({ maxLength: 4000 }).map((text) => new Uint8Array(Buffer.from(text.repeat(3)))),
)
const plainsOf = fc.array(plainOf, { minLength: 1, maxLength: 8 })

test('any segments come back from the pack alone, and its name is its hash', async () => {
  await fc.assert(
    fc.asyncProperty(plainsOf, async (plains) => {
      const pack = await build(plains)
      assert.deepEqual(
        await open(pack.bytes),
        plains.map((p) => Buffer.from(p)),
      )
      assert.equal(pack.id, createHash('sha256').update(pack.bytes).digest('hex'))
      const index = parseIndex(pack.index)
      assert.equal(index.pack, pack.id)
      assert.deepEqual(parsePackHeader(index.header).header.owner, owner)
    }),
    { numRuns: 50 },
  )
})

test('any flipped bit of a pack is reported, even if its hash is made good again', async () => {
  await fc.assert(
    fc.asyncProperty(plainsOf, fc.nat(), async (plains, bit) => {
      const broken = flipped((await build(plains)).bytes, bit)
      await assert.rejects(open(broken), damaged)
      const hashAt = broken.length - TRAILER_BYTES + 16
      const inHash = bit % (broken.length * 8) >= hashAt * 8
      if (!inHash) await assert.rejects(open(withGoodHash(broken)), damaged)
    }),
    { numRuns: 200 },
  )
})

test('a pack that is cut anywhere, or has anything added, is reported', async () => {
  const { bytes } = await build([randomBytes(100), randomBytes(200)])
  for (let length = 0; length < bytes.length; length += 1) {
    await assert.rejects(open(bytes.subarray(0, length)), damaged)
  }
  await assert.rejects(open(Buffer.concat([bytes, Buffer.from([0])])), damaged)
  await assert.rejects(open(Buffer.concat([Buffer.from([0]), bytes])), damaged)
})

test('segments that are swapped, repeated or moved to another pack are refused', async () => {
  const [a, b] = [randomBytes(100), randomBytes(100)]
  const { bytes } = await build([a, b])
  const other = (await build([a, b])).bytes
  const { headerBytes } = parsePackHeader(bytes)
  const size = 56 + 100 + 16
  const piece = (pack: Uint8Array, i: number) =>
    pack.subarray(headerBytes + i * size, headerBytes + (i + 1) * size)
  const rest = bytes.subarray(headerBytes + 2 * size)
  const spliced = (one: Uint8Array, two: Uint8Array) =>
    withGoodHash(Buffer.concat([bytes.subarray(0, headerBytes), one, two, rest]))
  assert.equal((await open(spliced(piece(bytes, 0), piece(bytes, 1)))).length, 2)
  await assert.rejects(open(spliced(piece(bytes, 1), piece(bytes, 0))), damaged)
  await assert.rejects(open(spliced(piece(bytes, 0), piece(bytes, 0))), damaged)
  await assert.rejects(open(spliced(piece(other, 0), piece(bytes, 1))), damaged)
})

test("a pack under another owner's name is refused, also if its header is rewritten", async () => {
  const { bytes } = await build([randomBytes(100)])
  const thief = newOwner()
  await assert.rejects(open(bytes, thief), damaged)
  const renamed = Buffer.from(bytes)
  renamed.write(thief, 12, 'hex')
  await assert.rejects(open(withGoodHash(renamed), thief), damaged)
})

test('from a damaged pack everything is salvaged but what was hit, and nothing else', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.uint8Array({ minLength: 40, maxLength: 300 }), { minLength: 4, maxLength: 8 }),
      fc.array(fc.nat(), { minLength: 1, maxLength: 2 }),
      async (plains, bits) => {
        const { bytes } = await build(plains)
        const { header, headerBytes } = parsePackHeader(bytes)
        const body = bits.reduce((b, bit) => flipped(b, bit), bytes.subarray(headerBytes))
        const broken = Buffer.concat([bytes.subarray(0, headerBytes), body])
        const keys = packKeys(dataKey.key, header)
        const found = await collect(salvage(broken, headerBytes, keys, namer))
        const good = found.flatMap((s) => (s.outcome === 'segment' ? [Buffer.from(s.plain)] : []))
        assert.ok(good.length >= plains.length - bits.length)
        assert.ok(good.every((g) => plains.some((p) => g.equals(p))))
      },
    ),
    { numRuns: 100 },
  )
})

test('a pack that is full of false segments is given up, after what is sound before them', async () => {
  const plains = [randomBytes(2000), randomBytes(60_000)]
  const pack = Buffer.from((await build(plains)).bytes)
  const { header, headerBytes } = parsePackHeader(pack)
  const second = pack.indexOf('HFSEGM01', headerBytes + 1)
  const clear = pack.subarray(second, second + 56)
  for (let at = second; at + 56 < pack.length; at += 56) {
    pack.set(clear, at)
    const bodyBytes = pack.length - at - 56
    pack.writeUInt32BE(bodyBytes, at + 48)
    pack.writeUInt32BE(bodyBytes, at + 52)
  }
  const keys = packKeys(dataKey.key, header)
  const given: number[] = []
  const read = async () => {
    for await (const one of salvage(pack, headerBytes, keys, namer)) {
      given.push(one.outcome === 'segment' ? one.plain.length : -1)
    }
  }
  await assert.rejects(read(), (error) => hasCode(error, 'PackDamaged'))
  assert.equal(given[0], 2000)
  assert.ok(given.length < 50, `${given.length} were tried`)
})

test('a pack that is closed takes nothing more, and each pack has keys of its own', async () => {
  const salt = randomBytes(32)
  const builder = createPackBuilder({ owner, dataKey, salt, packBytes: 1 << 20 })
  const segment = {
    codec: 'raw' as const,
    kind: 'content' as const,
    id: namer.idOf(Buffer.from('x')),
    plainBytes: 1,
    encoded: Buffer.from('x'),
  }
  builder.append(segment)
  builder.finish()
  assert.throws(() => builder.append(segment), /closed pack/)
  assert.throws(() => builder.finish(), /closed once/)
  const one = packKeys(dataKey.key, { owner, salt })
  assert.notDeepEqual(one.segment, one.footer)
  assert.notDeepEqual(one.segment, packKeys(dataKey.key, { owner, salt: randomBytes(32) }).segment)
  assert.notDeepEqual(one.segment, packKeys(dataKey.key, { owner: newOwner(), salt }).segment)
})

test('a segment that a writer sealed under a wrong id is refused', async () => {
  const builder = createPackBuilder({ owner, dataKey, salt: randomBytes(32), packBytes: 1 << 20 })
  builder.append({
    codec: 'raw',
    kind: 'content',
    id: namer.idOf(Buffer.from('what it claims to be')),
    plainBytes: 4,
    encoded: Buffer.from('else'),
  })
  await assert.rejects(open(builder.finish().bytes), damaged)
})

test('a segment that opens and is of another length is said to be damaged, as any other', async () => {
  const plain = Buffer.from('again and again and again and again and again and again and again')
  for (const encoded of [await encode(plain), { codec: 'zstd', bytes: plain } as const]) {
    const salt = randomBytes(32)
    const builder = createPackBuilder({ owner, dataKey, salt, packBytes: 1 << 20 })
    const { codec, bytes } = encoded
    const id = namer.idOf(plain)
    builder.append({ codec, kind: 'content', id, plainBytes: plain.length + 1, encoded: bytes })
    await assert.rejects(open(builder.finish().bytes), (error) => hasCode(error, 'SegmentDamaged'))
  }
})

test('what compresses is compressed, what does not is stored as it is', async () => {
  const text = Buffer.from('the same again and again '.repeat(200))
  assert.equal((await encode(text)).codec, 'zstd')
  assert.equal((await encode(randomBytes(5000))).codec, 'raw')
  assert.equal((await encode(new Uint8Array(0))).codec, 'raw')
})
