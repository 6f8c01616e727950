/** Imports a folder of mail, of files, or of both: `emails/` and `files/` in it, or plain `.eml`. */
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { TenantState } from '../state/tenant-state.ts'
import { importFiles } from './file-importer.ts'
import { type ImportResult, importMessages } from './importer.ts'

export interface Imported extends ImportResult {
  /** Files in drives; `imported` counts the messages alone. */
  readonly files: number
}

export async function importDirectory(state: TenantState, directory: string): Promise<Imported> {
  const messages = await importMessages(state, directory)
  const entries = await readdir(directory, { withFileTypes: true })
  const hasFiles = entries.some((entry) => entry.name === 'files' && entry.isDirectory())
  if (!hasFiles) return { ...messages, files: 0 }
  const files = await importFiles(state, join(directory, 'files'))
  return {
    imported: messages.imported,
    files: files.imported,
    refused: [...messages.refused, ...files.refused],
  }
}
