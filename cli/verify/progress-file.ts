/**
 * The file in which a verification keeps how far it is, so that it can go on.
 *
 * It is replaced as a whole, so that it is never half a file; and it holds no names and no keys.
 */
import { readFile, rename, rm, writeFile } from 'node:fs/promises'
import {
  type VerifyPlan,
  type VerifyProgress,
  verifyProgressSchema,
  verifyStart,
} from '../../src/vault/verify/index.ts'
import { refusal, usageError } from '../trouble.ts'

const SAVE_EVERY_MS = 5000

export interface ProgressFile {
  /** Where to begin. */
  readonly start: VerifyProgress
  /** It was begun before. */
  readonly isGoneOn: boolean
  /** Writes every few seconds. */
  save(progress: VerifyProgress): Promise<void>
  /** Writes the last one that was given, if it is not written yet. */
  flush(): Promise<void>
  remove(): Promise<void>
}

/**
 * `path` undefined: nothing is kept. Throws `ProgressDamaged`, and `Usage` where the file is of
 * another verification.
 */
export async function openProgressFile(
  path: string | undefined,
  plan: VerifyPlan,
): Promise<ProgressFile> {
  const kept = path === undefined ? undefined : await readKept(path, plan)
  let unsaved: VerifyProgress | undefined
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
    start: kept ?? verifyStart(plan),
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

/** The plan of the file counts, because its seed decides the sample. */
async function readKept(path: string, plan: VerifyPlan): Promise<VerifyProgress | undefined> {
  const text = await readFile(path, 'utf8').catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  })
  if (text === undefined) return undefined
  const parsed = verifyProgressSchema.safeParse(jsonOf(text))
  if (!parsed.success) {
    throw refusal(
      'ProgressDamaged',
      'The file in --progress is not one of a verification.',
      'Name another file, or remove this one to begin anew.',
    )
  }
  const { owner, openPercent } = parsed.data.plan
  if (owner === plan.owner && openPercent === plan.openPercent) return parsed.data
  throw usageError(
    'The file in --progress is of a verification with other options.',
    'Give the same --owner, and the same of --full, --hashes and --sample; or another file.',
  )
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
