/**
 * Texts of strangers on a terminal: a subject or file name may hold commands to the terminal, or
 * turn the reading direction round. Pure.
 */

/** Control and format characters, and what ends a line. */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu
/** The same without what JSON text is laid out with. */
const UNSAFE_IN_JSON = /[\p{Cf}\p{Zl}\p{Zp}\u007f-\u009f]/gu

/** One line that does nothing but be read. */
export function plainText(text: string): string {
  return text.replace(UNSAFE, '\u00b7')
}

/** JSON of the same meaning in which such characters are escaped. */
export function plainJson(value: unknown): string {
  return JSON.stringify(value, null, 2).replace(UNSAFE_IN_JSON, escaped)
}

function escaped(character: string): string {
  return character
    .split('')
    .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
    .join('')
}
