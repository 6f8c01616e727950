/** Tables and numbers for people. */
import Table from 'cli-table3'
import pc from 'picocolors'
import { plainText } from './plain-text.ts'

/** No rules between rows: a list can be long. */
const PLAIN = {
  style: { head: [], border: [], 'padding-left': 0, 'padding-right': 2 },
  chars: {
    ...{ top: '', 'top-mid': '', 'top-left': '', 'top-right': '' },
    ...{ bottom: '', 'bottom-mid': '', 'bottom-left': '', 'bottom-right': '' },
    ...{ left: '', 'left-mid': '', mid: '', 'mid-mid': '', right: '', 'right-mid': '', middle: '' },
  },
}

export type Cell = string | number | undefined

/** `head`: a name that begins with `>` heads a column of numbers. */
export function tableText(head: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const table = new Table({
    ...PLAIN,
    head: head.map((name) => pc.bold(name.replace(/^>/, ''))),
    colAligns: head.map((name) => (name.startsWith('>') ? 'right' : 'left')),
  })
  for (const row of rows) table.push(row.map((cell) => plainText(String(cell ?? ''))))
  return table.toString().replace(/[ \t]+$/gm, '')
}

export const countText = (count: number): string => Math.round(count).toLocaleString('en-US')

export function plural(count: number, one: string, many = `${one}s`): string {
  return `${countText(count)} ${count === 1 ? one : many}`
}

const UNITS = ['bytes', 'KB', 'MB', 'GB', 'TB', 'PB']

export function bytesText(bytes: number): string {
  const power = Math.min(
    UNITS.length - 1,
    Math.floor(Math.log(Math.max(1, bytes)) / Math.log(1024)),
  )
  const value = bytes / 1024 ** power
  return `${power === 0 || value >= 100 ? countText(value) : value.toFixed(1)} ${UNITS[power]}`
}
