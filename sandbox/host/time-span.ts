/** TimeSpans as .NET writes them in settings and schedules. Pure. */

/** `[d.]hh:mm[:ss[.fff]]` in milliseconds; undefined for anything else. */
export function parseTimeSpan(value: string): number | undefined {
  const match = /^(?:(\d+)\.)?(\d{1,2}):(\d{2})(?::(\d{2}(?:\.\d+)?))?$/.exec(value)
  if (match === null) return undefined
  const [, days = '0', hours = '0', minutes = '0', seconds = '0'] = match
  if (Number(hours) > 23 || Number(minutes) > 59 || Number(seconds) >= 60) return undefined
  const whole = (Number(days) * 24 + Number(hours)) * 3600 + Number(minutes) * 60
  return Math.round((whole + Number(seconds)) * 1000)
}
