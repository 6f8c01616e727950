/**
 * One pack, read once from its first byte to its last: its name is the hash of its bytes, its
 * framing is whole, its index says what it says; of the sample, every segment opens and has its id.
 */
import { createHash } from 'node:crypto'
import { AppError } from '../../model/errors.ts'
import type { PackId } from '../../model/ids.ts'
import { sha256Hex } from '../create-once.ts'
import { check, isDamage } from '../damage.ts'
import { PACK_BYTES_MAX } from '../limits.ts'
import { packOfName } from '../names.ts'
import { type PackKeys, type SegmentNamer, segmentNamer } from '../pack-crypto.ts'
import { encodeIndex, parseTrailer, TRAILER_BYTES, type Trailer } from '../pack-format.ts'
import { createPackOpener, type PackOpener } from '../pack-opener.ts'
import { checkFooter, type FramedSegment, openFramed, readFooterEntries } from '../pack-reader.ts'
import type { Finding, FindingCode } from './findings.ts'
import { checkOf } from './findings.ts'
import type { NamedPack } from './named-blobs.ts'
import { type PackFrame, PackFraming } from './pack-framing.ts'
import type { VerifyCounts } from './progress.ts'
import { release } from './release.ts'
import { type Access, isSampled, type Work } from './work.ts'

/** One is worked while the next one is fetched. */
const PIECE_BYTES = 4 * 1024 * 1024
/** Of the trailer: its hash field and the magic behind it are not in that hash. */
const UNHASHED_BYTES = 40

export interface PackChecker {
  check(pack: PackToCheck): Promise<PackResult>
}

export interface PackToCheck {
  name: string
  bytes: number
  /** Undefined: no commit names it. */
  named: NamedPack | undefined
  /** The index blob of this pack, where there is one. */
  indexBlob: string | undefined
}

/** What is added to the tally, in the order of the packs. */
export interface PackResult {
  counts: Partial<VerifyCounts>
  findings: Finding[]
}

/** Keeps data keys: one for all packs of an owner. */
export function createPackChecker(work: Work, access: Access): PackChecker {
  const opener =
    work.keys && access.canUnwrap && work.plan.openPercent > 0
      ? createPackOpener(work.keys, access.owner)
      : undefined
  const namer = access.secret && segmentNamer(access.secret)
  const opening = opener && namer ? { opener, namer } : undefined
  const tools = { rooms: new Rooms(), ...(opening && { opening }) }
  return { check: (pack) => new PackCheck(work, access, pack, tools).run() }
}

/** What the checks of all packs share. */
interface Tools {
  rooms: Rooms
  /** Absent: nothing is opened. */
  opening?: { opener: PackOpener; namer: SegmentNamer }
}

/** Where whole pieces are read into, lent again and again: new ones cost a sixth of the hashing. */
class Rooms {
  readonly #free: Uint8Array[] = []

  take(bytes: number): Uint8Array {
    const free = bytes === PIECE_BYTES ? this.#free.pop() : undefined
    return free ?? Buffer.allocUnsafeSlow(bytes)
  }

  /** Nobody reads from it or writes to it any more. */
  giveBack(room: Uint8Array): void {
    if (room.length === PIECE_BYTES) this.#free.push(room)
  }
}

class PackCheck {
  readonly #work: Work
  readonly #access: Access
  readonly #pack: PackToCheck
  readonly #id: PackId | undefined
  readonly #tools: Tools
  readonly #findings: Finding[] = []
  #keys: PackKeys | undefined
  /** The key of this pack cannot be had; that is said once. */
  #isClosed = false
  #opened = 0
  #openedBytes = 0

  constructor(work: Work, access: Access, pack: PackToCheck, tools: Tools) {
    this.#work = work
    this.#access = access
    this.#pack = pack
    this.#id = packOfName(pack.name)
    this.#tools = tools
  }

  async run(): Promise<PackResult> {
    const { bytes, named } = this.#pack
    const length = named?.added?.bytes
    if (length !== undefined && length !== bytes)
      this.#damaged('a pack has the length it was committed with')
    const frame =
      bytes <= PACK_BYTES_MAX
        ? await this.#read()
        : this.#damaged('a pack is not longer than its limit')
    if (frame) await this.#checkInside(frame)
    return {
      counts: {
        ...{ packs: 1, packBytes: bytes, segments: frame?.segments.length ?? 0 },
        ...{ opened: this.#opened, openedBytes: this.#openedBytes },
      },
      findings: this.#findings,
    }
  }

  /** Undefined where the framing is broken, which is said then. */
  async #read(): Promise<PackFrame | undefined> {
    const { bytes } = this.#pack
    const trailer = await this.#trailer()
    const wants = ({ id }: { id: string }) =>
      this.#tools.opening !== undefined && isSampled(this.#work.plan, id)
    let framing = trailer && new PackFraming(trailer, this.#access.owner, wants)
    const hash = createHash('sha256')
    const hashedEnd = bytes - UNHASHED_BYTES
    let at = 0
    let hashOfTrailer: Buffer | undefined
    for await (const piece of this.#pieces()) {
      const cut = hashedEnd - at
      if (cut > 0 && cut <= piece.length) {
        hashOfTrailer = hash.update(piece.subarray(0, cut)).copy().digest()
        hash.update(piece.subarray(cut))
      } else hash.update(piece)
      at += piece.length
      if (framing && !(await this.#follow(framing, piece))) framing = undefined
    }
    if (at !== bytes) this.#damaged('a pack is read to its end')
    if (hash.digest('hex') !== this.#id) this.#damaged('a pack has the hash that is its name')
    else if (trailer && !hashOfTrailer?.equals(trailer.sha256)) {
      this.#damaged('a pack has the hash in its trailer')
    }
    return framing && this.#guard(() => framing.end())
  }

  /** False where the framing is broken from there on. */
  async #follow(framing: PackFraming, piece: Uint8Array): Promise<boolean> {
    try {
      for (const framed of framing.push(piece)) await this.#open(framing, framed)
      return true
    } catch (error) {
      this.#tellDamage(error)
      return false
    }
  }

  async #open(framing: PackFraming, framed: FramedSegment): Promise<void> {
    const { opening } = this.#tools
    const keys = await this.#keysOf(framing)
    if (opening === undefined || keys === undefined) return
    try {
      const plain = await openFramed(framed, keys, opening.namer)
      this.#opened += 1
      this.#openedBytes += plain.length
      release(plain)
    } catch (error) {
      if (!isDamage(error)) throw error
      const segment = framed.header.id
      this.#findings.push({ ...this.#place('SegmentDamaged'), segment, check: checkOf(error) })
    }
  }

  async #keysOf(framing: PackFraming): Promise<PackKeys | undefined> {
    const { opening } = this.#tools
    if (this.#keys || this.#isClosed || !opening || !framing.header) return this.#keys
    try {
      this.#keys = await opening.opener.keysOf(framing.header, this.#work.signal)
    } catch (error) {
      const code = keyTroubleOf(error)
      if (code === undefined) throw error
      this.#isClosed = true
      this.#findings.push(this.#place(code))
    }
    return this.#keys
  }

  async #trailer(): Promise<Trailer | undefined> {
    const { name, bytes } = this.#pack
    const range = { offset: Math.max(0, bytes - TRAILER_BYTES), bytes: TRAILER_BYTES }
    const found = await this.#work.store.read(name, this.#work.signal, range)
    return this.#guard(() => {
      const isThere = found?.bytes.length === TRAILER_BYTES
      check(isThere, 'PackDamaged', 'a pack has a trailer')
      return parseTrailer(found.bytes, bytes)
    })
  }

  /** The next piece is under way while one is worked; what is given is good until the next. */
  async *#pieces(): AsyncGenerator<Uint8Array> {
    const { name, bytes } = this.#pack
    if (bytes === 0) return
    const size = Math.min(PIECE_BYTES, bytes)
    const { rooms } = this.#tools
    const mine = [rooms.take(size), rooms.take(bytes > size ? size : 0)]
    const read = (offset: number) => {
      const into = mine[(offset / PIECE_BYTES) % 2] ?? Buffer.alloc(size)
      return this.#work.store.read(name, this.#work.signal, { offset, bytes: size, into })
    }
    let next = read(0)
    // Awaited below, unless the work ends before.
    next.catch(() => undefined)
    try {
      for (let offset = 0; offset < bytes; offset += PIECE_BYTES) {
        const found = await next
        if (offset + PIECE_BYTES < bytes) {
          next = read(offset + PIECE_BYTES)
          next.catch(() => undefined)
        }
        if (found === undefined) return
        yield found.bytes
      }
    } finally {
      // Where the work ended early, a read is still writing into one of them.
      await next.catch(() => undefined)
      for (const room of mine) rooms.giveBack(room)
    }
  }

  async #checkInside(frame: PackFrame): Promise<void> {
    const keys = this.#keys
    if (keys) this.#guard(() => checkFooter(frame, readFooterEntries(frame, keys)))
    if (this.#id === undefined || this.#findings.length > 0) return
    const index = encodeIndex({ pack: this.#id, header: frame.clear, footer: frame.footer })
    const added = this.#pack.named?.added
    if (added && sha256Hex(index) !== added.index) {
      const check = 'a commit names the index of its pack'
      this.#findings.push({ ...this.#place('IndexDamaged'), check })
    }
    if (added?.inline !== true) await this.#checkIndexBlob(index)
  }

  async #checkIndexBlob(index: Uint8Array): Promise<void> {
    const { indexBlob, named } = this.#pack
    const range = { offset: 0, bytes: index.length + 1 }
    const found = indexBlob && (await this.#work.store.read(indexBlob, this.#work.signal, range))
    if (!found) {
      // What no commit adds may have been left behind before its index was written.
      if (named?.added) this.#findings.push(this.#place('IndexMissing'))
    } else if (Buffer.compare(found.bytes, index) !== 0) {
      const check = 'an index is the copy of its pack'
      this.#findings.push({ ...this.#place('IndexDamaged'), blob: indexBlob, check })
    }
  }

  #guard<T>(work: () => T): T | undefined {
    try {
      return work()
    } catch (error) {
      this.#tellDamage(error)
      return undefined
    }
  }

  #tellDamage(error: unknown): void {
    if (!isDamage(error)) throw error
    this.#damaged(checkOf(error))
  }

  #damaged(check: string): undefined {
    this.#findings.push({ ...this.#place('PackDamaged'), check })
  }

  #place(code: FindingCode): Finding {
    const { name, named } = this.#pack
    const { owner } = this.#access
    if (named === undefined) return { code, owner, blob: name, severity: 'notice' }
    return { code, owner, workload: named.workload, seq: named.seq, blob: name }
  }
}

function keyTroubleOf(error: unknown): FindingCode | undefined {
  if (!(error instanceof AppError)) return undefined
  const { code, kind } = error
  if (code === 'KeyMissing' || code === 'KeyDisabled' || code === 'KeyDenied') return code
  if (code === 'PackDamaged') return 'PackDamaged'
  return kind === 'corrupt' ? 'KeyCannotOpen' : undefined
}
