/** Bytes of files: made from tokens, and known again by their hash. */
import { createHash } from 'node:crypto'
import type { Representation } from '../../../../src/model/events.ts'
import type { ContentReader } from '../../../../src/vault/types.ts'
import { NEVER, sha256 } from '../world.ts'
import type { Edit, Size } from './doings.ts'

/** From so many bytes on a file is read over several slices: some of its pieces are a slice. */
export const LARGE_BYTES = 6000
export const CONTENT_BYTES_MAX = 1024 * 1024

/** Two halves, each made from its token: so an edit may leave one of them as it was. */
export interface Content {
  readonly head: string
  readonly tail: string
  readonly size: number
}

const BYTES: Readonly<Record<Size, (n: number) => number>> = {
  empty: () => 0,
  short: (n) => 10 + (n % 50),
  long: (n) => 2000 + (n % 500),
  large: (n) => LARGE_BYTES + 2000 + (n % 6) * 1000,
}

/** `serial`: of no other content. */
export function newContent(size: Size, serial: number): Content {
  return { head: `head ${serial}`, tail: `tail ${serial}`, size: BYTES[size](serial) }
}

export function edited(before: Content, how: Edit, serial: number): Content {
  switch (how) {
    case 'head':
      return { ...before, head: `head ${serial}` }
    case 'tail':
      return { ...before, tail: `tail ${serial}` }
    default:
      return newContent(how, serial)
  }
}

/** They do not compress, so packs hold few of them. */
export function bytesOf({ head, tail, size }: Content): Buffer {
  const half = size >> 1
  return Buffer.concat([noise(head, half), noise(tail, size - half)])
}

function noise(token: string, bytes: number): Buffer {
  if (bytes === 0) return Buffer.alloc(0)
  return createHash('shake256', { outputLength: bytes }).update(token).digest()
}

/** Hashes of the plain bytes of what is held. Each content is opened once. */
export class PlainHashes {
  readonly #known = new Map<string, string>()

  async of(content: Representation, reader: ContentReader): Promise<string> {
    // That of content which was captured at once is of its bytes.
    if (content.digest === undefined) return content.sha256
    const known = this.#known.get(content.sha256)
    if (known !== undefined) return known
    const hash = sha256(await reader.readAll(content, CONTENT_BYTES_MAX, NEVER))
    this.#known.set(content.sha256, hash)
    return hash
  }
}
