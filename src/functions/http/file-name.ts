/**
 * The Content-Disposition of a download (RFC 6266), with a name made from a subject.
 *
 * A subject is written by strangers: nothing of it may end the header, name a folder or a
 * device, hide the real ending, or turn the reading direction round.
 */

const NAME_CHARACTERS_MAX = 120
/** Control and format characters (the reading direction among them), and what paths are made of. */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Co}\p{Cs}\p{Zl}\p{Zp}"*/:<>?\\|]+/gu
/** Names that mean a device on Windows. */
const DEVICE = /^(con|prn|aux|nul|com\d|lpt\d)$/i

/** An ending that a name may have of itself; anything else is part of its stem. */
const OWN_ENDING = /^(.+)\.([0-9A-Za-z]{1,16})$/s

/** `ending` without its dot; undefined: of a file, which has its own or none. */
export function attachment(subject: string, ending: string | undefined): string {
  const name = nameOf(subject, ending)
  const ascii = name
    .normalize('NFKD')
    .replace(/[^\x20-\x7e]/g, '')
    .replace(/[%;']/g, '_')
  const encoded = encodeURIComponent(name).replace(
    /['()!*]/g,
    (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`,
  )
  return `attachment; filename="${ascii}"; filename*=UTF-8''${encoded}`
}

function nameOf(subject: string, ending: string | undefined): string {
  const [, stem = subject, own] = (ending === undefined && OWN_ENDING.exec(subject)) || []
  const last = ending ?? own
  return last === undefined ? safeStem(stem) : `${safeStem(stem)}.${last}`
}

function safeStem(subject: string): string {
  const characters = [...subject.toWellFormed().replace(UNSAFE, ' ').replace(/\s+/g, ' ')]
  const stem = characters
    .slice(0, NAME_CHARACTERS_MAX)
    .join('')
    .replace(/^[. ]+|[. ]+$/g, '')
  return stem === '' || DEVICE.test(stem) ? `item ${stem}`.trim() : stem
}
