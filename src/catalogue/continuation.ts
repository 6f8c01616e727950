/**
 * Continuations: where the next page of a query begins, as one opaque text.
 *
 * It names the last row key that was given out, not the store's own token, so a page can be cut
 * at any row. It comes back from outside, so it is checked: another query's, or a forged one, is
 * `BadContinuation`. It holds no name and no Graph id, because row keys hold none.
 */
import { z } from 'zod'
import { AppError } from '../model/errors.ts'
import { KEY_UNITS_MAX } from './limits.ts'

const UNITS_MAX = 4096

const schema = z.strictObject({
  v: z.literal(1),
  /** Which query it belongs to. */
  q: z.string().max(KEY_UNITS_MAX),
  /** Row key of the last row that was looked at. */
  k: z.string().min(1).max(KEY_UNITS_MAX),
})

export function encodeContinuation(query: string, lastRow: string): string {
  return Buffer.from(JSON.stringify({ v: 1, q: query, k: lastRow })).toString('base64url')
}

/** The last row that was looked at. Throws `BadContinuation`. */
export function decodeContinuation(query: string, text: string): string {
  const parsed = schema.safeParse(parseJson(text))
  if (!parsed.success || parsed.data.q !== query) throw badContinuation()
  return parsed.data.k
}

function parseJson(text: string): unknown {
  if (text.length > UNITS_MAX) throw badContinuation()
  const bytes = Buffer.from(text, 'base64url')
  // Node ignores what is no base64; we do not.
  if (bytes.toString('base64url') !== text) throw badContinuation()
  try {
    return JSON.parse(bytes.toString('utf8'))
  } catch {
    throw badContinuation()
  }
}

export function badContinuation(): AppError {
  return new AppError({
    code: 'BadContinuation',
    kind: 'permanent',
    message: 'The continuation does not belong to this query.',
    hint: 'Give back a continuation unchanged, with the same query, or start from the first page.',
  })
}
