/**
 * OData query options and the Prefer header.
 *
 * Invariants: an option that the called route does not list is refused, never ignored; options
 * are plain data, because delta and page links carry them inside their tokens.
 */
import { badRequest, GraphError, notBuilt } from './errors.ts'

export interface Expand {
  /** For example `attachments` or `microsoft.graph.itemAttachment/item`. */
  readonly path: string
  readonly select: readonly string[] | null
  readonly filter: string | null
}

/** What may become of a name that is taken, where something new is to have it. */
export const CONFLICT_BEHAVIORS = ['fail', 'rename', 'replace'] as const
export type ConflictBehavior = (typeof CONFLICT_BEHAVIORS)[number]

export interface QueryOptions {
  readonly select: readonly string[] | null
  readonly expand: readonly Expand[]
  readonly filter: string | null
  readonly orderby: string | null
  readonly top: number | null
  readonly skip: number
  readonly count: boolean
  readonly includeHidden: boolean
  /** Of drive and site deltas: a link's, `latest` or a time. */
  readonly token: string | null
  /** What a PUT does where its name is taken; null: it does not say. */
  readonly conflict: ConflictBehavior | null
}

export const NO_OPTIONS: QueryOptions = {
  select: null,
  expand: [],
  filter: null,
  orderby: null,
  top: null,
  skip: 0,
  count: false,
  includeHidden: false,
  token: null,
  conflict: null,
}

export interface Preferences {
  readonly immutableIds: boolean
  readonly maxPageSize: number | null
  readonly textBody: boolean
  readonly minimal: boolean
  /** All preferences that were sent, in lower case; SharePoint's are looked up here. */
  readonly all: ReadonlySet<string>
  /** What the answer's `Preference-Applied` header says. */
  readonly applied: readonly string[]
}

/** The token of a next or delta link, with its kind. */
export interface LinkToken {
  readonly kind: 'skip' | 'delta'
  readonly text: string
}

const DECIMAL = /^\d{1,9}$/

function wholeNumber(name: string, text: string): number {
  if (!DECIMAL.test(text)) throw badRequest(`Invalid value '${text}' for ${name} query option.`)
  return Number(text)
}

/** Splits at `separator` outside parentheses and quotes. */
export function splitTopLevel(text: string, separator: string): string[] {
  const parts: string[] = []
  let depth = 0
  let quoted = false
  let start = 0
  for (let i = 0; i < text.length; i += 1) {
    const character = text[i]
    if (character === "'") quoted = !quoted
    else if (quoted) continue
    else if (character === '(') depth += 1
    else if (character === ')') depth -= 1
    else if (depth === 0 && text.startsWith(separator, i)) {
      parts.push(text.slice(start, i))
      start = i + separator.length
      i = start - 1
    }
  }
  parts.push(text.slice(start))
  return parts.map((part) => part.trim())
}

function names(text: string): string[] {
  return splitTopLevel(text, ',').filter((name) => name !== '')
}

export function parseExpand(text: string): Expand[] {
  return splitTopLevel(text, ',').map((item) => {
    const found = /^([\w./]+)(?:\((.*)\))?$/s.exec(item)
    const path = found?.[1]
    if (path === undefined) throw badRequest(`The $expand item '${item}' is not valid.`)
    const expand = { path, select: null as string[] | null, filter: null as string | null }
    for (const part of splitTopLevel(found?.[2] ?? '', ';')) {
      if (part === '') continue
      const equals = part.indexOf('=')
      const option = part.slice(0, equals).trim()
      const value = part.slice(equals + 1).trim()
      if (option === '$select') expand.select = names(value)
      else if (option === '$filter') expand.filter = value
      else throw notBuilt(`${option} inside $expand`)
    }
    return expand
  })
}

export interface ParsedQuery {
  readonly options: QueryOptions
  readonly token: LinkToken | null
}

type MutableOptions = { -readonly [K in keyof QueryOptions]: QueryOptions[K] }

const SETTERS: Readonly<Record<string, (options: MutableOptions, value: string) => void>> = {
  $select: (options, value) => {
    options.select = names(value)
  },
  $expand: (options, value) => {
    options.expand = parseExpand(value)
  },
  $filter: (options, value) => {
    options.filter = value
  },
  $orderby: (options, value) => {
    options.orderby = value
  },
  $top: (options, value) => {
    options.top = wholeNumber('$top', value)
    if (options.top === 0) throw badRequest("Invalid value '0' for $top query option.")
  },
  $skip: (options, value) => {
    options.skip = wholeNumber('$skip', value)
  },
  $count: (options, value) => {
    options.count = value === 'true'
  },
  token: (options, value) => {
    options.token = value === '' ? null : value
  },
  '@microsoft.graph.conflictbehavior': (options, value) => {
    const behavior = CONFLICT_BEHAVIORS.find((each) => each === value.toLowerCase())
    if (behavior === undefined) throw badRequest(`Invalid conflict behavior '${value}'.`)
    options.conflict = behavior
  },
  includehiddenfolders: (options, value) => {
    options.includeHidden = value.toLowerCase() === 'true'
  },
}

/** Graph takes the system options with and without their dollar sign. */
function canonicalName(name: string): string {
  const lower = name.toLowerCase()
  return `$${lower}` in SETTERS ? `$${lower}` : lower
}

/**
 * `allowed`: the options of the route. A link token must come alone: its options are fixed, and
 * real clients break when they add to them.
 */
export function parseQuery(rawQuery: string, allowed: readonly string[]): ParsedQuery {
  const options: MutableOptions = { ...NO_OPTIONS }
  const entries = [...new URLSearchParams(rawQuery)]
  for (const [name, text] of entries) {
    const kind = LINK_KINDS[name.toLowerCase()]
    if (kind === undefined) continue
    if (entries.length > 1) {
      throw badRequest(`${name} cannot be combined with other query options: they are inside it.`)
    }
    return { options, token: { kind, text } }
  }
  const seen = new Set<string>()
  for (const [rawName, value] of entries) {
    const name = canonicalName(rawName)
    const setter = SETTERS[name]
    if (!setter || !allowed.includes(name)) throw refusedOption(rawName)
    if (seen.has(name)) throw badRequest(`Query option '${rawName}' was specified more than once.`)
    seen.add(name)
    setter(options, value)
  }
  return { options, token: null }
}

const LINK_KINDS: Readonly<Record<string, LinkToken['kind']>> = {
  $skiptoken: 'skip',
  $deltatoken: 'delta',
}

function refusedOption(name: string): GraphError {
  if (name.startsWith('$')) {
    return new GraphError(
      400,
      'ErrorInvalidUrlQuery',
      `The query option '${name}' is not supported by this resource.`,
    )
  }
  return notBuilt(`the query option '${name}' here`)
}

export function parsePrefer(header: string | string[] | undefined): Preferences {
  const text = Array.isArray(header) ? header.join(',') : (header ?? '')
  const size = /odata\.maxpagesize\s*=\s*"?(\d{1,9})/i.exec(text)?.[1]
  const immutableIds = /\bIdType\s*=\s*"?ImmutableId\b/i.test(text)
  const textBody = /outlook\.body-content-type\s*=\s*"?text\b/i.test(text)
  const minimal = /return\s*=\s*minimal/i.test(text)
  const applied = [
    ...(immutableIds ? ['IdType="ImmutableId"'] : []),
    ...(size === undefined ? [] : [`odata.maxpagesize=${size}`]),
    ...(textBody ? ['outlook.body-content-type="text"'] : []),
  ]
  return {
    immutableIds,
    maxPageSize: size === undefined ? null : Number(size),
    textBody,
    minimal,
    all: new Set(text.split(',').map((preference) => preference.trim().toLowerCase())),
    applied,
  }
}
