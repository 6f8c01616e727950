/**
 * Writing one file of the output, whole or not at all, over nothing that is there.
 *
 * A file gets its name when it is complete and was checked to its end; until then it has another
 * one, which the next run removes. Whatever stands under a name stays: a file that is the item's
 * already counts as written, anything else makes the item take the next name.
 */
import { createHash } from 'node:crypto'
import { constants, createReadStream } from 'node:fs'
import { copyFile, link, lstat, open, rm, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import type { Representation } from '../../src/model/events.ts'
import type { ContentReader } from '../../src/vault/index.ts'
import { UNFINISHED } from './safe-name.ts'

export interface FileToPlace {
  /** Made already. */
  directory: string
  /** Nothing else has it: names the file while it is unfinished. */
  key: string
  representation: Representation
  /** ISO time of the last change, where it is held. */
  changedAt?: string | undefined
  reader: ContentReader
  /** The next name to try. */
  nextName(): string
}

export type Placed = { outcome: 'written' | 'already-there'; name: string }

/** Throws what the reader and the file system throw; then nothing was left behind. */
export async function placeFile(file: FileToPlace, signal: AbortSignal): Promise<Placed> {
  const unfinished = join(file.directory, `.${file.key}${UNFINISHED}`)
  let isWritten = false
  try {
    for (;;) {
      signal.throwIfAborted()
      const name = file.nextName()
      const path = join(file.directory, name)
      const there = await isTheItem(path, file, signal)
      if (there === 'the item') return { outcome: 'already-there', name }
      if (there === 'another') continue
      if (!isWritten) await write(unfinished, file, signal)
      isWritten = true
      if (await giveName(unfinished, path)) return { outcome: 'written', name }
    }
  } finally {
    await rm(unfinished, { force: true })
  }
}

async function write(path: string, file: FileToPlace, signal: AbortSignal): Promise<void> {
  await rm(path, { force: true })
  const handle = await open(path, 'wx', 0o600)
  try {
    for await (const piece of file.reader.read(file.representation, signal)) {
      await handle.writeFile(piece)
    }
  } finally {
    await handle.close()
  }
  const changed = new Date(file.changedAt ?? Number.NaN)
  if (!Number.isNaN(changed.getTime())) await utimes(path, changed, changed)
}

/** False where something has the name. */
async function giveName(unfinished: string, path: string): Promise<boolean> {
  try {
    await link(unfinished, path)
    return true
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false
    if (!['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'].includes(codeOf(error))) throw error
  }
  // The file system has no hard links (FAT, some shares).
  try {
    await copyFile(unfinished, path, constants.COPYFILE_EXCL)
    return true
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false
    await rm(path, { force: true })
    throw error
  }
}

async function isTheItem(
  path: string,
  { representation, reader }: FileToPlace,
  signal: AbortSignal,
): Promise<'nothing' | 'the item' | 'another'> {
  const found = await lstat(path).catch((error: unknown) => {
    if (codeOf(error) === 'ENOENT') return undefined
    throw error
  })
  if (found === undefined) return 'nothing'
  if (!found.isFile() || found.size !== representation.bytes) return 'another'
  const isSame =
    representation.digest === undefined
      ? (await hashOf(path, signal)) === representation.sha256
      : await isEqual(path, reader.read(representation, signal), signal)
  return isSame ? 'the item' : 'another'
}

async function hashOf(path: string, signal: AbortSignal): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path, { signal })) hash.update(chunk as Buffer)
  return hash.digest('hex')
}

/** Of long content no hash of the whole is held: the bytes themselves are compared. */
async function isEqual(
  path: string,
  pieces: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<boolean> {
  const handle = await open(path, 'r')
  try {
    let at = 0
    for await (const piece of pieces) {
      signal.throwIfAborted()
      const mine = Buffer.alloc(piece.length)
      const { bytesRead } = await handle.read(mine, 0, piece.length, at)
      if (bytesRead !== piece.length || !mine.equals(piece)) return false
      at += piece.length
    }
    return true
  } finally {
    await handle.close()
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : ''
}
