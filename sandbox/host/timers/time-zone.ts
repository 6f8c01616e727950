/** Wall-clock time of a zone, for schedules with `WEBSITE_TIME_ZONE`. */
import { HostError } from '../errors.ts'

export interface TimeZone {
  /** What the zone's clocks show, as if it were UTC. */
  toLocal(utcMs: number): number
  /**
   * When its clocks show that. A time that a change of clocks leaves out is as much later as was
   * left out; of two the second one, which is standard time, as .NET converts them.
   */
  toUtc(localMs: number): number
}

const dayMs = 86_400_000

export const utc: TimeZone = { toLocal: (utcMs) => utcMs, toUtc: (localMs) => localMs }

/** Throws `bad-setting` for a zone that this machine does not know; names are those of IANA. */
export function timeZone(name: string | undefined): TimeZone {
  if (name === undefined || name === '' || /^(etc\/)?utc$/i.test(name)) return utc
  const clock = clockOf(name)
  const toLocal = (utcMs: number): number => {
    const whole = Math.floor(utcMs / 1000) * 1000
    const parts = Object.fromEntries(
      clock.formatToParts(whole).map(({ type, value }) => [type, Number(value)]),
    )
    const { year = 0, month = 1, day, hour, minute, second } = parts
    return Date.UTC(year, month - 1, day, hour, minute, second) + (utcMs - whole)
  }
  const toUtc = (localMs: number): number => {
    // The offsets on both sides of a change; the smaller one is that of standard time.
    const offsets = [localMs - dayMs, localMs + dayMs].map((near) => toLocal(near) - near)
    const standardFirst = offsets.toSorted((left, right) => left - right)
    const found = standardFirst.find((offset) => toLocal(localMs - offset) === localMs)
    return localMs - (found ?? Math.min(...offsets))
  }
  return { toLocal, toUtc }
}

function clockOf(name: string): Intl.DateTimeFormat {
  try {
    return new Intl.DateTimeFormat('en-US', {
      timeZone: name,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    })
  } catch (error) {
    const text = `WEBSITE_TIME_ZONE is "${name}"; this host knows names such as Europe/Berlin`
    throw new HostError('bad-setting', text, { cause: error })
  }
}

/** As .NET writes a DateTimeOffset: `2026-03-01T10:05:00+01:00`. */
export function offsetText(utcMs: number, zone: TimeZone): string {
  const localMs = zone.toLocal(utcMs)
  const minutes = Math.round((localMs - utcMs) / 60_000)
  const pad = (value: number): string => String(value).padStart(2, '0')
  const size = Math.abs(minutes)
  const sign = minutes < 0 ? '-' : '+'
  const text = new Date(localMs).toISOString().replace('Z', '').replace('.000', '')
  return `${text}${sign}${pad(Math.floor(size / 60))}:${pad(size % 60)}`
}
