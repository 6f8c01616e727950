/**
 * Reads the table of docs/fidelity.md: what the service imposes on restored mail.
 *
 * A difference is forgiven only where a row names its field, and each one is still counted.
 */

export interface FidelityRule {
  readonly field: string
  /** When the service imposes it, in the document's words. */
  readonly when: string
}

export type Fidelity = ReadonlyMap<string, FidelityRule>

/** A row that begins like this forgives a field only where the original had no value in it. */
const ONLY_WHERE_NONE = 'when the original has none'

/** Is this difference one that the document lists? */
export function isListed(
  fidelity: Fidelity,
  { field, before }: { readonly field: string; readonly before: unknown },
): boolean {
  const rule = fidelity.get(field)
  if (rule === undefined) return false
  return !rule.when.startsWith(ONLY_WHERE_NONE) || isNothing(before)
}

function isNothing(value: unknown): boolean {
  if (value === null || value === undefined || value === '') return true
  return Array.isArray(value) && value.length === 0
}

const FIELD_COLUMN = 'field'
const WHEN_COLUMN = 'when'

/** Reads every table that has the columns `field` and `when`. Throws where there is none. */
export function parseFidelity(markdown: string): Fidelity {
  const rules = new Map<string, FidelityRule>()
  let columns: { field: number; when: number } | undefined
  for (const line of markdown.split('\n')) {
    const cells = cellsOf(line)
    if (cells === undefined) {
      columns = undefined
      continue
    }
    if (columns === undefined) {
      columns = columnsOf(cells)
      continue
    }
    const when = cells[columns.when] ?? ''
    for (const [, field] of (cells[columns.field] ?? '').matchAll(/`([^`]+)`/g)) {
      if (field !== undefined) rules.set(field, { field, when })
    }
  }
  if (rules.size === 0) {
    throw new Error('docs/fidelity.md has no table with the columns "field" and "when".')
  }
  return rules
}

/** Undefined: not a line of a table. `\|` inside a cell is a bar. */
function cellsOf(line: string): string[] | undefined {
  const text = line.trim()
  if (!text.startsWith('|')) return undefined
  return text
    .replace(/^\||\|$/g, '')
    .split(/(?<!\\)\|/)
    .map((cell) => cell.trim().replaceAll('\\|', '|'))
}

/** A table without these columns has a place outside every row, so that nothing is read. */
function columnsOf(cells: readonly string[]): { field: number; when: number } {
  const names = cells.map((cell) => cell.toLowerCase().replaceAll(/[`*]/g, ''))
  return { field: names.indexOf(FIELD_COLUMN), when: names.indexOf(WHEN_COLUMN) }
}
