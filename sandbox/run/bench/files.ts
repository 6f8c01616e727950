/**
 * What backups of files cost, in resource units and in memory: a first one, then where nothing
 * changed, for files with new content, for a renamed folder; and one large file. Beside each step
 * the same of rclone, where it is installed. All is counted by the tenant.
 */
import type { Rclone } from '../../rclone/index.ts'
import type { ApiClient } from '../api-client.ts'
import { type BackupResult, backUp } from '../backup.ts'
import { watchMemory } from '../memory.ts'
import { countText } from '../progress.ts'
import { tick } from '../tick.ts'
import { type BenchStack, type Surroundings, withStack } from './bench-stack.ts'
import {
  type FileFigures,
  type FilesMeasured,
  fileFigures,
  type Step,
  type Steps,
} from './files-figures.ts'
import { measureLarge } from './large-file.ts'
import { fillLibrary, type Library, RENAMED } from './library.ts'
import { NO_BUDGET, setBudgetAside } from './no-budget.ts'
import type { FileSizes } from './options.ts'
import { lookForRclone, startRclone } from './rclone.ts'

const CHANGES = 100

export async function benchFiles(
  sizes: FileSizes,
  surroundings: Surroundings,
): Promise<FileFigures> {
  const { files, largeGb } = sizes
  const folders = Math.min(sizes.folders, files)
  const rclone = await lookForRclone()
  surroundings.out.write(`${countText(files)} files in ${countText(folders)} folders\n`)
  const options = { azuriteInMemory: true, settings: NO_BUDGET }
  const measured = await withStack(surroundings, options, (bench) =>
    measure(bench, { files, folders, rclone }),
  )
  const large = largeGb === 0 ? undefined : await measureLarge(largeGb, surroundings)
  return fileFigures({ ...measured, large })
}

interface Given {
  files: number
  folders: number
  rclone: Rclone | undefined
}

async function measure(
  bench: BenchStack,
  { files, folders, rclone }: Given,
): Promise<Omit<FilesMeasured, 'large'>> {
  const { stack, signal } = bench
  const { control, workerPids } = stack
  await setBudgetAside(control)
  const library = await fillLibrary(control, { files, folders }, signal)
  const changes = Math.min(CHANGES, files)
  const given = { library, changes, total: files + folders }
  const memory = watchMemory(() => workerPids)
  const ran = rclone
    ? await besideRclone(bench, given, rclone)
    : { steps: await runSteps(bench, given), rclone: 'rclone is not installed' }
  await memory.stop()
  return {
    ...{ files, folders, changes, ...ran },
    filesBelowRenamed: library.filesBelowRenamed,
    isRenameKnown: await isRenameKnown(bench.api),
    ...{ mb: memory.peakMb(), workerDeaths: workerPids.length - 1 },
  }
}

interface Running {
  library: Library
  changes: number
  total: number
  /** Comes after each step, and before the next. */
  andThen?: (step: Step) => Promise<void>
}

/** One after the other, never both at once. */
async function besideRclone(
  bench: BenchStack,
  given: Running,
  program: Rclone,
): Promise<Pick<FilesMeasured, 'steps' | 'rclone'>> {
  const rclone = await startRclone(program, bench, given.library.driveId)
  try {
    const steps = await runSteps(bench, { ...given, andThen: rclone.run })
    return { steps, rclone: rclone.results() }
  } finally {
    await rclone.stop()
  }
}

async function runSteps(
  { stack, api, out, signal }: BenchStack,
  { library, changes, total, andThen }: Running,
): Promise<Steps<BackupResult>> {
  const { control } = stack
  const step = async (name: Step, backup: () => Promise<BackupResult>) => {
    const result = await backup()
    await andThen?.(name)
    return result
  }
  const again = () => tick(stack, api, signal)
  const first = await step('first', () =>
    backUp({ api, control, title: 'first run', total, out, signal }),
  )
  const unchanged = await step('unchanged', again)
  await library.change(changes)
  const changed = await step('changed', again)
  await library.rename()
  const renamed = await step('renamed', again)
  return { first, unchanged, changed, renamed }
}

async function isRenameKnown(api: ApiClient): Promise<boolean> {
  for (const { id, state, kind } of await api.resources()) {
    if (state !== 'protected' || kind !== 'site') continue
    const folders = await api.containers(id, undefined, 'drive')
    if (folders.some(({ name }) => name === RENAMED)) return true
  }
  return false
}
