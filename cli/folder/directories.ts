/**
 * The directories of the output: which one a folder becomes, and making it.
 *
 * Nothing is made outside of the output: each directory is made one below the other, and none of
 * them may be a link, whoever put it there.
 */
import { lstat, mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { AppError } from '../../src/model/errors.ts'
import type { GraphId } from '../../src/model/ids.ts'
import type { Folder, FolderTree } from '../held/folder-tree.ts'
import { safeName } from './safe-name.ts'
import type { TakenNames } from './taken-names.ts'

/** Where items go whose folder is not held. */
export const NO_FOLDER = 'unknown folder'

/** The path of every folder below `top`, each directory given away once, parents first. */
export function directoriesOf(
  tree: FolderTree,
  top: string,
  names: TakenNames,
): Map<GraphId, string> {
  const paths = new Map<GraphId, string>()
  const open: { folder: Folder; above: string }[] = []
  const openBelow = (id: GraphId | undefined, above: string) => {
    open.push(...tree.below(id).map((folder) => ({ folder, above })))
  }
  openBelow(undefined, top)
  // Breadth first, in the order of the state: the same in each run over the same point.
  for (const { folder, above } of open) {
    if (paths.has(folder.id)) continue
    const { stem, ending } = safeName(folder.name)
    const path = `${above}/${names.give(above, { stem: `${stem}${ending}`, ending: '' })}`
    paths.set(folder.id, path)
    openBelow(folder.id, path)
  }
  return paths
}

/** Makes directories below one root, each once in a run. */
export class DirectoryMaker {
  readonly #root: string
  readonly #made = new Map<string, Promise<string>>()

  constructor(root: string) {
    this.#root = root
  }

  /** `path`: with `/`. Gives the whole path. Throws `OutputBlocked`. */
  make(path: string): Promise<string> {
    const known = this.#made.get(path)
    if (known) return known
    const made = this.#makeBelow(path)
    this.#made.set(path, made)
    made.catch(() => this.#made.delete(path))
    return made
  }

  async #makeBelow(path: string): Promise<string> {
    const at = path.lastIndexOf('/')
    const above = at === -1 ? this.#root : await this.make(path.slice(0, at))
    return await makeOne(join(above, path.slice(at + 1)))
  }
}

async function makeOne(path: string): Promise<string> {
  try {
    await mkdir(path, { mode: 0o700 })
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
    if (!(await lstat(path)).isDirectory()) throw blocked()
  }
  return path
}

function blocked(): AppError {
  return new AppError({
    code: 'OutputBlocked',
    kind: 'permanent',
    message: 'A file or link stands where a directory of the output has to be.',
    hint: 'Restore into an empty directory.',
  })
}
