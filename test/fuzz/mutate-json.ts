/** Edits of JSON values: other numbers, names, fields, depths, and names that mean something. */
import type { Prng } from './prng.ts'

type Json = unknown
type Holder = Record<string, Json> | Json[]

/** Stands in a text for brackets that no serializer would write. */
const DEEP = '@deep@'
const NUMBERS = [
  ...[0, -0, -1, 1, 2, 0.5, 1e308, -1e308, 2 ** 31, 2 ** 32, 2 ** 53, 2 ** 53 - 1, -(2 ** 53)],
  ...[9_999_999_999, 10_000_000_000, 16_384, 16_385, 8 * 2 ** 20, 8 * 2 ** 20 + 1],
]
const WHOLE = NUMBERS.filter((n) => Number.isSafeInteger(n) && n >= 0)
const TEXTS = [
  ...[
    '',
    ' ',
    '0',
    'null',
    '__proto__',
    'constructor',
    '\u0000',
    '\ud800',
    '../..',
    'a'.repeat(5000),
  ],
  ...['2026-02-30T25:61:61.000Z', '2026-01-01T00:00:00.000Z', '9999-12-31T23:59:59.999Z', DEEP],
]
const NAMES = [
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'then',
  'toJSON',
  'length',
  'x',
  '',
]

/** A value with some edits, as JSON text. */
export function editedText(value: Json, prng: Prng): string {
  const root = { value: structuredClone(value) }
  for (let n = 1 + prng.below(3); n > 0; n -= 1) editOnce(root, prng)
  const depth = prng.pick([3, 100, 5000, 100_000])
  const [open, close] = prng.pick([['[', ']'] as const, ['{"x":', '}'] as const])
  const deep = () => `${open.repeat(depth)}0${close.repeat(depth)}`
  return (JSON.stringify(root.value) ?? '').replaceAll(`"${DEEP}"`, deep)
}

function editOnce(root: Holder, prng: Prng): void {
  const [holder, key] = placeIn(root, prng)
  const value = (holder as Record<string, Json>)[key]
  const edits = [
    () => remove(holder, key),
    () => add(holder, prng),
    () => define(holder, key, oddValue(prng)),
    () => define(holder, key, oddValue(prng)),
  ]
  // Of the same type, so that schemas let it pass and what comes behind them is met.
  const milder = () => define(holder, key, likeValue(value, prng))
  prng.pick([...edits, milder, milder, milder, milder])()
}

function likeValue(value: Json, prng: Prng): Json {
  if (typeof value === 'number') {
    return prng.oneIn(2) ? value + prng.pick([-1, 1, 0.5]) : prng.pick(WHOLE)
  }
  if (typeof value === 'string') return editText(value, prng)
  if (typeof value === 'boolean') return !value
  if (Array.isArray(value)) editArray(value, prng)
  return value
}

/** Walks down from the root and stops anywhere. */
function placeIn(root: Holder, prng: Prng): [Holder, string] {
  let holder = root
  for (;;) {
    const keys = Object.keys(holder)
    if (keys.length === 0) return [holder, '0']
    const key = prng.pick(keys)
    const inner = (holder as Record<string, Json>)[key]
    if (typeof inner !== 'object' || inner === null || prng.oneIn(6)) return [holder, key]
    holder = inner as Holder
  }
}

/** Also `__proto__` becomes a field of its own, as JSON.parse makes it. */
function define(holder: Holder, key: string, value: Json): void {
  Object.defineProperty(holder, key, {
    value,
    enumerable: true,
    configurable: true,
    writable: true,
  })
}

function remove(holder: Holder, key: string): void {
  if (Array.isArray(holder)) holder.splice(Number(key), 1)
  else delete holder[key]
}

function add(holder: Holder, prng: Prng): void {
  const value = prng.oneIn(4) ? DEEP : oddValue(prng)
  if (Array.isArray(holder)) holder.push(prng.oneIn(2) ? holder[0] : value)
  else define(holder, prng.pick(NAMES), value)
}

function editArray(array: Json[], prng: Prng): void {
  const edits = [
    () => array.reverse(),
    () => array.push(...array),
    () => array.splice(0, array.length),
    () =>
      array.push(...Array.from({ length: copiesOf(array[0]) }, () => structuredClone(array[0]))),
    () => array.splice(prng.below(array.length), 1),
    () => array.push(...Array.from({ length: prng.oneIn(4) ? 100_000 : 100 }, () => 0)),
  ]
  prng.pick(edits)()
}

/** So many that they are some 200 KB. */
function copiesOf(value: Json): number {
  return Math.min(5000, Math.ceil(200_000 / ((JSON.stringify(value) ?? '').length + 1)))
}

function editText(text: string, prng: Prng): string {
  const at = prng.below(text.length)
  const digit = prng.pick([...'0123456789abcdefz=/+ "\\'])
  return prng.pick([
    text.slice(0, at),
    text + text,
    text.slice(0, at) + digit + text.slice(at + 1),
    text.toUpperCase(),
    prng.pick(TEXTS),
  ])
}

function oddValue(prng: Prng): Json {
  return prng.pick<() => Json>([
    () => prng.pick(NUMBERS),
    () => prng.pick(NUMBERS),
    () => prng.pick(TEXTS),
    () => prng.pick(TEXTS),
    () => prng.pick([null, true, false]),
    () => [],
    () => ({}),
    () => JSON.parse('{"__proto__":{"bytes":1},"constructor":null}'),
    () => Array.from({ length: 300 }, (_, n) => n),
  ])()
}
