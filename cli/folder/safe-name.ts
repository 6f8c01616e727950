/**
 * Names of files and directories, made from subjects, file names and folder names. Pure.
 *
 * Strangers write subjects: nothing of a name may lead to another place, mean a device, hide the
 * real ending, or be more than a file system takes. A name that is harmless stays as it was.
 */

/** Of UTF-8, number and ending included: file systems take 255. */
const NAME_BYTES_MAX = 200
/** What follows the last dot of a longer text is no type of file. */
const ENDING_CHARACTERS_MAX = 16

/** Format characters: they can turn the reading direction round. */
const HIDDEN = /[\p{Cf}\p{Co}]/gu
/** Control characters, and what paths and patterns are made of on some system. */
const UNSAFE = /[\p{Cc}\p{Zl}\p{Zp}"*/:<>?\\|]/gu
/** A device on Windows, whatever follows the dot. */
const DEVICE = /^(?:con|prn|aux|nul|com[\d\u00b9\u00b2\u00b3]|lpt[\d\u00b9\u00b2\u00b3])(?=\.|$)/i
/** Ends the names of unfinished files (place-file.ts). */
export const UNFINISHED = '.holdfast-part'

export interface SafeName {
  stem: string
  /** With its dot, or empty. */
  ending: string
}

/** `ending`: the one that a file of this kind has, without its dot; undefined: its own, if any. */
export function safeName(name: string, ending?: string): SafeName {
  const clean = name.toWellFormed().replace(HIDDEN, '').replace(UNSAFE, '_')
  if (ending !== undefined) return { stem: safeStem(clean), ending: `.${ending}` }
  const dot = clean.lastIndexOf('.')
  const own = clean.slice(dot + 1).trimEnd()
  const isType = dot > 0 && own.length <= ENDING_CHARACTERS_MAX && /^[0-9A-Za-z-]+$/.test(own)
  if (!isType) return { stem: safeStem(clean), ending: '' }
  const safe = { stem: safeStem(clean.slice(0, dot)), ending: `.${own}` }
  return safe.ending === UNFINISHED ? { ...safe, ending: `${UNFINISHED}_` } : safe
}

/** The name itself; from the second one of that name on, numbered. */
export function numbered({ stem, ending }: SafeName, n: number): string {
  const number = n === 1 ? '' : ` (${n})`
  const room = NAME_BYTES_MAX - Buffer.byteLength(number) - Buffer.byteLength(ending)
  // Cutting may leave a space or dot at the end, which Windows drops.
  const short = cut(stem, room)
  const last = number === '' && ending === '' ? trimmedEnd(short) : short
  return `${last}${number}${ending}`
}

function safeStem(text: string): string {
  const stem = trimmedEnd(text.trimStart())
  if (stem === '' || /^\.+$/.test(stem)) return 'unnamed'
  return DEVICE.test(stem) ? `_${stem}` : stem
}

const trimmedEnd = (text: string): string => text.replace(/[. ]+$/, '')

function cut(text: string, bytesMax: number): string {
  if (Buffer.byteLength(text) <= bytesMax) return text
  let bytes = 0
  let end = 0
  for (const character of text) {
    bytes += Buffer.byteLength(character)
    if (bytes > bytesMax) break
    end += character.length
  }
  return text.slice(0, end)
}
