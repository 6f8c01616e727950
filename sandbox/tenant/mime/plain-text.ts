/** Text of HTML, for previews and for `Prefer: outlook.body-content-type="text"`. */

const ENTITIES: Readonly<Record<string, string>> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  apos: "'",
  nbsp: ' ',
}

const PREVIEW_CHARACTERS = 255
/** Previews need only the beginning; real newsletters have megabytes of HTML. */
const PREVIEW_SOURCE_CHARACTERS = 20_000

export function htmlToText(html: string): string {
  return html
    .replace(/<(style|script|head)\b[^>]*>[\s\S]*?<\/\1\s*>/gi, '')
    .replace(/<br\s*\/?>|<\/(p|div|tr|li|h\d)\s*>/gi, '\r\n')
    .replace(/<[^>]*>/g, '')
    .replace(/&(\w+);/g, (whole, name: string) => ENTITIES[name.toLowerCase()] ?? whole)
    .replace(/&#(\d{1,7});/g, (whole, code: string) => {
      const point = Number(code)
      return point > 0 && point <= 0x10ffff ? String.fromCodePoint(point) : whole
    })
}

export function previewOf(body: string, type: 'text' | 'html'): string {
  const start = body.slice(0, PREVIEW_SOURCE_CHARACTERS)
  const text = type === 'html' ? htmlToText(start) : start
  return text
    .replace(/[ \t]+/g, ' ')
    .trim()
    .slice(0, PREVIEW_CHARACTERS)
}
