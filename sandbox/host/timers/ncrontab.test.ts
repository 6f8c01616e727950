import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseSchedule } from './ncrontab.ts'

function next(expression: string, after: string): string {
  return new Date(parseSchedule(expression)(Date.parse(after))).toISOString()
}

const cases: readonly [string, string, string][] = [
  ['0 */5 * * * *', '2026-03-01T10:02:03Z', '2026-03-01T10:05:00.000Z'],
  ['0 */5 * * * *', '2026-03-01T10:05:00Z', '2026-03-01T10:10:00.000Z'],
  ['*/10 * * * * *', '2026-03-01T10:05:09.999Z', '2026-03-01T10:05:10.000Z'],
  ['0 30 9 * * 1-5', '2026-03-06T09:30:00Z', '2026-03-09T09:30:00.000Z'],
  ['0 30 9 * * Mon-Fri', '2026-03-06T09:30:00Z', '2026-03-09T09:30:00.000Z'],
  ['0 0 0 1 1 *', '2026-01-01T00:00:00Z', '2027-01-01T00:00:00.000Z'],
  ['0 0 0 29 Feb *', '2026-01-01T00:00:00Z', '2028-02-29T00:00:00.000Z'],
  ['5,10-12 0 0 * * *', '2026-03-01T00:00:05Z', '2026-03-01T00:00:10.000Z'],
  ['0 10/20 * * * *', '2026-03-01T00:11:00Z', '2026-03-01T00:30:00.000Z'],
  ['*/5 * * * *', '2026-03-01T10:02:03Z', '2026-03-01T10:05:00.000Z'],
  ['0 59 23 31 12 *', '2026-12-31T23:59:00Z', '2027-12-31T23:59:00.000Z'],
  ['0 0 12 13 * 5', '2026-01-01T00:00:00Z', '2026-02-13T12:00:00.000Z'],
  ['00:05:00', '2026-03-01T10:02:03Z', '2026-03-01T10:07:03.000Z'],
]

for (const [expression, after, expected] of cases) {
  test(`"${expression}" after ${after} comes at ${expected}`, () => {
    assert.equal(next(expression, after), expected)
  })
}

test('what cannot be read is refused with its text', () => {
  for (const text of [
    '',
    '* * *',
    '60 * * * * *',
    '0 0 0 L * *',
    '0 5-1 * * * *',
    '0 */0 * * * *',
    'x',
  ]) {
    assert.throws(() => parseSchedule(text), { code: 'bad-setting' }, text)
  }
})

test('a schedule that never comes is refused when it is asked', () => {
  assert.throws(() => parseSchedule('0 0 0 30 2 *')(0), /never comes/)
})
