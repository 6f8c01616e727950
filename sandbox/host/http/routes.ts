/**
 * Route templates of HTTP triggers: literals, parameters, constraints, optional and catch-all.
 *
 * As on the real host: letter case and a trailing slash do not matter, a failed constraint or a
 * wrong method is a 404 (never 405), and literals win over constrained parameters, those over
 * plain ones, those over catch-alls. Not supported, and refused at the start: several parameters
 * in one segment, and constraints that are not in the table below.
 */
import { HostError } from '../errors.ts'

type Check = (value: string, argument: string) => boolean

const integer = /^[+-]?\d+$/
const inRange = (value: string, low: bigint, high: bigint): boolean =>
  integer.test(value) && BigInt(value) >= low && BigInt(value) <= high
const decimal = /^[+-]?(\d+\.?\d*|\.\d+)$/

const checks: Readonly<Record<string, Check>> = {
  int: (value) => inRange(value, -(2n ** 31n), 2n ** 31n - 1n),
  long: (value) => inRange(value, -(2n ** 63n), 2n ** 63n - 1n),
  bool: (value) => /^(true|false)$/i.test(value),
  guid: (value) => /^\{?[\da-f]{8}-?([\da-f]{4}-?){3}[\da-f]{12}\}?$/i.test(value),
  alpha: (value) => /^[a-z]*$/i.test(value),
  decimal: (value) => decimal.test(value),
  double: (value) => decimal.test(value),
  float: (value) => decimal.test(value),
  datetime: (value) => !Number.isNaN(Date.parse(value)),
  length: (value, argument) => {
    const [low, high = low] = argument.split(',').map(Number)
    return value.length >= Number(low) && value.length <= Number(high)
  },
  minlength: (value, argument) => value.length >= Number(argument),
  maxlength: (value, argument) => value.length <= Number(argument),
  min: (value, argument) => integer.test(value) && BigInt(value) >= BigInt(argument),
  max: (value, argument) => integer.test(value) && BigInt(value) <= BigInt(argument),
  range: (value, argument) => {
    const [low = '0', high = '0'] = argument.split(',')
    return inRange(value, BigInt(low.trim()), BigInt(high.trim()))
  },
  regex: (value, argument) => new RegExp(argument, 'i').test(value),
  required: (value) => value !== '',
}

type Part =
  | { readonly kind: 'literal'; readonly text: string }
  | {
      readonly kind: 'parameter'
      readonly name: string
      readonly optional: boolean
      readonly catchAll: boolean
      readonly otherwise: string | undefined
      readonly constraints: readonly { readonly check: Check; readonly argument: string }[]
    }

export interface Route<T> {
  readonly target: T
  readonly methods: readonly string[]
  readonly parts: readonly Part[]
}

export interface RouteMatch<T> {
  readonly target: T
  readonly params: Readonly<Record<string, string>>
}

/** Reads a template without its prefix; throws `bad-setting` on what it cannot serve. */
export function parseRoute<T>(template: string, methods: readonly string[], target: T): Route<T> {
  const parts = splitTemplate(template.replace(/^\/+|\/+$/g, '')).map(parsePart)
  return { target, methods: methods.map((method) => method.toUpperCase()), parts }
}

/** The best route for the segments, most specific first; undefined is a 404. */
export function matchRoute<T>(
  routes: readonly Route<T>[],
  method: string,
  segments: readonly string[],
): RouteMatch<T> | undefined {
  const path = segments.at(-1) === '' ? segments.slice(0, -1) : segments
  for (const route of routes) {
    if (!route.methods.includes(method)) continue
    const params = matchParts(route.parts, path)
    if (params !== undefined) return { target: route.target, params }
  }
  return undefined
}

/** Sorts the most specific first, segment by segment; the order of equal ones is kept. */
export function sortRoutes<T>(routes: readonly Route<T>[]): Route<T>[] {
  return routes.toSorted((left, right) => {
    const length = Math.max(left.parts.length, right.parts.length)
    for (let index = 0; index < length; index++) {
      const difference = rank(left.parts[index]) - rank(right.parts[index])
      if (difference !== 0) return difference
    }
    return 0
  })
}

function rank(part: Part | undefined): number {
  if (part === undefined) return 0
  if (part.kind === 'literal') return 1
  const weight = part.catchAll ? 5 : part.optional ? 4 : 3
  return weight - (part.constraints.length > 0 ? 0.5 : 0)
}

function matchParts(
  parts: readonly Part[],
  path: readonly string[],
): Record<string, string> | undefined {
  const params: Record<string, string> = {}
  for (const [index, part] of parts.entries()) {
    if (part.kind === 'literal') {
      if (path[index]?.toLowerCase() !== part.text.toLowerCase()) return undefined
      continue
    }
    const value = part.catchAll ? path.slice(index).join('/') : (path[index] ?? '')
    if (!accepts(part, value)) return undefined
    const taken = value === '' ? part.otherwise : value
    if (taken !== undefined) params[part.name] = taken
    if (part.catchAll) return params
  }
  return path.length > parts.length ? undefined : params
}

function accepts(part: Extract<Part, { kind: 'parameter' }>, value: string): boolean {
  if (value === '') return part.optional || part.catchAll || part.otherwise !== undefined
  return part.constraints.every(({ check, argument }) => check(value, argument))
}

/** Splits at slashes outside braces: a regex constraint may contain some. */
function splitTemplate(template: string): string[] {
  const parts: string[] = ['']
  let depth = 0
  for (const character of template) {
    if (character === '{') depth++
    if (character === '}') depth--
    if (character === '/' && depth === 0) parts.push('')
    else parts.push((parts.pop() ?? '') + character)
  }
  return parts
}

function parsePart(text: string): Part {
  if (!text.includes('{')) return { kind: 'literal', text }
  const match = /^\{(\*{0,2})(\w+)(.*?)(\?)?(?:=([^{}]*))?\}$/.exec(text)
  const [, stars, name, rest, optional, otherwise] = match ?? []
  if (name === undefined) {
    throw new HostError('bad-setting', `the route segment "${text}" is not supported by this host`)
  }
  const constraints = splitConstraints(rest ?? '').map((constraint) => {
    const [, key = '', argument = ''] = /^(\w+)(?:\((.*)\))?$/s.exec(constraint) ?? []
    const check = Object.hasOwn(checks, key) ? checks[key] : undefined
    if (check === undefined) {
      throw new HostError('bad-setting', `the route constraint "${constraint}" is not supported`)
    }
    return { check, argument }
  })
  return {
    kind: 'parameter',
    name,
    optional: optional !== undefined,
    catchAll: stars !== undefined && stars !== '',
    otherwise,
    constraints,
  }
}

/** Splits `:a:b(x:y)` at colons outside brackets. */
function splitConstraints(text: string): string[] {
  const found: string[] = []
  let depth = 0
  for (const character of text) {
    if (character === '(') depth++
    if (character === ')') depth--
    if (character === ':' && depth === 0) found.push('')
    else found.push((found.pop() ?? '') + character)
  }
  return found
}
