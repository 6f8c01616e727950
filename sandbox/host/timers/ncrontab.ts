/**
 * NCRONTAB schedules: six fields from seconds to day of week, all in UTC. Pure.
 *
 * Five fields mean second 0. Lists, ranges, steps and English names are read; both day fields
 * must match (unlike cron), as in the library of the real host. Not read: L, W, #, and time zones.
 * A TimeSpan such as `00:05:00` means "every five minutes" and is read by `parseSchedule`.
 */
import { HostError } from '../errors.ts'
import { parseTimeSpan } from '../time-span.ts'

/** The first occurrence strictly after `afterMs`, in milliseconds since 1970. */
export type Schedule = (afterMs: number) => number

interface Field {
  readonly low: number
  readonly high: number
  readonly names: readonly string[]
}

const months = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec']
const days = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat']
const second: Field = { low: 0, high: 59, names: [] }
const minute: Field = { low: 0, high: 59, names: [] }
const hour: Field = { low: 0, high: 23, names: [] }
const dayOfMonth: Field = { low: 1, high: 31, names: [] }
const month: Field = { low: 1, high: 12, names: months }
const dayOfWeek: Field = { low: 0, high: 6, names: days }

/** 29 February on a given weekday comes at least once in 40 years. */
const daysMax = 366 * 41
const dayMs = 86_400_000

/** Reads an expression or a TimeSpan; throws `bad-setting` when it is neither. */
export function parseSchedule(text: string): Schedule {
  const intervalMs = parseTimeSpan(text.trim())
  if (intervalMs !== undefined) {
    if (intervalMs <= 0) throw bad(text)
    return (afterMs) => afterMs + intervalMs
  }
  return parseExpression(text)
}

function parseExpression(text: string): Schedule {
  const words = text.trim().split(/\s+/)
  if (words.length === 5) words.unshift('0')
  const [seconds, minutes, hours, monthDays, monthNumbers, weekDays, ...rest] = words
  if (weekDays === undefined || rest.length > 0) throw bad(text)
  const read = (field: Field, word: string | undefined): readonly number[] => {
    const values = readField(field, word ?? '')
    if (values === undefined) throw bad(text)
    return values
  }
  const matches = {
    seconds: read(second, seconds),
    minutes: read(minute, minutes),
    hours: read(hour, hours),
    monthDays: new Set(read(dayOfMonth, monthDays)),
    months: new Set(read(month, monthNumbers)),
    weekDays: new Set(read(dayOfWeek, weekDays)),
  }
  return (afterMs) => {
    const startMs = Math.floor(afterMs / 1000) * 1000 + 1000
    const firstDayMs = Math.floor(startMs / dayMs) * dayMs
    for (let day = 0; day < daysMax; day++) {
      const date = new Date(firstDayMs + day * dayMs)
      const fits =
        matches.months.has(date.getUTCMonth() + 1) &&
        matches.monthDays.has(date.getUTCDate()) &&
        matches.weekDays.has(date.getUTCDay())
      if (!fits) continue
      const earliest = day === 0 ? (startMs - firstDayMs) / 1000 : 0
      const found = firstSecond(matches, earliest)
      if (found !== undefined) return date.getTime() + found * 1000
    }
    throw new HostError('bad-setting', `the schedule "${text}" never comes`)
  }
}

/** The first matching second of a day, at or after `earliest`. */
function firstSecond(
  matches: {
    readonly seconds: readonly number[]
    readonly minutes: readonly number[]
    readonly hours: readonly number[]
  },
  earliest: number,
): number | undefined {
  for (const hourValue of matches.hours) {
    if (hourValue * 3600 + 3599 < earliest) continue
    for (const minuteValue of matches.minutes) {
      const base = hourValue * 3600 + minuteValue * 60
      if (base + 59 < earliest) continue
      const found = matches.seconds.find((value) => base + value >= earliest)
      if (found !== undefined) return base + found
    }
  }
  return undefined
}

/** The matching values in rising order, or undefined when the word cannot be read. */
function readField(field: Field, word: string): number[] | undefined {
  const values = new Set<number>()
  for (const item of word.split(',')) {
    const match = /^(\*|[a-z]+|\d+)(?:-([a-z]+|\d+))?(?:\/(\d+))?$/i.exec(item)
    if (match === null) return undefined
    const [, first = '', last, step] = match
    const low = first === '*' ? field.low : readValue(field, first)
    const open = first === '*' || step !== undefined
    const high = last !== undefined ? readValue(field, last) : open ? field.high : low
    const stride = Number(step ?? 1)
    if (low === undefined || high === undefined || high < low || stride < 1) return undefined
    for (let value = low; value <= high; value += stride) values.add(value)
  }
  return [...values].sort((left, right) => left - right)
}

function readValue(field: Field, word: string): number | undefined {
  const named = field.names.indexOf(word.slice(0, 3).toLowerCase())
  if (named >= 0) return named + field.low
  const value = Number(word)
  const valid = /^\d+$/.test(word) && value >= field.low && value <= field.high
  return valid ? value : undefined
}

function bad(text: string): HostError {
  return new HostError('bad-setting', `"${text}" is neither an NCRONTAB expression nor a TimeSpan`)
}
