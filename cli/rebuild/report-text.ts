/** What a rebuild and a comparison say, for people. Pure. */
import pc from 'picocolors'
import type { Rebuild } from '../../src/catalogue/types.ts'
import type { CompareReport } from '../../src/runs/rebuild/index.ts'
import { countText, plural, tableText } from '../out/table.ts'

/** Rows that are listed; --json has more. */
const ROWS_SHOWN_MAX = 50

export interface RebuildReport {
  rebuild: string
  outcome:
    | 'rebuilt'
    /** Of some owners the rows could not be made, or not all of them. */
    | 'in-part'
  scope: Rebuild['scope']
  counts: Rebuild['counts']
  /** Codes, each with how many owners have ended with it. */
  troubles: Rebuild['troubles']
  /** Holdfast may work on these tables. */
  ready: boolean
}

export function rebuildReport(rebuild: Rebuild, ready: boolean): RebuildReport {
  const { id, scope, counts, troubles } = rebuild
  const isWhole = counts.failed + counts.unreadable + counts.damaged === 0
  return {
    ...{ rebuild: id, outcome: isWhole ? 'rebuilt' : 'in-part', scope, counts, troubles },
    ready,
  }
}

export function rebuildReportText({ counts, troubles, ready, outcome }: RebuildReport): string {
  const lines = [
    `${plural(counts.owners, 'owner')}, ${plural(counts.rebuilt, 'rebuilt', 'rebuilt')} from ${plural(counts.commits, 'commit')}`,
    ...(counts.superseded > 0
      ? [`${countText(counts.superseded)} superseded by a newer owner`]
      : []),
    ...(counts.erased > 0 ? [`${countText(counts.erased)} erased, and not brought back`] : []),
    ...(counts.damaged > 0
      ? [
          pc.yellow(
            `${countText(counts.damaged)} with a damaged commit: what it said is missing, and the next round reads everything anew`,
          ),
        ]
      : []),
    ...(counts.failed > 0
      ? [pc.red(`${countText(counts.failed)} failed: nobody works them until a rebuild succeeds`)]
      : []),
    ...(counts.unreadable > 0
      ? [pc.red(`${countText(counts.unreadable)} unreadable: nobody can say whom they stand for`)]
      : []),
    ...Object.entries(troubles).map(([code, n]) => `  ${code}: ${plural(n, 'owner')}`),
    '',
    ready
      ? 'The catalogue is ready: Holdfast goes on from it.'
      : 'The catalogue is not ready: Holdfast works on it once all owners are rebuilt.',
  ]
  const end = outcome === 'rebuilt' ? [pc.green('Every row is that of the commits.')] : []
  return [...lines, ...end].join('\n')
}

export function compareReportText(report: CompareReport): string {
  const { differences, troubles } = report
  return [
    countsText(report),
    ...(differences.length === 0 ? [] : ['', differencesText(differences)]),
    ...(troubles.length === 0 ? [] : ['', troublesText(troubles)]),
    '',
    outcomeText(report),
  ].join('\n')
}

function countsText({ counts, tables }: CompareReport): string {
  const rows = Object.entries(tables).map(([table, of]) => [
    table,
    ...[of.equal, of.missing, of.extra, of.different, of.beyond].map(countText),
  ])
  const head = ['table', '>equal', '>missing', '>extra', '>different', '>beyond']
  const what = `${plural(counts.owners, 'owner')}, ${plural(counts.streams, 'stream')}, ${plural(counts.commits, 'commit')}`
  return `${what}\n\n${tableText(head, rows)}`
}

function differencesText(differences: CompareReport['differences']): string {
  const shown = differences.slice(0, ROWS_SHOWN_MAX)
  const rows = shown.map(({ table, is, partition, row, columns = [] }) => [
    ...[table, is, partition, row, columns.join(', ')],
  ])
  const table = tableText(['table', 'row is', 'partition', 'row', 'columns'], rows)
  const hidden = differences.length - shown.length
  return hidden === 0 ? table : `${table}\nand ${plural(hidden, 'more', 'more')}; --json has them.`
}

function troublesText(troubles: CompareReport['troubles']): string {
  const shown = troubles.slice(0, ROWS_SHOWN_MAX)
  const rows = shown.map(({ owner, workload, code }) => [owner, workload ?? 'all', code])
  const table = tableText(['not compared: owner', 'stream', 'why'], rows)
  const hidden = troubles.length - shown.length
  return hidden === 0 ? table : `${table}\nand ${plural(hidden, 'more', 'more')}; --json has them.`
}

function outcomeText({ outcome, counts, tables }: CompareReport): string {
  switch (outcome) {
    case 'equal':
      return pc.green('Every row is that of the commits.')
    case 'nothing':
      return pc.yellow('There was nothing to compare.')
    case 'uncompared':
      return pc.yellow(
        `No difference was found, and ${plural(counts.uncompared, 'owner or stream', 'owners or streams')} could not be compared.`,
      )
    case 'different': {
      const apart = Object.values(tables).reduce(
        (sum, { missing, extra, different }) => sum + missing + extra + different,
        0,
      )
      return pc.red(`${plural(apart, 'row is', 'rows are')} not as the commits say.`)
    }
  }
}
