/**
 * As much of DER (ITU-T X.690) as a certificate is made of: definite lengths, in one pass.
 * Writes only; nothing here reads.
 */

const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  objectId: 0x06,
  utf8: 0x0c,
  utcTime: 0x17,
  sequence: 0x30,
  set: 0x31,
} as const

/** A value under a tag of its own, for example of a context. */
export function tagged(tag: number, ...parts: readonly Uint8Array[]): Buffer {
  const content = Buffer.concat(parts)
  return Buffer.concat([Buffer.from([tag]), lengthOf(content.length), content])
}

function lengthOf(count: number): Buffer {
  if (count < 0x80) return Buffer.from([count])
  const bytes = bigEndian(count)
  return Buffer.from([0x80 | bytes.length, ...bytes])
}

function bigEndian(value: number): number[] {
  const bytes: number[] = []
  for (let rest = value; rest > 0; rest = Math.floor(rest / 0x100)) bytes.unshift(rest % 0x100)
  return bytes
}

export const sequence = (...parts: readonly Uint8Array[]) => tagged(TAG.sequence, ...parts)
export const set = (...parts: readonly Uint8Array[]) => tagged(TAG.set, ...parts)
export const utf8 = (text: string) => tagged(TAG.utf8, Buffer.from(text))
export const octetString = (bytes: Uint8Array) => tagged(TAG.octetString, bytes)
export const yes = tagged(TAG.boolean, Buffer.from([0xff]))

/** A positive number, as big-endian bytes; a first bit that is set would make it negative. */
export function integer(bytes: Uint8Array): Buffer {
  const isNegative = ((bytes[0] ?? 0) & 0x80) !== 0
  return tagged(TAG.integer, Buffer.from(isNegative ? [0, ...bytes] : bytes))
}

/** `unusedBits`: how many of the last byte do not count. */
export function bitString(bytes: Uint8Array, unusedBits = 0): Buffer {
  return tagged(TAG.bitString, Buffer.from([unusedBits]), bytes)
}

/** From its dotted form, such as `2.5.29.17`. */
export function objectId(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number)
  return tagged(TAG.objectId, Buffer.from([first * 40 + second, ...rest.flatMap(base128)]))
}

function base128(value: number): number[] {
  const bytes = [value & 0x7f]
  for (let rest = value >>> 7; rest > 0; rest >>>= 7) bytes.unshift(0x80 | (rest & 0x7f))
  return bytes
}

/** Whole seconds, of the years 1950 to 2049. */
export function utcTime(ms: number): Buffer {
  const digits = new Date(ms).toISOString().replace(/[-:T]|\.\d+/g, '')
  return tagged(TAG.utcTime, Buffer.from(digits.slice(2)))
}
