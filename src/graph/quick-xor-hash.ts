/**
 * quickXorHash, the hash that OneDrive and SharePoint give of a file's content.
 *
 * Each byte is XORed into a ring of 160 bits, 11 bits further on than the one before it; at the
 * end the length is XORed into the last 64 bits. (Microsoft: "Code Snippets: QuickXorHash".) It
 * finds accidents, not forgers: anybody can make other bytes of the same hash.
 *
 * Its state is small and a text, so that the hash of a long file goes on in a later slice.
 */

const RING_BITS = 160
const RING_BYTES = RING_BITS / 8
const SHIFT = 11
/** Bytes after which the places in the ring repeat: 160 and 11 have no common divisor. */
const PERIOD = RING_BITS

const STATE = /^([A-Za-z0-9+/]{27}=):(\d{1,16})$/

export class QuickXorHash {
  /** What a state brought along, folded already. */
  readonly #before: Uint8Array
  /** Bytes that fall on the same place are XORed here; folding them into the ring can wait. */
  readonly #columns = new Uint8Array(PERIOD)
  #length: number

  constructor() {
    this.#before = new Uint8Array(RING_BYTES)
    this.#length = 0
  }

  /** Undefined where the text is not one that `state` gave. */
  static from(state: string): QuickXorHash | undefined {
    const [, ring, length] = STATE.exec(state) ?? []
    if (ring === undefined || !Number.isSafeInteger(Number(length))) return undefined
    const hash = new QuickXorHash()
    hash.#before.set(Buffer.from(ring, 'base64'))
    hash.#length = Number(length)
    return hash
  }

  update(bytes: Uint8Array): void {
    const at = this.#length % PERIOD
    const first = Math.min(at === 0 ? 0 : PERIOD - at, bytes.byteLength)
    xorInto(this.#columns, at, bytes.subarray(0, first))
    // Whole periods go word by word, which is several times as fast.
    const whole = bytes.byteLength - ((bytes.byteLength - first) % PERIOD)
    xorPeriods(this.#columns, bytes.subarray(first, whole))
    xorInto(this.#columns, 0, bytes.subarray(Math.max(first, whole)))
    this.#length += bytes.byteLength
  }

  /** Goes on with `from`; more may be hashed here too. */
  state(): string {
    return `${Buffer.from(this.#ring()).toString('base64')}:${this.#length}`
  }

  /** Base64, as `file.hashes.quickXorHash` says it. More may be hashed afterwards. */
  digest(): string {
    const ring = this.#ring()
    const last = new DataView(ring.buffer, RING_BYTES - 8)
    last.setBigUint64(0, last.getBigUint64(0, true) ^ BigInt(this.#length), true)
    return Buffer.from(ring).toString('base64')
  }

  #ring(): Uint8Array<ArrayBuffer> {
    const ring = new Uint8Array(this.#before)
    for (const [column, byte] of this.#columns.entries()) {
      const bit = (column * SHIFT) % RING_BITS
      const at = bit >> 3
      const next = (at + 1) % RING_BYTES
      const wide = byte << (bit & 7)
      ring[at] = (ring[at] ?? 0) ^ (wide & 0xff)
      ring[next] = (ring[next] ?? 0) ^ (wide >> 8)
    }
    return ring
  }
}

function xorInto(columns: Uint8Array, at: number, bytes: Uint8Array): void {
  for (let n = 0; n < bytes.byteLength; n += 1) {
    columns[at + n] = (columns[at + n] ?? 0) ^ (bytes[n] ?? 0)
  }
}

function xorPeriods(columns: Uint8Array, bytes: Uint8Array): void {
  const source = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  const target = new DataView(columns.buffer, columns.byteOffset, PERIOD)
  for (let column = 0; column < PERIOD; column += 4) {
    let word = target.getUint32(column, true)
    for (let at = column; at < bytes.byteLength; at += PERIOD) word ^= source.getUint32(at, true)
    target.setUint32(column, word, true)
  }
}
