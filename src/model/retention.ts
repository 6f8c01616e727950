/**
 * How long recovery points are kept, as a policy says it.
 *
 * A shorter time than a week would leave nobody the time to notice a loss.
 */
import { z } from 'zod'

export const RETENTION_DAYS_MIN = 7
const RETENTION_DAYS_MAX = 36_500

export const retentionSchema = z.union([
  z.literal('forever'),
  z.strictObject({ days: z.int().min(RETENTION_DAYS_MIN).max(RETENTION_DAYS_MAX) }),
])

/** The state at any moment of the last `days` days can be restored. */
export type Retention = z.infer<typeof retentionSchema>

export function longest(a: Retention, b: Retention): Retention {
  if (a === 'forever' || b === 'forever') return 'forever'
  return a.days >= b.days ? a : b
}
