/**
 * Bases of one stream in the blob store: finding, reading and writing their blobs.
 *
 * Needs the index secret and no content key. Blobs are named by their hash, so a part that is
 * written twice does no harm; parts that no commit names are the expirer's.
 */
import { invariant } from '../model/errors.ts'
import type { CommitRef } from '../model/events.ts'
import type { BlobStore, Randomness } from '../ports.ts'
import { keyOfLine, openBaseIndex, openBasePart, sealBasePart } from './base-format.ts'
import { createNamedByHash, sha256Hex } from './create-once.ts'
import { check } from './damage.ts'
import { BASE_INDEX_BYTES_MAX, PART_PLAIN_BYTES_MAX } from './limits.ts'
import {
  baseIndexName,
  basePartName,
  commitsPrefix,
  type StreamId,
  seqOfBaseIndex,
} from './names.ts'
import { SALT_BYTES } from './pack-format.ts'
import type { StreamVault } from './types.ts'

/** A sealed part is hardly longer than its plain text, whatever zstd makes of it. */
const PART_SEALED_BYTES_MAX = 2 * PART_PLAIN_BYTES_MAX

export interface BaseReaderDeps {
  store: BlobStore
  stream: StreamId
  secret: Uint8Array
}

export interface BaseWriterDeps extends BaseReaderDeps {
  random: Randomness
}

export function createBaseReader(
  deps: BaseReaderDeps,
): Pick<StreamVault, 'base' | 'baseSeqs' | 'readBasePart'> {
  const { store, stream, secret } = deps
  return {
    async base(commit, signal) {
      const { base: link, seq } = commit
      if (link === undefined) return undefined
      const name = baseIndexName(stream, seq, link.index.sha256)
      const sealed = await readExact(deps, name, link.index, BASE_INDEX_BYTES_MAX, signal)
      const base = await openBaseIndex(sealed, { stream, seq }, secret)
      const same = base.asOf.seq === link.asOf && base.asOf.hash === link.hash
      check(same, 'BaseDamaged', 'a base restates what its commit says', { ...stream, seq })
      return base
    },
    async *baseSeqs(signal) {
      let last = 0
      for await (const { name } of store.list(commitsPrefix(stream), signal)) {
        const seq = seqOfBaseIndex(name)
        if (seq === undefined || seq <= last) continue
        last = seq
        yield seq
      }
    },
    async readBasePart({ asOf }, part, signal) {
      const name = basePartName(stream, asOf.seq, part.sha256)
      const sealed = await readExact(deps, name, part, PART_SEALED_BYTES_MAX, signal)
      const lines = await openBasePart(sealed, { stream, asOf }, secret)
      const whole = lines.length === part.lines
      check(whole, 'BaseDamaged', 'a part of a base has all its lines', { ...stream })
      return lines
    },
  }
}

export function createBaseWriter(deps: BaseWriterDeps): Pick<StreamVault, 'writeBasePart'> {
  const { store, stream, secret, random } = deps
  return {
    async writeBasePart(asOf: CommitRef, lines, signal) {
      const [first, last] = [lines[0], lines.at(-1)]
      invariant(first !== undefined && last !== undefined, 'a part of a base has lines')
      const salt = random.bytes(SALT_BYTES)
      const bytes = await sealBasePart(lines, { stream, asOf }, secret, salt)
      const sha256 = sha256Hex(bytes)
      await createNamedByHash(store, basePartName(stream, asOf.seq, sha256), bytes, signal)
      return {
        sha256,
        bytes: bytes.length,
        holds: first.is === 'cursor' ? 'cursors' : 'state',
        first: keyOfLine(first),
        last: keyOfLine(last),
        lines: lines.length,
      }
    },
  }
}

/** The blob, if it is exactly what is named. Throws `BaseDamaged`. */
async function readExact(
  { store, stream }: BaseReaderDeps,
  name: string,
  { sha256, bytes }: { sha256: string; bytes: number },
  bytesMax: number,
  signal: AbortSignal,
): Promise<Uint8Array> {
  const context = { ...stream }
  check(bytes <= bytesMax, 'BaseDamaged', 'a blob of a base is not longer than its limit', context)
  const found = await store.read(name, signal, { offset: 0, bytes: bytes + 1 })
  check(found !== undefined, 'BaseDamaged', 'a blob of a base is there', context)
  const intact = found.bytes.length === bytes && sha256Hex(found.bytes) === sha256
  check(intact, 'BaseDamaged', 'a blob of a base has its hash', context)
  return found.bytes
}
