/**
 * The library of the bench: so many files in so many folders, half of them below one folder that
 * is renamed. Contents are made from seeds whenever somebody reads them, and cannot be compressed.
 */
import type { ControlClient } from '../../tenant/index.ts'

export const FILE_BYTES = 20_000
const SITE = '/sites/bench'
const [NORTH, SOUTH] = ['North', 'South']
export const RENAMED = 'North, renamed'

export interface Library {
  driveId: string
  filesBelowRenamed: number
  /** Gives so many files, spread over all folders, new content. */
  change(count: number): Promise<void>
  /** Renames the folder that half of the files are below. */
  rename(): Promise<void>
}

/** Folders 0 and 1 are at the top, all others in one of these two. */
export function folderPath(n: number): string {
  const top = n % 2 === 0 ? NORTH : SOUTH
  return n < 2 ? top : `${top}/Folder ${n}`
}

/** Spread evenly: any two folders hold the same number of files, or one more. */
export function filePath(n: number, folders: number): string {
  return `${folderPath(n % folders)}/File ${n}.bin`
}

export function belowNorth(files: number, folders: number): number {
  const isBelow = (n: number) => filePath(n, folders).startsWith(`${NORTH}/`)
  return Array.from({ length: files }, (_, n) => n).filter(isBelow).length
}

/** Numbers of `count` files, as far from each other as they can be. */
export function spread(count: number, files: number): number[] {
  return Array.from({ length: count }, (_, i) => Math.floor((i * files) / count))
}

export async function fillLibrary(
  control: ControlClient,
  { files, folders }: { files: number; folders: number },
  signal: AbortSignal,
): Promise<Library> {
  const { drive } = await control.createSite({ path: SITE, displayName: 'Bench' })
  const top = await control.makeFolder({ drive, path: NORTH })
  const put = async (n: number, seed: number) => {
    signal.throwIfAborted()
    const generated = { seed, size: FILE_BYTES }
    await control.putFile({ drive, path: filePath(n, folders), generated })
  }
  for (let n = 0; n < files; n += 1) await put(n, n)
  return {
    driveId: drive,
    filesBelowRenamed: belowNorth(files, folders),
    async change(count) {
      for (const n of spread(count, files)) await put(n, files + n)
    },
    async rename() {
      await control.renameItem({ drive, item: top.id, name: RENAMED })
    },
  }
}
