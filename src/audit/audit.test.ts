import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { describe, it } from 'node:test'
import { keyHash } from '../model/ids.ts'
import { createAudit } from './audit.ts'
import { GENESIS, rowKeyOf } from './chain.ts'
import type { AuditEvent } from './event.ts'
import { insertOnlyTable } from './testing/insert-only-table.ts'

const random = { bytes: (count: number) => randomBytes(count) }
const signal = new AbortController().signal
const MARCH = Date.UTC(2026, 2, 31, 12)
const APRIL = Date.UTC(2026, 3, 1, 12)

function read(n: number): AuditEvent {
  return { action: 'content-read', by: 'person-1', item: keyHash(`message ${n}`), seq: n }
}

function auditAt(tables: ReturnType<typeof insertOnlyTable>, start: number) {
  const clock = { at: start, now: () => clock.at }
  return { clock, ...createAudit({ tables, clock, random }) }
}

describe('audit', () => {
  it('events side by side of one process become one chain, in order', async () => {
    const tables = insertOnlyTable()
    const audit = auditAt(tables, MARCH)
    await Promise.all(Array.from({ length: 20 }, (_, n) => audit.record(read(n), signal)))
    const month = await audit.verifyMonth('2026-03', signal)
    assert.equal(month.rows, 20)
    assert.equal(month.firstPrevious, GENESIS)
    const subjects = Array.from({ length: 20 }, (_, n) => {
      const row = tables.rows.get('2026-03')?.get(rowKeyOf(n + 1))
      return JSON.parse(String(row?.['subject'])).seq
    })
    assert.deepEqual(
      subjects,
      Array.from({ length: 20 }, (_, n) => n),
    )
  })

  it('writers of several processes never fork the chain and lose no event', async () => {
    const tables = insertOnlyTable()
    const writers = Array.from({ length: 4 }, () => auditAt(tables, MARCH))
    await Promise.all(
      writers.flatMap((audit, w) =>
        Array.from({ length: 5 }, (_, n) => audit.record(read(w * 5 + n), signal)),
      ),
    )
    const { rows } = await auditAt(tables, MARCH).verifyMonth('2026-03', signal)
    assert.equal(rows, 20)
  })

  it('an insert whose answer was lost is found, not written twice', async () => {
    const tables = insertOnlyTable()
    const audit = auditAt(tables, MARCH)
    tables.loseAnswers = 1
    await audit.record(read(1), signal)
    assert.equal((await audit.verifyMonth('2026-03', signal)).rows, 1)
  })

  it('a failure is told to its caller, and the next event is recorded', async () => {
    const tables = insertOnlyTable()
    const audit = auditAt(tables, MARCH)
    tables.failures = 1
    const first = audit.record(read(1), signal)
    const second = audit.record(read(2), signal)
    await assert.rejects(first, { code: 'AuditUnavailable' })
    await second
    assert.equal((await audit.verifyMonth('2026-03', signal)).rows, 1)
  })

  it('a row holds opaque ids and numbers only', async () => {
    const tables = insertOnlyTable()
    await auditAt(tables, MARCH).record(read(7), signal)
    const [values] = tables.rows.get('2026-03')?.values() ?? []
    assert.deepEqual(Object.keys(values ?? {}).sort(), [
      'action',
      'by',
      'hash',
      'id',
      'previous',
      'subject',
      'time',
    ])
  })
})

describe('audit over months', () => {
  it('a new month closes the one before and links to it', async () => {
    const tables = insertOnlyTable()
    const audit = auditAt(tables, MARCH)
    await audit.record(read(1), signal)
    audit.clock.at = APRIL
    await audit.record(read(2), signal)
    const march = await audit.verifyMonth('2026-03', signal)
    const april = await audit.verifyMonth('2026-04', signal)
    assert.deepEqual([march.rows, april.rows], [2, 1])
    assert.equal(april.firstPrevious, march.lastHash)
  })

  it('a writer whose clock is late cannot add to a closed month', async () => {
    const tables = insertOnlyTable()
    const late = auditAt(tables, MARCH)
    const early = auditAt(tables, APRIL)
    await late.record(read(1), signal)
    await Promise.all([early.record(read(2), signal), late.record(read(3), signal)])
    await late.record(read(4), signal)
    const march = await late.verifyMonth('2026-03', signal)
    const april = await late.verifyMonth('2026-04', signal)
    assert.equal(march.rows + april.rows, 5)
    assert.equal(april.firstPrevious, march.lastHash)
  })

  it('months of silence do not break the chain', async () => {
    const tables = insertOnlyTable()
    const audit = auditAt(tables, MARCH)
    await audit.record(read(1), signal)
    audit.clock.at = Date.UTC(2027, 7, 1)
    await audit.record(read(2), signal)
    const march = await audit.verifyMonth('2026-03', signal)
    const august = await audit.verifyMonth('2027-08', signal)
    assert.equal(august.firstPrevious, march.lastHash)
  })
})

describe('a touched chain is noticed', () => {
  const touches: [string, (rows: Map<string, Record<string, unknown>>) => void][] = [
    [
      'a changed value',
      (rows) => {
        const values = rows.get(rowKeyOf(2))
        if (values) values['by'] = 'person-2'
      },
    ],
    ['a removed row', (rows) => void rows.delete(rowKeyOf(2))],
    ['a removed first row', (rows) => void rows.delete(rowKeyOf(1))],
    [
      'two rows exchanged',
      (rows) => {
        const [a, b] = [rows.get(rowKeyOf(1)), rows.get(rowKeyOf(2))]
        if (a && b) rows.set(rowKeyOf(1), b).set(rowKeyOf(2), a)
      },
    ],
    ['a strange row', (rows) => void rows.set(rowKeyOf(5), { by: 'nobody' })],
  ]
  for (const [name, touch] of touches) {
    it(name, async () => {
      const tables = insertOnlyTable()
      const audit = auditAt(tables, MARCH)
      for (const n of [1, 2, 3, 4]) await audit.record(read(n), signal)
      touch(tables.rows.get('2026-03') as Map<string, Record<string, unknown>>)
      await assert.rejects(audit.verifyMonth('2026-03', signal), { code: 'AuditChainBroken' })
    })
  }
})
