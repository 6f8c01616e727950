/**
 * Compression of plaintext before it is sealed: zstd from node:zlib, or none.
 *
 * Nothing is stored compressed that does not gain at least 3 %: what the gain would save is less
 * than what opening costs, and most attachments are compressed already. Decompression is bounded
 * by the length that the authenticated header promises.
 */
import { promisify } from 'node:util'
import {
  constants,
  zstdCompress,
  zstdCompressSync,
  zstdDecompress,
  zstdDecompressSync,
} from 'node:zlib'
import { AppError } from '../model/errors.ts'
import type { Codec } from './pack-format.ts'

const compressAside = promisify(zstdCompress)
const decompress = promisify(zstdDecompress)
/** Level 3: 480 MB/s at a ratio of 7 on mail text; 6 halves the speed for a third more. */
const LEVEL = 3
/**
 * Up to here (de)compressing takes less than a millisecond, and handing it to another thread costs 20
 * times more than the work: a mailbox is mostly such pieces.
 */
const AT_ONCE_BYTES_MAX = 128 * 1024
/** The same of compressed bytes whose plain length nobody knows: JSON gets some ten times longer. */
const PACKED_AT_ONCE_BYTES_MAX = 16 * 1024
/** zstd takes memory for its whole window; a small piece needs only a small one. */
const WINDOW_LOG_MIN = 10
const WINDOW_LOG_MAX = 21
const LEAST_GAIN = 0.03

async function compress(plain: Uint8Array): Promise<Uint8Array> {
  const needed = Math.ceil(Math.log2(Math.max(1, plain.length)))
  const windowLog = Math.min(WINDOW_LOG_MAX, Math.max(WINDOW_LOG_MIN, needed))
  const params = {
    [constants.ZSTD_c_compressionLevel]: LEVEL,
    [constants.ZSTD_c_windowLog]: windowLog,
  }
  if (plain.length <= AT_ONCE_BYTES_MAX) return zstdCompressSync(plain, { params })
  return await compressAside(plain, { params })
}

export interface Encoded {
  codec: Codec
  bytes: Uint8Array
}

export async function encode(plain: Uint8Array): Promise<Encoded> {
  const packed = await compress(plain)
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
    const options = { maxOutputLength: Math.max(1, plainBytesMax) }
    const isSmall = plainBytesMax <= AT_ONCE_BYTES_MAX || bytes.length <= PACKED_AT_ONCE_BYTES_MAX
    if (isSmall) return zstdDecompressSync(bytes, options)
    return await decompress(bytes, options)
  } catch (cause) {
    throw broken(cause)
  }
}

export async function deflate(plain: Uint8Array): Promise<Uint8Array> {
  return await compress(plain)
}

function broken(cause?: unknown): AppError {
  return new AppError({
    code: 'CodecBroken',
    kind: 'corrupt',
    message: 'Sealed data opens but does not decompress to the length that it promises.',
    hint: 'Run a verification of this owner.',
    cause,
  })
}
