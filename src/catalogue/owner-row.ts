/** What an owner row holds besides the owner itself. */
import { z } from 'zod'
import type { Row } from '../ports.ts'
import { decodeBody } from './rows.ts'
import { ownerSchema } from './schemas.ts'

const leaseSchema = z.object({
  holder: z.string(),
  token: z.string(),
  until: z.number(),
  /** When the owner was due as the lease was taken. */
  dueAt: z.string(),
  /** Ms: when it was taken. */
  since: z.number().default(0),
  /** What `writesUntil` was before. */
  writesBefore: z.number().default(0),
})

const fenceSchema = z.object({
  /** Rows may be missing: it stays until a rebuild has made them. */
  isBegun: z.boolean(),
  /** Ms: then it counts no more, unless it is begun. */
  lapsesAt: z.number(),
  progress: z.string(),
})

const rowSchema = z.object({
  owner: ownerSchema,
  lease: leaseSchema.nullable(),
  /** Ms: until then rows may be written by claims that were not given back. */
  writesUntil: z.number().default(0),
  /** A rebuild asks for the owner, or has it: no slice begins. */
  fence: fenceSchema.nullable().default(null),
})

export type OwnerRow = z.infer<typeof rowSchema>

/** Throws `RowUnreadable`. */
export const decodeOwner = (row: Row): OwnerRow => decodeBody(row, rowSchema)
