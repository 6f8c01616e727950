/**
 * What must be equal after a rebuild, row by row (DESIGN 6, promise P6), for tests of everything
 * that writes rows. Rows of packs are measured: how long they are locked, and that they may be used,
 * which the expirer takes back. Shares nothing with `holdfast vault rebuild --compare`, which is tested by it.
 */
import assert from 'node:assert/strict'
import type { OwnerId } from '../../model/ids.ts'
import type { Row, TableName, Values } from '../../ports.ts'
import { unseal } from '../../sealing/seal.ts'

export type RowsOf = (table: TableName) => readonly Pick<Row, 'partition' | 'row' | 'values'>[]

export interface BothSides {
  /** As work left them, or before they were lost. */
  live: RowsOf
  /** As the commits alone make them. */
  rebuilt: RowsOf
  /** Index secret, with which cursor rows are sealed. */
  secretOf(owner: OwnerId): Uint8Array
}

/** Every column is computed from commits. */
const WHOLE = ['heads', 'commits', 'items', 'listing'] as const

/** Throws where the tables differ in anything but what is measured. */
export function assertSameRows(sides: BothSides): void {
  for (const table of WHOLE) {
    const rows = (side: RowsOf) => byKey(side(table).map((row) => [keyOf(row), said(row.values)]))
    assert.deepEqual(rows(sides.rebuilt), rows(sides.live), `${table}: equal to a rebuild`)
  }
  assert.deepEqual(openLedger(sides.rebuilt), openLedger(sides.live), 'the open ledger')
  sameCursors(sides)
}

const keyOf = ({ partition, row }: Pick<Row, 'partition' | 'row'>) => `${partition} ${row}`

/** A document is cut into columns; in which order it says its fields is no difference. */
function said(values: Values) {
  const pieces = Object.keys(values).filter((name) => /^e\d+$/.test(name))
  const text = pieces.map((_, n) => String(values[`e${n}`])).join('')
  const rest = Object.entries(values).filter(([name]) => !pieces.includes(name))
  return { ...Object.fromEntries(rest), document: text === '' ? undefined : JSON.parse(text) }
}

function byKey<T>(entries: readonly (readonly [string, T])[]): Map<string, T> {
  return new Map([...entries].sort(([a], [b]) => (a < b ? -1 : 1)))
}

/** When an entry was closed is measured, and closed rows go after some time. */
function openLedger(side: RowsOf): Map<string, unknown> {
  const open = side('ledger').filter(({ values }) => values['closedAt'] === '')
  return byKey(open.map((row) => [keyOf(row), said(row.values)]))
}

/** A quiet round may have read on since the commit, never back; a seal is another one each time. */
function sameCursors({ live, rebuilt, secretOf }: BothSides): void {
  const before = byKey(live('cursors').map((row) => [keyOf(row), row]))
  for (const row of rebuilt('cursors')) {
    const key = keyOf(row)
    const now = before.get(key)
    assert.ok(now, `cursors ${key}: a committed cursor has a row`)
    before.delete(key)
    const [told, held] = [row.values, now.values]
    // A base does not say when the commits were made that its cursors are from.
    const since = told['committedAt'] === '' ? '' : held['committedAt']
    assert.equal(since, told['committedAt'], `cursors ${key}: since when committed`)
    if (held['ahead'] === false) {
      const text = (of: typeof row) => cursorIn(of, secretOf)
      assert.deepEqual(
        [held['seq'], held['round'], text(now)],
        [told['seq'], told['round'], text(row)],
        `cursors ${key}: as the commit says`,
      )
    } else {
      const isForward = Number(held['round']) >= Number(told['round'])
      assert.ok(isForward && String(held['seq']) >= String(told['seq']), `cursors ${key}: not back`)
    }
  }
  for (const [key, { values }] of before) {
    const isUncommitted = values['ahead'] === true && values['committedAt'] === ''
    assert.ok(isUncommitted, `cursors ${key}: no commit has it`)
  }
}

/** What the row seals, as an object. */
function cursorIn(
  { partition, row, values }: Pick<Row, 'partition' | 'row' | 'values'>,
  secretOf: BothSides['secretOf'],
): unknown {
  const { sealed } = values
  assert.ok(sealed instanceof Uint8Array, 'a cursor row is sealed')
  const secret = secretOf(partition.split('~')[0] as OwnerId)
  const bound = Buffer.from(`${partition}~${row}`)
  return JSON.parse(Buffer.from(unseal(secret, 'cursor', sealed, bound)).toString('utf8'))
}
