/** Reads what a held version of a file says of itself. */
import { isObject, type JsonObject, objectOf, textOf } from '../../graph/index.ts'
import { AppError } from '../../model/errors.ts'
import type { HeldStream, HeldVersion } from '../workload.ts'
import { hashOf, sizeOf } from './markers.ts'

export interface HeldFile {
  json: JsonObject
  name: string
  /** Absent where only the JSON is held. */
  content?: HeldStream
  /** As Graph showed them when it was captured. */
  shown: { size: number; hash?: string }
  /** Of the bytes that came, where they were others than shown (an Office file). */
  cameHash?: string
}

type Opened = Pick<HeldVersion, 'representations' | 'streams' | 'note' | 'display'>

/** Throws `VersionUnreadable` where what we hold is not a file. */
export function heldFile(version: Opened): HeldFile {
  const json = heldJson(version)
  const content = version.streams.get('content')
  const hash = hashOf(json)
  const came = version.note?.['quickXorHash']
  return {
    json,
    name: nameOf(version),
    ...(content === undefined ? {} : { content }),
    shown: { size: sizeOf(json), ...(hash === undefined ? {} : { hash }) },
    ...(typeof came === 'string' ? { cameHash: came } : {}),
  }
}

/** An earlier version says of itself only what it does not share with its file. */
export function nameOf(version: Pick<HeldVersion, 'representations' | 'display'>): string {
  return textOf(heldJson(version), 'name') ?? version.display.name
}

/** Throws `VersionUnreadable`. */
export function heldJson({ representations }: Pick<HeldVersion, 'representations'>): JsonObject {
  const bytes = representations.get('json')
  const json = bytes === undefined ? undefined : parsed(bytes)
  if (json !== undefined) return json
  throw new AppError({
    code: 'VersionUnreadable',
    kind: 'corrupt',
    message: 'The held version has no readable JSON representation.',
    hint: 'Verify the owner; restore another version of this item.',
  })
}

function parsed(bytes: Uint8Array): JsonObject | undefined {
  try {
    const json: unknown = JSON.parse(Buffer.from(bytes).toString('utf8'))
    return isObject(json) ? json : undefined
  } catch {
    // The parser's own text quotes the content, so it is not kept as the cause (P9).
    return undefined
  }
}

/**
 * What clients say of a file's dates; the service's own are those of the restore. Of an earlier
 * version only the service's own are known.
 */
export const DATES = ['createdDateTime', 'lastModifiedDateTime'] as const

/** To the whole second, as SharePoint keeps it; undefined where there is none. */
export function dateOf(item: JsonObject, name: (typeof DATES)[number]): number | undefined {
  const info = objectOf(item, 'fileSystemInfo') ?? item
  const ms = Date.parse(textOf(info, name) ?? '')
  return Number.isNaN(ms) ? undefined : Math.floor(ms / 1000)
}

/** The dates that a create may give; undefined where none is held. */
export function datesOf(json: JsonObject): Record<string, string> | undefined {
  const info = objectOf(json, 'fileSystemInfo') ?? json
  const known = DATES.flatMap((name) => {
    const text = textOf(info, name)
    return text === undefined ? [] : [[name, text] as const]
  })
  return known.length === 0 ? undefined : Object.fromEntries(known)
}
