/**
 * Names of blobs in the vault container (docs/format.md, section 4). Opaque ids only (P9).
 */

import type { WorkloadName } from '../model/ids.ts'
import { type OwnerId, type PackId, parseOwnerId, parsePackId, seqName } from '../model/ids.ts'

export const FORMAT_FILE = 'format.json'
export const OWNERS_PREFIX = 'owners/'

export interface StreamId {
  owner: OwnerId
  workload: WorkloadName
}

/** `yyyy-mm` (UTC): spreads packs over folders for lifecycle rules, and means nothing else. */
export function monthOf(timeMs: number): string {
  return new Date(timeMs).toISOString().slice(0, 7)
}

export const ownerRecordName = (owner: OwnerId, n: number): string =>
  `${OWNERS_PREFIX}${owner}/${n}.json`
export const ownerRecordsPrefix = (owner: OwnerId): string => `${OWNERS_PREFIX}${owner}/`
export const packsPrefix = (owner: OwnerId): string => `packs/${owner}/`
export const packName = (owner: OwnerId, month: string, pack: PackId): string =>
  `${packsPrefix(owner)}${month}/${pack}.pk`
export const indexesPrefix = (owner: OwnerId): string => `idx/${owner}/`
export const indexName = (owner: OwnerId, month: string, pack: PackId): string =>
  `${indexesPrefix(owner)}${month}/${pack}.ix`
export const commitsOfOwnerPrefix = (owner: OwnerId): string => `c/${owner}/`
export const commitsPrefix = ({ owner, workload }: StreamId): string =>
  `${commitsOfOwnerPrefix(owner)}${workload}/`
export const commitName = (stream: StreamId, seq: number): string =>
  `${commitsPrefix(stream)}${seqName(seq)}/commit.json`
export const partName = (stream: StreamId, seq: number, sha256: string): string =>
  `${commitsPrefix(stream)}${seqName(seq)}/${sha256}.mf`

/** A part of the base that restates the state after the commit `asOf`. */
export const basePartName = (stream: StreamId, asOf: number, sha256: string): string =>
  `${commitsPrefix(stream)}${seqName(asOf)}/${sha256}.bs`
/** Names the parts of the base that the commit with this seq carries. */
export const baseIndexName = (stream: StreamId, seq: number, sha256: string): string =>
  `${commitsPrefix(stream)}${seqName(seq)}/${sha256}.bi`

const RECORD = /^owners\/([0-9a-f]{32})\/[1-9]\d{0,9}\.json$/
const OURS = [
  RECORD,
  /^packs\/([0-9a-f]{32})\/\d{4}-\d{2}\/[0-9a-f]{64}\.pk$/,
  /^idx\/([0-9a-f]{32})\/\d{4}-\d{2}\/[0-9a-f]{64}\.ix$/,
  /^c\/([0-9a-f]{32})\/[a-z-]+\/\d{10}\/(?:commit\.json|[0-9a-f]{64}\.(?:mf|bi|bs))$/,
]

/** Undefined for names that are none of ours; a verification reports those, readers pass them. */
export function ownerOfRecord(name: string): OwnerId | undefined {
  const owner = RECORD.exec(name)?.[1]
  return owner === undefined ? undefined : parseOwnerId(owner)
}

/** Whose blob it is by its name; undefined for names of other shapes, and for format.json. */
export function ownerOfName(name: string): OwnerId | undefined {
  for (const pattern of OURS) {
    const owner = pattern.exec(name)?.[1]
    if (owner !== undefined) return parseOwnerId(owner)
  }
  return undefined
}

export function packOfName(name: string): PackId | undefined {
  const match = /^(?:packs|idx)\/[0-9a-f]{32}\/\d{4}-\d{2}\/([0-9a-f]{64})\.(?:pk|ix)$/.exec(name)
  return match?.[1] === undefined ? undefined : parsePackId(match[1])
}

export function seqOfCommit(name: string): number | undefined {
  const match = /^c\/[0-9a-f]{32}\/[a-z-]+\/(\d{10})\/commit\.json$/.exec(name)
  return match?.[1] === undefined ? undefined : Number(match[1])
}

export function seqOfBaseIndex(name: string): number | undefined {
  const match = /^c\/[0-9a-f]{32}\/[a-z-]+\/(\d{10})\/[0-9a-f]{64}\.bi$/.exec(name)
  return match?.[1] === undefined ? undefined : Number(match[1])
}
