/** Reads the JSON that a held version consists of. */
import { isObject, type JsonObject } from '../../graph/index.ts'
import { AppError } from '../../model/errors.ts'
import type { HeldVersion } from '../workload.ts'

/** Throws `VersionUnreadable` where what we hold is not a message. */
export function heldMessage(version: Pick<HeldVersion, 'representations'>): JsonObject {
  const bytes = version.representations.get('json')
  const message = bytes === undefined ? undefined : parseHeld(bytes)
  if (!isObject(message)) throw unreadable()
  return message
}

/** Throws `VersionUnreadable`. */
export function parseHeld(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(bytes).toString('utf8'))
  } catch {
    // The parser's own text quotes the content, so it is not kept as the cause (P9).
    throw unreadable()
  }
}

function unreadable(): AppError {
  return new AppError({
    code: 'VersionUnreadable',
    kind: 'corrupt',
    message: 'The held version has no readable JSON representation.',
    hint: 'Verify the owner; restore another version of this item.',
  })
}
