/** Exponential backoff with jitter, for waits that the service does not name. */
import type { Randomness } from '../ports.ts'

const BASE_MS = 500
const CAP_MS = 30_000

/** `attempt` counts from 1. Between half and the whole of 0.5 s, 1 s, 2 s ... at most 30 s. */
export function backoffMs(random: Randomness, attempt: number): number {
  const whole = Math.min(CAP_MS, BASE_MS * 2 ** Math.min(attempt - 1, 16))
  const [high = 0, low = 0] = random.bytes(2)
  return Math.round(whole * (0.5 + ((high << 8) | low) / 0xffff / 2))
}
