/**
 * How far a comparison has come, and what it says: plain JSON of bounded size with opaque ids only.
 *
 * What it counts belongs exactly to the streams up to `at`, so that going on from any of them ends
 * in the same report.
 */
import { z } from 'zod'
import { COMPARED_TABLES, type ComparedTable } from '../../catalogue/index.ts'
import { type OwnerId, parseOwnerId, WORKLOADS } from '../../model/ids.ts'

/** Differences that a report names; all are counted. */
export const DIFFERENCES_NAMED_MAX = 500
/** Streams that could not be compared which a report names; all are counted. */
const TROUBLES_NAMED_MAX = 500

const ownerSchema = z
  .string()
  .regex(/^[0-9a-f]{32}$/)
  .transform(parseOwnerId)
const count = z.int().nonnegative()
const key = z.string().max(512)
/** Rows of `owners` and `resources` are looked at for who owns what. */
const tables = ['owners', 'resources', ...COMPARED_TABLES] as const
export type ReportedTable = 'owners' | 'resources' | ComparedTable

const planSchema = z.object({
  /** Absent: all. */
  owner: ownerSchema.exactOptional(),
})
export interface ComparePlan {
  owner?: OwnerId
}

const tableCountsSchema = z.object({
  equal: count,
  missing: count,
  extra: count,
  different: count,
  beyond: count,
})

const differenceSchema = z.object({
  table: z.enum(tables),
  partition: key,
  row: key,
  is: z.enum(['missing', 'extra', 'different']),
  columns: z.array(z.string().max(100)).max(20).exactOptional(),
})
export type ReportedDifference = z.infer<typeof differenceSchema>

const troubleSchema = z.object({
  owner: ownerSchema,
  workload: z.enum(WORKLOADS).exactOptional(),
  code: z.string().max(100),
})
export type ReportedTrouble = z.infer<typeof troubleSchema>

export const compareProgressSchema = z.object({
  holdfast: z.literal(1),
  what: z.literal('compare'),
  plan: planSchema,
  /** The last owner that is done with; absent: none. */
  after: ownerSchema.exactOptional(),
  counts: z.object({
    owners: count,
    /** Of them: nothing of theirs may be there, and nothing is. */
    erased: count,
    streams: count,
    commits: count,
    /** Owners and streams that could not be compared. */
    uncompared: count,
  }),
  tables: z.record(z.enum(tables), tableCountsSchema),
  differences: z.array(differenceSchema).max(DIFFERENCES_NAMED_MAX),
  troubles: z.array(troubleSchema).max(TROUBLES_NAMED_MAX),
})
export type CompareProgress = z.infer<typeof compareProgressSchema>

export function compareStart(plan: ComparePlan): CompareProgress {
  const none = () => ({ equal: 0, missing: 0, extra: 0, different: 0, beyond: 0 })
  return {
    ...{ holdfast: 1, what: 'compare', plan },
    counts: { owners: 0, erased: 0, streams: 0, commits: 0, uncompared: 0 },
    tables: Object.fromEntries(tables.map((table) => [table, none()])) as CompareProgress['tables'],
    ...{ differences: [], troubles: [] },
  }
}

export interface CompareReport extends Omit<CompareProgress, 'what' | 'after'> {
  outcome:
    | 'equal'
    | 'different'
    /** No difference was found, and not everything could be compared. */
    | 'uncompared'
    | 'nothing'
}

export function compareReport(progress: CompareProgress): CompareReport {
  const { what: _, after: __, ...rest } = progress
  const { counts, tables: of } = progress
  const isApart = Object.values(of).some(
    ({ missing, extra, different }) => missing + extra + different > 0,
  )
  const isNothing = counts.owners === 0
  const isEqual = isNothing ? 'nothing' : 'equal'
  const isWhole = counts.uncompared > 0 ? 'uncompared' : isEqual
  return { outcome: isApart ? 'different' : isWhole, ...rest }
}

/** Adds what was found to the progress, which is changed. */
export class CompareTally {
  readonly #progress: CompareProgress

  constructor(progress: CompareProgress) {
    this.#progress = progress
  }

  count(what: Partial<CompareProgress['counts']>): void {
    const { counts } = this.#progress
    for (const name of Object.keys(counts) as (keyof typeof counts)[]) {
      counts[name] += what[name] ?? 0
    }
  }

  equal(table: ReportedTable): void {
    this.#progress.tables[table].equal += 1
  }

  differs(difference: ReportedDifference): void {
    this.#progress.tables[difference.table][difference.is] += 1
    this.name([difference])
  }

  /** Adds counts of a stream, whose differences are named apart. */
  rows(of: Readonly<Record<ComparedTable, z.infer<typeof tableCountsSchema>>>): void {
    for (const table of COMPARED_TABLES) {
      const sum = this.#progress.tables[table]
      for (const name of Object.keys(sum) as (keyof typeof sum)[]) sum[name] += of[table][name]
    }
  }

  name(differences: readonly ReportedDifference[]): void {
    const named = this.#progress.differences
    named.push(...differences.slice(0, DIFFERENCES_NAMED_MAX - named.length))
  }

  uncompared(trouble: ReportedTrouble): void {
    this.#progress.counts.uncompared += 1
    const named = this.#progress.troubles
    if (named.length < TROUBLES_NAMED_MAX) named.push(trouble)
  }
}
