/**
 * Route templates of HTTP triggers, as ASP.NET Core reads them.
 *
 * Literals, parameters with constraints, defaults and optional ones, segments of several parts
 * (`{name}.{ext?}`), catch-alls; `{{` and `}}` are braces. As on the real host letter case and a
 * trailing slash do not matter, and a failed constraint or a wrong method is a 404 (never 405).
 * Segment by segment, literals win over constrained parameters and segments of several parts, those
 * over plain parameters, those over catch-alls.
 */
import { HostError } from '../errors.ts'
import { readConstraint } from './constraints.ts'

interface Parameter {
  readonly kind: 'parameter'
  readonly name: string
  readonly optional: boolean
  readonly catchAll: boolean
  readonly otherwise: string | undefined
  readonly checks: readonly ((value: string) => boolean)[]
}

interface Literal {
  readonly kind: 'literal'
  readonly text: string
}

/** Several parts in one segment; the second pattern is the one without an optional last part. */
interface Mixed {
  readonly kind: 'mixed'
  readonly parameters: readonly Parameter[]
  readonly patterns: readonly RegExp[]
}

type Segment = Literal | Parameter | Mixed

export interface Route<T> {
  readonly target: T
  readonly methods: readonly string[]
  readonly segments: readonly Segment[]
}

export interface RouteMatch<T> {
  readonly target: T
  readonly params: Readonly<Record<string, string>>
}

/** Reads a whole template; throws `bad-setting` on what the real host would not start with. */
export function parseRoute<T>(template: string, methods: readonly string[], target: T): Route<T> {
  try {
    const texts = splitAtSlashes(template.replace(/^~?\/|\/$/g, ''))
    const segments = template === '' ? [] : texts.map(parseSegment)
    checkWhole(segments)
    return { target, methods: methods.map((method) => method.toUpperCase()), segments }
  } catch (error) {
    if (!(error instanceof HostError)) throw error
    throw new HostError('bad-setting', `the route "${template}": ${error.message}`, {
      cause: error,
    })
  }
}

/** The best route for the segments of a path; `routes` sorted. undefined is a 404. */
export function matchRoute<T>(
  routes: readonly Route<T>[],
  method: string,
  path: readonly string[],
): RouteMatch<T> | undefined {
  const trimmed = path.at(-1) === '' ? path.slice(0, -1) : path
  for (const route of routes) {
    if (!route.methods.includes(method)) continue
    const params = matchSegments(route.segments, trimmed)
    if (params !== undefined) return { target: route.target, params }
  }
  return undefined
}

/** Sorts the most specific first, segment by segment; the order of equal ones is kept. */
export function sortRoutes<T>(routes: readonly Route<T>[]): Route<T>[] {
  return routes.toSorted((left, right) => {
    const length = Math.max(left.segments.length, right.segments.length)
    for (let index = 0; index < length; index++) {
      const difference = rank(left.segments[index]) - rank(right.segments[index])
      if (difference !== 0) return difference
    }
    return 0
  })
}

function rank(segment: Segment | undefined): number {
  if (segment === undefined) return 0
  if (segment.kind === 'literal') return 1
  if (segment.kind === 'mixed') return 2
  const weight = segment.catchAll ? 5 : 3
  return segment.checks.length > 0 ? weight - 1 : weight
}

function matchSegments(
  segments: readonly Segment[],
  path: readonly string[],
): Record<string, string> | undefined {
  const params: Record<string, string> = {}
  for (const [index, segment] of segments.entries()) {
    const catchAll = segment.kind === 'parameter' && segment.catchAll
    const text = catchAll ? path.slice(index).join('/') : (path[index] ?? '')
    if (!matchSegment(segment, text, params)) return undefined
    if (catchAll) return params
  }
  return path.length > segments.length ? undefined : params
}

function matchSegment(segment: Segment, text: string, params: Record<string, string>): boolean {
  if (segment.kind === 'literal') return text.toLowerCase() === segment.text.toLowerCase()
  return segment.kind === 'mixed' ? takeMixed(segment, text, params) : take(segment, text, params)
}

function takeMixed(segment: Mixed, text: string, params: Record<string, string>): boolean {
  for (const pattern of segment.patterns) {
    const values = pattern.exec(text)?.slice(1)
    if (values === undefined) continue
    return segment.parameters.every((parameter, index) =>
      take(parameter, values[index] ?? '', params),
    )
  }
  return false
}

/** Notes the value of a parameter, or its default; false when the parameter does not take it. */
function take(parameter: Parameter, value: string, params: Record<string, string>): boolean {
  const { name, optional, catchAll, otherwise, checks } = parameter
  if (value === '' && otherwise === undefined) return optional || catchAll
  const taken = value === '' ? (otherwise ?? '') : value
  if (!checks.every((check) => check(taken))) return false
  params[name] = taken
  return true
}

/** Splits at slashes outside braces: a regex constraint may contain some. */
function splitAtSlashes(template: string): string[] {
  const parts: string[] = ['']
  let inside = false
  for (const token of template.match(/\{\{|\}\}|[\s\S]/g) ?? []) {
    if (token === '{') inside = true
    if (token === '}') inside = false
    if (token === '/' && !inside) parts.push('')
    else parts.push((parts.pop() ?? '') + token)
  }
  return parts
}

function parseSegment(text: string): Segment {
  if (text === '') throw bad('it has two slashes next to each other')
  const parts = splitAtBraces(text).map((part) =>
    part.startsWith('{') && !part.startsWith('{{')
      ? parseParameter(unescapeBraces(part.slice(1, -1)))
      : parseLiteral(unescapeBraces(part)),
  )
  const [only] = parts
  return parts.length === 1 && only !== undefined ? only : mixed(text, parts)
}

/** `a{x}.{y}` in its parts, braces kept. A lone brace is an error. */
function splitAtBraces(segment: string): string[] {
  const parts: string[] = []
  const pattern = /\{(?:\{\{|\}\}|[^{}])+\}(?!\}(?!\}))|(?:\{\{|\}\}|[^{}])+/gy
  let end = 0
  for (const match of segment.matchAll(pattern)) {
    parts.push(match[0])
    end = match.index + match[0].length
  }
  if (end !== segment.length) throw bad(`"${segment}" has a brace without its other half`)
  return parts
}

function unescapeBraces(text: string): string {
  return text.replaceAll('{{', '{').replaceAll('}}', '}')
}

function parseLiteral(text: string): Literal {
  if (text.includes('?')) throw bad(`"${text}" has a question mark outside of a parameter`)
  return { kind: 'literal', text }
}

function parseParameter(text: string): Parameter {
  const match = /^(\*{0,2})([^*?:=/{}]+)((?::.*?)?)(\?)?$/s.exec(withoutDefault(text).left)
  const [, stars = '', name, constraints = '', optional] = match ?? []
  if (name === undefined) throw bad(`"{${text}}" is no parameter`)
  const { otherwise } = withoutDefault(text)
  if (optional !== undefined && (otherwise !== undefined || stars !== '')) {
    throw bad(`"{${text}}" is optional and has a default or is a catch-all`)
  }
  return {
    kind: 'parameter',
    name,
    optional: optional !== undefined,
    catchAll: stars !== '',
    otherwise,
    checks: splitOutside(constraints, ':').slice(1).map(readConstraint),
  }
}

/** Cuts `=default` off, which is behind the constraints and outside of their brackets. */
function withoutDefault(text: string): { left: string; otherwise: string | undefined } {
  const [left = '', ...rest] = splitOutside(text, '=')
  return { left, otherwise: rest.length === 0 ? undefined : rest.join('=') }
}

/** Splits at a character outside of round brackets. */
function splitOutside(text: string, separator: string): string[] {
  const found: string[] = ['']
  let depth = 0
  for (const character of text) {
    if (character === '(') depth++
    if (character === ')') depth--
    if (character === separator && depth === 0) found.push('')
    else found.push((found.pop() ?? '') + character)
  }
  return found
}

/** As many characters as possible go to the parameters on the left, as ASP.NET Core matches. */
function mixed(text: string, parts: readonly (Literal | Parameter)[]): Mixed {
  const parameters = parts.filter((part) => part.kind === 'parameter')
  const last = parts.at(-1)
  const before = parts.at(-2)
  for (const [index, part] of parts.entries()) {
    if (part.kind === 'literal') continue
    if (part.catchAll) throw bad(`"${text}" has a catch-all beside other parts`)
    if (parts[index + 1]?.kind === 'parameter') throw bad(`"${text}" has two parameters in a row`)
    if (part.optional && (part !== last || before?.kind !== 'literal' || before.text !== '.')) {
      throw bad(`"${text}" has an optional part that is not the last one behind a dot`)
    }
  }
  const patterns = [segmentPattern(parts)]
  if (last?.kind === 'parameter' && last.optional) patterns.push(segmentPattern(parts.slice(0, -2)))
  return { kind: 'mixed', parameters, patterns }
}

function segmentPattern(parts: readonly (Literal | Parameter)[]): RegExp {
  const source = parts.map((part) =>
    part.kind === 'parameter' ? '(.+)' : part.text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'),
  )
  return new RegExp(`^${source.join('')}$`, 'is')
}

function checkWhole(segments: readonly Segment[]): void {
  const names = new Set<string>()
  for (const [index, segment] of segments.entries()) {
    const isLast = index === segments.length - 1
    if (segment.kind === 'literal') continue
    if (segment.kind === 'parameter' && segment.catchAll && !isLast) {
      throw bad(`the catch-all "${segment.name}" is not the last segment`)
    }
    const parameters = segment.kind === 'mixed' ? segment.parameters : [segment]
    for (const { name } of parameters) {
      if (names.has(name.toLowerCase())) throw bad(`the parameter "${name}" comes twice`)
      names.add(name.toLowerCase())
    }
  }
}

function bad(text: string): HostError {
  return new HostError('bad-setting', text)
}
