/**
 * Whether a file of the target has the content of a held version, by size and quickXorHash.
 *
 * The service shows a hash of the file that is there; ours is the one that it showed when the
 * version was captured, or, of an Office file that came with other bytes, the one of what came.
 * Where it showed none, the held bytes themselves are hashed.
 */
import { type JsonObject, QuickXorHash } from '../../graph/index.ts'
import type { HeldFile } from './held.ts'
import { hashOf, sizeOf } from './markers.ts'

/** `unknown`: the service shows no hash of it. */
export async function hasHeldContent(
  item: JsonObject,
  file: HeldFile,
  signal: AbortSignal,
): Promise<'same' | 'other' | 'unknown'> {
  const { content, shown, cameHash } = file
  const size = sizeOf(item)
  const hash = hashOf(item)
  const bytes = content?.bytes ?? shown.size
  if (size !== bytes && size !== shown.size) return 'other'
  if (size === 0) return 'same'
  if (hash === undefined) return 'unknown'
  if (hash === cameHash || (hash === shown.hash && size === shown.size)) return 'same'
  // What was captured had the hash that was shown or noted then; only without one it is reckoned.
  const isKnown = shown.hash !== undefined || cameHash !== undefined
  if (content === undefined || isKnown || size !== bytes) return 'other'
  return hash === (await hashOfHeld(content, signal)) ? 'same' : 'other'
}

async function hashOfHeld(
  content: NonNullable<HeldFile['content']>,
  signal: AbortSignal,
): Promise<string> {
  const hash = new QuickXorHash()
  for await (const bytes of content.read(0, signal)) hash.update(bytes)
  return hash.digest()
}
