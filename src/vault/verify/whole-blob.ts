/**
 * Whether bytes are what a writer puts under a name, as far as they say so themselves: their hash
 * where the name is one, their shape where it is not. That a commit is the one of its chain, and
 * that what is sealed opens, is checked elsewhere.
 */
import { AppError } from '../../model/errors.ts'
import { isWorkloadName, type OwnerId, type WorkloadName } from '../../model/ids.ts'
import { parseCommit } from '../commit-format.ts'
import { sha256Hex } from '../create-once.ts'
import { isDamage } from '../damage.ts'
import { checkFormat } from '../format-file.ts'
import { PACK_BYTES_MAX } from '../limits.ts'
import { FORMAT_FILE, ownerOfName, packOfName } from '../names.ts'
import { openRecord, parseRecord } from '../owner-record.ts'
import { parseIndex } from '../pack-format.ts'

/** No blob of a vault is longer than a pack may be. */
export const WHOLE_BYTES_MAX = PACK_BYTES_MAX

interface Place {
  owner?: OwnerId
  workload?: WorkloadName
  seq?: number
}

/** What the name says of where it belongs. */
export function placeOf(name: string): Place {
  const owner = ownerOfName(name)
  if (owner === undefined) return {}
  const [top, , workload = '', seq] = name.split('/')
  if (top !== 'c' || !isWorkloadName(workload)) return { owner }
  return { owner, workload, seq: Number(seq) }
}

/** `secret`: of the owner, where it is at hand. False for names of other shapes. */
export function isWhole(name: string, bytes: Uint8Array, secret: Uint8Array | undefined): boolean {
  try {
    return isWholeAt(name, bytes, secret)
  } catch (error) {
    if (!isDamage(error) && !(error instanceof AppError && error.code === 'FormatUnknown')) {
      throw error
    }
    return false
  }
}

function isWholeAt(name: string, bytes: Uint8Array, secret: Uint8Array | undefined): boolean {
  if (name === FORMAT_FILE) {
    checkFormat(bytes)
    return true
  }
  const { owner, workload, seq } = placeOf(name)
  if (owner === undefined) return false
  const hash = /\/([0-9a-f]{64})\.(?:pk|mf|bi|bs)$/.exec(name)?.[1]
  if (hash !== undefined) return sha256Hex(bytes) === hash
  if (name.endsWith('.ix')) return parseIndex(bytes).pack === packOfName(name)
  if (workload === undefined || seq === undefined) {
    const place = { owner, n: Number(/(\d+)\.json$/.exec(name)?.[1]) }
    if (secret) openRecord(bytes, place, secret)
    else parseRecord(bytes, place)
    return true
  }
  parseCommit(bytes, { owner, workload }, seq)
  return true
}
