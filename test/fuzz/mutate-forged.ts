/**
 * What a stolen writer can do: seal anew whatever the index secret opens, and packs whose data key
 * it made. Readers take such bytes for a writer's, so all that is left are schemas and limits.
 */
import { type SealPurpose, seal, unseal } from '../../src/sealing/seal.ts'
import { sha256Hex } from '../../src/vault/create-once.ts'
import { commitName, type StreamId } from '../../src/vault/names.ts'
import {
  openFooter,
  openSegment,
  packKeys,
  sealFooter,
  sealSegment,
} from '../../src/vault/pack-crypto.ts'
import { encodeIndex, TRAILER_BYTES } from '../../src/vault/pack-format.ts'
import { encodeSealedFile, parseSealedFile, type SealedFile } from '../../src/vault/sealed-file.ts'
import { deflate, inflate } from '../../src/vault/segment-codec.ts'
import { bomb } from './bomb.ts'
import { STREAMS } from './build.ts'
import { commitIn, copyOf, inputOf, type Mutate, namesOf, ownerIn, placed } from './input.ts'
import { BYTE_MUTATORS } from './mutate-bytes.ts'
import { mendPack } from './mutate-fields.ts'
import { editedText } from './mutate-json.ts'
import type { Prng } from './prng.ts'
import type { PackTruth, Truth } from './truth.ts'

const PLAIN_BYTES_MAX = 1 << 20
const never = new AbortController().signal

interface Sealed {
  purpose: SealPurpose
  bound: string
  secret: Uint8Array
}

/** A commit taken apart, with all that it takes to put it together again. */
interface Apart {
  stream: StreamId
  seq: number
  name: string
  file: SealedFile
  envelope: {
    parts: { sha256: string; bytes: number; inline: boolean }[]
    base: { asOf: number; hash: string; index: { sha256: string; bytes: number } } | null
  }
  secret: Uint8Array
}

function takeApart(truth: Truth, name: string): Apart | undefined {
  const at = commitIn(name)
  const file = parseSealedFile(copyOf(truth, name))
  const secret = at && truth.secrets.get(at.stream.owner)
  if (at === undefined || file === undefined || secret === undefined) return undefined
  return { ...at, name, file, envelope: JSON.parse(file.envelope), secret }
}

const bodyOf = (apart: Apart, envelope: string): Sealed => ({
  ...{ purpose: 'commit-body', bound: envelope, secret: apart.secret },
})

const seqText = (seq: number) => String(seq).padStart(10, '0')
const streamText = ({ owner, workload }: StreamId) => `${owner}/${workload}`

async function opened(sealed: Uint8Array, { secret, purpose, bound }: Sealed): Promise<Buffer> {
  const packed = unseal(secret, purpose, sealed, Buffer.from(bound))
  return Buffer.from(await inflate(packed, PLAIN_BYTES_MAX))
}

/** Sealed at its place: as a frame of zstd that is sound, or one that swells. */
async function resealed(
  plain: Uint8Array | string,
  { secret, purpose, bound }: Sealed,
  prng: Prng,
): Promise<Uint8Array> {
  const packed = prng.oneIn(12) ? bomb(prng) : await deflate(Buffer.from(plain))
  return seal(secret, purpose, packed, prng.bytes(32), Buffer.from(bound))
}

/** Under its envelope as it now is. */
async function together(
  apart: Apart,
  prng: Prng,
  changes: { envelope?: string; body?: string; inline?: ReadonlyMap<string, Uint8Array> },
): Promise<Uint8Array> {
  const was = await opened(apart.file.body, bodyOf(apart, apart.file.envelope))
  const envelope = changes.envelope ?? JSON.stringify(apart.envelope)
  const plain = await deflate(Buffer.from(changes.body ?? was))
  const packed = changes.body !== undefined && prng.oneIn(12) ? bomb(prng) : plain
  const body = seal(apart.secret, 'commit-body', packed, prng.bytes(32), Buffer.from(envelope))
  return encodeSealedFile({ envelope, body, inline: changes.inline ?? apart.file.inline })
}

function drawCommit(truth: Truth, prng: Prng): Apart | undefined {
  return takeApart(truth, prng.pick(namesOf(truth, 'commit')))
}

const forgeEnvelope: Mutate = async (truth, prng) => {
  const apart = drawCommit(truth, prng)
  if (apart === undefined) return undefined
  const bytes = await together(apart, prng, { envelope: editedText(apart.envelope, prng) })
  return inputOf('forge an envelope', apart.name, [placed(truth, apart.name, bytes)], true)
}

const forgeBody: Mutate = async (truth, prng) => {
  const apart = drawCommit(truth, prng)
  if (apart === undefined) return undefined
  const was = await opened(apart.file.body, bodyOf(apart, apart.file.envelope))
  const body = editedText(JSON.parse(was.toString()), prng)
  const bytes = await together(apart, prng, { body })
  return inputOf('forge a body', apart.name, [placed(truth, apart.name, bytes)], true)
}

/** Lines of JSON of which one or two are edited, or the text as such. */
function editedLines(text: string, prng: Prng): string {
  if (prng.oneIn(8)) {
    const mutate = prng.pick(Object.values(BYTE_MUTATORS))
    return Buffer.from(mutate(Buffer.from(text), prng, Buffer.from(text))).toString()
  }
  const lines = text.split('\n').slice(0, -1)
  if (lines.length === 0) return `${editedText({ op: 'put' }, prng)}\n`
  const at = prng.below(lines.length)
  lines[at] = editedText(JSON.parse(lines[at] ?? ''), prng)
  if (prng.oneIn(8)) lines.push(lines[0] ?? '')
  return lines.map((line) => `${line}\n`).join('')
}

const forgePart: Mutate = async (truth, prng) => {
  const apart = drawCommit(truth, prng)
  const index = prng.below(apart?.envelope.parts.length ?? 0)
  const part = apart?.envelope.parts[index]
  if (apart === undefined || part === undefined) return undefined
  const { stream, seq, secret, name } = apart
  const bound = `${streamText(stream)}/${seqText(seq)}/${index}`
  const at: Sealed = { purpose: 'event-part', bound, secret }
  const beside = name.replace('commit.json', `${part.sha256}.mf`)
  const was = apart.file.inline.get(part.sha256) ?? copyOf(truth, beside)
  const sealed = await resealed(editedLines((await opened(was, at)).toString(), prng), at, prng)
  const inline = new Map([...apart.file.inline].filter(([sha256]) => sha256 !== part.sha256))
  Object.assign(part, { sha256: sha256Hex(sealed), bytes: sealed.length })
  if (part.inline) inline.set(part.sha256, sealed)
  const bytes = await together(apart, prng, { inline })
  const put = [placed(truth, name, bytes)]
  if (!part.inline)
    put.push(placed(truth, name.replace('commit.json', `${part.sha256}.mf`), sealed))
  return inputOf('forge events', name, put, true)
}

/** Its index, and perhaps one of its parts; the commit names what it is now. */
const forgeBase: Mutate = async (truth, prng) => {
  const apart = takeApart(
    truth,
    prng.pick(namesOf(truth, 'base index')).replace(/[0-9a-f]{64}\.bi$/, 'commit.json'),
  )
  const base = apart?.envelope.base
  if (apart === undefined || !base) return undefined
  const { stream, seq, secret, name } = apart
  const at: Sealed = {
    purpose: 'base-index',
    bound: `${streamText(stream)}/${seqText(seq)}/base`,
    secret,
  }
  const was = copyOf(truth, name.replace('commit.json', `${base.index.sha256}.bi`))
  const index = JSON.parse((await opened(was, at)).toString())
  const put: (readonly [string, { bytes: Uint8Array; createdAt: Date }])[] = []
  const isPart = prng.oneIn(2)
  if (isPart)
    put.push(await forgeBasePart(truth, prng, { apart, base, part: prng.pick(index.parts) }))
  const text = isPart ? JSON.stringify(index) : editedText(index, prng)
  const sealed = await resealed(text, at, prng)
  Object.assign(base.index, { sha256: sha256Hex(sealed), bytes: sealed.length })
  put.push(placed(truth, name.replace('commit.json', `${base.index.sha256}.bi`), sealed))
  put.push(placed(truth, name, await together(apart, prng, {})))
  return inputOf('forge a base', name, put, true)
}

async function forgeBasePart(
  truth: Truth,
  prng: Prng,
  of: {
    apart: Apart
    base: NonNullable<Apart['envelope']['base']>
    part: { sha256: string; bytes: number }
  },
) {
  const { apart, base, part } = of
  const place = `${streamText(apart.stream)}/base/${seqText(base.asOf)}/${base.hash}`
  const at: Sealed = { purpose: 'base-part', bound: place, secret: apart.secret }
  const folder = commitName(apart.stream, base.asOf).replace('commit.json', '')
  const was = await opened(copyOf(truth, `${folder}${part.sha256}.bs`), at)
  const sealed = await resealed(editedLines(was.toString(), prng), at, prng)
  Object.assign(part, { sha256: sha256Hex(sealed), bytes: sealed.length })
  return placed(truth, `${folder}${part.sha256}.bs`, sealed)
}

const forgeRecord: Mutate = (truth, prng) => {
  const name = prng.pick(namesOf(truth, 'record'))
  const owner = ownerIn(name)
  const file = parseSealedFile(copyOf(truth, name))
  const secret = owner && truth.secrets.get(owner)
  if (file === undefined || secret === undefined) return undefined
  const was = unseal(secret, 'owner-record', file.body, Buffer.from(file.envelope))
  const isBody = prng.oneIn(2)
  const plain = isBody ? editedText(JSON.parse(Buffer.from(was).toString()), prng) : was
  const envelope = isBody ? file.envelope : editedText(JSON.parse(file.envelope), prng)
  const body = seal(
    secret,
    'owner-record',
    Buffer.from(plain),
    prng.bytes(32),
    Buffer.from(envelope),
  )
  const bytes = encodeSealedFile({ ...file, envelope, body })
  return inputOf('forge an owner record', name, [placed(truth, name, bytes)], true)
}

async function keysOf(truth: Truth, { owner, layout }: PackTruth) {
  const [recipient] = layout.header.recipients
  if (recipient === undefined) throw new RangeError('A pack has recipients.')
  const { keyId, wrapped } = recipient
  return packKeys(await truth.keys.unwrap(owner, keyId, wrapped, never), layout.header)
}

/** Of the same length, uncompressed: all is right but the id. */
function otherPlain(head: Buffer, bytes: number, prng: Prng): Uint8Array {
  head.writeUInt8(0, 8)
  return prng.bytes(bytes)
}

async function otherCode(head: Buffer, was: Uint8Array, prng: Prng): Promise<Uint8Array> {
  let encoded = was
  const plainBytes = head.readUInt32BE(48)
  if (prng.oneIn(2)) head.writeUInt32BE(prng.pick([0, 1, 8 << 20, plainBytes + 1]), 48)
  if (prng.oneIn(2)) head.writeUInt8(1 - (head[8] ?? 0), 8)
  if (prng.oneIn(2)) encoded = prng.oneIn(2) ? bomb(prng) : await deflate(prng.bytes(was.length))
  if (prng.oneIn(3)) encoded = Buffer.concat([encoded, encoded]).subarray(0, was.length)
  return encoded
}

/** Another plaintext, codec, length or bomb under a tag that is right: the id must tell. */
const forgeSegment: Mutate = async (truth, prng) => {
  const pack = prng.pick([...truth.packs.values()])
  const keys = await keysOf(truth, pack)
  const bytes = copyOf(truth, pack.name)
  const { offset, clear, body, header } = prng.pick(pack.layout.segments)
  const head = Buffer.from(clear)
  const encoded = prng.oneIn(2)
    ? otherPlain(head, header.plainBytes, prng)
    : await otherCode(head, openSegment(keys, header.ordinal, clear, body), prng)
  head.writeUInt32BE(encoded.length + 16, 52)
  const sealed = sealSegment(keys, header.ordinal, head, encoded)
  const after = bytes.subarray(offset + clear.length + body.length)
  const forged = Buffer.concat([bytes.subarray(0, offset), head, sealed, after])
  const shift = sealed.length - body.length
  const { footerOffset } = pack.layout.trailer
  forged.writeBigUInt64BE(BigInt(footerOffset + shift), forged.length - TRAILER_BYTES)
  return inputOf('forge a segment', pack.name, [placed(truth, pack.name, mendPack(forged))], true)
}

/** A footer that lies, in the pack and in an index blob. */
const forgeFooter: Mutate = async (truth, prng) => {
  const pack = prng.pick([...truth.packs.values()])
  const { layout, name, id, owner } = pack
  const keys = await keysOf(truth, pack)
  const plain = Buffer.from(openFooter(keys, layout.clear, layout.footer))
  const mutate = prng.pick(Object.values(BYTE_MUTATORS))
  const footer = sealFooter(keys, layout.clear, mutate(plain, prng, plain))
  const bytes = copyOf(truth, name)
  const { footerOffset } = layout.trailer
  const trailer = Buffer.from(bytes.subarray(bytes.length - TRAILER_BYTES))
  trailer.writeUInt32BE(footer.length, 8)
  trailer.writeUInt32BE(Math.floor((footer.length - 16) / 48), 12)
  const forged = mendPack(Buffer.concat([bytes.subarray(0, footerOffset), footer, trailer]))
  const index = encodeIndex({ pack: id, header: layout.clear, footer })
  const put = [placed(truth, `idx/${owner}/2026-11/${id}.ix`, index)]
  if (prng.oneIn(2)) put.push(placed(truth, name, forged))
  return inputOf('forge a footer', name, put, true)
}

/** One commit more, which says what an earlier one said or something odd. */
const forgeNext: Mutate = async (truth, prng) => {
  const stream = prng.pick(STREAMS)
  const last = truth.refs.get(stream)?.at(-1)
  const apart = last && takeApart(truth, commitName(stream, last.seq))
  if (last === undefined || apart === undefined) return undefined
  const seq = last.seq + 1
  const bound = `${streamText(stream)}/${seqText(seq)}/0`
  const at: Sealed = { purpose: 'event-part', bound, secret: apart.secret }
  const earlier = prng.pick([...(truth.commits.get(stream)?.values() ?? [])])
  const events: unknown[] = JSON.parse(earlier).events
  const lines = events.map((event) => `${editedText(event, prng)}\n`)
  const sealed = await resealed(lines.join(''), at, prng)
  const part = { sha256: sha256Hex(sealed), bytes: sealed.length, inline: false }
  const time = new Date(Date.parse(last.time) + 1000).toISOString()
  const link = { seq, previous: last.hash, voids: [], time, parts: [part], packs: [], base: null }
  const body = JSON.parse(
    (await opened(apart.file.body, bodyOf(apart, apart.file.envelope))).toString(),
  )
  const bytes = await together(apart, prng, {
    envelope: JSON.stringify({ ...apart.envelope, ...link }),
    body: JSON.stringify({ ...body, events: [lines.length] }),
    inline: new Map(),
  })
  const name = commitName(stream, seq)
  const createdAt = new Date(time)
  const put = [
    [name, { bytes, createdAt }] as const,
    [name.replace('commit.json', `${part.sha256}.mf`), { bytes: sealed, createdAt }] as const,
  ]
  return inputOf('forge the next commit', name, put, true)
}

export const FORGERS: readonly (readonly [number, Mutate])[] = [
  [8, forgeEnvelope],
  [8, forgeBody],
  [14, forgePart],
  [10, forgeBase],
  [3, forgeRecord],
  [8, forgeSegment],
  [8, forgeFooter],
  [10, forgeNext],
]
