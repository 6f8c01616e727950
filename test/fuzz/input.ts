/** One input of the fuzzer: blobs that are not what was written, and how they came to be so. */
import type { OwnerId } from '../../src/model/ids.ts'
import type { StreamId } from '../../src/vault/names.ts'
import type { Blob } from './build.ts'
import { STREAMS } from './build.ts'
import type { Prng } from './prng.ts'
import type { Truth } from './truth.ts'

export interface Input {
  mutator: string
  /** What it is about, for people. */
  what: string
  changes: Map<string, Blob | undefined>
  /**
   * Sealed anew with the index secret or a data key, as a stolen writer can: events may say other
   * things then, and everything else must hold.
   */
  forged: boolean
}

/** Undefined where this mutator finds nothing to change. */
export type Mutate = (truth: Truth, prng: Prng) => Promise<Input | undefined> | Input | undefined

export const KINDS = {
  pack: /^packs\//,
  index: /^idx\//,
  commit: /commit\.json$/,
  part: /\.mf$/,
  'base index': /\.bi$/,
  'base part': /\.bs$/,
  record: /^owners\//,
  format: /^format\.json$/,
} as const
export type Kind = keyof typeof KINDS

export function kindOf(name: string): Kind {
  const found = (Object.keys(KINDS) as Kind[]).find((kind) => KINDS[kind].test(name))
  if (found === undefined) throw new RangeError('A blob of a vault is of some kind.')
  return found
}

export function namesOf({ blobs }: Truth, kind: Kind): string[] {
  return [...blobs.keys()].filter((name) => KINDS[kind].test(name))
}

/** Packs and commits are more than the rest, and hold more. */
const KINDS_DRAWN: readonly Kind[] = [
  ...(['pack', 'pack', 'pack', 'pack', 'commit', 'commit', 'commit', 'commit'] as const),
  ...(['index', 'part', 'base index', 'base part', 'base part', 'record', 'format'] as const),
]

export function drawName(truth: Truth, prng: Prng): string {
  return prng.pick(namesOf(truth, prng.pick(KINDS_DRAWN)))
}

export function blobOf({ blobs }: Truth, name: string): Blob {
  const blob = blobs.get(name)
  if (blob === undefined) throw new RangeError('There is no such blob.')
  return blob
}

export function copyOf(truth: Truth, name: string): Buffer {
  return Buffer.from(blobOf(truth, name).bytes)
}

export function inputOf(
  mutator: string,
  what: string,
  changes: Iterable<readonly [string, Blob | undefined]>,
  forged = false,
): Input {
  return { mutator, what, changes: new Map(changes), forged }
}

/** A blob in the place of another, as it would be read there. */
export function placed(truth: Truth, at: string, bytes: Uint8Array): readonly [string, Blob] {
  const { createdAt } = truth.blobs.get(at) ?? [...truth.blobs.values()][0] ?? {}
  return [at, { bytes, createdAt: createdAt ?? new Date(0) }]
}

export function ownerIn(name: string): OwnerId | undefined {
  return STREAMS.find(({ owner }) => name.includes(owner))?.owner
}

/** Stream and seq of a blob under `c/`. */
export function commitIn(name: string): { stream: StreamId; seq: number } | undefined {
  const [, owner, workload, seq] = /^c\/(\w+)\/([a-z]+)\/(\d{10})\//.exec(name) ?? []
  const stream = STREAMS.find((s) => s.owner === owner && s.workload === workload)
  return stream && { stream, seq: Number(seq) }
}
