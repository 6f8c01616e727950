/** What says that an erasure is done, for the one who asked. */
import { z } from 'zod'
import type { RecordKind } from './ops-records.ts'

const receiptSchema = z.object({
  owner: z.string(),
  /** Id of the request. */
  request: z.string(),
  /** ISO time: from then on nobody can bring the keys back. */
  purgedAt: z.iso.datetime(),
  /** Recipients whose keys Holdfast cannot delete: destroy them, or they go on opening the content. */
  otherRecipients: z.array(z.string()),
})
export type Receipt = z.infer<typeof receiptSchema>

export const RECEIPT: RecordKind<Receipt> = {
  ...{ service: 'expirer', kind: 'receipt', schema: receiptSchema },
}
