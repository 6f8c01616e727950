/**
 * A second reader of vaults, written from docs/format.md alone. A vault is a folder; there what a
 * commit states is its time. Not here: the scan of damaged packs, and segments beside their hints.
 */
import * as crypto from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { zstdDecompressSync } from 'node:zlib'

type Ref = { id: string; pack: string; offset: number; sealedBytes: number; plainBytes: number }
type Blob = { sha256: string; bytes: number; inline?: boolean }
type Link = { seq: number; sha256: string }
type Whole = { name: string; bytes: number; sha256: string; digest?: string }
export type Representation = Whole & { segments: Ref[]; lists?: Ref[] }
type Said = { place?: { container: string }; display?: { name: string }; reason?: string }
type Put = Said & { representations?: Representation[] }
/** An event, with the seq of its commit. */
export type Event = Put & { seq: number; op: string; kind: string; item: string }
/** By Graph id: what put each item there, and the open `ledger` and `left` events. */
export type State = { items: Map<string, Event>; entries: Map<string, Event> }
type BaseLine = Event & { is: string; event: Event }
type Base = { asOf: number; hash: string; index: Blob }
type Chain = { previous: string | null; voids: Link[]; time: string; base: Base | null }
type Blobs = { parts: Blob[]; packs: { id: string; index: Blob }[] }
type Envelope = Chain & Blobs & { owner: string; workload: string; seq: number }
type Inside = { inline: Map<string, Buffer>; secret: Buffer; counts: number[] }
export type Commit = Envelope & Inside & { hash: string }
export type Stream = { commits: Commit[]; voids: (Link & { why: string })[] }

const sha256 = (bytes: Buffer | string) => crypto.createHash('sha256').update(bytes).digest('hex')
const decode = (base64: string) => Buffer.from(base64, 'base64')
const seqText = (seq: number) => String(seq).padStart(10, '0')
const unzip = (bytes: Buffer, mib: number) =>
  zstdDecompressSync(bytes, { maxOutputLength: mib * 1024 * 1024 })

/** Says what is wrong, under a code of section 9 of the page. */
function demand(good: unknown, code: string, text: string): asserts good {
  if (!good) throw new Error(`${code}: ${text}`)
}

/** Runs `work`; what goes wrong in it is reported under `code`, with what it was about. */
function reporting<T>(code: string, about: string, work: () => T): T {
  try {
    return work()
  } catch (error) {
    throw new Error(`${code}: ${about}: ${error instanceof Error ? error.message : error}`)
  }
}

const derive = (key: Buffer, salt: Buffer, info: string) =>
  Buffer.from(crypto.hkdfSync('sha256', key, salt, `holdfast/1/${info}`, 32))

function decrypt(key: Buffer, nonce: Buffer, data: Buffer, sealed: Buffer): Buffer {
  const cipher = crypto.createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: 16 })
  cipher.setAAD(data).setAuthTag(sealed.subarray(-16))
  return Buffer.concat([cipher.update(sealed.subarray(0, -16)), cipher.final()])
}

function openSealed(secret: Buffer, purpose: string, data: string, sealed: Buffer): Buffer {
  demand(sealed.length >= 48, 'SealBroken', 'shorter than salt and tag')
  const key = derive(secret, sealed.subarray(0, 32), `index/${purpose}`)
  return decrypt(key, Buffer.alloc(12), Buffer.from(data), sealed.subarray(32))
}

function openLines<T>(secret: Buffer, purpose: string, data: string, sealed: Buffer): T[] {
  const plain = unzip(openSealed(secret, purpose, data, sealed), 8)
  const lines = plain.toString('utf8').split('\n')
  demand(lines.pop() === '', 'SealBroken', 'the last line has no end')
  return lines.map((line) => JSON.parse(line) as T)
}

function parseSealedFile(bytes: Buffer) {
  const { holdfast, envelope, body, inline } = JSON.parse(bytes.toString('utf8'))
  demand(!(holdfast > 1), 'FormatUnknown', `holdfast is ${holdfast}`)
  demand(holdfast === 1, 'SealBroken', 'it is no sealed file')
  const blobs = Object.entries<string>(inline).map(([id, text]) => [id, decode(text)] as const)
  const texts = [body, ...Object.values<string>(inline)]
  const again = Buffer.from(JSON.stringify({ holdfast, envelope, body, inline }))
  const isCanonical = texts.every((text) => decode(text).toString('base64') === text)
  demand(isCanonical && again.equals(bytes), 'SealBroken', 'it does not encode back to its bytes')
  return { envelope: envelope as string, body: decode(body), inline: new Map(blobs) }
}

function checkInline({ parts, packs }: Envelope, inline: Map<string, Buffer>): void {
  const named = [...parts, ...packs.map((pack) => pack.index)].filter((blob) => blob.inline)
  const ids = new Set(named.map((blob) => blob.sha256))
  const isLong = named.every(({ sha256: id, bytes }) => inline.get(id)?.length === bytes)
  const isIntact = [...inline].every(([id, blob]) => ids.has(id) && sha256(blob) === id)
  const isOnce = new Set(packs.map(({ id }) => id)).size === packs.length
  demand(isLong && isIntact && isOnce, 'CommitVoid', 'its inline blobs and packs')
}

function checkChain(envelope: Envelope, before: Commit | undefined, passed: Link[]): void {
  const { previous, voids, time, base, seq } = envelope
  const hash = before?.hash ?? null
  demand(previous === hash, 'CommitVoid', `its previous is ${previous}, but ${hash} is before it`)
  const names = (links: Link[]) => links.map((link) => `${link.seq} ${link.sha256}`).join()
  demand(names(voids) === names(passed), 'CommitVoid', 'its voids are not those before it')
  demand(time > (before?.time ?? ''), 'CommitVoid', 'its time is not later')
  demand(!base || base.asOf < seq, 'CommitVoid', 'its base is not of the past')
}

function applyEvent(state: State, event: Event): void {
  if (event.op === 'put') state.items.set(event.item, event)
  if (event.op === 'deleted') state.items.delete(event.item)
  if (event.op === 'left' || event.op === 'ledger') state.entries.set(event.item, event)
  else state.entries.delete(event.item)
}

/** The clear header of a pack: section 5. */
function parseHeader(bytes: Buffer, owner: string) {
  demand(bytes.toString('latin1', 0, 8) === 'HFPACK01', 'PackDamaged', 'no pack header')
  demand(bytes.readUInt16BE(8) === 1, 'FormatUnknown', 'version of a pack')
  demand(bytes.toString('hex', 12, 28) === owner, 'PackDamaged', 'a pack of another owner')
  const wrapped = new Map<string, Buffer>()
  let at = 77
  for (let left = bytes.readUInt8(76); left > 0; left -= 1) {
    const from = at + 35 + bytes.readUInt8(at)
    const fingerprint = bytes.toString('hex', at + 3, at + 35)
    at = from + bytes.readUInt16BE(at + 1)
    wrapped.set(fingerprint, bytes.subarray(from, at))
  }
  demand(at === bytes.readUInt16BE(10), 'PackDamaged', 'length of the header')
  return { clear: bytes.subarray(0, at), salt: bytes.subarray(44, 76), wrapped }
}

export class VaultReader {
  private readonly folder: string
  private readonly names: string[]
  private readonly key: crypto.KeyObject
  private readonly unwrapped = new Map<string, Buffer>()

  constructor(folder: string, privateKey: crypto.KeyObject) {
    this.folder = folder
    this.names = readdirSync(folder, { encoding: 'utf8', recursive: true }).sort()
    this.key = privateKey
    const { holdfast } = JSON.parse(this.blob('format.json').toString('utf8'))
    demand(holdfast === 1, 'FormatUnknown', `holdfast is ${holdfast}`)
  }

  /** Each as `<owner>/<workload>`. */
  streams(): string[] {
    const commits = this.names.filter((name) => name.endsWith('/commit.json'))
    return [...new Set(commits.map((name) => name.split('/').slice(1, 3).join('/')))]
  }

  /** The owner of a commit: Graph id, kind and name. */
  ownerRecord({ owner, secret }: Commit): unknown {
    const { envelope, body } = parseSealedFile(this.blob(`owners/${owner}/1.json`))
    return JSON.parse(String(openSealed(secret, 'owner-record', envelope, body)))
  }

  /** Where the beginning has expired, `first` is a commit that the caller trusts by its hash. */
  stream(of: string, first?: Link): Stream {
    const stream: Stream = { commits: [], voids: [] }
    const start = first?.seq ?? 1
    const files = this.names.filter((name) => name.startsWith(`c/${of}/`) && /json$/.test(name))
    for (const [i, name] of files.filter((its) => its > `c/${of}/${seqText(start)}`).entries()) {
      const seq = start + i
      demand(name.includes(`/${seqText(seq)}/`), 'ChainGap', `there is no commit ${seq}`)
      const bytes = this.blob(name)
      const last = stream.commits.at(-1)
      const passed = stream.voids.filter((link) => link.seq > (last?.seq ?? 0))
      try {
        const commit = this.commit(bytes, name, stream.commits[0])
        if (first?.seq !== seq) checkChain(commit, last, passed)
        else demand(first.sha256 === commit.hash, 'CommitVoid', 'it has not the trusted hash')
        stream.commits.push(commit)
      } catch (error) {
        if (String(error).includes('FormatUnknown')) throw error
        stream.voids.push({ seq, sha256: sha256(bytes), why: String(error) })
        demand(passed.length < 16, 'ChainBlocked', `by commit ${seq}`)
      }
    }
    return stream
  }

  /** The state after a commit: from all commits, or from the newest base that is not after it. */
  state(stream: Stream, after: number, from: 'commits' | 'base'): State {
    const { why = 'there is none' } = stream.voids.find(({ seq }) => seq === after) ?? {}
    const isThere = stream.commits.some(({ seq }) => seq === after)
    demand(isThere, 'CommitVoid', `commit ${after}: ${why}`)
    const state: State = { items: new Map(), entries: new Map() }
    const start = from === 'base' ? this.readBase(stream, after, state) : 0
    for (const commit of stream.commits.filter(({ seq }) => seq > start && seq <= after)) {
      for (const event of this.events(commit)) applyEvent(state, event)
    }
    return state
  }

  events({ owner, workload, seq, secret, counts, ...commit }: Commit): Event[] {
    const place = `${owner}/${workload}/${seqText(seq)}`
    return reporting('CommitDamaged', place, () => {
      const parts = commit.parts.map(({ sha256: id }, index) => {
        const sealed = commit.inline.get(id) ?? this.blob(`c/${place}/${id}.mf`, id)
        return openLines<Event>(secret, 'event-part', `${place}/${index}`, sealed)
      })
      const told = parts.every((events, index) => events.length === counts[index])
      const items = new Set(parts.flat().map(({ item }) => item))
      demand(told && items.size === parts.flat().length, 'CommitDamaged', 'number of events')
      return parts.flat().map((event) => ({ ...event, seq }))
    })
  }

  /** The plaintext of a representation, checked against its length and hash. */
  content(of: Commit, { name, segments, lists = [], ...its }: Representation): Buffer {
    const ids = [...lists, ...segments].map((ref) => `${ref.id}\n`).join('')
    const listed = lists.flatMap((list) => JSON.parse(String(this.segment(of, list))) as Ref[])
    const plain = Buffer.concat([...listed, ...segments].map((ref) => this.segment(of, ref)))
    const hashed = sha256(its.digest === 'segments' ? ids : plain)
    demand(plain.length === its.bytes && hashed === its.sha256, 'ContentDamaged', name)
    return plain
  }

  /** Checks all packs that commits add, opens all that is in them, and checks their indexes. */
  checkPacks({ commits }: Stream): void {
    for (const of of commits)
      for (const pack of of.packs) reporting('PackDamaged', pack.id, () => this.checkPack(of, pack))
  }

  private checkPack(of: Commit, { id: pack, index }: Commit['packs'][0]): void {
    const bytes = this.blob(`/${pack}.pk`, pack)
    const trailer = bytes.subarray(-56)
    demand(trailer.toString('latin1', 48) === 'HFPKEND1', 'PackDamaged', 'it has no trailer')
    const isIntact = sha256(bytes.subarray(0, -40)) === trailer.toString('hex', 16, 48)
    demand(isIntact, 'PackDamaged', 'not the hash in its trailer')
    const at = Number(trailer.readBigUInt64BE(0))
    const { clear, salt, wrapped } = parseHeader(bytes, of.owner)
    const key = derive(this.unwrap(wrapped), salt, `pack/${of.owner}/footer`)
    const sealed = bytes.subarray(at, at + trailer.readUInt32BE(8))
    const footer = decrypt(key, Buffer.alloc(12), clear, sealed)
    for (let line = footer; line.length > 0; line = line.subarray(48)) {
      const [id, offset] = [line.toString('hex', 0, 32), line.readUInt32BE(32)]
      const [sealedBytes, plainBytes] = [line.readUInt32BE(36) + 56, line.readUInt32BE(40)]
      this.segment(of, { id, pack, offset, sealedBytes, plainBytes })
    }
    const copy = of.inline.get(index.sha256) ?? this.blob(`${pack}.ix`, index.sha256)
    const same = copy.subarray(48, -32).equals(Buffer.concat([clear, sealed]))
    demand(same && copy.toString('hex', 8, 40) === pack, 'PackDamaged', 'its index is no copy')
  }

  /** Opens a commit, with the index secret of the first one of its stream or that in itself. */
  private commit(bytes: Buffer, name: string, first: Commit | undefined): Commit {
    const { envelope: text, body, inline } = parseSealedFile(bytes)
    const envelope = JSON.parse(text)
    const { owner, workload, seq } = envelope
    const place = `c/${owner}/${workload}/${seqText(seq)}/commit.json`
    demand(name === place, 'CommitVoid', `it belongs to ${place}`)
    checkInline(envelope, inline)
    const recipients: { fingerprint: string; wrapped: string }[] = envelope.secret
    const wrapped = new Map(recipients.map((its) => [its.fingerprint, decode(its.wrapped)]))
    const secret = first?.secret ?? this.unwrap(wrapped)
    const opened = unzip(openSealed(secret, 'commit-body', text, body), 64)
    const counts: number[] = JSON.parse(String(opened)).events
    demand(counts.length === envelope.parts.length, 'CommitVoid', 'number of parts')
    return { ...envelope, hash: sha256(bytes), inline, secret, counts }
  }

  /** Reads the newest base as of `after` or earlier into a state; returns what it is as of. */
  private readBase({ commits }: Stream, after: number, state: State): number {
    const carrier = commits.findLast(({ base }) => base && base.asOf <= after)
    demand(carrier?.base, 'BaseDamaged', `there is no base as of ${after} or earlier`)
    const { owner, workload, seq, base, secret } = carrier
    const [stream, carrying, of] = [`${owner}/${workload}`, seqText(seq), seqText(base.asOf)]
    return reporting('BaseDamaged', `the base that ${stream}/${carrying} carries`, () => {
      const isOfChain = commits.some((its) => its.seq === base.asOf && its.hash === base.hash)
      demand(isOfChain, 'BaseDamaged', 'it is of another chain')
      const id = base.index.sha256
      const sealed = this.blob(`c/${stream}/${carrying}/${id}.bi`, id)
      const index = openSealed(secret, 'base-index', `${stream}/${carrying}/base`, sealed)
      for (const part of JSON.parse(String(unzip(index, 16))).parts) {
        const bytes = this.blob(`c/${stream}/${of}/${part.sha256}.bs`, part.sha256)
        const data = `${stream}/base/${of}/${base.hash}`
        for (const line of openLines<BaseLine>(secret, 'base-part', data, bytes)) {
          const { is, event, ...item } = line
          if (is === 'item') state.items.set(item.item, item)
          if (is === 'entry') state.entries.set(event.item, { ...event, seq: item.seq })
        }
      }
      return base.asOf
    })
  }

  private segment({ owner, secret }: Commit, ref: Ref): Buffer {
    return reporting('SegmentDamaged', `segment ${ref.id}`, () => {
      const pack = this.blob(`/${ref.pack}.pk`)
      const { salt, wrapped } = parseHeader(pack, owner)
      const key = derive(this.unwrap(wrapped), salt, `pack/${owner}/segment`)
      const clear = pack.subarray(ref.offset, ref.offset + 56)
      const nonce = Buffer.concat([Buffer.alloc(8), clear.subarray(12, 16)])
      const sealed = pack.subarray(ref.offset + 56, ref.offset + ref.sealedBytes)
      const opened = decrypt(key, nonce, clear, sealed)
      const plain = clear[8] === 1 ? unzip(opened, 32) : opened
      const idKey = derive(secret, Buffer.alloc(0), 'index/segment-id')
      const id = crypto.createHmac('sha256', idKey).update(plain).digest('hex')
      const good = id === ref.id && id === clear.toString('hex', 16, 48)
      demand(good && plain.length === ref.plainBytes, 'SegmentDamaged', 'not what its ref says')
      return plain
    })
  }

  private unwrap(wrapped: Map<string, Buffer>): Buffer {
    const spki = crypto.createPublicKey(this.key).export({ type: 'spki', format: 'der' })
    const bytes = wrapped.get(sha256(spki))
    demand(bytes, 'WrappedKeyDamaged', 'it is not wrapped for the given key')
    const oaep = { padding: crypto.constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' }
    const plain = this.unwrapped.get(bytes.toString('hex'))
    const opened = plain ?? crypto.privateDecrypt({ key: this.key, ...oaep }, bytes)
    this.unwrapped.set(bytes.toString('hex'), opened)
    return opened
  }

  private blob(end: string, hash?: string): Buffer {
    const name = this.names.find((one) => one.endsWith(end))
    demand(name, 'BlobMissing', end)
    const bytes = readFileSync(join(this.folder, name))
    demand(!hash || sha256(bytes) === hash, 'BlobForged', `other bytes than its hash: ${name}`)
    return bytes
  }
}
