/**
 * Reads a restored file back and compares it with what was held: name, folder, dates, content.
 *
 * The outcome names fields, never values (P9). An Office file that SharePoint rewrote is told as
 * such: its content is whole, and other bytes than those that were sent.
 */
import { type JsonObject, textOf } from '../../graph/index.ts'
import { AppError } from '../../model/errors.ts'
import type { GraphId } from '../../model/ids.ts'
import type { CheckOutcome, HeldVersion, Match, Seen, Spot } from '../workload.ts'
import { hasHeldContent } from './content-match.ts'
import { isRewritten } from './facets.ts'
import { DATES, dateOf, type HeldFile, heldFile } from './held.ts'
import { readFile, seenOf, type TargetSite } from './site.ts'

const CONTENT = 'content'
const REWRITTEN = 'content (rewritten by SharePoint)'

export interface Check {
  target: TargetSite
  id: GraphId
  version: HeldVersion
  signal: AbortSignal
}

/** Throws `Throttled` and `DeadlineReached`: then the check is not done, rather than failed. */
export async function checkFile(check: Check, spot: Spot): Promise<CheckOutcome> {
  const { target, id, version, signal } = check
  try {
    const made = await readFile(target, id, signal)
    if (made === undefined) return { outcome: 'could-not-check', code: 'ItemGone' }
    const file = heldFile(version)
    const content = await contentField(made, file, signal)
    if (content === 'unknown') return { outcome: 'could-not-check', code: 'HashNotShown' }
    const seen = await seenOf(target, id, made, signal)
    const fields = [...placeFields(made, seen, spot), ...dateFields(made, file, spot), ...content]
    if (fields.length === 0) return { outcome: 'verified', seen }
    return { outcome: 'differs', fields, isWhole: !fields.includes(CONTENT), seen }
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    if (error.kind === 'throttled' || error.code === 'DeadlineReached') throw error
    return { outcome: 'could-not-check', code: error.code }
  }
}

/** By content alone. */
export async function matchFile({ target, id, version, signal }: Check): Promise<Match> {
  const made = await readFile(target, id, signal)
  if (made === undefined) return 'gone'
  const match = await hasHeldContent(made, heldFile(version), signal)
  return match === 'same' ? 'same' : 'other'
}

async function contentField(
  made: JsonObject,
  file: HeldFile,
  signal: AbortSignal,
): Promise<string[] | 'unknown'> {
  const match = await hasHeldContent(made, file, signal)
  if (match === 'same') return []
  if (isRewritten(made)) return [REWRITTEN]
  return match === 'unknown' ? 'unknown' : [CONTENT]
}

/** A new version stands where the file was, under its name. */
function placeFields(made: JsonObject, seen: Seen, { container, name, onto }: Spot): string[] {
  if (onto !== undefined) return []
  const fields: string[] = []
  if (textOf(made, 'name') !== name) fields.push('name')
  if (seen.container !== container) fields.push('folder')
  return fields
}

function dateFields(made: JsonObject, { json }: HeldFile, { onto }: Spot): string[] {
  // A file that gets a version keeps the date of its own creation.
  const compared = onto === undefined ? DATES : (['lastModifiedDateTime'] as const)
  return compared.filter((date) => {
    const held = dateOf(json, date)
    return held !== undefined && held !== dateOf(made, date)
  })
}
