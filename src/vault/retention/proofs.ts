/**
 * Which bases were proven, remembered in `ops` by the service that proved them: a proof reads all
 * commits since the beginning of the stream, and is true for ever.
 */
import { z } from 'zod'
import { hasCode } from '../../model/errors.ts'
import type { BlobStore } from '../../ports.ts'
import { proveBase } from '../base-proof.ts'
import type { CarriedBase } from '../beginning.ts'
import type { Prover } from './needs.ts'
import { createRecord, fixedName, type RecordKind, readRecord } from './ops-records.ts'
import type { WalkedStream } from './walk.ts'

const proofSchema = z.object({
  /** The state, by the hash of its commit, and the parts that restate it. */
  asOf: z.object({ seq: z.int(), hash: z.string() }),
  parts: z.array(z.string()),
})

const kindOf = (service: 'keeper' | 'expirer'): RecordKind<z.infer<typeof proofSchema>> => {
  return { service, kind: 'proven', schema: proofSchema, bytesMax: 4 * 1024 * 1024 }
}

/** `onDifference` is told of a base that says something else than its commits: an alarm. */
export function createProver(
  { ops, service }: { ops: BlobStore; service: 'keeper' | 'expirer' },
  onDifference: (walked: WalkedStream, seq: number) => void,
  signal: AbortSignal,
): Prover {
  const kind = kindOf(service)
  return async (walked, base) => {
    const { owner, workload } = walked.reader
    const id = `${owner}-${workload}-${base.seq}`
    const said = documentOf(base)
    const known = await readRecord(ops, kind, id, signal)
    if (known) return JSON.stringify(known.document) === JSON.stringify(said)
    if ((await differs(walked, base, signal)) !== undefined) {
      onDifference(walked, base.seq)
      return false
    }
    await createRecord(ops, fixedName(kind, id), said, signal)
    return true
  }
}

function documentOf({ index: { asOf, parts } }: CarriedBase): z.infer<typeof proofSchema> {
  return {
    asOf: { seq: asOf.seq, hash: asOf.hash },
    parts: parts.map(({ sha256 }) => sha256),
  }
}

async function differs(
  { reader, beginning }: WalkedStream,
  base: CarriedBase,
  signal: AbortSignal,
): Promise<string | undefined> {
  try {
    return await proveBase(reader, base, beginning.base?.seq, signal)
  } catch (error) {
    if (!hasCode(error, 'BaseDamaged')) throw error
    return 'a base is whole'
  }
}
