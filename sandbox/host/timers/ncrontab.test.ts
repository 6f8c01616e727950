import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isBelowMinute, parseSchedule } from './ncrontab.ts'
import { offsetText, timeZone } from './time-zone.ts'

function next(expression: string, after: string, zone?: string): string {
  const schedule = parseSchedule(expression, timeZone(zone))
  return new Date(schedule.next(Date.parse(after))).toISOString()
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
  ['0 0 0 * * F', '2026-03-01T00:00:00Z', '2026-03-06T00:00:00.000Z'],
  ['0 0 0 1 September *', '2026-03-01T00:00:00Z', '2026-09-01T00:00:00.000Z'],
  ['0 5-3 * * * *', '2026-03-01T10:02:03Z', '2026-03-01T10:03:00.000Z'],
  ['0 */0 * * * *', '2026-03-01T10:02:03Z', '2026-03-01T10:03:00.000Z'],
  ['0 0 9-17/4 * * *', '2026-03-01T10:02:03Z', '2026-03-01T13:00:00.000Z'],
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
    '0 0 0 * * 7',
    '0 0 0 * Januaryy *',
    '0 *-5 * * * *',
    'x',
  ]) {
    assert.throws(() => parseSchedule(text), { code: 'bad-setting' }, text)
  }
})

test('a schedule that never comes is refused when it is asked', () => {
  assert.throws(() => parseSchedule('0 0 0 30 2 *').next(0), /never comes/)
})

const berlin: readonly [string, string, string, string][] = [
  ['summer', '0 30 9 * * *', '2026-07-01T12:00:00Z', '2026-07-02T07:30:00.000Z'],
  ['winter', '0 30 9 * * *', '2026-01-01T12:00:00Z', '2026-01-02T08:30:00.000Z'],
  ['the hour that is left out', '0 30 2 * * *', '2026-03-28T12:00:00Z', '2026-03-29T01:30:00.000Z'],
  ['the day after it', '0 30 2 * * *', '2026-03-29T01:30:00Z', '2026-03-30T00:30:00.000Z'],
  ['the hour that comes twice', '0 30 2 * * *', '2026-10-24T12:00:00Z', '2026-10-25T01:30:00.000Z'],
  ['once, not twice', '0 30 2 * * *', '2026-10-25T01:30:00Z', '2026-10-26T01:30:00.000Z'],
  ['even intervals, spring', '0 0 * * * *', '2026-03-29T00:00:00Z', '2026-03-29T01:00:00.000Z'],
  ['even intervals, autumn', '0 0 * * * *', '2026-10-25T00:00:00Z', '2026-10-25T01:00:00.000Z'],
]
for (const [what, expression, after, expected] of berlin) {
  test(`in Berlin: ${what}`, () => assert.equal(next(expression, after, 'Europe/Berlin'), expected))
}

test('times are told with the offset of the zone, and an unknown zone is refused', () => {
  const noon = Date.parse('2026-07-01T12:00:00Z')
  assert.equal(offsetText(noon, timeZone('Europe/Berlin')), '2026-07-01T14:00:00+02:00')
  assert.equal(offsetText(noon + 5, timeZone('America/St_Johns')), '2026-07-01T09:30:00.005-02:30')
  assert.equal(offsetText(noon, timeZone(undefined)), '2026-07-01T12:00:00+00:00')
  assert.throws(() => timeZone('W. Europe Standard Time'), /Europe\/Berlin/)
})

test('a schedule that comes twice within a minute is told apart', () => {
  const below = (text: string): boolean => isBelowMinute(parseSchedule(text), 0)
  assert.deepEqual(
    ['*/30 * * * * *', '0,1 0 0 * * *', '00:00:30', '0 * * * * *', '00:01:00'].map(below),
    [true, false, true, false, false],
  )
})
