/** What the command shows on a terminal: the start text and the lines of the log. Pure. */
import type { LogLine } from '../log.ts'
import type { FunctionSummary } from '../summaries.ts'

export interface StartText {
  readonly url: string
  readonly functions: readonly FunctionSummary[]
  readonly stateFile: string
  readonly profile: string
  /** Opens every HTTP function; undefined where none asks for one. */
  readonly masterKey: string | undefined
}

/** Functions with their addresses and triggers, then where to look and how to stop. */
export function startText(start: StartText): string {
  const { url, functions, masterKey } = start
  const rows = functions.map((summary) => [summary.trigger, rowOf(summary, url)] as const)
  const sections = [
    ['HTTP', 'httpTrigger'],
    ['Timers', 'timerTrigger'],
    ['Queues', 'queueTrigger'],
    ['Entities', 'entityTrigger'],
  ].map(([title, trigger]) => {
    const own = rows.filter(([type]) => type === trigger).map(([, row]) => row)
    return own.length === 0 ? '' : `${title}\n${columns(own)}\n\n`
  })
  const named = [
    ['Orchestrations', 'orchestrationTrigger'],
    ['Activities', 'activityTrigger'],
  ].map(([title, trigger]) => {
    const names = functions.filter((own) => own.trigger === trigger).map(({ name }) => name)
    return names.length === 0 ? '' : `${title}\n${wrapped(names)}\n\n`
  })
  const facts = [
    ['Status page', `${url}/admin/durable`],
    ['State', start.stateFile],
    ['Profile', start.profile],
    ...(masterKey === undefined ? [] : [['Master key', masterKey]]),
  ]
  return `\n${sections.join('')}${named.join('')}${columns(facts)}\n\nCtrl-C stops the host.\n`
}

function rowOf(summary: FunctionSummary, url: string): string[] {
  const { name, http, schedule, queueName } = summary
  if (http !== undefined) {
    const key = http.authLevel === 'anonymous' ? '' : `needs the ${http.authLevel} key`
    return [name, http.methods.join(','), `${url}${http.path}`, key]
  }
  if (schedule !== undefined) return [name, schedule]
  return queueName === undefined ? [name] : [name, `from ${queueName}`]
}

/** Rows of cells, two blanks apart, below each other. */
function columns(rows: readonly (readonly string[])[]): string {
  const widths: number[] = []
  for (const row of rows) {
    for (const [index, cell] of row.entries()) {
      widths[index] = Math.max(widths[index] ?? 0, cell.length)
    }
  }
  const line = (row: readonly string[]): string =>
    row.map((cell, index) => cell.padEnd(widths[index] ?? 0)).join('  ')
  return rows.map((row) => `  ${line(row).trimEnd()}`).join('\n')
}

const lineWidth = 78

function wrapped(names: readonly string[]): string {
  const lines: string[] = ['']
  for (const name of names) {
    const last = lines.pop() ?? ''
    const longer = last === '' ? `  ${name}` : `${last}, ${name}`
    if (longer.length <= lineWidth || last === '') lines.push(longer)
    else lines.push(`${last},`, `  ${name}`)
  }
  return lines.join('\n')
}

/** One line of the log for people: local time, level where it matters, function, text. */
export function logText(line: LogLine): string {
  const time = new Date(line.atMs).toTimeString().slice(0, 8)
  const level = line.level === 'information' ? '' : `${line.level}: `
  const name = line.functionName === undefined ? '' : `[${line.functionName}] `
  return `${time} ${level}${name}${line.text}`
}
