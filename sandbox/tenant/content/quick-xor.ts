/**
 * quickXorHash, the only hash that OneDrive for Business and SharePoint tell: 160 bits around
 * which each byte is xored 11 bits further than the one before, and the length at the end.
 *
 * The places repeat every 160 bytes, so that bytes are first xored into a ring of 160 and put
 * into their places once, at the end. A tenant's own: the product has one of its own too, and
 * the two check each other.
 */
const RING_BYTES = 160
const SHIFT_BITS = 11
const HASH_BITS = 160
const HASH_BYTES = HASH_BITS / 8
const LENGTH_AT = 12
const WORD = 4

export class QuickXorHash {
  readonly #ring = new Uint8Array(RING_BYTES)
  readonly #words = new Uint32Array(this.#ring.buffer)
  #length = 0

  update(bytes: Uint8Array): this {
    let at = this.#length % RING_BYTES
    let read = 0
    while (read < bytes.length && at % WORD !== 0) {
      this.#ring[at] = (this.#ring[at] ?? 0) ^ (bytes[read] ?? 0)
      at = (at + 1) % RING_BYTES
      read += 1
    }
    read += this.#updateWords(bytes, read, at)
    at = (this.#length + read) % RING_BYTES
    for (; read < bytes.length; read += 1) {
      this.#ring[at] = (this.#ring[at] ?? 0) ^ (bytes[read] ?? 0)
      at = (at + 1) % RING_BYTES
    }
    this.#length += bytes.length
    return this
  }

  /** Four bytes at a time; answers how many bytes it took. */
  #updateWords(bytes: Uint8Array, from: number, ringAt: number): number {
    const count = Math.floor((bytes.length - from) / WORD)
    if (count === 0) return 0
    const start = bytes.byteOffset + from
    const source =
      start % WORD === 0
        ? new Uint32Array(bytes.buffer, start, count)
        : new Uint32Array(Uint8Array.from(bytes.subarray(from, from + count * WORD)).buffer)
    const words = this.#words
    const ringWords = RING_BYTES / WORD
    let at = ringAt / WORD
    for (let n = 0; n < count; n += 1) {
      words[at] = (words[at] ?? 0) ^ (source[n] ?? 0)
      at = at + 1 === ringWords ? 0 : at + 1
    }
    return count * WORD
  }

  /** Base64 of the 20 bytes. */
  digest(): string {
    const hash = Buffer.alloc(HASH_BYTES)
    for (const [n, byte] of this.#ring.entries()) {
      const bit = (n * SHIFT_BITS) % HASH_BITS
      const at = bit >>> 3
      const shifted = byte << (bit & 7)
      hash[at] = (hash[at] ?? 0) ^ (shifted & 0xff)
      const next = (at + 1) % HASH_BYTES
      hash[next] = (hash[next] ?? 0) ^ (shifted >>> 8)
    }
    const length = Buffer.alloc(8)
    length.writeBigUInt64LE(BigInt(this.#length))
    for (const [n, byte] of length.entries()) {
      hash[LENGTH_AT + n] = (hash[LENGTH_AT + n] ?? 0) ^ byte
    }
    return hash.toString('base64')
  }
}

export function quickXorHash(bytes: Uint8Array): string {
  return new QuickXorHash().update(bytes).digest()
}
