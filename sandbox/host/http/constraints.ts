/**
 * The constraints that a route parameter may have, with the rules of ASP.NET Core.
 *
 * Numbers are read as .NET's TryParse reads them in the invariant culture: blanks around them, and
 * thousands separators where it allows those. `regex` and `alpha` ignore letter case.
 */
import { HostError } from '../errors.ts'

type Check = (value: string) => boolean

const integer = /^\s*[+-]?\d+\s*$/
const decimal = /^\s*(?:[+-]?(?:\d[\d,]*\.?\d*|\.\d+)|(?:\d[\d,]*\.?\d*|\.\d+)[+-])\s*$/
const float =
  /^\s*(?:[+-]?(?:\d[\d,]*\.?\d*|\.\d+)(?:e[+-]?\d+)?|[+-]?infinity|[+-]?∞|[+-]?nan)\s*$/i
const guidForms = [
  /^[\da-f]{32}$/i,
  /^[\da-f]{8}-(?:[\da-f]{4}-){3}[\da-f]{12}$/i,
  /^\{[\da-f]{8}-(?:[\da-f]{4}-){3}[\da-f]{12}\}$/i,
  /^\([\da-f]{8}-(?:[\da-f]{4}-){3}[\da-f]{12}\)$/i,
]
const longMin = -(2n ** 63n)
const longMax = 2n ** 63n - 1n

const inRange = (value: string, low: bigint, high: bigint): boolean =>
  integer.test(value) && BigInt(value.trim()) >= low && BigInt(value.trim()) <= high

const plain: Readonly<Record<string, Check>> = {
  int: (value) => inRange(value, -(2n ** 31n), 2n ** 31n - 1n),
  long: (value) => inRange(value, longMin, longMax),
  bool: (value) => /^\s*(true|false)\s*$/i.test(value),
  guid: (value) => guidForms.some((form) => form.test(value.trim())),
  alpha: (value) => /^[a-z]*$/i.test(value),
  decimal: (value) => decimal.test(value),
  double: (value) => float.test(value),
  float: (value) => float.test(value),
  datetime: (value) => isDateTime(value.trim()),
  required: (value) => value !== '',
  file: isFileName,
  nonfile: (value) => !isFileName(value),
}

/** Constraints with numbers in brackets, and how many of them. */
const numeric: Readonly<Record<string, readonly [counts: readonly number[], make: MakeCheck]>> = {
  length: [[1, 2], ([low = 0n, high = low]) => lengthWithin(low, high)],
  minlength: [[1], ([low = 0n]) => lengthWithin(low, longMax)],
  maxlength: [[1], ([high = 0n]) => lengthWithin(0n, high)],
  min: [
    [1],
    ([low = 0n]) =>
      (value) =>
        inRange(value, low, longMax),
  ],
  max: [
    [1],
    ([high = 0n]) =>
      (value) =>
        inRange(value, longMin, high),
  ],
  range: [
    [2],
    ([low = 0n, high = 0n]) =>
      (value) =>
        inRange(value, low, high),
  ],
}

type MakeCheck = (numbers: readonly bigint[]) => Check

/** Reads `int`, `length(2,3)`, `regex(...)`; throws `bad-setting` on what no host resolves. */
export function readConstraint(text: string): Check {
  const [, name = '', argument] = /^(\w+)(?:\((.*)\))?$/s.exec(text.trim()) ?? []
  const key = name.toLowerCase()
  if (argument === undefined) {
    const check = Object.hasOwn(plain, key) ? plain[key] : undefined
    if (check !== undefined) return check
    throw unresolved(text)
  }
  if (key === 'regex') return regexCheck(text, argument)
  const known = Object.hasOwn(numeric, key) ? numeric[key] : undefined
  const words = argument.split(',')
  if (known === undefined || !known[0].includes(words.length)) throw unresolved(text)
  if (!words.every((word) => integer.test(word))) throw unresolved(text)
  return known[1](words.map((word) => BigInt(word.trim())))
}

function regexCheck(text: string, pattern: string): Check {
  try {
    const regex = new RegExp(pattern, 'i')
    return (value) => regex.test(value)
  } catch {
    // What .NET alone can read is refused like what nobody can.
    throw unresolved(text)
  }
}

function unresolved(text: string): HostError {
  return new HostError(
    'bad-setting',
    `the route constraint "${text}" cannot be resolved; known are ` +
      `${[...Object.keys(plain), ...Object.keys(numeric), 'regex'].join(', ')}`,
  )
}

function lengthWithin(low: bigint, high: bigint): Check {
  return (value) => value.length >= low && value.length <= high
}

/** Digits alone are a number to JavaScript's parser and no date to .NET. */
function isDateTime(value: string): boolean {
  const spaced = value.replace(/(\d)([ap]m)$/i, '$1 $2')
  return /[-/:,\s]/.test(spaced) && !Number.isNaN(Date.parse(spaced))
}

/** A dot after the last slash with something else than dots behind it. */
function isFileName(value: string): boolean {
  const name = value.slice(value.lastIndexOf('/') + 1)
  const dot = name.indexOf('.')
  return dot >= 0 && /[^.]/.test(name.slice(dot + 1))
}
