/**
 * Puts segments into packs and uploads the packs that are full.
 *
 * At most two packs are in memory: one is filled while one is uploaded; whoever wants to add to
 * a full pack waits for the upload before it. Equal segments of one commit are stored once.
 * After a failed upload nothing more is taken: the refs that were handed out would dangle.
 */
import { invariant } from '../model/errors.ts'
import type { SegmentRef } from '../model/events.ts'
import type { OwnerId, PackId } from '../model/ids.ts'
import type { BlobStore, Clock, Randomness } from '../ports.ts'
import { createNamedByHash } from './create-once.ts'
import type { DataKeys } from './data-keys.ts'
import { monthOf, packName } from './names.ts'
import { createPackBuilder, type PackBuilder, type SegmentToSeal } from './pack-builder.ts'
import type { SegmentNamer } from './pack-crypto.ts'
import {
  plainBytesMax,
  SALT_BYTES,
  SEGMENT_HEADER_BYTES,
  type SegmentKind,
  TAG_BYTES,
} from './pack-format.ts'
import { encode } from './segment-codec.ts'

/** Stands in a ref until its pack is closed. */
const NO_PACK = '' as PackId

export interface WrittenPack {
  id: PackId
  bytes: number
  /** What storage's clock said when the pack was created. */
  createdAt: Date
  /** Folder of pack and index blob. */
  month: string
  /** The bytes of its index blob, not written yet. */
  index: Uint8Array
}

export interface PackWriterDeps {
  owner: OwnerId
  store: BlobStore
  dataKeys: DataKeys
  clock: Clock
  random: Randomness
  namer: SegmentNamer
  packBytes: number
}

export interface PackWriter {
  readonly addedBytes: number
  /** Calls may run side by side. The ref's pack and offset are filled in by close() at last. */
  add(kind: SegmentKind, plain: Uint8Array, signal: AbortSignal): Promise<SegmentRef>
  /** Where a segment of this commit lies; complete after close(). */
  placeOf(id: SegmentRef['id']): SegmentRef | undefined
  /** Uploads what is open. No add may be running or follow. */
  close(signal: AbortSignal): Promise<WrittenPack[]>
}

interface OpenPack {
  builder: PackBuilder
  refs: SegmentRef[]
}

export function createPackWriter(deps: PackWriterDeps): PackWriter {
  return new UploadingPackWriter(deps)
}

class UploadingPackWriter implements PackWriter {
  readonly #deps: PackWriterDeps
  readonly #known = new Map<SegmentRef['id'], SegmentRef>()
  readonly #written: WrittenPack[] = []
  #open: OpenPack | undefined
  /** Never rejects: what goes wrong is kept in #failure, for everybody who waits. */
  #upload: Promise<void> | undefined
  #failure: { error: unknown } | undefined
  #running = 0
  #closed = false
  #addedBytes = 0

  constructor(deps: PackWriterDeps) {
    this.#deps = deps
  }

  get addedBytes(): number {
    return this.#addedBytes
  }

  placeOf(id: SegmentRef['id']): SegmentRef | undefined {
    return this.#known.get(id)
  }

  async add(kind: SegmentKind, plain: Uint8Array, signal: AbortSignal): Promise<SegmentRef> {
    invariant(!this.#closed, 'a closed commit takes nothing more')
    invariant(plain.length <= plainBytesMax(kind), 'a segment is not longer than its limit')
    this.#stopIfFailed()
    const id = this.#deps.namer.idOf(plain)
    const twin = this.#known.get(id)
    if (twin !== undefined) return twin
    const plainBytes = plain.length
    const ref: SegmentRef = { id, pack: NO_PACK, offset: 0, sealedBytes: 0, plainBytes }
    this.#known.set(id, ref)
    this.#addedBytes += plainBytes
    this.#running += 1
    try {
      const { codec, bytes } = await encode(plain)
      ref.sealedBytes = SEGMENT_HEADER_BYTES + bytes.length + TAG_BYTES
      await this.#place({ codec, kind, id, plainBytes, encoded: bytes }, ref, signal)
    } catch (error) {
      // Another version may hold this ref already: the whole commit is given up.
      this.#failure ??= { error }
      throw error
    } finally {
      this.#running -= 1
    }
    return ref
  }

  async close(signal: AbortSignal): Promise<WrittenPack[]> {
    const idle = !this.#closed && this.#running === 0
    invariant(idle, 'a commit is closed once, when nothing is being added')
    this.#closed = true
    await this.#upload
    this.#stopIfFailed()
    if (this.#open !== undefined) {
      this.#startUpload(this.#open, signal)
      await this.#upload
      this.#stopIfFailed()
    }
    return this.#written
  }

  /**
   * Waits while the open pack is full and another is being uploaded, then appends. No await lies
   * between finding the room and taking it: other adds run in every gap.
   */
  async #place(segment: SegmentToSeal, ref: SegmentRef, signal: AbortSignal): Promise<void> {
    for (;;) {
      this.#stopIfFailed()
      signal.throwIfAborted()
      const open = this.#open
      if (open === undefined) {
        await this.#openPack(signal)
      } else if (!open.builder.full) {
        ref.offset = open.builder.append(segment)
        open.refs.push(ref)
        if (open.builder.full && this.#upload === undefined) this.#startUpload(open, signal)
        return
      } else if (this.#upload === undefined) {
        this.#startUpload(open, signal)
      } else {
        await this.#upload
      }
    }
  }

  async #openPack(signal: AbortSignal): Promise<void> {
    const { owner, packBytes, dataKeys, random } = this.#deps
    const dataKey = await dataKeys.current(owner, signal)
    // Another add may have opened one meanwhile; a salt is drawn only for a pack that is used.
    if (this.#open !== undefined) return
    const salt = random.bytes(SALT_BYTES)
    const builder = createPackBuilder({ owner, dataKey, salt, packBytes })
    this.#open = { builder, refs: [] }
  }

  /** Goes on in the background; whoever needs its end awaits #upload. */
  #startUpload(pack: OpenPack, signal: AbortSignal): void {
    this.#open = undefined
    this.#upload = uploadPack(this.#deps, pack, signal)
      .then(
        (done) => {
          this.#written.push(done)
        },
        (error: unknown) => {
          this.#failure ??= { error }
        },
      )
      .finally(() => {
        this.#upload = undefined
      })
  }

  #stopIfFailed(): void {
    if (this.#failure !== undefined) throw this.#failure.error
  }
}

async function uploadPack(
  deps: PackWriterDeps,
  { builder, refs }: OpenPack,
  signal: AbortSignal,
): Promise<WrittenPack> {
  const { id, bytes, index } = builder.finish()
  const month = monthOf(deps.clock.now())
  const name = packName(deps.owner, month, id)
  const createdAt = await createNamedByHash(deps.store, name, bytes, signal)
  for (const ref of refs) ref.pack = id
  return { id, bytes: bytes.length, createdAt, month, index }
}
