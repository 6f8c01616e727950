/**
 * The names of files and folders in SharePoint: unique in a folder without regard to case, some
 * characters forbidden, whole paths limited (facts 3.7). Pure.
 */
import type { NameRules } from '../workload.ts'

const NAME_MAX = 255
/** From the site's path on, the name included. */
const PATH_MAX = 400
/** More than any known one: what follows a later dot is no type of file. */
const EXTENSION_MAX = 16

const FORBIDDEN = /["*:<>?/\\|\p{Cc}]/u
const RESERVED = /^(\.lock|con|prn|aux|nul|com\d|lpt\d|desktop\.ini)$/i

export const DRIVE_NAMES: NameRules = { key: nameKey, problem: nameProblem, copy: copyName }

/** Equal for names that SharePoint takes for one. */
export function nameKey(name: string): string {
  return name.normalize('NFC').toLowerCase()
}

function nameProblem(
  name: string,
  pathLength: number,
): { code: string; message: string } | undefined {
  if (name === '' || name.length > NAME_MAX) {
    return refused(`its name has ${name.length} characters; SharePoint takes 1 to ${NAME_MAX}`)
  }
  const [character] = FORBIDDEN.exec(name) ?? []
  if (character !== undefined) {
    return refused(`its name holds ${JSON.stringify(character)}, which SharePoint forbids`)
  }
  if (/^[ ~]|[ .]$/.test(name)) {
    return refused('its name begins with a space or ~, or ends with a space or a dot')
  }
  if (RESERVED.test(name) || name.toLowerCase().includes('_vti_')) {
    return refused('its name is one that SharePoint keeps for itself')
  }
  const length = pathLength + 1 + name.length
  if (length <= PATH_MAX) return undefined
  return {
    code: 'PathTooLong',
    message: `It cannot be there: its path would have ${length} characters; SharePoint takes ${PATH_MAX}.`,
  }
}

function refused(why: string): { code: string; message: string } {
  return { code: 'NameRefused', message: `It cannot be there: ${why}.` }
}

/** `Report (restored 2026-11-21).docx`, then `Report (restored 2026-11-21, 2).docx`. */
function copyName(name: string, day: string, n: number): string {
  const { base, extension } = split(name)
  const mark = ` (restored ${day}${n === 1 ? '' : `, ${n}`})`
  return `${cut(base, NAME_MAX - mark.length - extension.length)}${mark}${extension}`
}

function split(name: string): { base: string; extension: string } {
  const dot = name.lastIndexOf('.')
  if (dot <= 0 || name.length - dot > EXTENSION_MAX) return { base: name, extension: '' }
  return { base: name.slice(0, dot), extension: name.slice(dot) }
}

/** Never in the middle of a character that takes two units. */
function cut(text: string, max: number): string {
  const short = text.slice(0, max)
  return /[\uD800-\uDBFF]$/.test(short) ? short.slice(0, -1) : short
}
