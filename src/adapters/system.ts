/** Clock, randomness and HTTP of the machine. */
import { randomBytes } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import type { Clock, GraphTransport, Randomness } from '../ports.ts'

export const systemClock: Clock = {
  now: () => Date.now(),
  sleep: async (ms, signal) => {
    await wait(ms, undefined, { signal })
  },
}

export const systemRandomness: Randomness = {
  bytes: (count) => new Uint8Array(randomBytes(count)),
}

/**
 * One request, no redirect followed: a pre-authenticated link must never see our token, and the
 * client decides where to go next.
 */
export const httpTransport: GraphTransport = (request) => fetch(request, { redirect: 'manual' })
