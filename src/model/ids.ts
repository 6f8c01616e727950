/**
 * The identifiers of Holdfast, branded so that they cannot be swapped by mistake.
 *
 * Graph ids are secret-ish, long, case-sensitive and full of characters that table keys forbid
 * (facts: Outlook ids hold `/`, `+`, `=`), so wherever a key is needed their hash stands in.
 */
import { createHash } from 'node:crypto'
import { AppError } from './errors.ts'

type Brand<T, B extends string> = T & { readonly __brand: B }

/** Random, new at each first protection: 32 lower-case hex digits. */
export type OwnerId = Brand<string, 'OwnerId'>
/** SHA-256 of the sealed bytes of a pack: 64 hex digits. */
export type PackId = Brand<string, 'PackId'>
/** HMAC-SHA-256 of a segment's plaintext under the owner's segment secret: 64 hex digits. */
export type SegmentId = Brand<string, 'SegmentId'>
/** 26 base-32 characters of the SHA-256 of a Graph id: stands for it in every table key. */
export type KeyHash = Brand<string, 'KeyHash'>
/** A Graph item or container id, as Graph says it. Never in a key, a log or a blob name. */
export type GraphId = Brand<string, 'GraphId'>

/** The kinds of content; one stream is one workload of one owner (DESIGN 2). */
export const WORKLOADS = ['mail', 'drive'] as const
export type WorkloadName = (typeof WORKLOADS)[number]

/** The kinds of resources that have owners. */
export const RESOURCE_KINDS = ['user', 'site'] as const
export type ResourceKind = (typeof RESOURCE_KINDS)[number]

export function isResourceKind(text: string): text is ResourceKind {
  return (RESOURCE_KINDS as readonly string[]).includes(text)
}

/** What the owner of a resource may hold: its streams share one service limit, key and lease. */
export const WORKLOADS_OF: Readonly<Record<ResourceKind, readonly WorkloadName[]>> = {
  user: ['mail'],
  site: ['drive'],
}

const ownerPattern = /^[0-9a-f]{32}$/
const hashPattern = /^[0-9a-f]{64}$/
const keyHashPattern = /^[a-z2-7]{26}$/

function parse<T extends string>(text: string, pattern: RegExp, what: string): T {
  if (!pattern.test(text)) {
    throw new AppError({
      code: 'MalformedId',
      kind: 'permanent',
      message: `This is not a valid ${what}.`,
      hint: `Use the ${what} exactly as Holdfast printed it.`,
    })
  }
  return text as T
}

/** Throws `MalformedId`. */
export const parseOwnerId = (text: string): OwnerId => parse(text, ownerPattern, 'owner id')
/** Throws `MalformedId`. */
export const parsePackId = (text: string): PackId => parse(text, hashPattern, 'pack id')
/** Throws `MalformedId`. */
export const parseSegmentId = (text: string): SegmentId => parse(text, hashPattern, 'segment id')
/** Throws `MalformedId`. */
export const parseKeyHash = (text: string): KeyHash => parse(text, keyHashPattern, 'item key')

/** What is meant of a resource where no workload is named. */
export function usualWorkload(kind: ResourceKind): WorkloadName {
  return kind === 'site' ? 'drive' : 'mail'
}

export function isWorkloadName(text: string): text is WorkloadName {
  return (WORKLOADS as readonly string[]).includes(text)
}

const base32 = 'abcdefghijklmnopqrstuvwxyz234567'

/** 130 bits of SHA-256 in lower-case base 32: safe in table keys, and no way back to the id. */
export function keyHash(id: string): KeyHash {
  const digest = createHash('sha256').update(id, 'utf8').digest()
  let out = ''
  let bits = 0
  let value = 0
  for (const byte of digest) {
    value = ((value << 8) | byte) & 0xffff
    bits += 8
    while (bits >= 5 && out.length < 26) {
      bits -= 5
      out += base32[(value >>> bits) & 31] ?? ''
    }
  }
  return out as KeyHash
}

/** Commit sequence numbers have 10 digits in names and keys (DESIGN 5). */
export const SEQ_MAX = 9_999_999_999

/** 10 digits, so that names sort like numbers. */
export function seqName(seq: number): string {
  return String(seq).padStart(10, '0')
}

/** Complement of the seq, so that the newest sorts first in a table. */
export function invertedSeq(seq: number): string {
  return seqName(SEQ_MAX - seq)
}
