/**
 * The texts that stand for links of the drive workload: of the list of drives, and of one drive.
 *
 * They are sealed wherever they are stored (P9) and read by nobody else. A text of another version
 * is none: what it stands for is read anew.
 */
import { isObject } from '../../graph/index.ts'

/** The list of drives has no delta: it is known since when, and what it held. */
export interface ListCursor {
  /** Milliseconds since 1970 at which it was asked for. */
  at: number
  /** Ids, each with a digest of what was said of the drive. */
  drives: Readonly<Record<string, string>>
}

/** Where a drive's changes go on, and what its root is called there. */
export interface DriveCursor {
  link: string
  root: string
}

const VERSION = 1

export function encodeListCursor({ at, drives }: ListCursor): string {
  return JSON.stringify({ v: VERSION, at, drives })
}

export function encodeDriveCursor({ link, root }: DriveCursor): string {
  return JSON.stringify({ v: VERSION, link, root })
}

export function decodeListCursor(text: string): ListCursor | undefined {
  const { at, drives } = read(text)
  if (typeof at !== 'number' || !isObject(drives)) return undefined
  const digests = Object.entries(drives).filter((entry) => typeof entry[1] === 'string')
  return { at, drives: Object.fromEntries(digests) as Record<string, string> }
}

export function decodeDriveCursor(text: string): DriveCursor | undefined {
  const { link, root } = read(text)
  return typeof link === 'string' && typeof root === 'string' ? { link, root } : undefined
}

function read(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text)
    return isObject(value) && value['v'] === VERSION ? value : {}
  } catch {
    return {}
  }
}
