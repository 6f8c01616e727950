/** A vault in memory as a folder of files, and its keys as key files. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import type { OwnerId } from '../../src/model/ids.ts'
import type { MemoryBlobStore } from '../../src/vault/testing/memory-blob-store.ts'
import type { MemoryKeys } from '../../src/vault/testing/memory-keys.ts'

export interface DumpedVault {
  /** Everything of the test lies in here, and is removed after it. */
  folder: string
  vault: string
  keys: string
  /** The options that name both. */
  options: string[]
}

/** A test, or node:test itself: what is given to `after` runs when it has ended. */
export interface Cleaning {
  after(clean: () => Promise<void>): void
}

export async function tempFolder(t: Cleaning): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'holdfast-cli-'))
  t.after(() => rm(folder, { recursive: true, force: true }))
  return folder
}

export async function dump(
  t: Cleaning,
  { blobs, keys }: { blobs: Pick<MemoryBlobStore, 'blobs'>; keys: MemoryKeys },
  owners: readonly OwnerId[],
): Promise<DumpedVault> {
  const folder = await tempFolder(t)
  const at = { vault: join(folder, 'vault'), keys: join(folder, 'keys') }
  for (const [name, { bytes }] of blobs.blobs) await write(join(at.vault, name), bytes)
  for (const owner of owners) {
    const file = JSON.stringify({ holdfast: 1, ...keys.fileOf(owner) })
    await write(join(at.keys, `${owner}.json`), file)
  }
  return { folder, ...at, options: ['--vault', at.vault, '--keys', at.keys] }
}

async function write(path: string, content: Uint8Array | string): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  await writeFile(path, content)
}
