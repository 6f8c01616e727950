/**
 * The file in which a long command keeps how far it is, so that it can go on.
 *
 * It is replaced as a whole, so that it is never half a file; and it holds no names and no keys.
 */
import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import type { z } from 'zod'
import { refusal, usageError } from '../trouble.ts'

const SAVE_EVERY_MS = 5000

export interface ProgressFile<T> {
  /** Where to begin. */
  readonly start: T
  /** It was begun before. */
  readonly isGoneOn: boolean
  /** Writes every few seconds. */
  save(progress: T): Promise<void>
  /** Writes the last one that was given, if it is not written yet. */
  flush(): Promise<void>
  remove(): Promise<void>
}

export interface KeptProgress<T> {
  /** What is kept, in a word: `verification`. */
  what: string
  schema: z.ZodType<T>
  /** Whether what was kept is of a command with these options. */
  isSame(kept: T): boolean
  /** The options that must be given again. */
  options: string
  start: T
}

/**
 * `path` undefined: nothing is kept. Throws `ProgressDamaged`, and `Usage` where the file is of
 * a command with other options.
 */
export async function openProgressFile<T>(
  path: string | undefined,
  of: KeptProgress<T>,
): Promise<ProgressFile<T>> {
  const kept = path === undefined ? undefined : await readKept(path, of)
  let unsaved: T | undefined
  // The first one at once, so that a file that cannot be written is noticed in time.
  let savedAt = Number.NEGATIVE_INFINITY
  const flush = async () => {
    if (path === undefined || unsaved === undefined) return
    const text = JSON.stringify(unsaved)
    unsaved = undefined
    savedAt = performance.now()
    await writeFile(`${path}.new`, text, { mode: 0o600 })
    await rename(`${path}.new`, path)
  }
  return {
    start: kept ?? of.start,
    isGoneOn: kept !== undefined,
    async save(progress) {
      unsaved = progress
      if (performance.now() - savedAt >= SAVE_EVERY_MS) await flush()
    },
    flush,
    async remove() {
      unsaved = undefined
      if (path !== undefined) await rm(path, { force: true })
    },
  }
}

async function readKept<T>(path: string, of: KeptProgress<T>): Promise<T | undefined> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  })
  if (text === undefined) return undefined
  const parsed = of.schema.safeParse(jsonOf(text))
  if (!parsed.success) {
    throw refusal(
      'ProgressDamaged',
      `The file in --progress is not one of a ${of.what}.`,
      'Name another file, or remove this one to begin anew.',
    )
  }
  if (of.isSame(parsed.data)) return parsed.data
  throw usageError(
    `The file in --progress is of a ${of.what} with other options.`,
    `Give the same ${of.options}; or another file.`,
  )
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
