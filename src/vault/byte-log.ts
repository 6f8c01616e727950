/**
 * Bytes that are appended piece by piece and read once, in memory of their own.
 *
 * Small buffers of Node are slices of shared slabs: a pack that kept thousands of them would keep
 * their slabs, 30 times its own size (docs/figures.md). So every piece is copied.
 */
const CHUNK_BYTES = 1024 * 1024

export class ByteLog {
  readonly #chunks: Uint8Array[] = []
  #free = 0
  #bytes = 0

  get bytes(): number {
    return this.#bytes
  }

  append(piece: Uint8Array): void {
    let from = 0
    while (from < piece.length) {
      if (this.#free === 0) this.#grow(piece.length - from)
      const last = this.#chunks.at(-1) as Uint8Array
      const part = piece.subarray(from, from + this.#free)
      last.set(part, last.length - this.#free)
      this.#free -= part.length
      from += part.length
    }
    this.#bytes += piece.length
  }

  /** Everything, in one piece. The log is empty afterwards. */
  take(): Buffer {
    const last = this.#chunks.at(-1)
    if (last) this.#chunks[this.#chunks.length - 1] = last.subarray(0, last.length - this.#free)
    const whole = Buffer.concat(this.#chunks.splice(0))
    this.#free = 0
    this.#bytes = 0
    return whole
  }

  #grow(needed: number): void {
    const size = Math.max(CHUNK_BYTES, needed)
    this.#chunks.push(new Uint8Array(size))
    this.#free = size
  }
}
