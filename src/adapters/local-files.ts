/**
 * A vault that was copied into a folder of this machine: read only, names of blobs as paths.
 *
 * For who looks at a vault without Azure: the copy of a container, or a disk that was sent. A copy
 * does not keep when its blobs were created, so no stat has `createdAt`, and the times that commits
 * state count. Links are not followed; what is no file of its own is no blob.
 */
import { closeSync, constants, fstatSync, openSync, read, readSync } from 'node:fs'
import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { AppError } from '../model/errors.ts'
import type { BlobStat, BlobStore } from '../ports.ts'

const readAside = promisify(read)
/**
 * Up to here a file is read at once: handing 12 KB to another thread costs seven times what reading
 * them costs. A disk that is slow to answer is waited for, by this process alone.
 */
const AT_ONCE_BYTES_MAX = 64 * 1024

/** To open a pipe without it waits for whoever writes there. Windows has neither. */
const OPEN_FLAGS = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0)

/** A blob's name as a path: nothing that leads out of the folder or means another place in it. */
const SAFE_NAME = /^(?!\.\.?(?:\/|$))[^/\\\0]+(?:\/(?!\.\.?(?:\/|$))[^/\\\0]+)*$/

/** No I/O. Throws nothing for a folder that is not there: it holds no blob. */
export function localFiles(folder: string): BlobStore {
  const pathOf = (name: string) => {
    if (!SAFE_NAME.test(name)) throw refused('The name of a blob is no path below the folder.')
    return join(folder, ...name.split('/'))
  }
  return {
    async create() {
      throw refused('A vault in a folder is only read.')
    },
    async read(name, signal, range) {
      const bytes = await readFrom(pathOf(name), range, signal)
      return bytes && { bytes: bytes.bytes, stat: { name, bytes: bytes.size } }
    },
    async stat(name, signal) {
      signal.throwIfAborted()
      const found = await orMissing(() => stat(pathOf(name)))
      return found?.isFile() ? { name, bytes: found.size } : undefined
    },
    list: (prefix, signal) => listBelow(folder, prefix, signal),
  }
}

interface Range {
  offset: number
  bytes: number
  into?: Uint8Array
}

async function readFrom(
  path: string,
  range: Range | undefined,
  signal: AbortSignal,
): Promise<{ bytes: Uint8Array; size: number } | undefined> {
  signal.throwIfAborted()
  const file = await orMissing(async () => openSync(path, OPEN_FLAGS))
  if (file === undefined) return undefined
  try {
    const found = fstatSync(file)
    if (!found.isFile()) return undefined
    const offset = range?.offset ?? 0
    const length = Math.max(0, Math.min(range?.bytes ?? found.size, found.size - offset))
    const room = range?.into?.subarray(0, length) ?? Buffer.allocUnsafeSlow(length)
    return { bytes: await readExactly(file, offset, room), size: found.size }
  } catch (error) {
    throw translateError(error)
  } finally {
    closeSync(file)
  }
}

/** Fewer bytes only where the file was cut meanwhile. */
async function readExactly(file: number, offset: number, room: Uint8Array): Promise<Uint8Array> {
  const isSmall = room.length <= AT_ONCE_BYTES_MAX
  let done = 0
  while (done < room.length) {
    const [length, at] = [room.length - done, offset + done]
    const bytesRead = isSmall
      ? readSync(file, room, done, length, at)
      : (await readAside(file, room, done, length, at)).bytesRead
    if (bytesRead === 0) break
    done += bytesRead
  }
  return room.subarray(0, done)
}

async function* listBelow(
  folder: string,
  prefix: string,
  signal: AbortSignal,
): AsyncGenerator<BlobStat> {
  const above = prefix.slice(0, prefix.lastIndexOf('/') + 1)
  if (above !== '' && !SAFE_NAME.test(above.slice(0, -1))) return
  yield* walk(folder, above, prefix, signal)
}

/** `above`: a folder's name with its `/`, or nothing. */
async function* walk(
  folder: string,
  above: string,
  prefix: string,
  signal: AbortSignal,
): AsyncGenerator<BlobStat> {
  signal.throwIfAborted()
  const entries = await orMissing(() => readdir(join(folder, above), { withFileTypes: true }))
  // A folder's blobs sort with its `/`: `a.x` comes before `a/x`.
  const names = (entries ?? [])
    .filter((entry) => entry.isFile() || entry.isDirectory())
    .map((entry) => `${above}${entry.name}${entry.isDirectory() ? '/' : ''}`)
    .sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
  for (const name of names) {
    if (name.endsWith('/')) {
      if (name.startsWith(prefix) || prefix.startsWith(name)) {
        yield* walk(folder, name, prefix, signal)
      }
    } else if (name.startsWith(prefix)) {
      const found = await orMissing(() => stat(join(folder, name)))
      if (found !== undefined) yield { name, bytes: found.size }
    }
  }
}

async function orMissing<T>(call: () => Promise<T>): Promise<T | undefined> {
  try {
    return await call()
  } catch (error) {
    const code = codeOf(error)
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined
    throw translateError(error)
  }
}

const codeOf = (error: unknown): unknown =>
  error instanceof Error && 'code' in error ? error.code : undefined

/** What Node threw, in our words. Paths of the machine stay out of it (P9). */
export function translateError(error: unknown): unknown {
  const code = codeOf(error)
  if (error instanceof AppError || typeof code !== 'string') return error
  if (code === 'EACCES' || code === 'EPERM') {
    return new AppError({
      code: 'StorageDenied',
      kind: 'denied',
      message: 'A file of the vault folder may not be read.',
      hint: 'Run it as a user who may read the whole folder, or change who may.',
      context: { errno: code },
    })
  }
  return new AppError({
    code: 'StorageUnavailable',
    kind: 'transient',
    message: 'A file of the vault folder cannot be read.',
    hint: 'Check the disk and its connection, then run it again.',
    context: { errno: code },
  })
}

function refused(message: string): AppError {
  return new AppError({
    code: 'StorageReadOnly',
    kind: 'denied',
    message,
    hint: 'Write to the storage account of the vault instead.',
  })
}
