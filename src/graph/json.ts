/**
 * Reading Graph's JSON without trusting its shape.
 *
 * Exchange sends raw control characters inside strings and, now and then, a 200 whose body
 * stops in the middle. The first is repaired, because the text is content that must be kept;
 * the second is an `UnreadableAnswer`. Nothing here knows what a message is.
 */
import { AppError } from '../model/errors.ts'

export interface JsonObject {
  [key: string]: unknown
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** A text property; undefined where it is missing, null or something else. */
export function textOf(object: JsonObject, key: string): string | undefined {
  const value = object[key]
  return typeof value === 'string' ? value : undefined
}

export function objectOf(object: JsonObject, key: string): JsonObject | undefined {
  const value = object[key]
  return isObject(value) ? value : undefined
}

/** The objects of an array property; empty where it is missing. */
export function objectsOf(object: JsonObject, key: string): JsonObject[] {
  const value = object[key]
  return Array.isArray(value) ? value.filter(isObject) : []
}

export function unreadableAnswer(call: string, problem: string): AppError {
  return new AppError({
    code: 'UnreadableAnswer',
    kind: 'transient',
    message: `Microsoft Graph answered ${call} with a body that cannot be read: ${problem}.`,
    hint: 'Holdfast asks again in smaller portions; if it persists, one item of the page is broken.',
    context: { call },
  })
}

/** Parses the answer of the named call, which must be an object. Throws `UnreadableAnswer`. */
export function parseAnswer(text: string, call: string): JsonObject {
  let value: unknown
  try {
    value = parseTolerant(text)
  } catch {
    // The parser's own text quotes the content, so it is not kept as the cause (P9).
    throw unreadableAnswer(call, 'it is not whole JSON')
  }
  if (!isObject(value)) throw unreadableAnswer(call, 'it is not an object')
  return value
}

function parseTolerant(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return JSON.parse(escapeControls(text))
  }
}

/** Escapes raw control characters inside strings; outside they are whitespace or an error. */
function escapeControls(text: string): string {
  const out: string[] = []
  let inString = false
  let from = 0
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at)
    if (code === 0x22) inString = !inString
    else if (code === 0x5c && inString) at += 1
    else if (code < 0x20 && inString) {
      out.push(text.slice(from, at), `\\u${code.toString(16).padStart(4, '0')}`)
      from = at + 1
    }
  }
  out.push(text.slice(from))
  return out.join('')
}
