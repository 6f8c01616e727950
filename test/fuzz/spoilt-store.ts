/**
 * The vault's blobs with some of them changed: a BlobStore that also notices whether a read saw
 * other bytes than were written, and that nobody asks for more than the limits allow.
 */
import type { BlobStat, BlobStore } from '../../src/ports.ts'
import { PACK_BYTES_MAX } from '../../src/vault/limits.ts'
import type { Blob } from './build.ts'

/** What is put in the place of blobs; undefined: the blob is gone. */
export type Changes = ReadonlyMap<string, Blob | undefined>

export class SpoiltStore implements BlobStore {
  /** A read saw something else than was written. */
  touched = false
  readonly #blobs: ReadonlyMap<string, Blob>
  readonly #changes: Changes
  readonly #names: string[]

  constructor(blobs: ReadonlyMap<string, Blob>, changes: Changes = new Map()) {
    this.#blobs = blobs
    this.#changes = changes
    const names = new Set([...blobs.keys(), ...changes.keys()])
    this.#names = [...names].filter((name) => this.get(name) !== undefined).sort()
  }

  get(name: string): Blob | undefined {
    return this.#changes.has(name) ? this.#changes.get(name) : this.#blobs.get(name)
  }

  async create(): Promise<never> {
    throw new Error('A reader creates nothing.')
  }

  async read(name: string, signal: AbortSignal, range?: Parameters<BlobStore['read']>[2]) {
    signal.throwIfAborted()
    const blob = this.get(name)
    const { offset, bytes } = range ?? { offset: 0, bytes: PACK_BYTES_MAX }
    const isSane = Number.isSafeInteger(offset) && offset >= 0 && bytes >= 0
    if (!isSane || bytes > PACK_BYTES_MAX) throw new RangeError(`A read of ${offset}+${bytes}.`)
    const piece = blob?.bytes.slice(offset, offset + bytes)
    const stat = this.#statOf(name)
    if (this.#changes.has(name)) {
      const was = this.#blobs.get(name)?.bytes.subarray(offset, offset + bytes)
      if (!same(was, piece)) this.touched = true
    }
    if (piece === undefined || stat === undefined) return undefined
    if (range?.into === undefined) return { bytes: piece, stat }
    range.into.set(piece)
    return { bytes: range.into.subarray(0, piece.length), stat }
  }

  async stat(name: string, signal: AbortSignal): Promise<BlobStat | undefined> {
    signal.throwIfAborted()
    return this.#statOf(name)
  }

  async *list(prefix: string, signal: AbortSignal): AsyncIterable<BlobStat> {
    signal.throwIfAborted()
    for (const name of this.#names) {
      const stat = name.startsWith(prefix) ? this.#statOf(name) : undefined
      if (stat) yield stat
    }
  }

  #statOf(name: string): BlobStat | undefined {
    const blob = this.get(name)
    return blob && { name, bytes: blob.bytes.length, createdAt: blob.createdAt }
  }
}

function same(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  if (a === undefined || b === undefined) return a === b
  return Buffer.compare(a, b) === 0
}
