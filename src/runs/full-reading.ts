/**
 * Full readings of a source, and what is gone since the one before.
 *
 * A delta tells what was removed; where its link is lost, nobody does. So the source is then
 * read as a whole under a new number, every resource that it shows is stamped with that number in
 * its row, and at the end each resource without the stamp is asked for by its id before it
 * is called gone. All of it is in rows: any worker goes on after any death, and memory holds one
 * page. A reading that loses its link once more is begun anew under the next number.
 */
import { z } from 'zod'
import type { Catalogue, Resource } from '../catalogue/types.ts'
import { AppError } from '../model/errors.ts'
import type { Clock } from '../ports.ts'
import { gone } from './seen.ts'
import type { ResourceSource } from './sources.ts'

type Kind = ResourceSource['kind']
const noteOf = (kind: Kind) => `discovery-reading-${kind}`
const RESOURCES_PAGE = 500
/** Resources in a row of which the source says nothing certain; then it is left for later. */
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
  kind: Kind,
  signal: AbortSignal,
): Promise<FullReading | undefined> {
  const text = await catalogue.note(noteOf(kind), signal)
  return text === undefined ? undefined : readingSchema.parse(JSON.parse(text))
}

/** To be saved before the first page is read, so that no number is used twice. */
export async function beginReading(
  catalogue: Catalogue,
  kind: Kind,
  signal: AbortSignal,
): Promise<FullReading> {
  const before = await fullReading(catalogue, kind, signal)
  return await save(catalogue, kind, { n: (before?.n ?? 0) + 1, phase: 'reading' }, signal)
}

/** The last page was taken. No effect on a reading that was not open. */
export async function endReading(
  catalogue: Catalogue,
  kind: Kind,
  signal: AbortSignal,
): Promise<void> {
  const now = await fullReading(catalogue, kind, signal)
  if (now?.phase === 'reading') await save(catalogue, kind, { ...now, phase: 'comparing' }, signal)
}

async function save(
  catalogue: Catalogue,
  kind: Kind,
  reading: FullReading,
  signal: AbortSignal,
): Promise<FullReading> {
  await catalogue.saveNote(noteOf(kind), JSON.stringify(reading), signal)
  return reading
}

interface CompareDeps {
  catalogue: Catalogue
  source: Pick<ResourceSource, 'kind' | 'exists'>
  clock: Clock
}

/**
 * Asks for all that the last full reading did not show. False: the deadline came first. What was
 * asked for is stamped or gone, so a later call goes on and asks for nothing twice.
 */
export async function compareReading(
  deps: CompareDeps,
  deadline: number,
  signal: AbortSignal,
): Promise<boolean> {
  const { catalogue, source } = deps
  const { kind } = source
  const reading = await fullReading(catalogue, kind, signal)
  if (reading?.phase !== 'comparing') return true
  let uncertainRun = 0
  let isWhole = true
  let continuation: string | undefined
  do {
    const query = { kind, max: RESOURCES_PAGE, ...(continuation !== undefined && { continuation }) }
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
  if (isWhole) await save(catalogue, kind, { ...reading, phase: 'compared' }, signal)
  return true
}

/** False: the answer was not certain, and the resource stays as it is until the next discovery. */
async function askFor(
  deps: CompareDeps,
  { key, graphId }: Resource,
  n: number,
  signal: AbortSignal,
): Promise<boolean> {
  try {
    if (!(await deps.source.exists(graphId, signal))) {
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
