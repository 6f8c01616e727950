/** A rebuild of one stream to its end, for tests of rows. */
import type { StreamTables } from '../../catalogue/types.ts'
import { REBUILD_START, rebuildStream } from '../rebuild.ts'
import type { StreamVault } from '../types.ts'

/** More than it ever takes to begin anew. */
const TRIES_MAX = 3

/** Throws what rebuildStream throws. */
export async function rebuildWhole(
  stream: StreamVault,
  tables: StreamTables,
  signal: AbortSignal,
): Promise<void> {
  const options = { notAfter: Number.MAX_SAFE_INTEGER }
  let progress = REBUILD_START
  for (let n = 0; n < TRIES_MAX && progress.phase !== 'done'; n += 1) {
    progress = await rebuildStream(stream, tables, progress, options, signal)
  }
  if (progress.phase !== 'done') throw new Error('The rebuild does not end.')
}
