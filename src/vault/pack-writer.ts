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
  const known = new Map<SegmentRef['id'], SegmentRef>()
  const written: WrittenPack[] = []
  let open: OpenPack | undefined
  let upload: Promise<void> | undefined
  let failure: { error: unknown } | undefined
  let running = 0
  let closed = false
  let addedBytes = 0

  const stopIfFailed = () => {
    if (failure !== undefined) throw failure.error
  }

  const startUpload = (pack: OpenPack, signal: AbortSignal) => {
    open = undefined
    upload = uploadPack(deps, pack, signal)
      .then(
        (done) => {
          written.push(done)
        },
        (error: unknown) => {
          failure ??= { error }
        },
      )
      .finally(() => {
        upload = undefined
      })
  }

  /**
   * Waits while the open pack is full and another is being uploaded, then appends. No await lies
   * between finding the room and taking it: other adds run in every gap.
   */
  const place = async (segment: SegmentToSeal, ref: SegmentRef, signal: AbortSignal) => {
    for (;;) {
      stopIfFailed()
      signal.throwIfAborted()
      if (open === undefined) {
        const dataKey = await deps.dataKeys.current(deps.owner, signal)
        const salt = deps.random.bytes(SALT_BYTES)
        const { owner, packBytes } = deps
        open ??= { builder: createPackBuilder({ owner, dataKey, salt, packBytes }), refs: [] }
      } else if (!open.builder.full) {
        ref.offset = open.builder.append(segment)
        open.refs.push(ref)
        if (open.builder.full && upload === undefined) startUpload(open, signal)
        return
      } else if (upload === undefined) {
        startUpload(open, signal)
      } else {
        await upload
      }
    }
  }

  const store = async (
    kind: SegmentKind,
    plain: Uint8Array,
    ref: SegmentRef,
    signal: AbortSignal,
  ) => {
    const { codec, bytes } = await encode(plain)
    ref.sealedBytes = SEGMENT_HEADER_BYTES + bytes.length + TAG_BYTES
    const plainBytes = plain.length
    await place({ codec, kind, id: ref.id, plainBytes, encoded: bytes }, ref, signal)
  }

  return {
    get addedBytes() {
      return addedBytes
    },
    placeOf: (id) => known.get(id),
    async add(kind, plain, signal) {
      invariant(!closed, 'a closed commit takes nothing more')
      invariant(plain.length <= plainBytesMax(kind), 'a segment is not longer than its limit')
      stopIfFailed()
      const id = deps.namer.idOf(plain)
      const twin = known.get(id)
      if (twin !== undefined) return twin
      const ref: SegmentRef = {
        id,
        pack: NO_PACK,
        offset: 0,
        sealedBytes: 0,
        plainBytes: plain.length,
      }
      known.set(id, ref)
      addedBytes += plain.length
      running += 1
      try {
        await store(kind, plain, ref, signal)
      } catch (error) {
        // Another version may hold this ref already: the whole commit is given up.
        failure ??= { error }
        throw error
      } finally {
        running -= 1
      }
      return ref
    },
    async close(signal) {
      invariant(!closed && running === 0, 'a commit is closed once, when nothing is being added')
      closed = true
      await upload
      stopIfFailed()
      if (open !== undefined) {
        startUpload(open, signal)
        await upload
        stopIfFailed()
      }
      return written
    },
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
