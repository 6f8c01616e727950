/**
 * Owners whose erasure has begun: from then on nobody writes for them, rebuilds them, or keeps what
 * is left of them (promise P8).
 *
 * The record has a name that one read finds, because every writer asks before it writes rows.
 */
import { z } from 'zod'
import type { OwnerId } from '../../model/ids.ts'
import type { BlobStore } from '../../ports.ts'
import { fixedName, type RecordKind } from './ops-records.ts'

const erasedSchema = z.object({ owner: z.string(), request: z.string() })

export const ERASED: RecordKind<z.infer<typeof erasedSchema>> = {
  ...{ service: 'expirer', kind: 'erased', schema: erasedSchema },
}

/** That it is there is enough, whatever it says. */
export async function isErased(
  ops: BlobStore,
  owner: OwnerId,
  signal: AbortSignal,
): Promise<boolean> {
  return (await ops.stat(fixedName(ERASED, owner), signal)) !== undefined
}
