/**
 * Gives the memory of a large buffer back at once, where nothing else holds it.
 *
 * The collector sees only the small object that stands for it: left to it, dozens of segments of
 * 8 MiB lie about before they are collected, and each collection looks at everything.
 */

/** Below it the collector is cheaper. */
const LARGE_BYTES = 256 * 1024

/** `bytes` are empty afterwards. Only for who made them, or was given them for good. */
export function release(bytes: Uint8Array): void {
  const { buffer } = bytes
  const isWhole = bytes.byteLength === buffer.byteLength
  if (isWhole && bytes.byteLength >= LARGE_BYTES && buffer instanceof ArrayBuffer) {
    buffer.transfer(0)
  }
}
