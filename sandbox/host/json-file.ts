/** Settings files: JSON with comments and last commas, as .NET reads them. */
import { existsSync, readFileSync } from 'node:fs'
import { errorText, HostError } from './errors.ts'

/** undefined where there is no file; throws `bad-setting` when it is no JSON object. */
export function readJsonFile(path: string): Record<string, unknown> | undefined {
  if (!existsSync(path)) return undefined
  try {
    const value: unknown = JSON.parse(plainJson(readFileSync(path, 'utf8')))
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) {
      return value as Record<string, unknown>
    }
    throw new Error('it is no JSON object')
  } catch (error) {
    const message = `${path} cannot be read: ${errorText(error)}`
    throw new HostError('bad-setting', message, { cause: error })
  }
}

/** Without byte order mark, comments and commas before a closing bracket; texts are kept. */
function plainJson(text: string): string {
  const string = '"(?:\\\\.|[^"\\\\])*"'
  const comments = new RegExp(`(${string})|//[^\\n]*|/\\*[^]*?\\*/`, 'g')
  const lastCommas = new RegExp(`(${string})|,(?=\\s*[}\\]])`, 'g')
  return text
    .replace(/^\uFEFF/, '')
    .replace(comments, '$1')
    .replace(lastCommas, '$1')
}
