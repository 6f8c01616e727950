/**
 * NCRONTAB schedules: six fields from seconds to day of week, on the clocks of a time zone. Pure.
 *
 * Five fields mean second 0. Lists, ranges (of which the order does not matter), steps and any
 * beginning of an English name are read; both day fields must match (unlike cron), as in the
 * library of the real host. Not read: L, W, #. A TimeSpan such as `00:05:00` means "every five
 * minutes".
 */
import { HostError } from '../errors.ts'
import { parseTimeSpan } from '../time-span.ts'
import { type TimeZone, utc } from './time-zone.ts'

export interface Schedule {
  /** The first occurrence strictly after a time, in milliseconds since 1970. */
  next(afterMs: number): number
}

interface Field {
  readonly low: number
  readonly high: number
  readonly names: readonly string[]
}

const months = [
  ...['january', 'february', 'march', 'april', 'may', 'june', 'july'],
  ...['august', 'september', 'october', 'november', 'december'],
]
const days = ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday']
const second: Field = { low: 0, high: 59, names: [] }
const minute: Field = { low: 0, high: 59, names: [] }
const hour: Field = { low: 0, high: 23, names: [] }
const dayOfMonth: Field = { low: 1, high: 31, names: [] }
const month: Field = { low: 1, high: 12, names: months }
const dayOfWeek: Field = { low: 0, high: 6, names: days }

/** 29 February on a given weekday comes at least once in 40 years. */
const daysMax = 366 * 41
const dayMs = 86_400_000
const minuteMs = 60_000

interface Matches {
  readonly seconds: readonly number[]
  readonly minutes: readonly number[]
  readonly hours: readonly number[]
  readonly monthDays: ReadonlySet<number>
  readonly months: ReadonlySet<number>
  readonly weekDays: ReadonlySet<number>
}

/** Reads an expression or a TimeSpan; throws `bad-setting` when it is neither. */
export function parseSchedule(text: string, zone: TimeZone = utc): Schedule {
  const intervalMs = parseTimeSpan(text.trim())
  if (intervalMs === undefined) return parseExpression(text, zone)
  if (intervalMs <= 0) throw bad(text)
  return { next: (afterMs) => afterMs + intervalMs }
}

/** The real host keeps no status of a schedule that comes twice within a minute. */
export function isBelowMinute(schedule: Schedule, nowMs: number): boolean {
  return schedule.next(schedule.next(nowMs)) <= nowMs + minuteMs
}

function parseExpression(text: string, zone: TimeZone): Schedule {
  const matches = readFields(text)
  // A schedule of many hours runs at even intervals through a change of clocks; one of a single
  // hour keeps to what the clocks show.
  const isInterval = matches.hours.length > 1
  const next = (afterMs: number): number => {
    const localMs = zone.toLocal(afterMs)
    let nextMs = nextLocal(matches, localMs, text)
    if (isInterval) return afterMs + (nextMs - localMs)
    // What the clocks show twice may lie behind already.
    while (zone.toUtc(nextMs) <= afterMs) nextMs = nextLocal(matches, nextMs, text)
    return zone.toUtc(nextMs)
  }
  return { next }
}

function readFields(text: string): Matches {
  const words = text.trim().split(/\s+/)
  if (words.length === 5) words.unshift('0')
  const [seconds, minutes, hours, monthDays, monthNumbers, weekDays, ...rest] = words
  if (weekDays === undefined || rest.length > 0) throw bad(text)
  const read = (field: Field, word: string | undefined): readonly number[] => {
    const values = readField(field, word ?? '')
    if (values === undefined) throw bad(text)
    return values
  }
  return {
    seconds: read(second, seconds),
    minutes: read(minute, minutes),
    hours: read(hour, hours),
    monthDays: new Set(read(dayOfMonth, monthDays)),
    months: new Set(read(month, monthNumbers)),
    weekDays: new Set(read(dayOfWeek, weekDays)),
  }
}

function nextLocal(matches: Matches, afterMs: number, text: string): number {
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

/** The first matching second of a day, at or after `earliest`. */
function firstSecond(matches: Matches, earliest: number): number | undefined {
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
    if (first === '*' && last !== undefined) return undefined
    const start = first === '*' ? field.low : readValue(field, first)
    const open = first === '*' || step !== undefined
    const end = last !== undefined ? readValue(field, last) : open ? field.high : start
    if (start === undefined || end === undefined) return undefined
    const stride = Math.max(1, Number(step ?? 1))
    const high = Math.max(start, end)
    for (let value = Math.min(start, end); value <= high; value += stride) values.add(value)
  }
  return [...values].sort((left, right) => left - right)
}

function readValue(field: Field, word: string): number | undefined {
  if (/^\d+$/.test(word)) {
    const value = Number(word)
    return value >= field.low && value <= field.high ? value : undefined
  }
  const named = field.names.findIndex((name) => name.startsWith(word.toLowerCase()))
  return named < 0 ? undefined : named + field.low
}

function bad(text: string): HostError {
  return new HostError('bad-setting', `"${text}" is neither an NCRONTAB expression nor a TimeSpan`)
}
