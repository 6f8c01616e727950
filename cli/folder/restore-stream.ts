/**
 * Restores one stream at one point into a folder.
 *
 * Items are worked shard by shard, a few at once, so memory is that of one shard, of the folders,
 * and of the names that were given away. What cannot be read of one item is that item's failure;
 * what would meet the next one too (no key, no space, no connection) ends the work.
 */

import { eachBounded } from '../../src/concurrency/index.ts'
import { AppError } from '../../src/model/errors.ts'
import { type GraphId, type KeyHash, keyHash } from '../../src/model/ids.ts'
import type { ContentReader, StateItem } from '../../src/vault/index.ts'
import type { FolderTree } from '../held/folder-tree.ts'
import { fileFormOf, isOfEarlierVersions } from '../held/form.ts'
import { type HeldState, linesOf } from '../held/held-state.ts'
import { type DirectoryMaker, NO_FOLDER } from './directories.ts'
import { placeFile } from './place-file.ts'
import { addFailure, type FolderReport, type WorkloadReport } from './report.ts'
import { type SafeName, safeName } from './safe-name.ts'
import type { TakenNames } from './taken-names.ts'

/** Each holds a segment of content, 8 MiB at most, and its sealed form. */
const FILES_AT_ONCE = 4
/** Items that are taken from a shard at a time. */
const BATCH = 64
/** The file system says these of one file; anything else is said of all. */
const OF_ONE_FILE = new Set(['ENAMETOOLONG', 'EILSEQ', 'EINVAL', 'EISDIR', 'ENOTDIR', 'EFBIG'])

export interface StreamToRestore {
  held: HeldState
  reader: ContentReader
  tree: FolderTree
  /** Absent: everything. */
  only: ReadonlySet<GraphId> | undefined
  /** Of each folder, with `/`. */
  directories: ReadonlyMap<GraphId, string>
  /** Where the stream begins in the output. */
  top: string
  names: TakenNames
  maker: DirectoryMaker
  counts: WorkloadReport
  report: FolderReport
  onItem(): void
}

export async function restoreStream(work: StreamToRestore, signal: AbortSignal): Promise<void> {
  let batch: Job[] = []
  const flush = async () => {
    await eachBounded(batch, FILES_AT_ONCE, (job) => restoreOne(work, job, signal))
    batch = []
  }
  for await (const line of linesOf(work.held, signal)) {
    if (line.is !== 'item' || line.kind !== 'item') continue
    const job = jobOf(work, line)
    if (job) batch.push(job)
    if (batch.length >= BATCH) await flush()
  }
  await flush()
}

interface Job {
  item: StateItem
  key: KeyHash
  directory: string
  name: SafeName
  /** Names are given away in the order of the items, whichever is written first. */
  first: string
}

/** Undefined where nothing is to be written. */
function jobOf(work: StreamToRestore, item: StateItem): Job | undefined {
  const { container } = item.place
  if (!isMeant(work, container)) return undefined
  if (isOfEarlierVersions(container)) {
    work.counts.earlierVersions += 1
    return undefined
  }
  const form = fileFormOf(item.representations)
  if (form === undefined) {
    work.counts.withoutContent += 1
    return undefined
  }
  const directory = work.directories.get(container) ?? `${work.top}/${NO_FOLDER}`
  const name = safeName(item.display.name, form.ending)
  const first = work.names.give(directory, name)
  return { item, key: keyHash(item.item), directory, name, first }
}

/** Earlier versions stand in a container that is named by their file. */
function isMeant({ only }: StreamToRestore, container: GraphId): boolean {
  return only === undefined || only.has(container)
}

async function restoreOne(work: StreamToRestore, job: Job, signal: AbortSignal): Promise<void> {
  const { item, key, directory, name, first } = job
  const form = fileFormOf(item.representations)
  if (form === undefined) return
  let next: string | undefined = first
  try {
    const placed = await placeFile(
      {
        directory: await work.maker.make(directory),
        key,
        representation: form.representation,
        changedAt: item.display.date,
        reader: work.reader,
        nextName() {
          const given = next ?? work.names.give(directory, name)
          next = undefined
          return given
        },
      },
      signal,
    )
    if (placed.outcome === 'written') work.counts.written += 1
    else work.counts.alreadyThere += 1
    work.counts.bytes += form.representation.bytes
  } catch (error) {
    const code = codeOfItem(error)
    if (code === undefined || signal.aborted) throw error
    work.counts.failed += 1
    const { workload } = work.held
    addFailure(work.report, { item: key, workload, path: `${directory}/${first}`, code })
  }
  work.onItem()
}

/** Undefined where it is not the item's own failure. */
function codeOfItem(error: unknown): string | undefined {
  if (error instanceof AppError) {
    return error.kind === 'corrupt' || error.code === 'OutputBlocked' ? error.code : undefined
  }
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  return OF_ONE_FILE.has(code) ? `OutputRefused.${code}` : undefined
}
