/**
 * Cursors of paged answers: opaque texts that carry the catalogue's continuation, the commit as
 * of which the list is read, and what list they belong to.
 *
 * A list that is read page by page stays as of one commit, however many come meanwhile. Nothing
 * in a cursor is trusted: it opens only what the same call without it would open, so it needs no
 * signature.
 */
import { createHash } from 'node:crypto'
import { z } from 'zod'
import { refusal } from './problems.ts'

const cursorSchema = z.strictObject({
  list: z.string(),
  next: z.string(),
  seq: z.number().int().min(0).optional(),
})

export interface Position {
  /** The catalogue's continuation. */
  next: string
  seq?: number
}

/** `list` names the call with everything that chooses its lines; other lists refuse the cursor. */
export function cursorText(list: readonly string[], position: Position): string {
  const body = { list: fingerprint(list), ...position }
  return Buffer.from(JSON.stringify(body)).toString('base64url')
}

/** Throws `BadCursor`. */
export function positionOf(
  list: readonly string[],
  text: string | undefined,
): Position | undefined {
  if (text === undefined) return undefined
  const parsed = cursorSchema.safeParse(decoded(text))
  if (!parsed.success || parsed.data.list !== fingerprint(list)) {
    throw refusal(
      'BadCursor',
      'The cursor does not belong to this list.',
      'Give back "next" of the page before unchanged, with the same other parameters; or begin ' +
        'again without a cursor.',
    )
  }
  const { next, seq } = parsed.data
  return { next, ...(seq === undefined ? {} : { seq }) }
}

function decoded(text: string): unknown {
  try {
    return JSON.parse(Buffer.from(text, 'base64url').toString('utf8'))
  } catch {
    return undefined
  }
}

function fingerprint(list: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(list)).digest('base64url').slice(0, 16)
}
