/**
 * A vault that was copied into another storage account, as its readers must see it: without the
 * times at which its blobs were created there (docs/format.md, 8.2).
 *
 * Those say when it was copied, and in which order: with them every commit would count as one of
 * that day, and of commits that were copied before the ones they link to, all would be void. So the
 * times that commits state count, as in a folder. It is only read: who writes needs the real times.
 */
import { AppError } from '../model/errors.ts'
import type { BlobStat, BlobStore } from '../ports.ts'

export function copiedVault(copy: BlobStore): BlobStore {
  return {
    async create() {
      throw new AppError({
        code: 'StorageReadOnly',
        kind: 'denied',
        message: 'A copy of a vault is only read.',
        hint: 'Write to the storage account of the vault instead.',
      })
    },
    async read(name, signal, range) {
      const found = await copy.read(name, signal, range)
      return found && { bytes: found.bytes, stat: withoutTime(found.stat) }
    },
    async stat(name, signal) {
      const found = await copy.stat(name, signal)
      return found && withoutTime(found)
    },
    async *list(prefix, signal) {
      for await (const found of copy.list(prefix, signal)) yield withoutTime(found)
    },
  }
}

const withoutTime = ({ name, bytes }: BlobStat): BlobStat => ({ name, bytes })
