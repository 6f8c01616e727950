/**
 * The record of one owner, and that the keys which are there are those that it names.
 */
import { hasCode } from '../../model/errors.ts'
import type { OwnerId } from '../../model/ids.ts'
import { sha256Hex } from '../create-once.ts'
import { fingerprintOf } from '../data-keys.ts'
import { SMALL_FILE_BYTES_MAX } from '../limits.ts'
import { ownerRecordName, ownerRecordsPrefix } from '../names.ts'
import { openRecord, parseRecord, type RecordEnvelope } from '../owner-record.ts'
import { checkOf, type Finding } from './findings.ts'
import { ofKeys } from './owner-keys.ts'
import type { Access, Work } from './work.ts'

/** Of one owner; this version of Holdfast writes one. */
const RECORDS_MAX = 1000

/** `troubles`: what accessOf said, told already. */
export async function checkOwner(
  work: Work,
  access: Access,
  troubles: readonly Finding[],
): Promise<void> {
  const { owner } = access
  const first = await checkRecords(work, access)
  if (work.keys === undefined || first === undefined) return
  const recipients = await ofKeys(work.keys.recipients(owner, work.signal))
  if (typeof recipients === 'string') {
    // To read the public half is a right of its own, which who verifies need not have.
    const isTold = recipients === 'KeyDenied' || troubles.some(({ code }) => code === recipients)
    if (!isTold) work.tally.find({ code: recipients, owner })
    return
  }
  const isSame =
    recipients.length === first.recipients.length &&
    recipients.every(({ keyId, publicKey }) =>
      first.recipients.some((r) => r.keyId === keyId && r.fingerprint === fingerprintOf(publicKey)),
    )
  if (!isSame) work.tally.find({ code: 'KeyReplaced', owner, blob: ownerRecordName(owner, 1) })
}

/** The envelope of the record that counts: the first one. */
async function checkRecords(work: Work, access: Access): Promise<RecordEnvelope | undefined> {
  const { owner } = access
  const { tally, store, signal } = work
  let first: RecordEnvelope | undefined
  let before: RecordBefore | undefined
  const numbers = await recordNumbers(work, owner)
  if (numbers[0] !== 1) {
    tally.find({ code: 'OwnerRecordMissing', owner, blob: ownerRecordName(owner, 1) })
  }
  for (const n of numbers) {
    const blob = ownerRecordName(owner, n)
    const range = { offset: 0, bytes: SMALL_FILE_BYTES_MAX + 1 }
    const found = await store.read(blob, signal, range)
    if (found === undefined) continue
    const judged = judge(found.bytes, { n, before, access })
    if ('code' in judged) tally.find({ ...judged, owner, blob })
    else first = judged
    before = { n, hash: sha256Hex(found.bytes) }
  }
  return first
}

interface RecordBefore {
  n: number
  hash: string
}

/** What the first record says, or what is wrong with this one. */
function judge(
  bytes: Uint8Array,
  on: { n: number; before: RecordBefore | undefined; access: Access },
): RecordEnvelope | Pick<Finding, 'code' | 'check'> {
  const { n, before, access } = on
  const { owner, secret } = access
  try {
    const { envelope } = parseRecord(bytes, { owner, n })
    if (secret) openRecord(bytes, { owner, n }, secret)
    const links = n === 1 ? null : before?.n === n - 1 ? before.hash : undefined
    if (envelope.previous !== links) return { code: 'OwnerRecordUnlinked' }
    return n === 1 ? envelope : { code: 'OwnerRecordUnapproved' }
  } catch (error) {
    if (hasCode(error, 'FormatUnknown')) return { code: 'FormatUnknown' }
    if (!hasCode(error, 'OwnerRecordDamaged')) throw error
    return { code: 'OwnerRecordDamaged', check: checkOf(error) }
  }
}

async function recordNumbers({ store, signal }: Work, owner: OwnerId): Promise<number[]> {
  const numbers: number[] = []
  for await (const { name } of store.list(ownerRecordsPrefix(owner), signal)) {
    const n = Number(/\/([1-9]\d{0,9})\.json$/.exec(name)?.[1])
    if (n > 0 && numbers.length < RECORDS_MAX) numbers.push(n)
  }
  return [...new Set(numbers)].sort((a, b) => a - b)
}
