/**
 * Owner records: which public keys count for an owner, and whom the owner stands for, sealed
 * (docs/format.md, section 8.4).
 *
 * Of several records the highest n that names its predecessor's hash counts, and n > 1 needs an
 * approval in `ops`. Approvals do not exist yet, so this version writes and counts n = 1 only:
 * a record that a stolen writer adds changes nothing.
 */
import { z } from 'zod'
import { AppError, invariant } from '../model/errors.ts'
import type { GraphId, OwnerId } from '../model/ids.ts'
import type { BlobStore, Clock, OwnerKeys, Randomness, Recipient } from '../ports.ts'
import { seal, unseal } from '../sealing/seal.ts'
import { createOnce } from './create-once.ts'
import { check, damage, isDamage } from './damage.ts'
import { RECIPIENTS_MAX, SMALL_FILE_BYTES_MAX } from './limits.ts'
import { OWNERS_PREFIX, ownerOfRecord, ownerRecordName } from './names.ts'
import { SALT_BYTES } from './pack-format.ts'
import { encodeSealedFile, parseJson, parseSealedFile, type SealedFile } from './sealed-file.ts'
import type { OwnerRecord } from './types.ts'

const FIRST = 1

const envelopeSchema = z.object({
  owner: z.string(),
  n: z.int().positive(),
  previous: z.string().nullable(),
  createdAt: z.string(),
  recipients: z
    .array(z.object({ keyId: z.string(), fingerprint: z.string().regex(/^[0-9a-f]{64}$/) }))
    .min(1)
    .max(RECIPIENTS_MAX),
})
const bodySchema = z.object({ graphId: z.string(), kind: z.string(), name: z.string() })

export interface OwnerRecordsDeps {
  vault: BlobStore
  keys: OwnerKeys
  clock: Clock
  random: Randomness
}

export type OwnerIntroduction = Pick<OwnerRecord, 'owner' | 'graphId' | 'kind' | 'name'>

export interface OwnerRecords {
  /** Idempotent for the same owner and Graph id. Throws `OwnerExists` for another Graph id. */
  register(owner: OwnerIntroduction, signal: AbortSignal): Promise<void>
  /** Throws `OwnerRecordDamaged`. */
  read(owner: OwnerId, signal: AbortSignal): Promise<OwnerRecord | undefined>
  owners(signal: AbortSignal): AsyncIterable<OwnerId>
}

export function createOwnerRecords(deps: OwnerRecordsDeps): OwnerRecords {
  const read = async (owner: OwnerId, signal: AbortSignal) => {
    const range = { offset: 0, bytes: SMALL_FILE_BYTES_MAX + 1 }
    const found = await deps.vault.read(ownerRecordName(owner, FIRST), signal, range)
    if (found === undefined) return undefined
    const secret = await deps.keys.indexSecret(owner, signal)
    return openRecord(found.bytes, { owner, n: FIRST }, secret)
  }
  return {
    read,
    async register(introduced, signal) {
      const { owner } = introduced
      await deps.keys.create(owner, signal)
      const there = await read(owner, signal)
      if (there !== undefined) return checkSame(there, introduced)
      const recipients = await deps.keys.recipients(owner, signal)
      const secret = await deps.keys.indexSecret(owner, signal)
      const bytes = encodeRecord(deps, introduced, recipients, secret)
      const created = await createOnce(deps.vault, ownerRecordName(owner, FIRST), bytes, signal)
      if (created.outcome === 'taken') {
        const theirs = await read(owner, signal)
        invariant(theirs !== undefined, 'a record that was read is still there')
        checkSame(theirs, introduced)
      }
    },
    async *owners(signal) {
      let last: OwnerId | undefined
      for await (const { name } of deps.vault.list(OWNERS_PREFIX, signal)) {
        const owner = ownerOfRecord(name)
        // Records of one owner follow each other, and a page may be repeated.
        if (owner === undefined || (last !== undefined && owner <= last)) continue
        last = owner
        yield owner
      }
    },
  }
}

function encodeRecord(
  deps: Pick<OwnerRecordsDeps, 'clock' | 'random'>,
  { owner, graphId, kind, name }: OwnerIntroduction,
  recipients: readonly Recipient[],
  secret: Uint8Array,
): Uint8Array {
  const envelope = JSON.stringify({
    owner,
    n: FIRST,
    previous: null,
    createdAt: new Date(deps.clock.now()).toISOString(),
    recipients: recipients.map(({ keyId, fingerprint }) => ({ keyId, fingerprint })),
  })
  const plain = Buffer.from(JSON.stringify({ graphId, kind, name }))
  const salt = deps.random.bytes(SALT_BYTES)
  const body = seal(secret, 'owner-record', plain, salt, Buffer.from(envelope))
  return encodeSealedFile({ envelope, body, inline: new Map() })
}

type RecordPlace = Pick<OwnerRecord, 'owner' | 'n'>

export type RecordEnvelope = z.infer<typeof envelopeSchema>

/** What needs no key. Throws `OwnerRecordDamaged`, `FormatUnknown`. */
export function parseRecord(
  bytes: Uint8Array,
  place: RecordPlace,
): { file: SealedFile; envelope: RecordEnvelope } {
  const file = parseSealedFile(bytes)
  check(file !== undefined, 'OwnerRecordDamaged', 'a record has its outer shape', { ...place })
  const envelope = envelopeSchema.safeParse(parseJson(file.envelope))
  const { data } = envelope
  const placed = data?.owner === place.owner && data.n === place.n
  check(placed, 'OwnerRecordDamaged', 'a record lies where it says it belongs', { ...place })
  return { file, envelope: data }
}

/** Throws `OwnerRecordDamaged`, `FormatUnknown`. */
export function openRecord(bytes: Uint8Array, place: RecordPlace, secret: Uint8Array): OwnerRecord {
  const context = { ...place }
  const { file, envelope } = parseRecord(bytes, place)
  let plain: Uint8Array
  try {
    plain = unseal(secret, 'owner-record', file.body, Buffer.from(file.envelope))
  } catch (cause) {
    if (!isDamage(cause)) throw cause
    throw damage('OwnerRecordDamaged', 'a record opens', context, cause)
  }
  const body = bodySchema.safeParse(parseJson(plain))
  check(body.success, 'OwnerRecordDamaged', 'a record has its fields', context)
  const { graphId, kind, name } = body.data
  const { createdAt, recipients } = envelope
  return { ...place, createdAt, recipients, graphId: graphId as GraphId, kind, name }
}

function checkSame(there: OwnerRecord, introduced: OwnerIntroduction): void {
  if (there.graphId === introduced.graphId && there.kind === introduced.kind) return
  throw new AppError({
    code: 'OwnerExists',
    kind: 'permanent',
    message: 'This owner id already stands for another resource.',
    hint: 'A resource that is protected anew gets a new owner id; never use one again.',
    context: { owner: there.owner },
  })
}
