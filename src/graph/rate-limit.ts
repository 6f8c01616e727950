/**
 * What answers say of the budget that they were charged to (facts 2.2).
 *
 * SharePoint names what is left of its minute once four fifths of it are used; both headers are
 * best effort. A malformed one is as good as none.
 */

export interface RateLimit {
  /** Units that are left until the reset. */
  remaining: number
  resetMs: number
}

/** A reset that is further away is no reset of a one-minute budget. */
const RESET_MAX_SECONDS = 3600

function numberIn(headers: Headers, name: string): number | undefined {
  const text = headers.get(name)?.trim()
  return text !== undefined && /^\d{1,9}(\.\d{1,9})?$/.test(text) ? Number(text) : undefined
}

/** `RateLimit-Reset`: milliseconds until the budget is whole again. */
export function resetMsIn(headers: Headers): number | undefined {
  const seconds = numberIn(headers, 'ratelimit-reset')
  return seconds === undefined || seconds > RESET_MAX_SECONDS
    ? undefined
    : Math.ceil(seconds * 1000)
}

export function rateLimitIn(headers: Headers): RateLimit | undefined {
  const remaining = numberIn(headers, 'ratelimit-remaining')
  const resetMs = resetMsIn(headers)
  return remaining === undefined || resetMs === undefined ? undefined : { remaining, resetMs }
}

/** `x-ms-resource-unit`: what the service charged for this answer. */
export function chargedUnitsIn(headers: Headers): number | undefined {
  return numberIn(headers, 'x-ms-resource-unit')
}
