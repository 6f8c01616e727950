/**
 * Full readings of the directory, and who is gone since the one before.
 *
 * A delta tells who was removed; where its link is lost, nobody does. So the directory is then
 * read as a whole under a new number, every user that it shows is stamped with that number in the
 * resource row, and at the end each resource without the stamp is asked for by its id before it
 * is called gone. All of it is in rows: any worker goes on after any death, and memory holds one
 * page. A reading that loses its link once more is begun anew under the next number.
 */
import { z } from 'zod'
import type { Catalogue, Resource } from '../catalogue/types.ts'
import { AppError } from '../model/errors.ts'
import type { Clock } from '../ports.ts'
import type { Directory } from './directory.ts'
import { gone } from './seen.ts'

const READING_NOTE = 'directory-reading'
const RESOURCES_PAGE = 500
/** Users in a row of whom the directory says nothing certain; then it is left for later. */
const UNCERTAIN_RUN_MAX = 3

const readingSchema = z.object({
  n: z.int().positive(),
  /** `comparing`: everything was read; those who were not shown are asked for. */
  phase: z.enum(['reading', 'comparing', 'compared']),
})
export type FullReading = z.infer<typeof readingSchema>

/** Undefined before the first one. */
export async function fullReading(
  catalogue: Catalogue,
  signal: AbortSignal,
): Promise<FullReading | undefined> {
  const text = await catalogue.note(READING_NOTE, signal)
  return text === undefined ? undefined : readingSchema.parse(JSON.parse(text))
}

/** To be saved before the first page is read, so that no number is used twice. */
export async function beginReading(
  catalogue: Catalogue,
  signal: AbortSignal,
): Promise<FullReading> {
  const before = await fullReading(catalogue, signal)
  return await save(catalogue, { n: (before?.n ?? 0) + 1, phase: 'reading' }, signal)
}

/** The last page was taken. No effect on a reading that was not open. */
export async function endReading(catalogue: Catalogue, signal: AbortSignal): Promise<void> {
  const now = await fullReading(catalogue, signal)
  if (now?.phase === 'reading') await save(catalogue, { ...now, phase: 'comparing' }, signal)
}

async function save(
  catalogue: Catalogue,
  reading: FullReading,
  signal: AbortSignal,
): Promise<FullReading> {
  await catalogue.saveNote(READING_NOTE, JSON.stringify(reading), signal)
  return reading
}

interface CompareDeps {
  catalogue: Catalogue
  directory: Pick<Directory, 'exists'>
  clock: Clock
}

/**
 * Asks for everybody whom the last full reading did not show. False: the deadline came first.
 * Who was asked is stamped or gone, so a later call goes on and asks nobody twice.
 */
export async function compareReading(
  deps: CompareDeps,
  deadline: number,
  signal: AbortSignal,
): Promise<boolean> {
  const { catalogue } = deps
  const reading = await fullReading(catalogue, signal)
  if (reading?.phase !== 'comparing') return true
  let uncertainRun = 0
  let isWhole = true
  let continuation: string | undefined
  do {
    const query = { max: RESOURCES_PAGE, ...(continuation !== undefined && { continuation }) }
    const page = await catalogue.resources.list(query, signal)
    for (const resource of page.items) {
      if (resource.state === 'gone' || (resource.seenIn ?? 0) >= reading.n) continue
      if (deps.clock.now() >= deadline) return false
      uncertainRun = (await askFor(deps, resource, reading.n, signal)) ? 0 : uncertainRun + 1
      isWhole &&= uncertainRun === 0
      if (uncertainRun > UNCERTAIN_RUN_MAX) return true
    }
    continuation = page.continuation
  } while (continuation !== undefined)
  if (isWhole) await save(catalogue, { ...reading, phase: 'compared' }, signal)
  return true
}

/** False: the answer was not certain, and the user stays as it is until the next discovery. */
async function askFor(
  deps: CompareDeps,
  { key, graphId }: Resource,
  n: number,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    if (!(await deps.directory.exists(graphId, signal))) {
      await gone(deps, graphId, signal)
      return true
    }
  } catch (error) {
    if (!(error instanceof AppError) || error.kind === 'bug' || error.kind === 'throttled') {
      throw error
    }
    return false
  }
  const stamped = (held: Resource | undefined) => held && { ...held, seenIn: n }
  await deps.catalogue.resources.update(key, stamped, signal)
  return true
}
