/** What came of the inputs, by mutator and by what was read. */

type Table = Record<string, Record<string, number>>

export interface Counts {
  inputs: number
  readings: number
  /** Inputs by mutator: a code that was reported, `recovered`, or `unaffected`. */
  mutators: Table
  /** Readings, by what was read. */
  readingsBy: Table
  /** The most that one input left in memory before anything was collected. */
  grownBytesMax: number
}

export function noCounts(): Counts {
  return { inputs: 0, readings: 0, mutators: {}, readingsBy: {}, grownBytesMax: 0 }
}

export function count(table: Table, of: string, what: string, more = 1): void {
  const row = table[of] ?? {}
  row[what] = (row[what] ?? 0) + more
  table[of] = row
}

export function merged(all: readonly Counts[]): Counts {
  const sum = noCounts()
  for (const one of all) {
    sum.inputs += one.inputs
    sum.readings += one.readings
    sum.grownBytesMax = Math.max(sum.grownBytesMax, one.grownBytesMax)
    add(sum.mutators, one.mutators)
    add(sum.readingsBy, one.readingsBy)
  }
  return sum
}

function add(to: Table, from: Table): void {
  for (const [of, row] of Object.entries(from)) {
    for (const [what, n] of Object.entries(row)) count(to, of, what, n)
  }
}

/** Two tables of Markdown, as docs/fuzzing.md shows them. */
export function reportOf({
  inputs,
  readings,
  mutators,
  readingsBy,
  grownBytesMax,
}: Counts): string[] {
  const grown = Math.round(grownBytesMax / 2 ** 20)
  return [
    `${inputs} inputs, ${readings} readings; one input left at most ${grown} MiB`,
    ...tableOf('inputs', mutators),
    ...tableOf('readings', readingsBy),
  ]
}

const GOOD = ['unaffected', 'recovered']

function tableOf(of: string, table: Table): string[] {
  const rows = Object.entries(table).sort(([a], [b]) => (a < b ? -1 : 1))
  return [
    `| ${of} | all | unaffected | recovered | reported |`,
    '|---|---|---|---|---|',
    ...rows.map(([name, row]) => {
      const all = Object.values(row).reduce((sum, n) => sum + n, 0)
      const codes = Object.entries(row).filter(([what]) => !GOOD.includes(what))
      const reported = codes.sort(([, a], [, b]) => b - a).map(([code, n]) => `${code} ${n}`)
      const [unaffected = 0, recovered = 0] = GOOD.map((what) => row[what] ?? 0)
      return `| ${name} | ${all} | ${unaffected} | ${recovered} | ${reported.join(', ')} |`
    }),
  ]
}
