/** Frames of zstd (RFC 8878), made by hand, that are much longer once they are opened. */
import type { Prng } from './prng.ts'

const MAGIC = 0xfd2fb528
const BLOCK_BYTES = 128 * 1024

/** Some kilobytes that say they are, or are, up to a gigabyte. */
export function bomb(prng: Prng): Uint8Array {
  const windowLog = prng.pick([17, 20, 27, 30, 31])
  const blocks = prng.pick([1, 64, 65, 512, 8192])
  const isAnnounced = prng.oneIn(2)
  const announced = prng.pick([0n, 1n << 23n, 1n << 40n, (1n << 64n) - 1n])
  const head = Buffer.alloc(isAnnounced ? 14 : 6)
  head.writeUInt32LE(MAGIC, 0)
  head.writeUInt8(isAnnounced ? 0xc0 : 0, 4)
  head.writeUInt8((windowLog - 10) << 3, 5)
  if (isAnnounced) head.writeBigUInt64LE(announced, 6)
  const body = Buffer.alloc(4 * blocks)
  for (let n = 0; n < blocks; n += 1) {
    const isLast = n === blocks - 1 ? 1 : 0
    // A block of one byte, repeated.
    body.writeUIntLE(isLast | (1 << 1) | (BLOCK_BYTES << 3), 4 * n, 3)
    body.writeUInt8(prng.pick([0, 0x5b, 0x0a, 0x7b]), 4 * n + 3)
  }
  return Buffer.concat([head, body])
}
