/**
 * format.json: says that a container is a Holdfast vault and in which format (docs/format.md,
 * section 4). Written once; a vault of an unknown format is not touched.
 */
import { z } from 'zod'
import { AppError } from '../model/errors.ts'
import type { BlobStore, Clock, Randomness } from '../ports.ts'
import { createOnce } from './create-once.ts'
import { SMALL_FILE_BYTES_MAX } from './limits.ts'
import { FORMAT_FILE } from './names.ts'
import { FORMAT_VERSION } from './pack-format.ts'
import { formatUnknown, parseJson } from './sealed-file.ts'

const schema = z.object({ holdfast: z.int().positive(), vault: z.string() })

/** False where there is none. Throws `FormatUnknown` where it is another format's, or no format's. */
export async function hasFormat(vault: BlobStore, signal: AbortSignal): Promise<boolean> {
  const range = { offset: 0, bytes: SMALL_FILE_BYTES_MAX }
  const found = await vault.read(FORMAT_FILE, signal, range)
  if (found !== undefined) checkFormat(found.bytes)
  return found !== undefined
}

/** Idempotent. Throws `FormatUnknown` where the container holds something else. */
export async function ensureFormat(
  deps: { vault: BlobStore; clock: Clock; random: Randomness; toolVersion: string },
  signal: AbortSignal,
): Promise<void> {
  if (await hasFormat(deps.vault, signal)) return
  const file = {
    holdfast: FORMAT_VERSION,
    vault: Buffer.from(deps.random.bytes(16)).toString('hex'),
    createdAt: new Date(deps.clock.now()).toISOString(),
    tool: deps.toolVersion,
  }
  const bytes = Buffer.from(`${JSON.stringify(file, null, 2)}\n`)
  const created = await createOnce(deps.vault, FORMAT_FILE, bytes, signal)
  if (created.outcome === 'taken') await hasFormat(deps.vault, signal)
}

/** Throws `FormatUnknown`. */
export function checkFormat(bytes: Uint8Array): void {
  const parsed = schema.safeParse(parseJson(bytes))
  if (!parsed.success) {
    throw new AppError({
      code: 'FormatUnknown',
      kind: 'permanent',
      message: 'The format.json of this container is not one of Holdfast.',
      hint: 'Give Holdfast an empty container of its own.',
    })
  }
  if (parsed.data.holdfast !== FORMAT_VERSION) throw formatUnknown(parsed.data.holdfast)
}
