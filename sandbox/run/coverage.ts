/**
 * Coverage as `npm start` shows it: every account with its state, its last whole round, and what
 * of it could not be stored. Names and counts; a subject is never shown.
 */
import Table from 'cli-table3'
import pc from 'picocolors'
import {
  type ApiClient,
  isOneDrive,
  type LedgerLine,
  type Resource,
  type Workload,
  workloadOf,
} from './api-client.ts'
import { plural } from './progress.ts'

export interface CoverageLine {
  /** Of the resource. */
  id: string
  workload: Workload
  name: string
  /** For people. */
  state: string
  /** Worth a look. */
  isAmiss: boolean
  /** ISO time of the end of the last whole round; undefined: none yet. */
  completeAt: string | undefined
  ledger: readonly LedgerLine[]
}

const COVERED = 'covered'

/** What a person reads for the states of docs/api.md. */
const STATES: Readonly<Record<string, string>> = {
  waiting: 'waiting for its first copy',
  'first-copy': 'first copy under way',
  covered: COVERED,
  partial: 'covered in part',
  'no-source': 'it is gone, the copy is kept',
  failing: 'failing',
  poison: 'set aside for a day',
  unprotected: 'not protected',
  unreachable: 'cannot be asked for at present',
  gone: 'left the directory',
}

export async function readCoverage(
  api: Pick<ApiClient, 'resources' | 'ledger'>,
): Promise<CoverageLine[]> {
  const lines: CoverageLine[] = []
  for (const resource of await api.resources()) {
    const open = resource.coverage?.ledgerOpen ?? 0
    const ledger = open > 0 ? await api.ledger(resource.id, workloadOf(resource)) : []
    lines.push(lineOf(resource, ledger))
  }
  return lines.toSorted((a, b) => a.name.localeCompare(b.name))
}

function lineOf(resource: Resource, ledger: readonly LedgerLine[]): CoverageLine {
  const { id, state, reason = '', coverage } = resource
  const known = state === 'protected' ? (coverage?.state ?? 'waiting') : state
  const why = state === 'protected' ? (coverage?.trouble ?? '') : reason
  const nothing = resource.kind === 'site' ? 'no libraries' : 'no mailbox'
  const said = known === 'no-content' ? nothing : (STATES[known] ?? known)
  return {
    ...{ id, workload: workloadOf(resource), name: nameOf(resource) },
    state: why === '' ? said : `${said} (${why})`,
    isAmiss: !['covered', 'unprotected'].includes(known) || ledger.length > 0,
    completeAt: coverage?.completeAt,
    ledger,
  }
}

/** A person and their OneDrive bear one name. */
function nameOf(resource: Resource): string {
  const { kind, name } = resource
  if (kind !== 'site') return name
  return isOneDrive(resource) ? `${name} (OneDrive)` : `${name} (site)`
}

/** The same text for the same state, so that a caller can tell whether anything changed. */
export function coverageText(lines: readonly CoverageLine[]): string {
  const table = new Table({
    style: { head: [], border: [], 'padding-left': 2, 'padding-right': 0, compact: true },
    chars: NO_RULES,
    head: ['account', 'state', 'last whole round', 'not stored'].map((name) => pc.dim(name)),
  })
  for (const { name, state, isAmiss, completeAt, ledger } of lines) {
    const shown = isAmiss && ledger.length === 0 ? pc.yellow(state) : state
    table.push([name, shown, timeText(completeAt), ledgerText(ledger)])
  }
  const rows = table.toString().split('\n')
  return [pc.bold('Coverage'), ...rows.map((row) => row.trimEnd())].join('\n')
}

const NO_RULES = Object.fromEntries(
  [
    ...['top', 'top-mid', 'top-left', 'top-right', 'bottom', 'bottom-mid', 'bottom-left'],
    ...['bottom-right', 'left', 'left-mid', 'mid', 'mid-mid', 'right', 'right-mid', 'middle'],
  ].map((name) => [name, '']),
)

function timeText(iso: string | undefined): string {
  return iso === undefined ? '-' : new Date(iso).toLocaleTimeString('en-GB')
}

/** How many, for which reason, and when the first of them is tried again. */
function ledgerText(ledger: readonly LedgerLine[]): string {
  const byReason = Map.groupBy(ledger, ({ kind, reason }) =>
    kind === 'container' ? `folder ${reason}` : reason,
  )
  const counts = [...byReason].map(([reason, lines]) => `${lines.length} ${reason}`).join(', ')
  if (counts === '') return '-'
  const tries = ledger.flatMap(({ nextTry }) => nextTry ?? []).toSorted()
  const [next] = tries
  return pc.yellow(next === undefined ? counts : `${counts}, next try ${dayText(next)}`)
}

function dayText(iso: string): string {
  const time = { hour: '2-digit', minute: '2-digit' } as const
  return new Date(iso).toLocaleString('en-GB', { day: 'numeric', month: 'short', ...time })
}

/** One sentence: how many of how many are covered. */
export function coverageSentence(lines: readonly CoverageLine[]): string {
  const covered = lines.filter(({ state }) => state === COVERED).length
  const open = lines.flatMap((line) => line.ledger)
  const folders = open.filter(({ kind }) => kind === 'container').length
  const parts = [
    ...(folders > 0 ? [plural(folders, 'whole folder')] : []),
    ...(open.length > folders ? [plural(open.length - folders, 'item')] : []),
  ]
  const ledger =
    open.length === 0 ? 'nothing is in the ledger' : `${parts.join(' and ')} in the ledger`
  return `${covered} of ${plural(lines.length, 'account')} covered; ${ledger}`
}
