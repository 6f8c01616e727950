/** Damage that needs to know nothing of the bytes. */
import type { Prng } from './prng.ts'

export type ByteMutator = (bytes: Buffer, prng: Prng, other: Uint8Array) => Uint8Array

function range(bytes: Uint8Array, prng: Prng): [number, number] {
  const from = prng.below(bytes.length + 1)
  const longest = prng.oneIn(2) ? 64 : bytes.length
  return [from, Math.min(bytes.length, from + 1 + prng.below(longest))]
}

function flip(bytes: Buffer, prng: Prng): Buffer {
  const at = prng.below(bytes.length)
  if (at < bytes.length) bytes[at] = (bytes[at] ?? 0) ^ (1 << prng.below(8))
  return bytes
}

/** `bytes` is a copy, which a mutator may change in place. */
export const BYTE_MUTATORS: Readonly<Record<string, ByteMutator>> = {
  'flip a bit': flip,
  'flip some bits'(bytes, prng) {
    for (let n = 2 + prng.below(16); n > 0; n -= 1) flip(bytes, prng)
    return bytes
  },
  'set a byte'(bytes, prng) {
    bytes[prng.below(bytes.length)] = prng.pick([
      0,
      1,
      0x7f,
      0x80,
      0xff,
      0x22,
      0x7b,
      prng.below(256),
    ])
    return bytes
  },
  // Often to less than any header has.
  truncate: (bytes, prng) =>
    bytes.subarray(0, prng.below(prng.oneIn(3) ? Math.min(128, bytes.length) : bytes.length)),
  'cut the beginning': (bytes, prng) => bytes.subarray(1 + prng.below(bytes.length)),
  extend: (bytes, prng) => Buffer.concat([bytes, prng.bytes(1 + prng.below(200))]),
  'insert noise'(bytes, prng) {
    const [at] = range(bytes, prng)
    return Buffer.concat([
      bytes.subarray(0, at),
      prng.bytes(1 + prng.below(64)),
      bytes.subarray(at),
    ])
  },
  'delete a range'(bytes, prng) {
    const [from, to] = range(bytes, prng)
    return Buffer.concat([bytes.subarray(0, from), bytes.subarray(to)])
  },
  'duplicate a range'(bytes, prng) {
    const [from, to] = range(bytes, prng)
    return Buffer.concat([bytes.subarray(0, to), bytes.subarray(from)])
  },
  'zero a range'(bytes, prng) {
    const [from, to] = range(bytes, prng)
    return bytes.fill(0, from, to)
  },
  'copy a range over another'(bytes, prng) {
    const [from, to] = range(bytes, prng)
    bytes.copy(bytes, prng.below(bytes.length), from, to)
    return bytes
  },
  'splice in another blob'(bytes, prng, other) {
    const [from, to] = range(other, prng)
    const [at, end] = range(bytes, prng)
    return Buffer.concat([bytes.subarray(0, at), other.subarray(from, to), bytes.subarray(end)])
  },
}
