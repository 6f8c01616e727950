/**
 * Compression of plaintext before it is sealed: zstd from node:zlib, or none.
 *
 * Nothing is stored compressed that does not gain at least 3 %: what the gain would save is less
 * than what opening costs, and most attachments are compressed already. Decompression is bounded
 * by the length that the authenticated header promises.
 */
import { promisify } from 'node:util'
import { constants, zstdCompress, zstdDecompress } from 'node:zlib'
import { AppError } from '../model/errors.ts'
import type { Codec } from './pack-format.ts'

const compress = promisify(zstdCompress)
const decompress = promisify(zstdDecompress)
/** Level 3: 480 MB/s at a ratio of 7 on mail text; 6 halves the speed for a third more. */
const OPTIONS = { params: { [constants.ZSTD_c_compressionLevel]: 3 } }
const LEAST_GAIN = 0.03

export interface Encoded {
  codec: Codec
  bytes: Uint8Array
}

export async function encode(plain: Uint8Array): Promise<Encoded> {
  const packed = await compress(plain, OPTIONS)
  const pays = packed.length <= plain.length * (1 - LEAST_GAIN)
  return pays ? { codec: 'zstd', bytes: packed } : { codec: 'raw', bytes: plain }
}

/** Never gives more than `plainBytes`; throws `CodecBroken` where it is not exactly that many. */
export async function decode(encoded: Encoded, plainBytes: number): Promise<Uint8Array> {
  const plain = encoded.codec === 'raw' ? encoded.bytes : await inflate(encoded.bytes, plainBytes)
  if (plain.length !== plainBytes) throw broken()
  return plain
}

/** For parts and bodies, whose plain length is not written down: at most `plainBytesMax`. */
export async function inflate(bytes: Uint8Array, plainBytesMax: number): Promise<Uint8Array> {
  try {
    // zlib refuses a limit of 0; one byte too many is noticed by the caller's own check.
    return await decompress(bytes, { maxOutputLength: Math.max(1, plainBytesMax) })
  } catch (cause) {
    throw broken(cause)
  }
}

export async function deflate(plain: Uint8Array): Promise<Uint8Array> {
  return compress(plain, OPTIONS)
}

function broken(cause?: unknown): AppError {
  return new AppError({
    code: 'CodecBroken',
    kind: 'corrupt',
    message: 'Sealed data opens but does not decompress to the length that it promises.',
    hint: 'Run a verification of this owner.',
    ...(cause === undefined ? {} : { cause }),
  })
}
